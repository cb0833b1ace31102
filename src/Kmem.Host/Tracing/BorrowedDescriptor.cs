using Kmem.Host.Tracing.Native;

namespace Kmem.Host.Tracing;

/// <summary>Descriptors of other processes.</summary>
/// <remarks>Source: pidfd_getfd(2); it needs the rights of ptrace(2) over the process.</remarks>
public static class BorrowedDescriptor
{
    private const int PidfdOpen = 434, PidfdGetfd = 438;

    /// <summary>A copy of another process's descriptor, to be closed by the caller; -1 when there is none or the host refuses.</summary>
    /// <param name="process">The process.</param>
    /// <param name="descriptor">Its descriptor.</param>
    public static int Take(int process, int descriptor)
    {
        nint handle = Linux.SystemCall(PidfdOpen, process, 0, 0, 0);
        if (handle < 0)
        {
            return -1;
        }

        nint borrowed = Linux.SystemCall(PidfdGetfd, handle, descriptor, 0, 0);
        _ = Linux.Close((int)handle);
        return (int)borrowed;
    }

    /// <summary>Closes a borrowed descriptor.</summary>
    /// <param name="descriptor">The descriptor.</param>
    public static void Give(int descriptor) => _ = Linux.Close(descriptor);
}
