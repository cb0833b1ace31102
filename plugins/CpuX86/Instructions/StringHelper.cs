using Kmem.Ir;
using Kmem.Plugins.CpuX86.Lifting;
using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.Plugins.CpuX86.Instructions;

/// <summary>Carries out string instructions: whole runs of a page where memory allows, else element by element, a piece at a time.</summary>
/// <remarks>
/// Registers tell after each element how far it came, so that a fault or an interrupt leaves an instruction that goes on where it was.
/// Source: Intel SDM volume 1, 7.3.9 "String Operations"; volume 2, REP.
/// </remarks>
internal static unsafe class StringHelper
{
    /// <summary>Elements after which the instruction looks for interrupts.</summary>
    private const ulong Piece = 4096;

    /// <summary>Does it.</summary>
    public static int Run(X86Cpu cpu, in StringRequest request)
    {
        CpuState* state = cpu.State;
        ulong* slots = state->Slots;
        ulong mask = LiftContext.Mask(request.AddressWidth), count = request.Repeat == 0 ? 1 : slots[X86Slots.Rcx] & mask;
        if (request.Operation is StringOperation.Input or StringOperation.Output && !cpu.MayUsePort((ushort)slots[X86Slots.Rdx], request.Width))
        {
            return (int)ExitReason.Fault;
        }

        if (count == 0)
        {
            return 0;
        }

        bool isDown = (slots[X86Slots.Eflags] & Eflags.Df) != 0;

        // Where each instruction is looked at, each element is one: a trap or breakpoint may come between any two.
        ulong left = Math.Min(count, (cpu.Context & (X86Context.Trap | X86Context.Debug)) != 0 ? 1 : Piece), done = 0;
        bool ends = false, faults = false;
        while (left > 0 && !ends)
        {
            ulong run = !isDown && request.Repeat != 0 ? TryRun(cpu, request, left, mask, ref ends) : 0;
            if (run == 0)
            {
                if (!Step(cpu, request, isDown, mask, ref ends))
                {
                    faults = true;
                    break;
                }

                run = 1;
            }

            left -= run;
            done += run;
            if (request.Repeat != 0)
            {
                Set(slots + X86Slots.Rcx, (slots[X86Slots.Rcx] & mask) - run, request.AddressWidth);
                ends |= (slots[X86Slots.Rcx] & mask) == 0;
            }

            if (state->Attention != 0 && !ends && left > 0 && request.Repeat != 0)
            {
                break;
            }
        }

        // Time passes with the elements, not with the instruction alone.
        state->Budget -= (long)(done >> 3);
        return faults ? (int)ExitReason.Fault : ends || request.Repeat == 0 ? 0 : (int)ExitReason.Again;
    }

    private static bool Step(X86Cpu cpu, in StringRequest request, bool isDown, ulong mask, ref bool ends)
    {
        ulong* slots = cpu.State->Slots;
        ulong source = slots[X86Slots.Rsi] & mask, target = slots[X86Slots.Rdi] & mask;
        int width = request.Width;
        ulong a, b;
        switch (request.Operation)
        {
            case StringOperation.Move:
                if (!cpu.Load(request.Segment, source, width, out a) || !cpu.Store(X86Slots.Es, target, width, a))
                {
                    return false;
                }

                break;
            case StringOperation.Compare:
                if (!cpu.Load(X86Slots.Es, target, width, out b) || !cpu.Load(request.Segment, source, width, out a))
                {
                    return false;
                }

                SetFlags(slots, a, b, width);
                ends = request.Repeat != 0 && (a == b) != (request.Repeat == 1);
                break;
            case StringOperation.Scan:
                if (!cpu.Load(X86Slots.Es, target, width, out b))
                {
                    return false;
                }

                a = slots[X86Slots.Rax] & LiftContext.Mask(width);
                SetFlags(slots, a, b, width);
                ends = request.Repeat != 0 && (a == b) != (request.Repeat == 1);
                break;
            case StringOperation.Load:
                if (!cpu.Load(request.Segment, source, width, out a))
                {
                    return false;
                }

                Set(slots + X86Slots.Rax, a, width);
                break;
            case StringOperation.Store:
                if (!cpu.Store(X86Slots.Es, target, width, slots[X86Slots.Rax]))
                {
                    return false;
                }

                break;
            case StringOperation.Input:
                // The port is read when the element can surely be written.
                if (!cpu.Probe(X86Slots.Es, target, width) || !cpu.Store(X86Slots.Es, target, width, cpu.ReadPort((ushort)slots[X86Slots.Rdx], width)))
                {
                    return false;
                }

                break;
            default:
                if (!cpu.Load(request.Segment, source, width, out a))
                {
                    return false;
                }

                cpu.WritePort((ushort)slots[X86Slots.Rdx], width, a);
                break;
        }

        ulong step = isDown ? (ulong)-width : (ulong)width;
        if (request.Operation is not (StringOperation.Scan or StringOperation.Store or StringOperation.Input))
        {
            Set(slots + X86Slots.Rsi, source + step, request.AddressWidth);
        }

        if (request.Operation is not (StringOperation.Load or StringOperation.Output))
        {
            Set(slots + X86Slots.Rdi, target + step, request.AddressWidth);
        }

        return true;
    }

    /// <summary>Does elements that lie within one page of RAM each side.</summary>
    /// <returns>How many; 0 where an element must go its own way.</returns>
    private static ulong TryRun(X86Cpu cpu, in StringRequest request, ulong count, ulong mask, ref bool ends)
    {
        ulong* slots = cpu.State->Slots;
        ulong width = (ulong)request.Width;
        nint source = 0, target = 0;
        bool reads = request.Operation is StringOperation.Move or StringOperation.Compare;
        if (request.Operation is not (StringOperation.Move or StringOperation.Store or StringOperation.Compare or StringOperation.Scan))
        {
            return 0;
        }

        bool writes = request.Operation is StringOperation.Move or StringOperation.Store;
        if (reads && !Reach(cpu, request.Segment, slots[X86Slots.Rsi] & mask, width, mask, isWrite: false, ref count, out source))
        {
            return 0;
        }

        if (!Reach(cpu, X86Slots.Es, slots[X86Slots.Rdi] & mask, width, mask, writes, ref count, out target))
        {
            return 0;
        }

        ulong done = count;
        nuint bytes = (nuint)(count * width);
        switch (request.Operation)
        {
            case StringOperation.Move:
                if (target > source && target < source + (nint)bytes)
                {
                    // An overlap that repeats what was just written.
                    MoveOverlapping((byte*)source, (byte*)target, count, request.Width);
                }
                else
                {
                    Buffer.MemoryCopy((void*)source, (void*)target, bytes, bytes);
                }

                cpu.Execution.Changed(target, (long)bytes);
                break;
            case StringOperation.Store:
                Fill(target, slots[X86Slots.Rax], count, request.Width);
                cpu.Execution.Changed(target, (long)bytes);
                break;
            case StringOperation.Scan or StringOperation.Compare:
                done = Find(source, target, slots[X86Slots.Rax], count, request, out ulong a, out ulong b, ref ends);
                SetFlags(slots, a, b, request.Width);
                break;
        }

        if (reads)
        {
            Set(slots + X86Slots.Rsi, slots[X86Slots.Rsi] + (done * width), request.AddressWidth);
        }

        Set(slots + X86Slots.Rdi, slots[X86Slots.Rdi] + (done * width), request.AddressWidth);
        return done;
    }

    private static bool Reach(X86Cpu cpu, int segment, ulong offset, ulong width, ulong mask, bool isWrite, ref ulong count, out nint host)
    {
        host = 0;
        if (!cpu.TryLinear(segment, offset, count * width, isWrite, out ulong address))
        {
            return false;
        }

        ulong fits = Math.Min((0x1000 - (address & 0xFFF)) / width, (mask - offset) / width);
        if (fits == 0)
        {
            return false;
        }

        CpuState* state = cpu.State;
        if (!cpu.Execution.Reach(address, isWrite, out host))
        {
            // The element by itself raises the fault again, with everything in its place.
            state->Fault = 0;
            return false;
        }

        count = Math.Min(count, fits);
        return host != 0;
    }

    private static void MoveOverlapping(byte* source, byte* target, ulong count, int width)
    {
        for (ulong i = 0; i < count; i++, source += width, target += width)
        {
            switch (width)
            {
                case 1:
                    *target = *source;
                    break;
                case 2:
                    *(ushort*)target = *(ushort*)source;
                    break;
                case 4:
                    *(uint*)target = *(uint*)source;
                    break;
                default:
                    *(ulong*)target = *(ulong*)source;
                    break;
            }
        }
    }

    private static void Fill(nint target, ulong value, ulong count, int width)
    {
        switch (width)
        {
            case 1:
                new Span<byte>((void*)target, (int)count).Fill((byte)value);
                break;
            case 2:
                new Span<ushort>((void*)target, (int)count).Fill((ushort)value);
                break;
            case 4:
                new Span<uint>((void*)target, (int)count).Fill((uint)value);
                break;
            default:
                new Span<ulong>((void*)target, (int)count).Fill(value);
                break;
        }
    }

    private static ulong Find(nint source, nint target, ulong accumulator, ulong count, in StringRequest request, out ulong a, out ulong b, ref bool ends)
    {
        (a, b) = (0, 0);
        bool whileEqual = request.Repeat == 1;
        for (ulong i = 0; i < count; i++)
        {
            nint offset = (nint)(i * (ulong)request.Width);
            a = request.Operation == StringOperation.Compare ? Read(source + offset, request.Width) : accumulator & LiftContext.Mask(request.Width);
            b = Read(target + offset, request.Width);
            if ((a == b) != whileEqual)
            {
                ends = true;
                return i + 1;
            }
        }

        return count;
    }

    private static ulong Read(nint host, int width) => width switch
    {
        1 => *(byte*)host,
        2 => *(ushort*)host,
        4 => *(uint*)host,
        _ => *(ulong*)host,
    };

    private static void SetFlags(ulong* slots, ulong a, ulong b, int width)
    {
        slots[X86Slots.FlagA] = a;
        slots[X86Slots.FlagB] = b;
        slots[X86Slots.FlagKind] = FlagKernels.Number(FlagKind.Sub, width);
    }

    private static void Set(ulong* slot, ulong value, int width) => *slot = width switch
    {
        1 => (*slot & ~0xFFUL) | (byte)value,
        2 => (*slot & ~0xFFFFUL) | (ushort)value,
        4 => (uint)value,
        _ => value,
    };
}
