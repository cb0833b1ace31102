using Kmem.Host.Tracing.Native;

namespace Kmem.Host.Tracing;

/// <summary>Keeps the runtime's care for the terminal from stopping the programs of a session.</summary>
public static class TerminalSignals
{
    private const int Block = 0, OutputFromBackground = 22;

    /// <summary>
    /// Blocks SIGTTOU for the calling thread and all that it starts; to be called before the runtime has started threads for signals. When a
    /// job goes on in the background the runtime sets the terminal's modes, and the host's kernel would stop the whole group for it.
    /// </summary>
    /// <remarks>Source: tty_ioctl(4), setpgid(2), signal(7). Programs of a session start with an empty mask.</remarks>
    public static unsafe void Quiet()
    {
        ulong mask = 1UL << (OutputFromBackground - 1);
        _ = Linux.SystemCall((nint)Nr.RtSigprocmask, Block, (nint)(&mask), 0, sizeof(ulong));
    }
}
