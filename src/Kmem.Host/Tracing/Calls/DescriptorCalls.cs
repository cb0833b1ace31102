using System.Buffers.Binary;
using Kmem.Abstractions;
using Kmem.Host.Tracing.Native;

namespace Kmem.Host.Tracing.Calls;

/// <summary>Calls on a descriptor that move no data between files: reads, writes, positions, status, control.</summary>
internal sealed class DescriptorCalls(SystemCalls calls)
{
    private const int LongestVector = 1024;

    private IKernel Kernel => calls.Kernel;

    /// <summary>Adds the handlers.</summary>
    public void Register(Dictionary<Nr, Action<Tracee>> handlers)
    {
        Add(handlers, Nr.Read, false, (t, f) => Kernel.Read(f, t.Memory, t.Registers.Rsi, t.Registers.Rdx));
        Add(handlers, Nr.Write, true, (t, f) => Kernel.Write(f, t.Memory, t.Registers.Rsi, t.Registers.Rdx));
        Add(handlers, Nr.Pread64, false, (t, f) => Kernel.ReadAt(f, t.Memory, t.Registers.Rsi, t.Registers.Rdx, (long)t.Registers.R10));
        Add(handlers, Nr.Pwrite64, true, (t, f) => Kernel.WriteAt(f, t.Memory, t.Registers.Rsi, t.Registers.Rdx, (long)t.Registers.R10));
        Add(handlers, Nr.Readv, false, (t, f) => Vector(t, v => Kernel.ReadVector(f, t.Memory, v, null)));
        Add(handlers, Nr.Writev, true, (t, f) => Vector(t, v => Kernel.WriteVector(f, t.Memory, v, null)));
        Add(handlers, Nr.Preadv, false, (t, f) => Vector(t, v => Kernel.ReadVector(f, t.Memory, v, (long)t.Registers.R10)));
        Add(handlers, Nr.Pwritev, true, (t, f) => Vector(t, v => Kernel.WriteVector(f, t.Memory, v, (long)t.Registers.R10)));
        Add(handlers, Nr.Preadv2, false, (t, f) => Vector(t, v => Kernel.ReadVector(f, t.Memory, v, AtPosition(t), (int)t.Registers.R9)));
        Add(handlers, Nr.Pwritev2, true, (t, f) => Vector(t, v => Kernel.WriteVector(f, t.Memory, v, AtPosition(t), (int)t.Registers.R9)));
        Quiet(handlers, Nr.Lseek, (t, f) => Kernel.Seek(f, (long)t.Registers.Rsi, (int)t.Registers.Rdx));
        Quiet(handlers, Nr.Ioctl, (t, f) => Kernel.Ioctl(f, (uint)t.Registers.Rsi, t.Registers.Rdx, t.Memory));
        Quiet(handlers, Nr.Fstat, Status);
        Quiet(handlers, Nr.Fsync, (_, f) => Kernel.Call(f, FileCall.Fsync));
        Quiet(handlers, Nr.Fdatasync, (_, f) => Kernel.Call(f, FileCall.Fdatasync));
        Quiet(handlers, Nr.Ftruncate, (t, f) => Kernel.Call(f, FileCall.Ftruncate, (long)t.Registers.Rsi));
        Quiet(handlers, Nr.Fallocate, (t, f) => Kernel.Call(f, FileCall.Fallocate, (long)t.Registers.Rsi, (long)t.Registers.Rdx, (long)t.Registers.R10));
        Quiet(handlers, Nr.Fadvise64, (t, f) => Kernel.Call(f, FileCall.Fadvise, (long)t.Registers.Rsi, (long)t.Registers.Rdx, (long)t.Registers.R10));
        Quiet(handlers, Nr.Readahead, (t, f) => Kernel.Call(f, FileCall.Readahead, (long)t.Registers.Rsi, (long)t.Registers.Rdx));
        Quiet(handlers, Nr.SyncFileRange, (t, f) => Kernel.Call(f, FileCall.SyncFileRange, (long)t.Registers.Rsi, (long)t.Registers.Rdx, (long)t.Registers.R10));
        Quiet(handlers, Nr.Syncfs, (_, f) => Kernel.Call(f, FileCall.Syncfs));
        Quiet(handlers, Nr.Flock, (t, f) => Kernel.Call(f, FileCall.Flock, (long)t.Registers.Rsi));
        Quiet(handlers, Nr.Getdents, (_, f) => Kernel.Call(f, FileCall.Getdents));
        Quiet(handlers, Nr.Getdents64, (_, f) => Kernel.Call(f, FileCall.Getdents));
        Quiet(handlers, Nr.Fchdir, (_, f) => Kernel.Call(f, FileCall.Fchdir));
        foreach (Nr call in (Nr[])[Nr.Fchmod, Nr.Fchown, Nr.Fsetxattr, Nr.Fremovexattr])
        {
            handlers[call] = t => _ = RefuseDevice(t, (int)t.Registers.Rdi);
        }

        handlers[Nr.EpollCtl] = t =>
        {
            if (t.Descriptors.Find((int)t.Registers.Rdx) is { } device)
            {
                t.Answer(SystemCalls.Raw(Kernel.Call(device.File, FileCall.EpollAdd)));
            }
        };
        handlers[Nr.IoSubmit] = Submit;
        handlers[Nr.Sendmsg] = t => Message(t, t.Registers.Rsi, 1);
        handlers[Nr.Sendmmsg] = t => Message(t, t.Registers.Rsi, (int)Math.Min(t.Registers.Rdx, 1024));
    }

    /// <summary>A device's descriptor is one of the host's, whose mode, owner and times are not the program's to change.</summary>
    /// <returns>True when the call has been answered.</returns>
    public static unsafe bool RefuseDevice(Tracee tracee, int descriptor)
    {
        Linux.HostStatus status;
        bool isDevice = tracee.Descriptors.Find(descriptor) is not null || SessionLayout.IsSlot((ulong)(uint)descriptor)
            || (Linux.Stat(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"/proc/{tracee.Thread}/fd/{descriptor}"), &status) == 0 && Paths.PathWalker.IsShared(status));
        if (isDevice)
        {
            tracee.Answer(-Errors.EPERM);
        }

        return isDevice;
    }

    /// <summary>Writes a struct stat.</summary>
    public static bool WriteStatus(Tracee tracee, ulong address, FileStatus status, Linux.HostStatus host)
    {
        Span<byte> bytes = stackalloc byte[144];
        bytes.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, host.Device);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[8..], host.Inode);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[16..], status.Links);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[24..], status.Mode);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[28..], status.UserId);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[32..], status.GroupId);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[40..], (status.Major << 8) | status.Minor);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[48..], status.Size);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[56..], status.BlockSize);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[64..], status.Blocks);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[72..], host.AccessedSeconds);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[80..], host.AccessedNanoseconds);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[88..], host.ModifiedSeconds);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[96..], host.ModifiedNanoseconds);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[104..], host.ChangedSeconds);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[112..], host.ChangedNanoseconds);
        return tracee.Memory.Write(address, bytes) == bytes.Length;
    }

    private static long? AtPosition(Tracee tracee) => tracee.Registers.R10 == ulong.MaxValue ? null : (long)tracee.Registers.R10;

    private static CallResult Vector(Tracee tracee, Func<IReadOnlyList<IoVector>, CallResult> call)
    {
        ulong count = tracee.Registers.Rdx, table = tracee.Registers.Rsi;
        if (count > LongestVector)
        {
            return Errno.EINVAL;
        }

        var vector = new IoVector[count];
        for (ulong i = 0; i < count; i++)
        {
            if (!tracee.Memory.TryRead(table + (16 * i), out ulong address) || !tracee.Memory.TryRead(table + (16 * i) + 8, out ulong length))
            {
                return Errno.EFAULT;
            }

            vector[i] = new IoVector(address, length);
        }

        return call(vector);
    }

    private CallResult Status(Tracee tracee, IOpenFile file) =>
        WriteStatus(tracee, tracee.Registers.Rsi, Kernel.Status(file), default) ? 0L : Errno.EFAULT;

    /// <summary>io_submit(2): the character devices have no asynchronous transfers.</summary>
    private static void Submit(Tracee tracee)
    {
        const int File = 20;
        Span<byte> number = stackalloc byte[4];
        for (ulong i = 0; i < Math.Min(tracee.Registers.Rsi, LongestVector); i++)
        {
            if (tracee.Memory.TryRead(tracee.Registers.Rdx + (8 * i), out ulong request) && tracee.Memory.Read(request + File, number) == 4
                && BinaryPrimitives.ReadInt32LittleEndian(number) is var file && (tracee.Descriptors.Find(file) is not null || SessionLayout.IsSlot((ulong)(uint)file)))
            {
                tracee.Answer(i == 0 ? -Errors.EINVAL : (long)i);
                return;
            }
        }
    }

    /// <summary>A descriptor that travels to another program would arrive there as /dev/null, so it does not travel.</summary>
    private static void Message(Tracee tracee, ulong header, int count)
    {
        const ulong Rights = 1, Socket = 1, MessageLength = 64;
        Span<byte> number = stackalloc byte[4];
        for (int i = 0; i < count; i++)
        {
            ulong at = header + ((ulong)i * MessageLength);
            if (!tracee.Memory.TryRead(at + 32, out ulong control) || !tracee.Memory.TryRead(at + 40, out ulong length))
            {
                return;
            }

            ulong end = control + Math.Min(length, 65536);
            while (control != 0 && control + 16 <= end && tracee.Memory.TryRead(control, out ulong size) && size >= 16 && tracee.Memory.TryRead(control + 8, out ulong kind))
            {
                if (kind == (Socket | (Rights << 32)))
                {
                    for (ulong at2 = control + 16; at2 + 4 <= control + Math.Min(size, end - control); at2 += 4)
                    {
                        if (tracee.Memory.Read(at2, number) == 4 && BinaryPrimitives.ReadInt32LittleEndian(number) is var sent && (tracee.Descriptors.Find(sent) is not null || SessionLayout.IsSlot((ulong)(uint)sent)))
                        {
                            tracee.Answer(-Errors.EPERM);
                            return;
                        }
                    }
                }

                control += (size + 7) & ~7UL;
            }
        }
    }

    private static void Quiet(Dictionary<Nr, Action<Tracee>> handlers, Nr number, Func<Tracee, IOpenFile, CallResult> call) => handlers[number] = t =>
    {
        if (t.Descriptors.Find((int)t.Registers.Rdi) is { } device)
        {
            t.Answer(SystemCalls.Raw(call(t, device.File)));
        }
        else if (SessionLayout.IsSlot(t.Registers.Rdi))
        {
            t.Answer(-Errors.EBADF);
        }
    };

    private void Add(Dictionary<Nr, Action<Tracee>> handlers, Nr number, bool isWrite, Func<Tracee, IOpenFile, CallResult> call) => Quiet(handlers, number, (t, file) =>
    {
        ulong position = number is Nr.Read or Nr.Write or Nr.Readv or Nr.Writev ? file.Position : t.Registers.R10;
        CallResult result = call(t, file);
        calls.Supervisor.Accessed?.Invoke(new TracedAccess(TracedAccessKind.Call, t.Process, t.Registers.Rip, null, file.Node.Path, position, t.Registers.Rdx, isWrite, (ulong)result.Value, result.IsError ? result.Error.ToString() : ""));
        return result;
    });
}
