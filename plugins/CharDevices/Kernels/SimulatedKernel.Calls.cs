using System.Buffers.Binary;
using Kmem.Abstractions;
using Kmem.Plugins.CharDevices.Profiles;

namespace Kmem.Plugins.CharDevices.Kernels;

/// <content>The calls that move no data.</content>
public sealed partial class SimulatedKernel
{
    /// <summary>Commands of fcntl(2).</summary>
    /// <remarks>Source: include/uapi/asm-generic/fcntl.h, include/uapi/linux/fcntl.h.</remarks>
    private enum FileControl : long
    {
        GetDescriptorFlags = 1,
        SetDescriptorFlags = 2,
        GetFlags = 3,
        SetFlags = 4,
        GetLock = 5,
        SetLock = 6,
        SetLockWait = 7,
        SetOwner = 8,
        GetOwner = 9,
        GetOpenLock = 36,
        SetOpenLock = 37,
        SetOpenLockWait = 38,
        SetLease = 1024,
        GetLease = 1025,
        SetPipeSize = 1031,
        GetPipeSize = 1032,
    }

    /// <inheritdoc/>
    public CallResult Ioctl(IOpenFile? file, uint request, ulong argument, IUserMemory memory)
    {
        if (file is not OpenFile { Device: { } device } open)
        {
            return Errno.EBADF;
        }

        if (!Profile.Ioctls.TryGetValue(request, out IoctlRule rule))
        {
            return device.Ioctl(file, request, argument, memory);
        }

        Span<byte> word = stackalloc byte[sizeof(int)];
        switch (rule)
        {
            case IoctlRule.Accept:
                return 0;
            case IoctlRule.NotSupported:
                return Errno.EOPNOTSUPP;
            case IoctlRule.CloneSource:
                return Errno.EBADF;
            case IoctlRule.BlockSize:
                BinaryPrimitives.WriteInt32LittleEndian(word, PageSize);
                return IsUserRange(memory, argument, sizeof(int)) && memory.Write(argument, word) == sizeof(int) ? 0 : Errno.EFAULT;
        }

        if (!IsUserRange(memory, argument, sizeof(int)) || memory.Read(argument, word) < sizeof(int))
        {
            return Errno.EFAULT;
        }

        bool isOn = BinaryPrimitives.ReadInt32LittleEndian(word) != 0;
        if (rule == IoctlRule.NonBlocking)
        {
            open.Flags = isOn ? open.Flags | OpenFlags.NonBlocking : open.Flags & ~OpenFlags.NonBlocking;
            return 0;
        }

        return isOn ? Errno.ENOTTY : 0;
    }

    /// <inheritdoc/>
    public CallResult Call(IOpenFile? file, FileCall call, params ReadOnlySpan<long> arguments)
    {
        if (call == FileCall.Truncate)
        {
            return Errno.EINVAL;
        }

        if (file is not OpenFile { Device: not null } open)
        {
            return Errno.EBADF;
        }

        long Argument(ReadOnlySpan<long> all, int index) => index < all.Length ? all[index] : 0;
        switch (call)
        {
            case FileCall.Fsync or FileCall.Fdatasync or FileCall.Ftruncate or FileCall.CopyFileRange or FileCall.Tee:
                return Errno.EINVAL;
            case FileCall.SpliceFrom or FileCall.SpliceTo or FileCall.SendfileFrom or FileCall.SendfileTo:
                // Without the other end's memory nothing can move; kernels that splice do so in Splice.
                return Errno.EINVAL;
            case FileCall.Fallocate:
                return Argument(arguments, 1) < 0 || (arguments.Length > 2 && arguments[2] <= 0) ? Errno.EINVAL : open.CanWrite ? Errno.ENODEV : Errno.EBADF;
            case FileCall.Fadvise:
                return !Profile.AdviseCalls ? Errno.ENOSYS : Argument(arguments, 2) is < 0 or > 5 ? Errno.EINVAL : 0;
            case FileCall.Readahead:
                return open.CanRead ? Errno.EINVAL : Errno.EBADF;
            case FileCall.SyncFileRange:
                return Argument(arguments, 0) < 0 || (Argument(arguments, 2) & ~7L) != 0 ? Errno.EINVAL : Errno.ESPIPE;
            case FileCall.Syncfs:
                return 0;
            case FileCall.Flock:
                return Profile.FileLocking ? 0 : Errno.ENOSYS;
            case FileCall.Fcntl:
                return Control(open, (FileControl)Argument(arguments, 0), Argument(arguments, 1));
            case FileCall.Getdents or FileCall.Fchdir:
                return Errno.ENOTDIR;
            case FileCall.EpollAdd:
                return Errno.EPERM;
            default:
                return Errno.ENOSYS;
        }
    }

    private CallResult Control(OpenFile file, FileControl command, long argument)
    {
        const OpenFlags Settable = OpenFlags.Append | OpenFlags.NonBlocking | OpenFlags.NoAccessTime;
        const int Unlocked = 2;
        switch (command)
        {
            case FileControl.GetFlags:
                return (long)file.Flags;
            case FileControl.SetFlags when (argument & (long)OpenFlags.Direct) != 0:
                return Errno.EINVAL;
            case FileControl.SetFlags:
                file.Flags = (file.Flags & ~Settable) | ((OpenFlags)argument & Settable);
                return 0;
            case FileControl.GetDescriptorFlags or FileControl.SetDescriptorFlags or FileControl.SetOwner or FileControl.GetOwner:
                return 0;
            case FileControl.GetLock or FileControl.SetLock or FileControl.SetLockWait or FileControl.GetOpenLock or FileControl.SetOpenLock or FileControl.SetOpenLockWait:
                return Profile.FileLocking ? 0 : command is FileControl.GetLock or FileControl.GetOpenLock ? Errno.EINVAL : Errno.EACCES;
            case FileControl.GetLease:
                return Profile.FileLocking ? Unlocked : 0;
            case FileControl.SetPipeSize or FileControl.GetPipeSize:
                return Errno.EBADF;
            default:
                return Errno.EINVAL;
        }
    }
}
