using Kmem.Abstractions;
using Kmem.Host.Tracing.Native;

namespace Kmem.Host.Tracing.Paths;

/// <summary>A device node that programs of a session see.</summary>
/// <param name="node">The node as it was made.</param>
internal sealed class SessionNode(DeviceNode node)
{
    /// <summary>The node with its present mode and owner.</summary>
    public DeviceNode Node { get; set; } = node;

    /// <summary>S_IFCHR or S_IFBLK.</summary>
    public int Kind { get; init; } = 0x2000;
}

/// <summary>The files that programs of a session see in place of the host's: their own /dev, and what the machine says of itself under /proc and /sys.</summary>
public sealed class SessionFiles : IDisposable
{
    /// <summary>Nodes of the host that every program may have: null, zero, full, random, urandom, tty, ptmx and its own terminals.</summary>
    private static readonly string[] HostNodes = ["null", "zero", "full", "random", "urandom", "tty", "ptmx"];
    private static readonly string[] HostFolders = ["pts", "shm", "fd", "stdin", "stdout", "stderr", "mqueue"];

    private const string Prefix = "kmem-session-";

    private readonly Dictionary<string, string> _redirects = new(StringComparer.Ordinal);
    /// <summary>By file system, number and time of the last change: numbers of deleted files are given again.</summary>
    private readonly Dictionary<(ulong, ulong, long, long), SessionNode> _nodes = [];
    private readonly Dictionary<(ulong, ulong, long, long), (string Path, ISessionFile Content)> _live = [];
    private readonly List<(string Path, int Error)> _closed = [];

    /// <summary>Creates the tree of a session in a folder of its own.</summary>
    /// <param name="nodes">The nodes of the machine; their paths are below the root.</param>
    public SessionFiles(IEnumerable<DeviceNode> nodes)
    {
        Sweep();
        Folder = Directory.CreateTempSubdirectory($"{Prefix}{Environment.ProcessId}-").FullName;
        _ = Linux.ChangeMode(Folder, 0x1ED);
        Redirect("/dev", Directory.CreateDirectory(Path.Combine(Folder, "dev")).FullName);
        foreach (string name in HostNodes.Where(n => File.Exists("/dev/" + n)))
        {
            File.WriteAllBytes(Path.Combine(Folder, "dev", name), []);
            Redirect("/dev/" + name, "/dev/" + name);
        }

        foreach (string name in HostFolders.Where(n => Directory.Exists("/dev/" + n) || File.Exists("/dev/" + n) || n.StartsWith("std", StringComparison.Ordinal)))
        {
            Directory.CreateDirectory(Path.Combine(Folder, "dev", name));
            Redirect("/dev/" + name, "/dev/" + name);
        }

        foreach (DeviceNode node in nodes)
        {
            string path = Path.Combine(Folder, node.Path.TrimStart('/'));
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            if (_redirects.ContainsKey("/" + node.Path.TrimStart('/')))
            {
                continue;
            }

            File.WriteAllBytes(path, []);
            Register(path, new SessionNode(node));
        }

        // Ways to the host's memory, firmware and PCI devices; what the machine has of them is put over these.
        Close("/proc/kcore", Errors.EPERM);
        foreach (string device in (string[])["nvram", "rtc", "rtc0", "rtc1", "cpu", "vfio", "kvm", "hpet", "watchdog", "watchdog0"])
        {
            Close("/dev/" + device, Errors.EPERM);
        }

        Close("/proc/kpagecount", Errors.EPERM);
        Close("/proc/kpageflags", Errors.EPERM);
        Close("/sys/class/dmi", Errors.ENOENT);
        Close("/sys/class/rtc", Errors.ENOENT);
        Close("/sys/class/gpio", Errors.ENOENT);
        Close("/sys/kernel/debug", Errors.EPERM);
        Close("/sys/kernel/iommu_groups", Errors.ENOENT);
        PutFolder("/sys/firmware");
        PutFolder("/sys/bus/pci/devices");
        PutFolder("/sys/bus/pci/slots");
        PutFolder("/sys/bus/pci");
        PutFolder("/proc/bus/pci");
    }

    /// <summary>The folder of the host in which the files of the session lie.</summary>
    public string Folder { get; }

    /// <summary>Called with the path of a file before it is opened, so that it can be brought up to date.</summary>
    public Action<string>? Opening { get; set; }

    /// <summary>Puts a text file of the session at a path that programs see.</summary>
    /// <param name="path">The path that programs see, for example <c>/proc/iomem</c>.</param>
    /// <param name="content">The content.</param>
    public void Put(string path, byte[] content)
    {
        string file = Path.Combine(Folder, path.TrimStart('/'));
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllBytes(file, content);
        _closed.RemoveAll(c => c.Path == path);
        Redirect(path, file);
    }

    /// <summary>Puts a file whose contents are a part of the machine at a path that programs see.</summary>
    /// <param name="path">The path that programs see.</param>
    /// <param name="content">The contents.</param>
    public unsafe void Put(string path, ISessionFile content)
    {
        // Its copy on the host has the length that stat(2) shows.
        Put(path, []);
        using (FileStream file = File.OpenWrite(Path.Combine(Folder, path.TrimStart('/'))))
        {
            file.SetLength(content.Length);
        }

        Linux.HostStatus status;
        if (Linux.LinkStat(Path.Combine(Folder, path.TrimStart('/')), &status) == 0)
        {
            _live[KeyOf(status)] = (path, content);
        }
    }

    /// <summary>Puts a folder of the session at a path that programs see, in place of the host's.</summary>
    /// <param name="path">The path that programs see, for example <c>/sys/bus/pci</c>.</param>
    /// <returns>The folder on the host.</returns>
    public string PutFolder(string path)
    {
        string folder = Directory.CreateDirectory(Path.Combine(Folder, path.TrimStart('/'))).FullName;
        _closed.RemoveAll(c => c.Path == path);
        Redirect(path, folder);
        return folder;
    }

    /// <inheritdoc/>
    public void Dispose() => Remove(Folder);

    /// <summary>The file of the host that stands for a path, or null.</summary>
    internal string? RedirectOf(string path) => _redirects.GetValueOrDefault(path);

    /// <summary>Whether a path is one of the host's that the session shows as it is, for example <c>/dev/null</c>.</summary>
    internal bool IsHosts(string path) => _redirects.TryGetValue(path, out string? file) && file == path;

    /// <summary>The error that a path gives, or 0.</summary>
    internal int ClosedBy(string path)
    {
        if (path.StartsWith("/sys/devices/pci", StringComparison.Ordinal))
        {
            return Errors.ENOENT;
        }

        foreach ((string closed, int error) in _closed)
        {
            if (path == closed)
            {
                return error;
            }
        }

        return 0;
    }

    /// <summary>The path that programs see for a file of the session's folder; any other path is what it is.</summary>
    internal string Seen(string hostPath)
    {
        if (!hostPath.StartsWith(Folder, StringComparison.Ordinal))
        {
            return hostPath;
        }

        string rest = hostPath[Folder.Length..];
        return rest.Length == 0 ? "/" : rest;
    }

    internal unsafe void Register(string hostPath, SessionNode node)
    {
        Linux.HostStatus status;
        if (Linux.LinkStat(hostPath, &status) == 0)
        {
            _nodes[KeyOf(status)] = node;
        }
    }

    /// <summary>Knows a file of the session again whose time of change is another now.</summary>
    internal unsafe void Renew(string hostPath, in Linux.HostStatus before)
    {
        Linux.HostStatus after;
        if (Linux.Stat(hostPath, &after) != 0 || (after.Device, after.Inode) != (before.Device, before.Inode))
        {
            return;
        }

        if (_nodes.Remove(KeyOf(before), out SessionNode? node))
        {
            _nodes[KeyOf(after)] = node;
        }

        if (_live.Remove(KeyOf(before), out (string, ISessionFile) live))
        {
            _live[KeyOf(after)] = live;
        }
    }

    internal (string Path, ISessionFile Content)? LiveAt(in Linux.HostStatus status) => _live.TryGetValue(KeyOf(status), out (string, ISessionFile) live) ? live : null;

    internal SessionNode? NodeAt(in Linux.HostStatus status) => _nodes.GetValueOrDefault(KeyOf(status));

    private static (ulong, ulong, long, long) KeyOf(in Linux.HostStatus status) => (status.Device, status.Inode, status.ModifiedSeconds, status.ModifiedNanoseconds);

    /// <summary>Takes away what sessions have left that were killed.</summary>
    private static void Sweep()
    {
        foreach (string folder in Directory.EnumerateDirectories(Path.GetTempPath(), Prefix + "*"))
        {
            string[] parts = Path.GetFileName(folder).Split('-');
            if (parts.Length > 3 && int.TryParse(parts[2], out int process) && !Directory.Exists($"/proc/{process}"))
            {
                Remove(folder);
            }
        }
    }

    private static void Remove(string folder)
    {
        try
        {
            Directory.Delete(folder, recursive: true);
        }
        catch (IOException)
        {
            // A program of the session left something there that can't go, or another session takes it away just now.
        }
        catch (UnauthorizedAccessException)
        {
            // Another user's.
        }
    }

    private void Redirect(string path, string file) => _redirects[path] = file;

    private void Close(string path, int error) => _closed.Add((path, error));
}
