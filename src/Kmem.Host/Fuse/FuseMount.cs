using Kmem.Host.Native;
using Kmem.Host.Processes;

namespace Kmem.Host.Fuse;

/// <summary>Who calls mount(2).</summary>
public enum FuseMounter
{
    /// <summary>This process when it is root, else fusermount3.</summary>
    Automatic,

    /// <summary>This process, which needs CAP_SYS_ADMIN.</summary>
    Direct,

    /// <summary>The set-uid program fusermount3.</summary>
    Fusermount,
}

/// <summary>A FUSE file system mounted on a directory; taken away by <see cref="Dispose"/>, and by a watcher when this process is killed.</summary>
public sealed class FuseMount : IDisposable
{
    private readonly DeathWatcher? _watcher;
    private readonly int _communication;
    private int _unmounted;

    private FuseMount(string directory, int connection, DeathWatcher? watcher, int communication)
    {
        (Directory, Connection, _watcher, _communication) = (directory, connection, watcher, communication);
    }

    /// <summary>The directory, absolute.</summary>
    public string Directory { get; }

    /// <summary>The connection to the kernel; a <see cref="FuseSession"/> takes and closes it.</summary>
    public int Connection { get; }

    /// <summary>The effective user of this process, who owns what it mounts.</summary>
    public static uint User => Libc.EffectiveUser();

    /// <summary>Mounts.</summary>
    /// <param name="directory">An existing directory.</param>
    /// <param name="source">Name shown in the list of mounts.</param>
    /// <param name="allowOther">Whether other users than the one that mounts get in.</param>
    /// <param name="mounter">Who calls mount(2).</param>
    /// <exception cref="HostException">The host refuses; the message says what would help.</exception>
    public static FuseMount Create(string directory, string source, bool allowOther, FuseMounter mounter = FuseMounter.Automatic)
    {
        string full = Path.GetFullPath(directory);
        if (!System.IO.Directory.Exists(full))
        {
            if (IsMounted(full))
            {
                throw new HostException($"The server of an earlier mount on '{directory}' is gone, or it keeps this user out. 'fusermount3 -u {directory}', as root 'umount {directory}', takes that mount away.");
            }

            throw new HostException($"There is no directory '{directory}' to mount on{(File.Exists(full) ? "; it is a file" : "")}.");
        }

        if (!File.Exists("/dev/fuse"))
        {
            throw new HostException("There is no /dev/fuse: this host's kernel has no FUSE, its module is not loaded (modprobe fuse), or a container hides it.");
        }

        bool direct = mounter == FuseMounter.Direct || (mounter == FuseMounter.Automatic && Libc.EffectiveUser() == 0);
        return direct ? MountDirectly(full, source, allowOther) : Fusermount.Mount(full, source, allowOther, (connection, socket) => new FuseMount(full, connection, DeathWatcher.Unmounting(full), socket));
    }

    /// <summary>Takes the file system away, also while files on it are open: their users get errors from then on.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _unmounted, 1) != 0)
        {
            return;
        }

        // Force ends requests in flight and wakes our own threads; detach takes the mount away even when it is busy.
        if (_communication < 0)
        {
            if (IsMounted(Directory))
            {
                _ = Libc.Unmount(Directory, Libc.UnmountForce | Libc.UnmountDetach);
            }
        }
        else
        {
            if (IsMounted(Directory))
            {
                Fusermount.Unmount(Directory);
            }

            _ = Libc.Close(_communication);
        }

        _watcher?.Dispose();
    }

    /// <summary>Whether something is mounted on a directory, as this process sees it.</summary>
    public static bool IsMounted(string directory)
    {
        // The fifth field is the mount point, with blanks and backslashes as octal escapes.
        string escaped = directory.Replace("\\", "\\134", StringComparison.Ordinal).Replace(" ", "\\040", StringComparison.Ordinal)
            .Replace("\t", "\\011", StringComparison.Ordinal).Replace("\n", "\\012", StringComparison.Ordinal);
        return File.ReadLines("/proc/self/mountinfo").Any(line => line.Split(' ') is { Length: > 5 } fields && fields[4] == escaped);
    }

    private static FuseMount MountDirectly(string directory, string source, bool allowOther)
    {
        int connection = Libc.Open("/dev/fuse", Libc.ReadWrite | Libc.CloseOnExec);
        if (connection < 0)
        {
            throw new HostException($"/dev/fuse can't be opened: {HostError.LastMessage}.");
        }

        // No default_permissions: the simulated kernel decides who may open its devices.
        string options = $"fd={connection},rootmode=40000,user_id={Libc.EffectiveUser()},group_id={Libc.EffectiveGroup()}{(allowOther ? ",allow_other" : "")}";

        // The watcher stands ready before there is anything to leave behind.
        DeathWatcher? watcher = DeathWatcher.Unmounting(directory);
        if (Libc.Mount(source, directory, "fuse.kmem", Libc.MountNoSuid | Libc.MountNoDev, options) != 0)
        {
            string message = HostError.LastMessage;
            _ = Libc.Close(connection);
            watcher?.Dispose();
            throw new HostException($"The host refuses to mount on '{directory}': {message}. Mounting without fusermount3 needs CAP_SYS_ADMIN.");
        }

        return new FuseMount(directory, connection, watcher, -1);
    }
}
