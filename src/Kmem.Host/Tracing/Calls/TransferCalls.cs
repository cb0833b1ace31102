using Kmem.Abstractions;
using Kmem.Host.Recordings;
using Kmem.Host.Tracing.Native;

namespace Kmem.Host.Tracing.Calls;

/// <summary>splice(2), sendfile(2), tee(2) and copy_file_range(2) with a device at one end.</summary>
internal sealed unsafe class TransferCalls(SystemCalls calls)
{
    private const ulong Buffer = 0x10_0000;
    private const int LongestPiece = 64 * 1024;

    /// <summary>Adds the handlers.</summary>
    public void Register(Dictionary<Nr, Action<Tracee>> handlers)
    {
        handlers[Nr.Sendfile] = Sendfile;
        handlers[Nr.Splice] = Splice;
        handlers[Nr.Tee] = t => Refuse(t, t.Registers.Rdi, t.Registers.Rsi, FileCall.Tee);
        handlers[Nr.CopyFileRange] = t => Refuse(t, t.Registers.Rdi, t.Registers.Rdx, FileCall.CopyFileRange);
    }

    private void Refuse(Tracee tracee, ulong first, ulong second, FileCall call)
    {
        if ((tracee.Descriptors.Find((int)first) ?? tracee.Descriptors.Find((int)second)) is { } device)
        {
            tracee.Answer(SystemCalls.Raw(calls.Kernel.Call(device.File, call, 16)));
        }
    }

    private void Sendfile(Tracee tracee)
    {
        UserRegisters r = tracee.Registers;
        Transfer(tracee, (int)r.Rsi, r.Rdx, (int)r.Rdi, 0, r.R10, FileCall.SendfileFrom, FileCall.SendfileTo);
    }

    private void Splice(Tracee tracee)
    {
        UserRegisters r = tracee.Registers;
        Transfer(tracee, (int)r.Rdi, r.Rsi, (int)r.Rdx, r.R10, r.R8, FileCall.SpliceFrom, FileCall.SpliceTo);
    }

    /// <summary>Moves a piece between a device and the program's other descriptor, which the supervisor borrows for the time.</summary>
    private void Transfer(Tracee tracee, int from, ulong fromOffset, int to, ulong toOffset, ulong count, FileCall outOf, FileCall into)
    {
        OpenDevice? source = tracee.Descriptors.Find(from), target = tracee.Descriptors.Find(to);
        if (source is null && target is null)
        {
            return;
        }

        if (source is not null && target is not null)
        {
            tracee.Answer(-Errors.EINVAL);
            return;
        }

        OpenDevice device = source ?? target!;
        ulong offsetAt = source is not null ? fromOffset : toOffset;
        long? offset = null;
        if (offsetAt != 0)
        {
            if (!tracee.Memory.TryRead(offsetAt, out ulong value))
            {
                tracee.Answer(-Errors.EFAULT);
                return;
            }

            offset = (long)value;
        }

        int other = BorrowedDescriptor.Take(tracee.Process, source is not null ? to : from);
        if (other < 0)
        {
            tracee.Answer(-Errors.EBADF);
            return;
        }

        var memory = new SimulatedProcess(1UL << 47, 4096);
        byte[] content = memory.Add(Buffer, LongestPiece);
        ulong length = Math.Min(count, LongestPiece);
        CallResult result;
        fixed (byte* bytes = content)
        {
            if (source is not null)
            {
                result = calls.Kernel.Splice(device.File, outOf, memory, Buffer, length, offset);
                if (!result.IsError && result.Value > 0 && Linux.Write(other, bytes, (nuint)result.Value) is var written && written != result.Value)
                {
                    result = written < 0 ? (Errno)Linux.LastError : (long)written;
                }
            }
            else
            {
                nint read = Linux.Read(other, bytes, (nuint)length);
                result = read < 0 ? (Errno)Linux.LastError : calls.Kernel.Splice(device.File, into, memory, Buffer, (ulong)read, offset);
            }
        }

        _ = Linux.Close(other);
        if (offset is { } start && !result.IsError)
        {
            tracee.Memory.TryWrite(offsetAt, (ulong)(start + result.Value));
        }

        tracee.Answer(SystemCalls.Raw(result));
    }
}
