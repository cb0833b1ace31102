using System.Globalization;
using System.Text;
using Kmem.Abstractions;
using Kmem.Host.Tracing.Native;

namespace Kmem.Host.Tracing.Paths;

/// <summary>Where a path of a program leads.</summary>
/// <param name="Seen">The path as the program sees it, without symbolic links.</param>
/// <param name="Host">The path on the host.</param>
/// <param name="Error">An error that the walk itself gives, or 0.</param>
/// <param name="Node">The simulated device there, or null.</param>
/// <param name="Exists">Whether something is there.</param>
/// <param name="Status">What is there.</param>
internal sealed record WalkedPath(string Seen, string Host, int Error, SessionNode? Node, bool Exists, Linux.HostStatus Status)
{
    /// <summary>True when the host's kernel must be given another path than the program's.</summary>
    public bool IsElsewhere => Seen != Host;
}

/// <summary>Walks a path as the kernel does for a program, through the files of the session.</summary>
/// <remarks>Source: path_resolution(7). Whether a folder may be searched is left to the host's kernel, which walks the result again.</remarks>
internal sealed unsafe class PathWalker(SessionFiles files)
{
    private const int MostLinks = 40;
    private const uint KindMask = 0xF000, Link = 0xA000, Character = 0x2000, Block = 0x6000;

    /// <summary>Walks a path.</summary>
    /// <param name="tracee">The thread that names it.</param>
    /// <param name="folder">Descriptor of the folder from which a relative path counts; -100 is the current one.</param>
    /// <param name="path">The path.</param>
    /// <param name="follow">Whether a link at the end is followed.</param>
    public WalkedPath Walk(Tracee tracee, int folder, string path, bool follow)
    {
        string root = files.Seen(ReadLink($"/proc/{tracee.Thread}/root") ?? "/");
        var seen = new List<string>();
        var pending = new Stack<string>();
        int links = 0, floor = 0;
        Push(pending, root);
        MoveDown(seen, pending);
        floor = seen.Count;
        if (!path.StartsWith('/'))
        {
            string start = ReadLink(folder == -100 ? $"/proc/{tracee.Thread}/cwd" : $"/proc/{tracee.Thread}/fd/{folder}") ?? "/";
            seen.Clear();
            Push(pending, files.Seen(start));
            MoveDown(seen, pending);
        }

        bool wantsFolder = path.EndsWith('/');
        Push(pending, path);
        while (pending.TryPop(out string? name))
        {
            if (name == "..")
            {
                if (seen.Count > floor)
                {
                    seen.RemoveAt(seen.Count - 1);
                }

                continue;
            }

            seen.Add(name == "self" && seen is ["proc"] ? tracee.Process.ToString(CultureInfo.InvariantCulture)
                : name == "thread-self" && seen is ["proc"] ? $"{tracee.Process}/task/{tracee.Thread}" : name);
            string at = "/" + string.Join('/', seen);
            if (files.ClosedBy(at) is var closed and not 0)
            {
                return new WalkedPath(at, at, closed, null, false, default);
            }

            if (seen is ["proc", _, .., "fd", var own] && ulong.TryParse(own, NumberStyles.None, CultureInfo.InvariantCulture, out ulong slot) && SessionLayout.IsSlot(slot))
            {
                // The machine's memory files are mapped for programs; they are not to be opened.
                return new WalkedPath(at, at, Errors.ENOENT, null, false, default);
            }

            bool isLast = pending.Count == 0;
            string host = HostOf(seen);
            if (DescriptorDevice(tracee, seen) is { } open && isLast && follow)
            {
                return new WalkedPath(at, host, 0, new SessionNode(open), true, default);
            }

            Linux.HostStatus status;
            if (Linux.LinkStat(host, &status) != 0)
            {
                // The rest can't be looked at; the kernel says why.
                while (pending.TryPop(out string? rest))
                {
                    seen.Add(rest);
                }

                return new WalkedPath("/" + string.Join('/', seen), HostOf(seen), 0, null, false, default);
            }

            if ((status.Mode & KindMask) == Link && (!isLast || follow || wantsFolder) && !(isLast && IsMagic(seen)))
            {
                if (++links > MostLinks)
                {
                    return new WalkedPath(at, host, Errors.ELOOP, null, false, default);
                }

                string target = ReadLink(host) ?? "";
                seen.RemoveAt(seen.Count - 1);
                if (target.StartsWith('/'))
                {
                    seen.RemoveRange(floor, seen.Count - floor);
                    target = files.Seen(target);
                }

                Push(pending, target);
            }
        }

        return Arrived("/" + string.Join('/', seen), HostOf(seen), follow);
    }

    private WalkedPath Arrived(string seen, string host, bool follow)
    {
        Linux.HostStatus status;
        bool exists = (follow ? Linux.Stat(host, &status) : Linux.LinkStat(host, &status)) == 0;
        SessionNode? node = exists ? files.NodeAt(status) ?? NodeOf(seen, status) : null;
        return new WalkedPath(seen, host, 0, node, exists, exists ? status : default);
    }

    /// <summary>A memory device of the host: whoever opens it gets the machine's.</summary>
    private static SessionNode? NodeOf(string seen, in Linux.HostStatus status)
    {
        int major = (int)(status.DeviceId >> 8) & 0xFFF, minor = (int)(status.DeviceId & 0xFF);
        return (status.Mode & KindMask) == Character && major == 1 && minor is 1 or 2 or 4
            ? new SessionNode(new DeviceNode(seen.TrimStart('/'), major, minor, (int)(status.Mode & 0xFFF), (int)status.UserId, (int)status.GroupId))
            : null;
    }

    /// <summary>Whether the host lets a program have this device: memory without contents, random numbers and terminals.</summary>
    public static bool IsHarmless(in Linux.HostStatus status)
    {
        if ((status.Mode & KindMask) is not (Character or Block))
        {
            return true;
        }

        int major = (int)(status.DeviceId >> 8) & 0xFFF, minor = (int)(status.DeviceId & 0xFF);
        return (status.Mode & KindMask) == Character && (major, minor) switch
        {
            (1, 3 or 5 or 7 or 8 or 9) => true,
            (5, 0 or 2) => true,
            ( >= 136 and <= 143, _) => true,
            _ => false,
        };
    }

    /// <summary>A device of the host that programs outside use as well; terminals are their user's own.</summary>
    public static bool IsShared(in Linux.HostStatus status) => (status.Mode & KindMask) is Character or Block && ((int)(status.DeviceId >> 8) & 0xFFF) is not (>= 136 and <= 143);

    private string HostOf(List<string> seen)
    {
        // The longest redirected front of the path decides.
        var front = new StringBuilder();
        string host = "";
        foreach (string name in seen)
        {
            front.Append('/').Append(name);
            host = files.RedirectOf(front.ToString()) ?? $"{host}/{name}";
        }

        return host.Length == 0 ? "/" : host;
    }

    /// <summary>The device behind /proc/PROCESS/fd/NUMBER, or null.</summary>
    private static DeviceNode? DescriptorDevice(Tracee tracee, List<string> seen) =>
        seen is ["proc", var process, .., "fd", var number] && process == tracee.Process.ToString(CultureInfo.InvariantCulture) && int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int descriptor)
            ? tracee.Descriptors.Find(descriptor)?.File.Node
            : null;

    /// <summary>Links under /proc whose text is no path: the kernel jumps straight to what they stand for.</summary>
    private static bool IsMagic(List<string> seen) => seen is ["proc", _, .., "fd", _] or ["proc", _, .., "exe"] or ["proc", _, .., "ns", _];

    private static void Push(Stack<string> pending, string path)
    {
        foreach (string name in path.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse())
        {
            if (name != ".")
            {
                pending.Push(name);
            }
        }
    }

    private static void MoveDown(List<string> seen, Stack<string> pending)
    {
        while (pending.TryPop(out string? name))
        {
            seen.Add(name);
        }
    }

    /// <summary>Where a path leads in the end: links under /proc that lead to open files are followed.</summary>
    public static string Target(WalkedPath path) =>
        IsMagic([.. path.Seen.Split('/', StringSplitOptions.RemoveEmptyEntries)]) && ReadLink(path.Host) is { } target && target.StartsWith('/') ? target : path.Seen;

    /// <summary>The text of a link; null when it is none.</summary>
    public static string? ReadLink(string path)
    {
        byte* buffer = stackalloc byte[4096];
        nint length = Linux.ReadLink(path, buffer, 4096);
        return length < 0 ? null : HostPath.Decode(new ReadOnlySpan<byte>(buffer, (int)length));
    }
}
