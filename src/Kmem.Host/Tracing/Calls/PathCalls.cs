using Kmem.Abstractions;
using Kmem.Host.Tracing.Native;
using Kmem.Host.Tracing.Paths;

namespace Kmem.Host.Tracing.Calls;

/// <summary>Calls with paths: those that lead to a simulated device are answered, those that lead to a file of the session are sent there.</summary>
internal sealed partial class PathCalls
{
    private const int CurrentFolder = -100;
    private const ulong NoFollow = 0x100, EmptyPath = 0x1000, Follow = 0x400;

    /// <summary>Calls that change what their paths lead to.</summary>
    private static readonly HashSet<Nr> Changing =
    [
        Nr.Truncate, Nr.Chmod, Nr.Fchmodat, Nr.Fchmodat2, Nr.Chown, Nr.Lchown, Nr.Fchownat, Nr.Unlink, Nr.Unlinkat, Nr.Rename, Nr.Renameat, Nr.Renameat2, Nr.Link, Nr.Linkat, Nr.Rmdir,
        Nr.Utime, Nr.Utimes, Nr.Futimesat, Nr.Utimensat, Nr.Setxattr, Nr.Lsetxattr, Nr.Removexattr, Nr.Lremovexattr,
    ];

    private readonly SystemCalls _calls;
    private readonly PathWalker _walker;
    private readonly HostPolicy _policy;

    /// <summary>Creates the handlers.</summary>
    public PathCalls(SystemCalls calls)
    {
        _calls = calls;
        _walker = new PathWalker(calls.Supervisor.Files);
        _policy = new HostPolicy(calls.Supervisor.Files, process => calls.Supervisor.Threads.Any(t => t.Process == process || t.Thread == process));
    }

    /// <summary>Adds the handlers.</summary>
    public void Register(Dictionary<Nr, Action<Tracee>> handlers)
    {
        handlers[Nr.Open] = t => Open(t, CurrentFolder, 0, t.Registers.Rsi);
        handlers[Nr.Creat] = t => Open(t, CurrentFolder, 0, (ulong)(OpenFlags.Create | OpenFlags.Truncate | OpenFlags.WriteOnly));
        handlers[Nr.Openat] = t => Open(t, (int)t.Registers.Rdi, 1, t.Registers.Rdx);
        handlers[Nr.Openat2] = t => Open(t, (int)t.Registers.Rdi, 1, t.Memory.TryRead(t.Registers.Rdx, out ulong flags) ? flags : 0);
        handlers[Nr.Stat] = t => OnNode(t, CurrentFolder, 0, true, (p, n) => NodeCalls.Status(t, t.Registers.Rsi, p.Status, NodeCalls.Describe(n)));
        handlers[Nr.Lstat] = t => OnNode(t, CurrentFolder, 0, false, (p, n) => NodeCalls.Status(t, t.Registers.Rsi, p.Status, NodeCalls.Describe(n)));
        handlers[Nr.Newfstatat] = t => At(t, t.Registers.R10, (host, status) => NodeCalls.Status(t, t.Registers.Rdx, host, status));
        handlers[Nr.Statx] = t => At(t, t.Registers.Rdx, (host, status) => NodeCalls.ExtendedStatus(t, t.Registers.R8, host, status));
        handlers[Nr.Access] = t => OnNode(t, CurrentFolder, 0, true, (_, n) => NodeCalls.Access(t, n, (int)t.Registers.Rsi));
        handlers[Nr.Faccessat] = t => OnNode(t, (int)t.Registers.Rdi, 1, true, (_, n) => NodeCalls.Access(t, n, (int)t.Registers.Rdx));
        handlers[Nr.Faccessat2] = t => OnNode(t, (int)t.Registers.Rdi, 1, (t.Registers.R10 & NoFollow) == 0, (_, n) => NodeCalls.Access(t, n, (int)t.Registers.Rdx));
        handlers[Nr.Chmod] = t => OnNode(t, CurrentFolder, 0, true, (_, n) => NodeCalls.ChangeMode(t, n, (int)t.Registers.Rsi));
        handlers[Nr.Fchmodat] = t => OnNode(t, (int)t.Registers.Rdi, 1, true, (_, n) => NodeCalls.ChangeMode(t, n, (int)t.Registers.Rdx));
        handlers[Nr.Fchmodat2] = handlers[Nr.Fchmodat];
        handlers[Nr.Chown] = t => OnNode(t, CurrentFolder, 0, true, (_, n) => NodeCalls.ChangeOwner(t, n, (int)t.Registers.Rsi, (int)t.Registers.Rdx));
        handlers[Nr.Lchown] = t => OnNode(t, CurrentFolder, 0, false, (_, n) => NodeCalls.ChangeOwner(t, n, (int)t.Registers.Rsi, (int)t.Registers.Rdx));
        handlers[Nr.Fchownat] = t => OnNode(t, (int)t.Registers.Rdi, 1, (t.Registers.R8 & NoFollow) == 0, (_, n) => NodeCalls.ChangeOwner(t, n, (int)t.Registers.Rdx, (int)t.Registers.R10));
        handlers[Nr.Truncate] = t => OnNode(t, CurrentFolder, 0, true, (_, _) => SystemCalls.Raw(_calls.Kernel.Call(null, FileCall.Truncate, (long)t.Registers.Rsi)));
        handlers[Nr.NameToHandleAt] = t => OnNode(t, (int)t.Registers.Rdi, 1, (t.Registers.R8 & Follow) != 0, (_, _) => -Errors.EOPNOTSUPP);
        handlers[Nr.Mknod] = t => Make(t, CurrentFolder, 0);
        handlers[Nr.Mknodat] = t => Make(t, (int)t.Registers.Rdi, 1);
        handlers[Nr.Readlink] = t => OnNode(t, CurrentFolder, 0, false, (_, _) => -Errors.EINVAL);
        handlers[Nr.Readlinkat] = t => OnNode(t, (int)t.Registers.Rdi, 1, false, (_, _) => -Errors.EINVAL);
        foreach (Nr call in (Nr[])[Nr.Mkdir, Nr.Rmdir, Nr.Unlink, Nr.Lgetxattr, Nr.Llistxattr, Nr.Lsetxattr, Nr.Lremovexattr])
        {
            handlers[call] = t => OnNode(t, CurrentFolder, 0, false, null);
        }

        foreach (Nr call in (Nr[])[Nr.Chdir, Nr.Chroot, Nr.Execve, Nr.Statfs, Nr.Getxattr, Nr.Listxattr, Nr.Setxattr, Nr.Removexattr])
        {
            handlers[call] = t => OnNode(t, CurrentFolder, 0, true, null);
        }

        handlers[Nr.Unlinkat] = t => OnNode(t, (int)t.Registers.Rdi, 1, false, null);
        handlers[Nr.Mkdirat] = handlers[Nr.Unlinkat];
        handlers[Nr.Execveat] = t => OnNode(t, (int)t.Registers.Rdi, 1, (t.Registers.R8 & NoFollow) == 0, null);
        handlers[Nr.InotifyAddWatch] = t => OnNode(t, CurrentFolder, 1, true, null);
        handlers[Nr.Utime] = t => Touch(t, CurrentFolder, 0, true);
        handlers[Nr.Utimes] = handlers[Nr.Utime];
        handlers[Nr.Futimesat] = t => Touch(t, (int)t.Registers.Rdi, 1, true);
        handlers[Nr.Utimensat] = t => Touch(t, (int)t.Registers.Rdi, 1, (t.Registers.R10 & NoFollow) == 0);

        handlers[Nr.Rename] = t => Two(t, CurrentFolder, 0, CurrentFolder, 1);
        handlers[Nr.Link] = handlers[Nr.Rename];
        handlers[Nr.Renameat] = t => Two(t, (int)t.Registers.Rdi, 1, (int)t.Registers.Rdx, 3);
        handlers[Nr.Renameat2] = handlers[Nr.Renameat];
        handlers[Nr.Linkat] = handlers[Nr.Renameat];
        handlers[Nr.Symlink] = t => OnNode(t, CurrentFolder, 1, false, null);
        handlers[Nr.Symlinkat] = t => OnNode(t, (int)t.Registers.Rsi, 2, false, null);
    }

    private void At(Tracee tracee, ulong flags, Func<Linux.HostStatus, FileStatus, long> answer)
    {
        if ((flags & EmptyPath) != 0 && tracee.Descriptors.Find((int)tracee.Registers.Rdi) is { } device
            && (tracee.Registers.Rsi == 0 || tracee.Memory.ReadText(tracee.Registers.Rsi) is ""))
        {
            tracee.Answer(answer(default, _calls.Kernel.Status(device.File)));
            return;
        }

        OnNode(tracee, (int)tracee.Registers.Rdi, 1, (flags & NoFollow) == 0, (path, node) => answer(path.Status, NodeCalls.Describe(node)));
    }

    /// <summary>Answers a call on a simulated device; sends one on a file of the session there; leaves all others alone.</summary>
    private void OnNode(Tracee tracee, int folder, int argument, bool follow, Func<WalkedPath, SessionNode, long>? answer)
    {
        if (Walk(tracee, folder, argument, follow) is not { } path)
        {
            return;
        }

        if (path.Node is { } node && answer is not null)
        {
            tracee.Answer(answer(path, node));
        }
        else
        {
            Send(tracee, path, argument, null);
        }
    }

    /// <summary>Walks the path of an argument; null when the call has been answered or is the host kernel's own matter.</summary>
    private WalkedPath? Walk(Tracee tracee, int folder, int argument, bool follow)
    {
        bool isChange = Changing.Contains((Nr)tracee.Registers.OrigRax);
        if (tracee.Memory.ReadText(tracee.Registers.Argument(argument)) is not { Length: > 0 } text)
        {
            // An empty path may stand for the descriptor itself.
            if (isChange && folder >= 0)
            {
                _ = DescriptorCalls.RefuseDevice(tracee, folder);
            }

            return null;
        }

        if (!text.StartsWith('/') && tracee.Descriptors.Find(folder) is not null)
        {
            tracee.Answer(-Errors.ENOTDIR);
            return null;
        }

        WalkedPath path = _walker.Walk(tracee, folder, text, follow);
        if (path.Error != 0)
        {
            tracee.Answer(-path.Error);
            return null;
        }

        if (isChange && path.Node is null && path.Exists && (PathWalker.IsShared(path.Status) || _calls.Supervisor.Files.IsHosts(path.Seen)))
        {
            // The host's own /dev/null and the like, which programs outside use as well.
            tracee.Answer(-Errors.EPERM);
            return null;
        }

        return path;
    }

    /// <summary>Lets the host's kernel make the call, with another path where the session has one.</summary>
    private static void Send(Tracee tracee, WalkedPath path, int argument, Action<Tracee>? then)
    {
        if (!path.IsElsewhere)
        {
            tracee.AtExit = then;
            return;
        }

        if (!SystemCalls.HasScratch(tracee))
        {
            return;
        }

        ulong kept = tracee.Registers.Argument(argument);
        ulong buffer = tracee.Addresses.TakeBuffer();
        tracee.PathBuffers.Add(buffer);
        tracee.Memory.Write(buffer, HostPath.Encode(path.Host));
        tracee.Registers.SetArgument(argument, buffer);
        tracee.Store();
        tracee.AtExit = t =>
        {
            // The kernel keeps argument registers over a call, and so do we.
            t.PathBuffers.Remove(buffer);
            t.Addresses.GiveBuffer(buffer);
            t.Registers.SetArgument(argument, kept);
            t.Store();
            then?.Invoke(t);
        };
    }

    private void Two(Tracee tracee, int firstFolder, int first, int secondFolder, int second)
    {
        if (Walk(tracee, firstFolder, first, follow: false) is not { } from || Walk(tracee, secondFolder, second, follow: false) is not { } to)
        {
            return;
        }

        if ((from.IsElsewhere || to.IsElsewhere) && !SystemCalls.HasScratch(tracee))
        {
            return;
        }

        Send(tracee, from, first, null);
        Action<Tracee>? inner = tracee.AtExit;
        Send(tracee, to, second, inner);
    }

    /// <summary>A node made by a program is a file of the host that stands for a simulated device.</summary>
    private void Make(Tracee tracee, int folder, int argument)
    {
        const ulong KindMask = 0xF000, Regular = 0x8000;
        ulong mode = tracee.Registers.Argument(argument + 1), device = tracee.Registers.Argument(argument + 2);
        if (Walk(tracee, folder, argument, follow: false) is not { } path)
        {
            return;
        }

        if ((mode & KindMask) is not (0x2000 or 0x6000))
        {
            Send(tracee, path, argument, null);
            return;
        }

        Credentials who = ThreadCredentials.Of(tracee);
        if (((ulong)who.Capabilities & (1UL << 27)) == 0)
        {
            tracee.Answer(-Errors.EPERM);
            return;
        }

        if (path.IsElsewhere && !SystemCalls.HasScratch(tracee))
        {
            return;
        }

        tracee.Registers.SetArgument(argument + 1, Regular | (mode & 0xFFF));
        tracee.Registers.SetArgument(argument + 2, 0);
        tracee.Store();
        Send(tracee, path, argument, null);
        Action<Tracee>? restore = tracee.AtExit;
        tracee.AtExit = t =>
        {
            restore?.Invoke(t);
            t.Registers.SetArgument(argument + 1, mode);
            t.Registers.SetArgument(argument + 2, device);
            t.Store();
            if (t.Registers.Rax == 0)
            {
                int major = (int)((device >> 8) & 0xFFF), minor = (int)((device & 0xFF) | ((device >> 12) & 0xFFF00));
                var node = new DeviceNode(path.Seen.TrimStart('/'), major, minor, PermissionsOf(path.Host, (int)(mode & 0xFFF)), who.UserId, who.GroupId);
                _calls.Supervisor.Files.Register(path.Host, new SessionNode(node) { Kind = (int)(mode & KindMask) });
            }
        };
    }

    /// <summary>The host's kernel has taken the program's umask off.</summary>
    private static unsafe int PermissionsOf(string host, int wanted)
    {
        Linux.HostStatus status;
        return Linux.LinkStat(host, &status) == 0 ? (int)(status.Mode & 0xFFF) : wanted;
    }
}
