using System.Globalization;
using Kmem.Host.Tracing.Calls;
using Kmem.Host.Tracing.Native;

namespace Kmem.Host.Tracing.Paths;

/// <summary>Which of the host's own files programs of a session may open.</summary>
/// <param name="files">What the session shows in place of the host's.</param>
/// <param name="isOwn">Whether a process belongs to the session.</param>
internal sealed class HostPolicy(SessionFiles files, Func<int, bool> isOwn)
{
    private const int Root = 0;

    /// <summary>What anybody may know of the supervisor: <c>ps</c> shows it.</summary>
    private static readonly string[] Harmless = ["stat", "statm", "status", "cmdline", "comm"];

    /// <summary>The error that an open gives, or 0.</summary>
    /// <param name="path">The path on the host, without symbolic links.</param>
    /// <param name="writes">Whether it is opened for writing.</param>
    public int ErrorOf(string path, bool writes)
    {
        string[] names = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        return names switch
        {
            ["proc", var first, .. var rest] when int.TryParse(first, NumberStyles.None, CultureInfo.InvariantCulture, out int process) => OfProcess(process, rest, writes),
            ["proc" or "sys", ..] when writes => Errors.EPERM,
            _ => Hidden(names),
        };
    }

    /// <summary>Settles what has been opened: the path may have changed between the walk and the open, so the descriptor itself is asked.</summary>
    /// <param name="thread">A thread of the program.</param>
    /// <param name="descriptor">The new descriptor.</param>
    /// <returns>The error that the open gives instead, or 0.</returns>
    public unsafe int ErrorOf(int thread, long descriptor)
    {
        string link = string.Create(CultureInfo.InvariantCulture, $"/proc/{thread}/fd/{descriptor}");
        Linux.HostStatus status;
        if (Linux.Stat(link, &status) != 0 || PathWalker.ReadLink(link) is not { } path)
        {
            return 0;
        }

        bool isHarmless = PathWalker.IsHarmless(status);
        if (isHarmless && !(path.StartsWith("/proc/", StringComparison.Ordinal) || path.StartsWith("/sys/", StringComparison.Ordinal) || path.StartsWith("/dev/", StringComparison.Ordinal)))
        {
            return 0;
        }

        uint flags = FlagsOf(thread, descriptor);
        return (flags & (uint)Kmem.Abstractions.OpenFlags.Path) != 0 ? 0 : !isHarmless ? Errors.EPERM : ErrorOf(path, (flags & 3) != Root);
    }

    /// <summary>The flags that a descriptor really has; all of them when it is gone.</summary>
    private static uint FlagsOf(int thread, long descriptor)
    {
        try
        {
            string line = File.ReadLines(string.Create(CultureInfo.InvariantCulture, $"/proc/{thread}/fdinfo/{descriptor}")).First(l => l.StartsWith("flags:", StringComparison.Ordinal));
            return Convert.ToUInt32(line["flags:".Length..].Trim(), 8);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidOperationException)
        {
            return 3;
        }
    }

    private int OfProcess(int process, string[] rest, bool writes)
    {
        if (ProcessCalls.IsSupervisor(process))
        {
            return rest is [] || (!writes && rest is [var one] && Harmless.Contains(one)) ? 0 : Errors.EPERM;
        }

        return (writes || rest is [.., "mem"]) && !isOwn(process) ? Errors.EPERM : 0;
    }

    /// <summary>A file of the host that the session has put its own in place of, or has closed.</summary>
    private int Hidden(string[] names)
    {
        string front = "";
        string host = "";
        foreach (string name in names)
        {
            front += "/" + name;
            if (files.ClosedBy(front) is var closed and not 0)
            {
                return closed;
            }

            host = files.RedirectOf(front) ?? $"{host}/{name}";
        }

        return host == front ? 0 : Errors.EPERM;
    }
}
