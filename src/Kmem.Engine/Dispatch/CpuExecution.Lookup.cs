using Kmem.Abstractions;
using Kmem.Engine.Code;
using Kmem.Engine.Translation;
using Kmem.Ir;

namespace Kmem.Engine;

/// <content>Finding and lifting blocks.</content>
public sealed unsafe partial class CpuExecution : ICodeSource
{
    private readonly byte[] _fetched = new byte[16];
    private CodeBlock* _uncached;
    /// <summary>Values of <see cref="CodeBlock.NextPhysical"/>: none, and one that can't be fetched from.</summary>
    private const ulong NoPage = ulong.MaxValue, FaultingPage = ulong.MaxValue - 1;

    private ulong _liftedPc, _nextPhysical;
    private nint _nextHost;
    private uint _nextMask;
    private nint _codeHost;
    private int _codeLength;

    /// <summary>The block at an address in the present mode, lifted when there is none; null when the fetch faults, which is then in the state.</summary>
    private CodeBlock* Lookup(ulong pc)
    {
        Note(pc);
        CodeBlock** jump = State->Jumps + CpuState.JumpIndex(pc);
        CodeBlock* block = *jump;
        if (block != null && block->Pc == pc && block->Context == State->Context && ((block->Epoch ^ State->Epoch) & block->EpochMask) == 0)
        {
            return block;
        }

        TranslatedAddress translation = _cpu.Translate(pc, MemoryAccess.Fetch);
        if (translation.Fault != 0)
        {
            State->Pc = pc;
            _cpu.RaiseMemoryFault(pc, MemoryAccess.Fetch, 4, translation, AccessResult.Ok);
            return null;
        }

        // What was here in another epoch is nearly always here still: no need to look for it.
        if (block == null || block->Pc != pc || block->Physical != translation.Physical || block->Context != State->Context || block->Epoch == CodeCache.DeadEpoch)
        {
            block = _cache.Find(pc, translation.Physical, State->Context);
        }

        uint mask = MaskOf(pc, translation);
        if (block != null && block->NextPhysical != NoPage && !EndsWhereItDid(block, ref mask))
        {
            block = null;
        }

        if (block != null)
        {
            Revalidate(block, mask);
        }
        else
        {
            block = Lift(pc, translation, mask);
            if (block == null || block == _uncached)
            {
                return block;
            }
        }

        *jump = block;
        return block;
    }

    int ICodeSource.Read(int offset, Span<byte> destination)
    {
        int length = Math.Min(destination.Length, _codeLength - offset);
        if (length <= 0)
        {
            return 0;
        }

        if (_codeHost != 0)
        {
            new ReadOnlySpan<byte>((void*)(_codeHost + offset), length).CopyTo(destination);
        }
        else
        {
            _fetched.AsSpan(offset, length).CopyTo(destination);
        }

        return length;
    }

    bool ICodeSource.ReadNextPage(Span<byte> destination)
    {
        ulong page = (_liftedPc & _pageMask) + ~_pageMask + 1;
        TranslatedAddress translation = _cpu.Translate(page, MemoryAccess.Fetch);
        _nextPhysical = FaultingPage;
        if (translation.Fault != 0)
        {
            return false;
        }

        _nextMask = MaskOf(page, translation);

        var attributes = new AccessAttributes(_cpu.Master);
        if (_space.TryGetDirect(translation.Physical, write: false, attributes, out DirectMemory memory) && memory.Length >= (ulong)destination.Length)
        {
            new ReadOnlySpan<byte>((void*)memory.Pointer, destination.Length).CopyTo(destination);
            (_nextPhysical, _nextHost) = (translation.Physical, _map.Covers(memory.Pointer) ? memory.Pointer : 0);
            return true;
        }

        (_nextPhysical, _nextHost) = (translation.Physical, 0);
        return _space.ReadBlock(translation.Physical, destination, attributes, out int done) == AccessResult.Ok || done == destination.Length;
    }

    private bool EndsWhereItDid(CodeBlock* block, ref uint mask)
    {
        ulong page = (block->Pc & _pageMask) + ~_pageMask + 1;
        if (_cpu.Translate(page, MemoryAccess.Fetch) is not { Fault: 0 } translation || translation.Physical != block->NextPhysical)
        {
            return false;
        }

        mask |= MaskOf(page, translation);
        return true;
    }

    /// <summary>Takes a block into the present epoch, and its region too if all of its pages still lie where they did.</summary>
    private void Revalidate(CodeBlock* block, uint mask)
    {
        (block->Epoch, block->EpochMask) = (State->Epoch, mask);
        if (block->Entry != 0 && mask != 0 && !LiesWhereItDid(_cache.RegionAt(block->Entry), block->Pc, mask))
        {
            _cache.Remove(_cache.RegionAt(block->Entry));
        }
    }

    /// <summary>Whether all pages of a region lie where they did when it was formed, and none may change when that of its head, which has been found to, does not.</summary>
    private bool LiesWhereItDid(Region region, ulong head, uint mask)
    {
        foreach ((ulong address, ulong physical) in region.Pages)
        {
            if (((address ^ head) & _pageMask) != 0
                && (_cpu.Translate(address, MemoryAccess.Fetch) is not { Fault: 0 } translation || translation.Physical != physical || (MaskOf(address, translation) & ~mask) != 0))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Lifts a block.</summary>
    /// <param name="pc">Virtual address of its first instruction.</param>
    /// <param name="translation">Where that leads.</param>
    /// <param name="mask">Bits of the epoch that count for it.</param>
    /// <param name="limit">Most instructions; a block with fewer than usual is not kept.</param>
    private CodeBlock* Lift(ulong pc, TranslatedAddress translation, uint mask, int limit = int.MaxValue)
    {
        ulong physical = translation.Physical;
        int toPageEnd = (int)((~pc & ~_pageMask) + 1);
        var attributes = new AccessAttributes(_cpu.Master);
        bool isCached = _space.TryGetDirect(physical, write: false, attributes, out DirectMemory memory);
        if (isCached)
        {
            (_codeHost, _codeLength) = (memory.Pointer, (int)Math.Min((ulong)toPageEnd, memory.Length));
            isCached = _map.Covers(memory.Pointer);
        }
        else
        {
            (_codeHost, _codeLength) = (0, Math.Min(toPageEnd, _fetched.Length));
            AccessResult result = _space.ReadBlock(physical, _fetched.AsSpan(0, _codeLength), attributes, out int done);
            if (done == 0)
            {
                State->Pc = pc;
                _cpu.RaiseMemoryFault(pc, MemoryAccess.Fetch, 4, translation, result);
                return null;
            }

            _codeLength = done;
        }

        _builder.Clear();
        (_liftedPc, _nextPhysical, _nextHost, _nextMask) = (pc, NoPage, 0, 0);
        int length = _cpu.Lift(_builder, pc, State->Context, this, isCached ? Math.Min(limit, _cpu.Model.BlockLimit) : 1);
        isCached &= limit == int.MaxValue;
        (MicroOp[] operations, InstructionMark[] marks) = _builder.Finish();
        if (_nextPhysical != NoPage && (_nextPhysical == FaultingPage || _nextHost == 0))
        {
            isCached = false;
        }

        if (_cpu.Model.Optimizes)
        {
            (operations, marks) = Optimizer.Run(operations, marks, _cpu.Model.RegisterCount);
        }

        if (_options.Verify && Verifier.Check(operations, marks, _cpu.Model.RegisterCount, _cpu.Model.ScratchSlot).Concat(_builder.StaleAliases).ToArray() is { Length: > 0 } errors)
        {
            throw new InvalidOperationException($"The block at 0x{pc:x} is lifted wrongly: {string.Join("; ", errors)}\n{Printer.Print(pc, operations, marks, _cpu.Model.RegisterCount, _cpu.Model.SlotName)}");
        }

        var block = new CodeBlock
        {
            Pc = pc,
            Physical = physical,
            NextPhysical = _nextPhysical,
            Context = State->Context,
            Length = length,
            Epoch = State->Epoch,
            EpochMask = mask | _nextMask,
            Executions = isCached ? 0 : Region.RestingExecutions,
        };
        block.Successor0.Pc = _builder.Next;
        block.Successor1.Pc = _builder.Target;
        if (isCached)
        {
            return _cache.Add(block, operations, marks, memory.Pointer, _codeLength, _nextHost);
        }

        // Code outside of RAM can change unseen, so it is lifted anew each time.
        System.Runtime.InteropServices.NativeMemory.Free(_uncached);
        _uncached = CodeCache.Allocate(block with { EpochMask = uint.MaxValue, Epoch = CodeCache.DeadEpoch }, operations, marks);
        return _uncached;
    }
}
