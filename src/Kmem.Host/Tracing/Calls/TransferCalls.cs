using Kmem.Abstractions;
using Kmem.Host.Recordings;
using Kmem.Host.Tracing.Native;

namespace Kmem.Host.Tracing.Calls;

/// <summary>splice(2), sendfile(2), tee(2) and copy_file_range(2) with a device at one end.</summary>
internal sealed unsafe class TransferCalls(SystemCalls calls)
{
    private const ulong Buffer = 0x10_0000;
    private const int LongestPiece = 64 * 1024;

    /// <summary>PIPE_BUF: what a pipe that can be written to takes without blocking.</summary>
    private const ulong SurePiece = 4096;
    private const int GetFlags = 3, NonBlocking = 0x800;
    private const short ReadableNow = 1, WritableNow = 4;

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

    /// <summary>Turns the call in hand into a poll(2) of the program's own, and makes it again when that ends.</summary>
    private static void Wait(Tracee tracee, int descriptor, short wanted)
    {
        if (!SystemCalls.HasScratch(tracee))
        {
            return;
        }

        UserRegisters kept = tracee.Registers;
        ulong request = tracee.Addresses.TakeBuffer();
        tracee.PathBuffers.Add(request);
        tracee.Memory.TryWrite(request, (uint)descriptor | ((ulong)(ushort)wanted << 32));
        (tracee.Registers.OrigRax, tracee.Registers.Rdi, tracee.Registers.Rsi, tracee.Registers.Rdx) = ((ulong)Nr.Poll, request, 1, ulong.MaxValue);
        tracee.Store();
        tracee.AtExit = t =>
        {
            t.PathBuffers.Remove(request);
            t.Addresses.GiveBuffer(request);
            long result = (long)t.Registers.Rax;
            t.Registers = kept;
            t.Registers.OrigRax = ulong.MaxValue;
            if (result < 0)
            {
                t.Answer(-Errors.EINTR);
            }
            else
            {
                SystemCalls.Again(t, (Nr)kept.OrigRax);
            }
        };
    }

    /// <summary>Moves a piece between a device and the program's other descriptor, which the supervisor borrows for the time.</summary>
    private void Transfer(Tracee tracee, int from, ulong fromOffset, int to, ulong toOffset, ulong count, FileCall outOf, FileCall into)
    {
        OpenDevice? source = tracee.Descriptors.Find(from), target = tracee.Descriptors.Find(to);
        if (SessionLayout.IsSlot((ulong)(uint)from) || SessionLayout.IsSlot((ulong)(uint)to))
        {
            tracee.Answer(-Errors.EBADF);
            return;
        }

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

        var memory = new SimulatedProcess(1UL << 47, 4096);
        byte[] content = memory.Add(Buffer, LongestPiece);
        if (calls.Kernel.Splice(device.File, source is not null ? outOf : into, memory, Buffer, 0, offset) is { IsError: true } refusal)
        {
            tracee.Answer(SystemCalls.Raw(refusal));
            return;
        }

        int number = source is not null ? to : from, other = BorrowedDescriptor.Take(tracee.Process, number);
        if (other < 0)
        {
            tracee.Answer(-Errors.EBADF);
            return;
        }

        // A pipe that is empty or full is waited for by the program itself: the supervisor has others to serve.
        var request = new Linux.PollRequest { File = other, Wanted = source is not null ? WritableNow : ReadableNow };
        if (Linux.Poll(&request, 1, 0) == 0)
        {
            bool waits = (Linux.SystemCall((nint)Nr.Fcntl, other, GetFlags, 0, 0) & NonBlocking) == 0;
            _ = Linux.Close(other);
            if (!waits)
            {
                tracee.Answer(-Errors.EAGAIN);
                return;
            }

            Wait(tracee, number, request.Wanted);
            return;
        }

        ulong length = Math.Min(count, source is not null ? SurePiece : (ulong)LongestPiece);
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
