using Kmem.Abstractions;
using Kmem.Host.Tracing.Native;

namespace Kmem.Host.Tracing.Calls;

/// <summary>mmap(2) of devices and what follows it. Memory of the machine is mapped for real; all else is closed and traps.</summary>
internal sealed class MappingCalls(SystemCalls calls)
{
    private const ulong Page = 4096;
    private const ulong Anonymous = 0x20, Private = 2, Shared = 1, Fixed = 0x10, FixedNoReplace = 0x10_0000, Low32 = 0x40, NoReserve = 0x4000;
    private const ulong ProtWrite = 2;
    private const int MappingKey = -2;

    /// <summary>Adds the handlers.</summary>
    public void Register(Dictionary<Nr, Action<Tracee>> handlers)
    {
        handlers[Nr.Mmap] = Map;
        handlers[Nr.Munmap] = Unmap;
        handlers[Nr.Mprotect] = Protect;
        handlers[Nr.PkeyMprotect] = Protect;
        handlers[Nr.Mremap] = Move;
        handlers[Nr.Madvise] = t => OnMapping(t, (mapping, _) => mapping.Advise((int)t.Registers.Rdx));
        handlers[Nr.Msync] = t => OnMapping(t, (mapping, _) => mapping.Sync());
        handlers[Nr.Mlock] = t => OnMapping(t, (mapping, _) => mapping.Lock());
        handlers[Nr.Mlock2] = handlers[Nr.Mlock];
        handlers[Nr.Mincore] = t => OnMapping(t, (mapping, length) => Resident(t, mapping, length));
    }

    private static ulong Round(ulong length) => (length + Page - 1) & ~(Page - 1);

    private void Map(Tracee tracee)
    {
        UserRegisters r = tracee.Registers;
        if ((r.R10 & Anonymous) != 0 || tracee.Descriptors.Find((int)r.R8) is not { } device)
        {
            if ((r.R10 & Anonymous) == 0 && SessionLayout.IsSlot(r.R8))
            {
                tracee.Answer(-Errors.EBADF);
            }
            else if ((r.R10 & Fixed) != 0)
            {
                tracee.AtExit = t =>
                {
                    if (t.Registers.Rax is var placed && placed == r.Rdi)
                    {
                        t.Addresses.Remove(placed, Round(r.Rsi));
                    }
                };
            }

            return;
        }

        if (!SystemCalls.HasScratch(tracee))
        {
            return;
        }

        CallResult result = calls.Kernel.Map(device.File, new MapRequest(r.Rdi, r.Rsi, (MapProtection)(r.Rdx & 7), (MapFlags)r.R10, r.R9, (int)r.Rdx), out IMapping? mapping);
        if (result.IsError || mapping is null)
        {
            tracee.Answer(SystemCalls.Raw(result));
            return;
        }

        long address = Place(tracee, mapping, r);
        if (address is < 0 and > -4096)
        {
            mapping.Dispose();
            tracee.Answer(address);
            return;
        }

        tracee.Addresses.Add(new DeviceRange((ulong)address, Round(r.Rsi), new SharedMapping(mapping), 0));
        SystemCalls.AddFilter(tracee, MappingKey, SessionLayout.MappingFilter, calls.Supervisor.Threads);
        tracee.Answer(address);
    }

    /// <summary>Lays a mapping into the program: closed pages first, then the machine's memory over them.</summary>
    private long Place(Tracee tracee, IMapping mapping, in UserRegisters r)
    {
        ulong length = Round(r.Rsi), kind = mapping.IsShared ? Shared : Private;
        IReadOnlyList<MemoryPiece> pieces = calls.Supervisor.Machine.Locate(mapping);
        if (pieces is [{ Offset: 0 } whole] && whole.Length >= length)
        {
            return tracee.Inject(Nr.Mmap, r.Rdi, length, Protection(whole, r.Rdx, mapping), kind | (r.R10 & (Fixed | FixedNoReplace | Low32)), (ulong)calls.Supervisor.SlotOf(whole.File), whole.FileOffset);
        }

        long start = tracee.Inject(Nr.Mmap, r.Rdi, length, 0, Private | Anonymous | NoReserve | (r.R10 & (Fixed | FixedNoReplace | Low32)), ulong.MaxValue, 0);
        if (start is < 0 and > -4096)
        {
            return start;
        }

        foreach (MemoryPiece piece in pieces.Where(p => p.Offset < length))
        {
            long placed = tracee.Inject(Nr.Mmap, (ulong)start + piece.Offset, Math.Min(piece.Length, length - piece.Offset), Protection(piece, r.Rdx, mapping), kind | Fixed, (ulong)calls.Supervisor.SlotOf(piece.File), piece.FileOffset);
            if (placed is < 0 and > -4096)
            {
                tracee.Inject(Nr.Munmap, (ulong)start, length);
                return placed;
            }
        }

        return start;
    }

    /// <summary>Stores into memory that a bus does not write to must be seen, unless they stay in the program's own copy.</summary>
    private static ulong Protection(MemoryPiece piece, ulong wanted, IMapping mapping) => piece.IsWritable || !mapping.IsShared ? wanted & 7 : wanted & 7 & ~ProtWrite;

    private static void Unmap(Tracee tracee)
    {
        if (tracee.Registers.Rdi % Page == 0 && tracee.Registers.Rsi != 0)
        {
            tracee.Addresses.Remove(tracee.Registers.Rdi, Round(tracee.Registers.Rsi));
        }
    }

    private void Protect(Tracee tracee)
    {
        // pkey_mprotect(2) has one more argument, which mprotect(2) does not look at.
        UserRegisters r = tracee.Registers;
        var call = (Nr)r.OrigRax;
        ulong end = r.Rdi + Round(r.Rsi);
        DeviceRange[] touched = [.. tracee.Addresses.Touching(r.Rdi, Round(r.Rsi)).OrderBy(t => t.Start)];
        if (touched.Length == 0 || r.Rdi % Page != 0 || end < r.Rdi)
        {
            return;
        }

        ulong at = r.Rdi;
        foreach (DeviceRange range in touched)
        {
            if (at < range.Start && tracee.Inject(call, at, range.Start - at, r.Rdx, r.R10) is < 0 and var failed)
            {
                tracee.Answer(failed);
                return;
            }

            ulong from = Math.Max(at, range.Start), to = Math.Min(end, range.End);
            IMapping mapping = range.Mapping.Mapping;
            ulong offset = range.Offset + (from - range.Start);
            if (mapping.Protect(offset, to - from, (MapProtection)(r.Rdx & 7)) is var error and not Errno.None)
            {
                tracee.Answer(-(long)error);
                return;
            }

            foreach (MemoryPiece piece in calls.Supervisor.Machine.Locate(mapping))
            {
                ulong first = Math.Max(piece.Offset, offset), last = Math.Min(piece.Offset + piece.Length, offset + (to - from));
                if (first < last)
                {
                    tracee.Inject(call, from + (first - offset), last - first, Protection(piece, r.Rdx, mapping), r.R10);
                }
            }

            at = to;
        }

        tracee.Answer(at < end ? tracee.Inject(call, at, end - at, r.Rdx, r.R10) : 0);
    }

    private void Move(Tracee tracee)
    {
        const ulong MayMove = 1;
        UserRegisters r = tracee.Registers;
        if (tracee.Addresses.Find(r.Rdi) is not { } range)
        {
            if ((r.R10 & 2) != 0)
            {
                tracee.Addresses.Remove(r.R8, Round(r.Rdx));
            }

            return;
        }

        // The simulated kernel decides; the host's then moves or cuts its pages.
        IMapping mapping = range.Mapping.Mapping;
        Errno error = mapping.Resize(range.Offset + (r.Rdi - range.Start) + Round(r.Rdx), (r.R10 & MayMove) != 0);
        if (error != Errno.None)
        {
            tracee.Answer(-(long)error);
            return;
        }

        long result = tracee.Inject(Nr.Mremap, r.Rdi, r.Rsi, r.Rdx, r.R10, r.R8);
        if (result is >= 0 or <= -4096)
        {
            ulong offset = range.Offset + (r.Rdi - range.Start);
            SharedMapping shared = range.Mapping;
            shared.Take();
            tracee.Addresses.Remove(r.Rdi, Round(r.Rsi));
            tracee.Addresses.Add(new DeviceRange((ulong)result, Round(r.Rdx), shared, offset));
            shared.Give();
        }

        tracee.Answer(result);
    }

    private static void OnMapping(Tracee tracee, Func<IMapping, ulong, Errno> call)
    {
        if (tracee.Addresses.Find(tracee.Registers.Rdi) is { } range)
        {
            tracee.Answer(tracee.Registers.Rdi % Page != 0 ? -Errors.EINVAL : -(long)call(range.Mapping.Mapping, tracee.Registers.Rsi));
        }
    }

    private static Errno Resident(Tracee tracee, IMapping mapping, ulong length)
    {
        byte[] pages = new byte[Math.Min(Round(length), mapping.Length) / Page];
        Errno error = mapping.Resident(pages);
        return error != Errno.None ? error : tracee.Memory.Write(tracee.Registers.Rdx, pages) == pages.Length ? Errno.None : Errno.EFAULT;
    }
}
