using System.Runtime.InteropServices;
using System.Text;
using Kmem.Abstractions;
using Microsoft.Win32.SafeHandles;

namespace Kmem.Machine.Backends;

/// <summary>The few calls of the host's C library about terminals and files.</summary>
/// <remarks>Source: POSIX.1-2017, termios.h, posix_openpt, grantpt, unlockpt, poll; ptsname_r(3).</remarks>
internal static class HostCalls
{
    public const int ReadWrite = 2, NoControllingTerminal = 0x100, NonBlocking = 0x800, CloseOnExec = 0x8_0000;
    public const short CanRead = 1, CanWrite = 4, Failed = 8, HungUp = 16;
    public const int Interrupted = 4, WouldBlock = 11, SignalStop = 19;

    /// <summary>Larger than the structure of any C library; what is in it is its own business but for the flags of Linux.</summary>
    private const int SettingsLength = 256;
    private const int OutputFlags = 4, PostProcess = 1;

    public static bool IsTerminal(int file) => isatty(file) == 1;

    /// <summary>The settings of a terminal, or null when it is none.</summary>
    public static byte[]? Settings(int file)
    {
        byte[] settings = new byte[SettingsLength];
        return tcgetattr(file, settings) == 0 ? settings : null;
    }

    public static void Apply(int file, byte[] settings) => _ = tcsetattr(file, 0, settings);

    /// <summary>Settings under which every key arrives as it is typed.</summary>
    /// <param name="settings">Present settings.</param>
    /// <param name="keepOutput">True when line feeds keep their carriage returns, for the program's own messages.</param>
    public static byte[] Raw(byte[] settings, bool keepOutput)
    {
        byte[] raw = [.. settings];
        cfmakeraw(raw);
        if (keepOutput && OperatingSystem.IsLinux())
        {
            raw[OutputFlags] |= PostProcess;
        }

        return raw;
    }

    /// <summary>Opens a new pseudo terminal.</summary>
    /// <exception cref="MachineException">The host has none left.</exception>
    public static (int Master, string Path) OpenPseudoTerminal()
    {
        int master = posix_openpt(ReadWrite | NoControllingTerminal | NonBlocking | CloseOnExec);
        byte[] name = new byte[256];
        if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0 || ptsname_r(master, name, (nuint)name.Length) != 0)
        {
            string reason = Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError());
            if (master >= 0)
            {
                _ = close(master);
            }

            throw new MachineException($"the host gives no pseudo terminal: {reason}");
        }

        // The other end is opened once: it is made raw, and from then on the master sees when nobody has it open.
        string path = Encoding.UTF8.GetString(name.AsSpan(0, name.AsSpan().IndexOf((byte)0)));
        int slave = open(Encoding.UTF8.GetBytes(path + '\0'), ReadWrite | NoControllingTerminal | CloseOnExec);
        if (slave >= 0)
        {
            if (Settings(slave) is { } settings)
            {
                Apply(slave, Raw(settings, keepOutput: false));
            }

            _ = close(slave);
        }

        return (master, path);
    }

    /// <summary>Opens a file for reading without any lock, which .NET's own calls always take; an invalid handle when that fails.</summary>
    public static SafeFileHandle OpenUnlocked(string path) => new(open(Encoding.UTF8.GetBytes(path + '\0'), CloseOnExec), ownsHandle: true);

    /// <summary>Waits until a file is ready; the conditions that hold, 0 when the time is over.</summary>
    public static short Wait(int file, short conditions, int milliseconds)
    {
        var one = new PollEntry { File = file, Conditions = conditions };
        return poll(ref one, 1, milliseconds) > 0 ? one.Found : (short)0;
    }

    /// <summary>Reads; a negative number is the error with its sign turned.</summary>
    public static int Read(int file, byte[] buffer)
    {
        nint count = read(file, buffer, (nuint)buffer.Length);
        return count < 0 ? -Marshal.GetLastPInvokeError() : (int)count;
    }

    /// <summary>Writes; a negative number is the error with its sign turned.</summary>
    public static int Write(int file, ReadOnlySpan<byte> bytes)
    {
        nint count = write(file, in MemoryMarshal.GetReference(bytes), (nuint)bytes.Length);
        return count < 0 ? -Marshal.GetLastPInvokeError() : (int)count;
    }

    public static void Close(int file) => _ = close(file);

    /// <summary>Stops this process as a shell's job control expects it.</summary>
    public static void StopSelf() => _ = kill(Environment.ProcessId, SignalStop);

#pragma warning disable IDE1006 // The names of the C library.
#pragma warning disable SYSLIB1054 // This assembly has no unsafe code, which generated marshalling would need.
    [DllImport("libc", SetLastError = true)]
    private static extern int isatty(int file);

    [DllImport("libc", SetLastError = true)]
    private static extern int tcgetattr(int file, byte[] settings);

    [DllImport("libc", SetLastError = true)]
    private static extern int tcsetattr(int file, int when, byte[] settings);

    [DllImport("libc")]
    private static extern void cfmakeraw(byte[] settings);

    [DllImport("libc", SetLastError = true)]
    private static extern int posix_openpt(int flags);

    [DllImport("libc", SetLastError = true)]
    private static extern int grantpt(int file);

    [DllImport("libc", SetLastError = true)]
    private static extern int unlockpt(int file);

    [DllImport("libc", SetLastError = true)]
    private static extern int ptsname_r(int file, byte[] name, nuint length);

    [DllImport("libc", SetLastError = true)]
    private static extern int open(byte[] path, int flags);

    [DllImport("libc", SetLastError = true)]
    private static extern int close(int file);

    [DllImport("libc", SetLastError = true)]
    private static extern nint read(int file, byte[] buffer, nuint count);

    [DllImport("libc", SetLastError = true)]
    private static extern nint write(int file, in byte buffer, nuint count);

    [DllImport("libc", SetLastError = true)]
    private static extern int poll(ref PollEntry entries, nuint count, int milliseconds);

    [DllImport("libc", SetLastError = true)]
    private static extern int kill(int process, int signal);
#pragma warning restore SYSLIB1054
#pragma warning restore IDE1006

    [StructLayout(LayoutKind.Sequential)]
    private struct PollEntry
    {
        public int File;
        public short Conditions;
        public short Found;
    }
}
