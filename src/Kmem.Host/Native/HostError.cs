using System.Runtime.InteropServices;

namespace Kmem.Host.Native;

/// <summary>The error numbers of the host that decide what to do next, and their sentences.</summary>
/// <remarks>Source: include/uapi/asm-generic/errno-base.h and errno.h.</remarks>
internal static class HostError
{
    public const int NoEntry = 2, Interrupted = 4, InputOutput = 5, Again = 11, NoDevice = 19, NotConnected = 107;

    /// <summary>The error number of the last call on this thread.</summary>
    public static int Last => Marshal.GetLastPInvokeError();

    /// <summary>The last error as a sentence.</summary>
    public static string LastMessage => Message(Last);

    /// <summary>An error number as a sentence.</summary>
    public static string Message(int error) => Marshal.GetPInvokeErrorMessage(error);
}

/// <summary>The host refuses something that a mount or a traced program needs; the message says what and what would help.</summary>
public sealed class HostException : Exception
{
    /// <summary>Creates the exception.</summary>
    public HostException()
    {
    }

    /// <summary>Creates the exception with what is wrong.</summary>
    public HostException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception with what is wrong and its cause.</summary>
    public HostException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
