using System.Runtime.CompilerServices;

namespace Kmem.Ir;

/// <summary>Runs lifted blocks and follows the links between them.</summary>
public static unsafe class Interpreter
{
    /// <summary>Runs from the beginning of a block until the dispatch loop is needed.</summary>
    /// <param name="state">The CPU.</param>
    /// <param name="block">A block that is valid under the present mode and epoch.</param>
    /// <param name="pageShift">log2 of the page size.</param>
    /// <param name="ignoreEntry">Whether the first block is interpreted although it has translated code.</param>
    /// <returns>Why it stopped; <see cref="CpuState"/> holds the rest.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static ExitReason Run(CpuState* state, CodeBlock* block, int pageShift, bool ignoreEntry)
    {
        ulong* s = state->Slots;
        ulong linearBase = state->LinearBase, linearLength = state->LinearLength, spanLength = state->SpanLength;
        nint linearHost = state->LinearHost;
        TlbEntry* tlb = state->Tlb;
        byte* codeLines = state->CodeLines;
        Successor* successor;

    enter:
        if (block->Entry != 0 && !ignoreEntry)
        {
            state->Next = block;
            state->Pc = block->Pc;
            return ExitReason.Compiled;
        }

        ignoreEntry = false;
        long budget = state->Budget - block->Instructions;
        if (budget < 0)
        {
            state->Next = block;
            state->Pc = block->Pc;
            return ExitReason.Budget;
        }

        if (++block->Executions == state->HotThreshold)
        {
            state->Next = block;
            state->Pc = block->Pc;
            return ExitReason.Hot;
        }

        state->Budget = budget;
        state->Block = block;
        MicroOp* u = block->Operations;
        ulong address;
        nint host;

        while (true)
        {
            switch (u->Code)
            {
                case Uop.Nop: break;
                case Uop.Const: s[u->D] = u->Immediate; break;
                case Uop.Mov: s[u->D] = Kernels.Mov(s[u->A]); break;

                case Uop.Add: s[u->D] = Kernels.Add(s[u->A], s[u->B]); break;
                case Uop.Sub: s[u->D] = Kernels.Sub(s[u->A], s[u->B]); break;
                case Uop.Mul: s[u->D] = Kernels.Mul(s[u->A], s[u->B]); break;
                case Uop.MulHighU: s[u->D] = Kernels.MulHighU(s[u->A], s[u->B]); break;
                case Uop.And: s[u->D] = Kernels.And(s[u->A], s[u->B]); break;
                case Uop.Or: s[u->D] = Kernels.Or(s[u->A], s[u->B]); break;
                case Uop.Xor: s[u->D] = Kernels.Xor(s[u->A], s[u->B]); break;
                case Uop.AndNot: s[u->D] = Kernels.AndNot(s[u->A], s[u->B]); break;
                case Uop.OrNot: s[u->D] = Kernels.OrNot(s[u->A], s[u->B]); break;
                case Uop.XorNot: s[u->D] = Kernels.XorNot(s[u->A], s[u->B]); break;
                case Uop.Shl: s[u->D] = Kernels.Shl(s[u->A], s[u->B]); break;
                case Uop.Shr: s[u->D] = Kernels.Shr(s[u->A], s[u->B]); break;
                case Uop.Sar: s[u->D] = Kernels.Sar(s[u->A], s[u->B]); break;
                case Uop.AddL: s[u->D] = Kernels.AddL(s[u->A], s[u->B]); break;
                case Uop.SubL: s[u->D] = Kernels.SubL(s[u->A], s[u->B]); break;
                case Uop.MulL: s[u->D] = Kernels.MulL(s[u->A], s[u->B]); break;
                case Uop.SetEq: s[u->D] = Kernels.SetEq(s[u->A], s[u->B]); break;
                case Uop.SetLtS: s[u->D] = Kernels.SetLtS(s[u->A], s[u->B]); break;
                case Uop.SetLeS: s[u->D] = Kernels.SetLeS(s[u->A], s[u->B]); break;
                case Uop.SetLtU: s[u->D] = Kernels.SetLtU(s[u->A], s[u->B]); break;
                case Uop.SetLeU: s[u->D] = Kernels.SetLeU(s[u->A], s[u->B]); break;

                case Uop.AddI: s[u->D] = Kernels.Add(s[u->A], u->Immediate); break;
                case Uop.SubI: s[u->D] = Kernels.Sub(s[u->A], u->Immediate); break;
                case Uop.MulI: s[u->D] = Kernels.Mul(s[u->A], u->Immediate); break;
                case Uop.MulHighUI: s[u->D] = Kernels.MulHighU(s[u->A], u->Immediate); break;
                case Uop.AndI: s[u->D] = Kernels.And(s[u->A], u->Immediate); break;
                case Uop.OrI: s[u->D] = Kernels.Or(s[u->A], u->Immediate); break;
                case Uop.XorI: s[u->D] = Kernels.Xor(s[u->A], u->Immediate); break;
                case Uop.AndNotI: s[u->D] = Kernels.AndNot(s[u->A], u->Immediate); break;
                case Uop.OrNotI: s[u->D] = Kernels.OrNot(s[u->A], u->Immediate); break;
                case Uop.XorNotI: s[u->D] = Kernels.XorNot(s[u->A], u->Immediate); break;
                case Uop.ShlI: s[u->D] = Kernels.Shl(s[u->A], u->Immediate); break;
                case Uop.ShrI: s[u->D] = Kernels.Shr(s[u->A], u->Immediate); break;
                case Uop.SarI: s[u->D] = Kernels.Sar(s[u->A], u->Immediate); break;
                case Uop.AddLI: s[u->D] = Kernels.AddL(s[u->A], u->Immediate); break;
                case Uop.SubLI: s[u->D] = Kernels.SubL(s[u->A], u->Immediate); break;
                case Uop.MulLI: s[u->D] = Kernels.MulL(s[u->A], u->Immediate); break;
                case Uop.SetEqI: s[u->D] = Kernels.SetEq(s[u->A], u->Immediate); break;
                case Uop.SetLtSI: s[u->D] = Kernels.SetLtS(s[u->A], u->Immediate); break;
                case Uop.SetLeSI: s[u->D] = Kernels.SetLeS(s[u->A], u->Immediate); break;
                case Uop.SetLtUI: s[u->D] = Kernels.SetLtU(s[u->A], u->Immediate); break;
                case Uop.SetLeUI: s[u->D] = Kernels.SetLeU(s[u->A], u->Immediate); break;

                case Uop.Add32: s[u->D] = Kernels.Add32(s[u->A], s[u->B]); break;
                case Uop.Sub32: s[u->D] = Kernels.Sub32(s[u->A], s[u->B]); break;
                case Uop.And32: s[u->D] = Kernels.And32(s[u->A], s[u->B]); break;
                case Uop.Or32: s[u->D] = Kernels.Or32(s[u->A], s[u->B]); break;
                case Uop.Xor32: s[u->D] = Kernels.Xor32(s[u->A], s[u->B]); break;
                case Uop.Shl32: s[u->D] = Kernels.Shl32(s[u->A], s[u->B]); break;
                case Uop.Shr32: s[u->D] = Kernels.Shr32(s[u->A], s[u->B]); break;
                case Uop.Sar32: s[u->D] = Kernels.Sar32(s[u->A], s[u->B]); break;
                case Uop.Mul32: s[u->D] = Kernels.Mul32(s[u->A], s[u->B]); break;
                case Uop.SetEq32: s[u->D] = Kernels.SetEq32(s[u->A], s[u->B]); break;
                case Uop.SetLtS32: s[u->D] = Kernels.SetLtS32(s[u->A], s[u->B]); break;
                case Uop.SetLeS32: s[u->D] = Kernels.SetLeS32(s[u->A], s[u->B]); break;
                case Uop.SetLtU32: s[u->D] = Kernels.SetLtU32(s[u->A], s[u->B]); break;
                case Uop.SetLeU32: s[u->D] = Kernels.SetLeU32(s[u->A], s[u->B]); break;
                case Uop.Rol: s[u->D] = Kernels.Rol(s[u->A], s[u->B]); break;
                case Uop.Ror: s[u->D] = Kernels.Ror(s[u->A], s[u->B]); break;
                case Uop.Rol32: s[u->D] = Kernels.Rol32(s[u->A], s[u->B]); break;
                case Uop.Ror32: s[u->D] = Kernels.Ror32(s[u->A], s[u->B]); break;
                case Uop.MulHighS: s[u->D] = Kernels.MulHighS(s[u->A], s[u->B]); break;
                case Uop.Insert8: s[u->D] = Kernels.Insert8(s[u->A], s[u->B]); break;
                case Uop.Insert8H: s[u->D] = Kernels.Insert8H(s[u->A], s[u->B]); break;
                case Uop.Insert16: s[u->D] = Kernels.Insert16(s[u->A], s[u->B]); break;
                case Uop.Add32I: s[u->D] = Kernels.Add32(s[u->A], u->Immediate); break;
                case Uop.Sub32I: s[u->D] = Kernels.Sub32(s[u->A], u->Immediate); break;
                case Uop.And32I: s[u->D] = Kernels.And32(s[u->A], u->Immediate); break;
                case Uop.Or32I: s[u->D] = Kernels.Or32(s[u->A], u->Immediate); break;
                case Uop.Xor32I: s[u->D] = Kernels.Xor32(s[u->A], u->Immediate); break;
                case Uop.Shl32I: s[u->D] = Kernels.Shl32(s[u->A], u->Immediate); break;
                case Uop.Shr32I: s[u->D] = Kernels.Shr32(s[u->A], u->Immediate); break;
                case Uop.Sar32I: s[u->D] = Kernels.Sar32(s[u->A], u->Immediate); break;
                case Uop.Mul32I: s[u->D] = Kernels.Mul32(s[u->A], u->Immediate); break;
                case Uop.SetEq32I: s[u->D] = Kernels.SetEq32(s[u->A], u->Immediate); break;
                case Uop.SetLtS32I: s[u->D] = Kernels.SetLtS32(s[u->A], u->Immediate); break;
                case Uop.SetLeS32I: s[u->D] = Kernels.SetLeS32(s[u->A], u->Immediate); break;
                case Uop.SetLtU32I: s[u->D] = Kernels.SetLtU32(s[u->A], u->Immediate); break;
                case Uop.SetLeU32I: s[u->D] = Kernels.SetLeU32(s[u->A], u->Immediate); break;
                case Uop.RolI: s[u->D] = Kernels.Rol(s[u->A], u->Immediate); break;
                case Uop.RorI: s[u->D] = Kernels.Ror(s[u->A], u->Immediate); break;
                case Uop.Rol32I: s[u->D] = Kernels.Rol32(s[u->A], u->Immediate); break;
                case Uop.Ror32I: s[u->D] = Kernels.Ror32(s[u->A], u->Immediate); break;
                case Uop.MulHighSI: s[u->D] = Kernels.MulHighS(s[u->A], u->Immediate); break;
                case Uop.Insert8I: s[u->D] = Kernels.Insert8(s[u->A], u->Immediate); break;
                case Uop.Insert8HI: s[u->D] = Kernels.Insert8H(s[u->A], u->Immediate); break;
                case Uop.Insert16I: s[u->D] = Kernels.Insert16(s[u->A], u->Immediate); break;

                case Uop.ShlAdd: s[u->D] = Kernels.ShlAdd(s[u->A], s[u->B], u->Immediate); break;
                case Uop.ShlSub: s[u->D] = Kernels.ShlSub(s[u->A], s[u->B], u->Immediate); break;
                case Uop.ShlAddL: s[u->D] = Kernels.ShlAddL(s[u->A], s[u->B], u->Immediate); break;
                case Uop.ShlSubL: s[u->D] = Kernels.ShlSubL(s[u->A], s[u->B], u->Immediate); break;

                case Uop.CmovEq: s[u->D] = Kernels.IsEq(s[u->A]) ? s[u->B] : s[u->D]; break;
                case Uop.CmovNe: s[u->D] = Kernels.IsNe(s[u->A]) ? s[u->B] : s[u->D]; break;
                case Uop.CmovLt: s[u->D] = Kernels.IsLt(s[u->A]) ? s[u->B] : s[u->D]; break;
                case Uop.CmovGe: s[u->D] = Kernels.IsGe(s[u->A]) ? s[u->B] : s[u->D]; break;
                case Uop.CmovLe: s[u->D] = Kernels.IsLe(s[u->A]) ? s[u->B] : s[u->D]; break;
                case Uop.CmovGt: s[u->D] = Kernels.IsGt(s[u->A]) ? s[u->B] : s[u->D]; break;
                case Uop.CmovLbs: s[u->D] = Kernels.IsLbs(s[u->A]) ? s[u->B] : s[u->D]; break;
                case Uop.CmovLbc: s[u->D] = Kernels.IsLbc(s[u->A]) ? s[u->B] : s[u->D]; break;

                case Uop.Sext8: s[u->D] = Kernels.Sext8(s[u->A]); break;
                case Uop.Sext16: s[u->D] = Kernels.Sext16(s[u->A]); break;
                case Uop.Sext32: s[u->D] = Kernels.Sext32(s[u->A]); break;
                case Uop.Zext8: s[u->D] = Kernels.Zext8(s[u->A]); break;
                case Uop.Zext16: s[u->D] = Kernels.Zext16(s[u->A]); break;
                case Uop.Zext32: s[u->D] = Kernels.Zext32(s[u->A]); break;

                case Uop.Load8:
                    address = s[u->A] + u->Immediate;
                    if (MemoryKernels.InWindow(address - linearBase, linearLength, 0))
                    {
                        s[u->D] = MemoryKernels.Read8(linearHost + (nint)(address - linearBase));
                        break;
                    }

                    if (!Reach(tlb, address, pageShift, 1, u, out host))
                    {
                        goto load;
                    }

                    s[u->D] = MemoryKernels.Read8(host);
                    break;
                case Uop.Load16:
                    address = s[u->A] + u->Immediate;
                    if (MemoryKernels.InWindow(address - linearBase, linearLength, 1))
                    {
                        s[u->D] = MemoryKernels.Read16(linearHost + (nint)(address - linearBase));
                        break;
                    }

                    if (!Reach(tlb, address, pageShift, 2, u, out host))
                    {
                        goto load;
                    }

                    s[u->D] = MemoryKernels.Read16(host);
                    break;
                case Uop.Load32:
                    address = s[u->A] + u->Immediate;
                    if (MemoryKernels.InWindow(address - linearBase, linearLength, 2))
                    {
                        s[u->D] = MemoryKernels.Read32(linearHost + (nint)(address - linearBase));
                        break;
                    }

                    if (!Reach(tlb, address, pageShift, 4, u, out host))
                    {
                        goto load;
                    }

                    s[u->D] = MemoryKernels.Read32(host);
                    break;
                case Uop.Load32S:
                    address = s[u->A] + u->Immediate;
                    if (MemoryKernels.InWindow(address - linearBase, linearLength, 2))
                    {
                        s[u->D] = MemoryKernels.Read32S(linearHost + (nint)(address - linearBase));
                        break;
                    }

                    if (!Reach(tlb, address, pageShift, 4, u, out host))
                    {
                        goto load;
                    }

                    s[u->D] = MemoryKernels.Read32S(host);
                    break;
                case Uop.Load64:
                    address = s[u->A] + u->Immediate;
                    if (MemoryKernels.InWindow(address - linearBase, linearLength, 3))
                    {
                        s[u->D] = MemoryKernels.Read64(linearHost + (nint)(address - linearBase));
                        break;
                    }

                    if (!Reach(tlb, address, pageShift, 8, u, out host))
                    {
                        goto load;
                    }

                    s[u->D] = MemoryKernels.Read64(host);
                    break;

                case Uop.Store8:
                    address = s[u->A] + u->Immediate;
                    if (!ReachForStore(tlb, address, linearBase, linearLength, linearHost, pageShift, 0, u, out host) || MemoryKernels.HitsCode(codeLines, host))
                    {
                        goto store;
                    }

                    MemoryKernels.Write8(host, s[u->B]);
                    break;
                case Uop.Store16:
                    address = s[u->A] + u->Immediate;
                    if (!ReachForStore(tlb, address, linearBase, linearLength, linearHost, pageShift, 1, u, out host) || MemoryKernels.HitsCode(codeLines, host))
                    {
                        goto store;
                    }

                    MemoryKernels.Write16(host, s[u->B]);
                    break;
                case Uop.Store32:
                    address = s[u->A] + u->Immediate;
                    if (!ReachForStore(tlb, address, linearBase, linearLength, linearHost, pageShift, 2, u, out host) || MemoryKernels.HitsCode(codeLines, host))
                    {
                        goto store;
                    }

                    MemoryKernels.Write32(host, s[u->B]);
                    break;
                case Uop.Store64:
                    address = s[u->A] + u->Immediate;
                    if (!ReachForStore(tlb, address, linearBase, linearLength, linearHost, pageShift, 3, u, out host) || MemoryKernels.HitsCode(codeLines, host))
                    {
                        goto store;
                    }

                    MemoryKernels.Write64(host, s[u->B]);
                    break;

                case Uop.Load16U:
                    address = s[u->A] + u->Immediate;
                    if (!ReachUnaligned(tlb, address, linearBase, spanLength, linearHost, pageShift, 2, u, out host))
                    {
                        goto load;
                    }

                    s[u->D] = MemoryKernels.Read16(host);
                    break;
                case Uop.Load32U:
                    address = s[u->A] + u->Immediate;
                    if (!ReachUnaligned(tlb, address, linearBase, spanLength, linearHost, pageShift, 4, u, out host))
                    {
                        goto load;
                    }

                    s[u->D] = MemoryKernels.Read32(host);
                    break;
                case Uop.Load64U:
                    address = s[u->A] + u->Immediate;
                    if (!ReachUnaligned(tlb, address, linearBase, spanLength, linearHost, pageShift, 8, u, out host))
                    {
                        goto load;
                    }

                    s[u->D] = MemoryKernels.Read64(host);
                    break;
                case Uop.Store16U:
                    address = s[u->A] + u->Immediate;
                    if (!ReachUnalignedForStore(tlb, address, linearBase, spanLength, linearHost, pageShift, 2, u, out host) || MemoryKernels.HitsCode(codeLines, host, 2))
                    {
                        goto store;
                    }

                    MemoryKernels.Write16(host, s[u->B]);
                    break;
                case Uop.Store32U:
                    address = s[u->A] + u->Immediate;
                    if (!ReachUnalignedForStore(tlb, address, linearBase, spanLength, linearHost, pageShift, 4, u, out host) || MemoryKernels.HitsCode(codeLines, host, 4))
                    {
                        goto store;
                    }

                    MemoryKernels.Write32(host, s[u->B]);
                    break;
                case Uop.Store64U:
                    address = s[u->A] + u->Immediate;
                    if (!ReachUnalignedForStore(tlb, address, linearBase, spanLength, linearHost, pageShift, 8, u, out host) || MemoryKernels.HitsCode(codeLines, host, 8))
                    {
                        goto store;
                    }

                    MemoryKernels.Write64(host, s[u->B]);
                    break;
                case Uop.Probe:
                    address = s[u->A] + u->Immediate;
                    if (!ReachUnalignedForStore(tlb, address, 0, 0, 0, pageShift, 1, u, out host))
                    {
                        u->Site |= SiteFlags.Slow;
                        state->Current = u;
                        if (!state->SlowStore(state, address, 0, 0))
                        {
                            return ExitReason.Fault;
                        }
                    }

                    break;

                case Uop.Limit:
                    if (s[u->A] + (byte)u->Immediate > s[u->B])
                    {
                        u->Site |= SiteFlags.Slow;
                        state->Current = u;
                        if (GuestKernels.HelperPointers[u->Immediate >> 32](state, s[u->A], u->Immediate) is var denied and not 0)
                        {
                            return (ExitReason)denied;
                        }
                    }

                    break;

                case Uop.Pure3: s[u->D] = GuestKernels.Pure3Pointers[(uint)u->Immediate](s[u->A], s[u->B], s[u->Immediate >> 32]); break;
                case Uop.Pure: s[u->D] = GuestKernels.PurePointers[u->Immediate](s[u->A], s[u->B]); break;

                case Uop.Guarded:
                    if (!Guarded(state, u))
                    {
                        return ExitReason.Fault;
                    }

                    break;

                case Uop.Helper:
                    state->Current = u;
                    if (GuestKernels.HelperPointers[u->B](state, s[u->A], u->Immediate) is var reason and not 0)
                    {
                        return (ExitReason)reason;
                    }

                    if (state->Attention != 0)
                    {
                        return ExitReason.Attention;
                    }

                    break;

                case Uop.Count: s[u->D] = state->ExecutedAtZero - (ulong)state->Budget - u->Immediate; break;

                case Uop.Jump: successor = &block->Successor0; goto follow;
                case Uop.BranchEq: successor = Kernels.IsEq(s[u->A]) ? &block->Successor1 : &block->Successor0; goto follow;
                case Uop.BranchNe: successor = Kernels.IsNe(s[u->A]) ? &block->Successor1 : &block->Successor0; goto follow;
                case Uop.BranchLt: successor = Kernels.IsLt(s[u->A]) ? &block->Successor1 : &block->Successor0; goto follow;
                case Uop.BranchGe: successor = Kernels.IsGe(s[u->A]) ? &block->Successor1 : &block->Successor0; goto follow;
                case Uop.BranchLe: successor = Kernels.IsLe(s[u->A]) ? &block->Successor1 : &block->Successor0; goto follow;
                case Uop.BranchGt: successor = Kernels.IsGt(s[u->A]) ? &block->Successor1 : &block->Successor0; goto follow;
                case Uop.BranchLbs: successor = Kernels.IsLbs(s[u->A]) ? &block->Successor1 : &block->Successor0; goto follow;
                case Uop.BranchLbc: successor = Kernels.IsLbc(s[u->A]) ? &block->Successor1 : &block->Successor0; goto follow;

                case Uop.BranchIfEq: successor = Kernels.IfEq(s[u->A], s[u->B]) ? &block->Successor1 : &block->Successor0; goto follow;
                case Uop.BranchIfEqI: successor = Kernels.IfEq(s[u->A], u->Immediate) ? &block->Successor1 : &block->Successor0; goto follow;
                case Uop.BranchIfEq32: successor = Kernels.IfEq32(s[u->A], s[u->B]) ? &block->Successor1 : &block->Successor0; goto follow;
                case Uop.BranchIfEq32I: successor = Kernels.IfEq32(s[u->A], u->Immediate) ? &block->Successor1 : &block->Successor0; goto follow;
                case Uop.BranchIfNe: successor = Kernels.IfNe(s[u->A], s[u->B]) ? &block->Successor1 : &block->Successor0; goto follow;
                case Uop.BranchIfNeI: successor = Kernels.IfNe(s[u->A], u->Immediate) ? &block->Successor1 : &block->Successor0; goto follow;
                case Uop.BranchIfNe32: successor = Kernels.IfNe32(s[u->A], s[u->B]) ? &block->Successor1 : &block->Successor0; goto follow;
                case Uop.BranchIfNe32I: successor = Kernels.IfNe32(s[u->A], u->Immediate) ? &block->Successor1 : &block->Successor0; goto follow;
                case Uop.BranchIfLtS: successor = Kernels.IfLtS(s[u->A], s[u->B]) ? &block->Successor1 : &block->Successor0; goto follow;
                case Uop.BranchIfLtSI: successor = Kernels.IfLtS(s[u->A], u->Immediate) ? &block->Successor1 : &block->Successor0; goto follow;
                case Uop.BranchIfLtS32: successor = Kernels.IfLtS32(s[u->A], s[u->B]) ? &block->Successor1 : &block->Successor0; goto follow;
                case Uop.BranchIfLtS32I: successor = Kernels.IfLtS32(s[u->A], u->Immediate) ? &block->Successor1 : &block->Successor0; goto follow;
                case Uop.BranchIfGeS: successor = Kernels.IfGeS(s[u->A], s[u->B]) ? &block->Successor1 : &block->Successor0; goto follow;
                case Uop.BranchIfGeSI: successor = Kernels.IfGeS(s[u->A], u->Immediate) ? &block->Successor1 : &block->Successor0; goto follow;
                case Uop.BranchIfGeS32: successor = Kernels.IfGeS32(s[u->A], s[u->B]) ? &block->Successor1 : &block->Successor0; goto follow;
                case Uop.BranchIfGeS32I: successor = Kernels.IfGeS32(s[u->A], u->Immediate) ? &block->Successor1 : &block->Successor0; goto follow;
                case Uop.BranchIfLtU: successor = Kernels.IfLtU(s[u->A], s[u->B]) ? &block->Successor1 : &block->Successor0; goto follow;
                case Uop.BranchIfLtUI: successor = Kernels.IfLtU(s[u->A], u->Immediate) ? &block->Successor1 : &block->Successor0; goto follow;
                case Uop.BranchIfLtU32: successor = Kernels.IfLtU32(s[u->A], s[u->B]) ? &block->Successor1 : &block->Successor0; goto follow;
                case Uop.BranchIfLtU32I: successor = Kernels.IfLtU32(s[u->A], u->Immediate) ? &block->Successor1 : &block->Successor0; goto follow;
                case Uop.BranchIfGeU: successor = Kernels.IfGeU(s[u->A], s[u->B]) ? &block->Successor1 : &block->Successor0; goto follow;
                case Uop.BranchIfGeUI: successor = Kernels.IfGeU(s[u->A], u->Immediate) ? &block->Successor1 : &block->Successor0; goto follow;
                case Uop.BranchIfGeU32: successor = Kernels.IfGeU32(s[u->A], s[u->B]) ? &block->Successor1 : &block->Successor0; goto follow;
                case Uop.BranchIfGeU32I: successor = Kernels.IfGeU32(s[u->A], u->Immediate) ? &block->Successor1 : &block->Successor0; goto follow;

                case Uop.JumpTo:
                    address = s[u->A];
                    for (int i = 0; i < CodeBlock.SuccessorCount; i++)
                    {
                        successor = &block->Successor0 + i;
                        if (successor->Pc == address && successor->Target != null)
                        {
                            goto follow;
                        }
                    }

                    state->Pc = address;
                    return ExitReason.Indirect;

                case Uop.ExitHelper:
                    state->Current = u;
                    return GuestKernels.HelperPointers[u->B](state, s[u->A], u->Immediate) is var left and not 0 ? (ExitReason)left : ExitReason.Indirect;

                case Uop.Stop:
                    state->Pc = u->Immediate;
                    return ExitReason.Indirect;

                default:
                    throw new InvalidOperationException($"The micro-op {u->Code} can't be run.");
            }

            u++;
            continue;

        load:
            state->Current = u;
            if (!SlowLoad(state, u, address))
            {
                return ExitReason.Fault;
            }

            // A miss that has found the window is none of the site's habits.
            bool wasInside = address - linearBase < linearLength;
            (linearBase, linearLength, linearHost, spanLength) = (state->LinearBase, state->LinearLength, state->LinearHost, state->SpanLength);
            if (wasInside || address - linearBase >= linearLength)
            {
                u->Site |= IsPage(MemoryKernels.Entry(tlb, address, pageShift)->Read, address, pageShift) ? SiteFlags.Tlb : SiteFlags.Slow;
            }


            if (state->Attention != 0)
            {
                return ExitReason.Attention;
            }

            u++;
            continue;

        store:
            state->Current = u;
            bool changesCode = MemoryKernels.InWindow(address - linearBase, linearLength, 0) || IsPage(MemoryKernels.Entry(tlb, address, pageShift)->Write, address, pageShift);
            if (!state->SlowStore(state, address, UopTable.WidthOf(u->Code), s[u->B]))
            {
                return ExitReason.Fault;
            }

            TlbEntry* filled = MemoryKernels.Entry(tlb, address, pageShift);
            bool wasMiss = !changesCode && IsPage(filled->Write, address, pageShift) && !MemoryKernels.HitsCode(codeLines, (nint)address + filled->Addend);
            (linearBase, linearLength, linearHost, spanLength) = (state->LinearBase, state->LinearLength, state->LinearHost, state->SpanLength);
            if (!wasMiss || address - linearBase >= linearLength)
            {
                u->Site |= wasMiss ? SiteFlags.Tlb : SiteFlags.Slow;
            }


            if (state->Attention != 0)
            {
                return ExitReason.Attention;
            }

            u++;
        }

    follow:
        CodeBlock* next = successor->Target;
        if (next == null || ((next->Epoch ^ state->Epoch) & next->EpochMask) != 0)
        {
            state->Successor = successor;
            state->Pc = successor->Pc;
            return ExitReason.Link;
        }

        block = next;
        goto enter;
    }

    /// <summary>Whether a tag gives direct access to an address's page: a slow path that ends so was a miss, and need not be slow again.</summary>
    private static bool IsPage(ulong tag, ulong address, int pageShift) => tag == (address & (~0UL << pageShift));

    /// <summary>Carries out one load by the slow path.</summary>
    public static bool SlowLoad(CpuState* state, MicroOp* operation, ulong address)
    {
        ulong value = 0;
        if (!state->SlowLoad(state, address, UopTable.WidthOf(operation->Code), &value))
        {
            return false;
        }

        state->Slots[operation->D] = operation->Code == Uop.Load32S ? Kernels.Sext32(value) : value;
        return true;
    }

    /// <summary>Calls the helper of a guarded micro-op, which does the whole instruction.</summary>
    /// <param name="state">The CPU.</param>
    /// <param name="immediate">The micro-op's immediate.</param>
    /// <returns>0, or the reason to leave the block.</returns>
    public static int CallGuarded(CpuState* state, ulong immediate) => GuestKernels.GuardedPointers[(uint)immediate].Helper(state, immediate >> 32);

    private static bool Guarded(CpuState* state, MicroOp* operation)
    {
        ulong* s = state->Slots;
        GuardedPointers* kernel = GuestKernels.GuardedPointers + (uint)operation->Immediate;
        double a = BitConverter.UInt64BitsToDouble(s[operation->A]), b = BitConverter.UInt64BitsToDouble(s[operation->B]), value = kernel->Value(a, b);
        if (kernel->Guard(a, b, value, s[kernel->ControlSlot]))
        {
            s[operation->D] = BitConverter.DoubleToUInt64Bits(value);
            return true;
        }

        state->Current = operation;
        return kernel->Helper(state, operation->Immediate >> 32) == 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool Reach(TlbEntry* tlb, ulong address, int pageShift, int width, MicroOp* operation, out nint host)
    {
        TlbEntry* entry = MemoryKernels.Entry(tlb, address, pageShift);
        host = (nint)address + entry->Addend;
        if (!MemoryKernels.Hits(entry->Read, address, pageShift, width))
        {
            return false;
        }

        operation->Site |= SiteFlags.Tlb;
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool ReachForStore(TlbEntry* tlb, ulong address, ulong linearBase, ulong linearLength, nint linearHost, int pageShift, int log2, MicroOp* operation, out nint host)
    {
        ulong offset = address - linearBase;
        host = linearHost + (nint)offset;
        if (MemoryKernels.InWindow(offset, linearLength, log2))
        {
            return true;
        }

        TlbEntry* entry = MemoryKernels.Entry(tlb, address, pageShift);
        host = (nint)address + entry->Addend;
        if (!MemoryKernels.Hits(entry->Write, address, pageShift, 1 << log2))
        {
            return false;
        }

        operation->Site |= SiteFlags.Tlb;
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool ReachUnaligned(TlbEntry* tlb, ulong address, ulong linearBase, ulong linearLength, nint linearHost, int pageShift, int width, MicroOp* operation, out nint host)
    {
        ulong offset = address - linearBase;
        host = linearHost + (nint)offset;
        if (offset < linearLength)
        {
            return true;
        }

        TlbEntry* entry = MemoryKernels.Entry(tlb, address, pageShift);
        host = (nint)address + entry->Addend;
        if (!MemoryKernels.HitsUnaligned(entry->Read, address, pageShift, width))
        {
            return false;
        }

        operation->Site |= SiteFlags.Tlb;
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool ReachUnalignedForStore(TlbEntry* tlb, ulong address, ulong linearBase, ulong linearLength, nint linearHost, int pageShift, int width, MicroOp* operation, out nint host)
    {
        ulong offset = address - linearBase;
        host = linearHost + (nint)offset;
        if (offset < linearLength)
        {
            return true;
        }

        TlbEntry* entry = MemoryKernels.Entry(tlb, address, pageShift);
        host = (nint)address + entry->Addend;
        if (!MemoryKernels.HitsUnaligned(entry->Write, address, pageShift, width))
        {
            return false;
        }

        operation->Site |= SiteFlags.Tlb;
        return true;
    }
}
