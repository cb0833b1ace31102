using Kmem.Engine.Code;
using Kmem.Ir;

namespace Kmem.Engine.Translation;

/// <summary>Translated code: takes the state's address, gives the address of a <see cref="Successor"/>, an <see cref="ExitReason"/>, or the number of a <see cref="RegionExit"/> with the top bit set.</summary>
/// <param name="state">Address of the <see cref="CpuState"/>.</param>
public delegate ulong RegionCode(nint state);

/// <summary>What translated code takes as constants.</summary>
/// <param name="LinearBase">First virtual address of the linear window.</param>
/// <param name="LinearLength">Its length in bytes.</param>
/// <param name="LinearHost">Host address of its first byte.</param>
/// <param name="CodeLines">The biased marks of code lines.</param>
/// <param name="HasWindow">Whether the window may be used in the region's mode.</param>
/// <param name="IsFound">Whether the window's place is found while code runs, so that it is taken from the state and not from here.</param>
public sealed record RegionConstants(ulong LinearBase, ulong LinearLength, nint LinearHost, nint CodeLines, bool HasWindow, bool IsFound);

/// <summary>A block of a region as it was when the region was formed.</summary>
/// <param name="Block">Address of the block.</param>
/// <param name="Pc">Virtual address.</param>
/// <param name="Operations">Micro-ops.</param>
/// <param name="Marks">Where instructions begin.</param>
/// <param name="Successors">Ways out that were seen: virtual address, and address of the <see cref="Successor"/>.</param>
public sealed record RegionBlock(nint Block, ulong Pc, MicroOp[] Operations, InstructionMark[] Marks, (ulong Pc, nint Target)[] Successors);

/// <summary>A way out of a region; what it leaves to do is done outside, so that code has next to nothing for ways that are seldom gone.</summary>
/// <param name="Reason">Why code is left.</param>
/// <param name="Pc">Virtual address of the next instruction.</param>
/// <param name="Refund">Instructions that were paid for and not executed.</param>
/// <param name="Block">Address of the block.</param>
/// <param name="Operation">Index of the micro-op at which exits are counted; -1 where they are not.</param>
internal readonly record struct RegionExit(ExitReason Reason, ulong Pc, int Refund, nint Block = 0, int Operation = -1);

/// <summary>Blocks that are translated together; entered at the first one.</summary>
public sealed unsafe class Region
{
    private readonly List<RegionExit> _ways = [];
    private readonly Dictionary<int, int> _exits = [];

    /// <summary>Creates a region.</summary>
    /// <param name="blocks">Its blocks, the head first.</param>
    /// <param name="pages">Virtual and physical addresses of the first instructions in its pages.</param>
    public Region(IReadOnlyList<RegionBlock> blocks, IReadOnlyList<(ulong Virtual, ulong Physical)> pages)
    {
        (Blocks, Pages) = (blocks, pages);
        Members = [.. blocks.Select(b => b.Block)];
        Instructions = blocks.Sum(b => b.Marks.Length);
    }

    /// <summary>Its blocks.</summary>
    public IReadOnlyList<RegionBlock> Blocks { get; }

    /// <summary>Addresses of its blocks.</summary>
    public IReadOnlyList<nint> Members { get; }

    /// <summary>An address in each of its pages, and where it led when the region was formed.</summary>
    public IReadOnlyList<(ulong Virtual, ulong Physical)> Pages { get; }

    /// <summary>Guest instructions in it.</summary>
    public int Instructions { get; }

    /// <summary>What its code takes as constants.</summary>
    public RegionConstants? Constants { get; set; }

    /// <summary>Its code; null until it is compiled.</summary>
    public RegionCode? Code { get; set; }

    /// <summary>Its number in the cache.</summary>
    public int Number { get; set; }

    /// <summary>Whether its code may not be entered any more.</summary>
    public bool IsDead { get; set; }

    /// <summary>How often the head was interpreted since the region was formed.</summary>
    public int Heat => ((CodeBlock*)Members[0])->Executions - RestingExecutions;

    /// <summary>Whether code that it was formed from has changed.</summary>
    public bool IsStale => Members.Any(m => ((CodeBlock*)m)->Epoch == CodeCache.DeadEpoch);

    /// <summary>The count of a block that shall not report itself as hot: so far below the threshold that it never gets there.</summary>
    internal const int RestingExecutions = int.MinValue / 2;

    /// <summary>Notes a way out.</summary>
    /// <returns>What code gives back when it goes this way; the number is negative.</returns>
    internal long AddExit(RegionExit exit)
    {
        _ways.Add(exit);
        return long.MinValue | (uint)(_ways.Count - 1);
    }

    /// <summary>The way out that code has gone.</summary>
    /// <param name="left">What it gave back.</param>
    internal RegionExit ExitOf(ulong left) => _ways[(int)(uint)left];

    /// <summary>Counts an exit to the interpreter and tells what the translator should do otherwise there.</summary>
    /// <param name="left">What code gave back.</param>
    /// <param name="limit">Exits that are too many.</param>
    /// <param name="again">Whether the region should be translated again.</param>
    internal void CountSideExit(ulong left, int limit, out bool again)
    {
        again = false;
        RegionExit exit = ExitOf(left);
        if (exit.Operation < 0)
        {
            return;
        }

        int site = (int)(uint)left, count = _exits[site] = _exits.GetValueOrDefault(site) + 1;
        if (count != limit)
        {
            return;
        }

        int index = exit.Operation;
        var block = (CodeBlock*)exit.Block;
        MicroOp* operation = block->Operations + index;
        SiteFlags seen = operation->Site, next = SiteFlags.Slow;
        if (UopTable.ShapeOf(operation->Code) is UopShape.Load or UopShape.Store)
        {
            // First no window, then a page of its own, then a call.
            next = (seen & SiteFlags.Tlb) == 0 ? SiteFlags.Tlb : (seen & SiteFlags.Single) == 0 ? SiteFlags.Single : SiteFlags.Slow;
        }

        // A call at the last instruction of a block that jumps would keep the block from being translated: better to ask the interpreter there now and then.
        if (next == SiteFlags.Slow && index >= block->Marks[block->Instructions - 1].Operation && block->Operations[block->OperationCount - 1].Code != Uop.Jump)
        {
            return;
        }

        operation->Site = seen | next;
        again = true;
    }
}
