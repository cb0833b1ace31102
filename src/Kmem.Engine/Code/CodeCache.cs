using System.Runtime.InteropServices;
using Kmem.Engine.Translation;
using Kmem.Ir;

namespace Kmem.Engine.Code;

/// <summary>The lifted blocks of one CPU, found by virtual address, physical address and mode.</summary>
public sealed unsafe class CodeCache : IDisposable
{
    /// <summary>The epoch of a dead block: no CPU is ever in it.</summary>
    public const uint DeadEpoch = 0x8000_0000;

    /// <summary>What makes an epoch another one, for global code and for other code.</summary>
    private const uint OtherEpoch = 0x0001_0001;

    private readonly CpuState* _state;
    private readonly CodeMap _map;
    private readonly Dictionary<(ulong Pc, ulong Physical, uint Context), nint> _blocks = [];
    private readonly Dictionary<nint, List<nint>> _lines = [];
    private readonly Dictionary<int, List<Region>> _regions = [];
    private readonly List<nint> _allocated = [];
    private Region?[] _entries = new Region?[64];
    private int _entryCount = 1;

    /// <summary>Creates the cache of a CPU.</summary>
    public CodeCache(CpuState* state, CodeMap map)
    {
        _state = state;
        _map = map;
        map.Add(this);
    }

    /// <summary>Blocks that live.</summary>
    public int Count => _blocks.Count;

    /// <summary>Blocks ever lifted since the cache was emptied last, dead ones included.</summary>
    public int Allocated => _allocated.Count;

    /// <summary>Regions that have code.</summary>
    public IEnumerable<Region> Regions => _entries.OfType<Region>().Where(r => !r.IsDead);

    /// <summary>Finds a block.</summary>
    public CodeBlock* Find(ulong pc, ulong physical, uint context) => _blocks.TryGetValue((pc, physical, context), out nint block) ? (CodeBlock*)block : null;

    /// <summary>Adds a lifted block.</summary>
    /// <param name="block">What is known of it; its arrays are copied.</param>
    /// <param name="operations">Micro-ops.</param>
    /// <param name="marks">Where instructions begin.</param>
    /// <param name="host">Host address of its code.</param>
    /// <param name="toPageEnd">Bytes of code to the end of its page.</param>
    /// <param name="nextHost">Host address of the code in the next page, where its only instruction ends; 0 for none.</param>
    public CodeBlock* Add(CodeBlock block, ReadOnlySpan<MicroOp> operations, ReadOnlySpan<InstructionMark> marks, nint host, int toPageEnd = int.MaxValue, nint nextHost = 0)
    {
        CodeBlock* added = Allocate(block, operations, marks);
        added->Id = _allocated.Count;
        _allocated.Add((nint)added);
        _blocks[(block.Pc, block.Physical, block.Context)] = (nint)added;
        AddLines(added, host, nextHost == 0 ? block.Length : toPageEnd);
        if (nextHost != 0)
        {
            AddLines(added, nextHost, block.Length - toPageEnd);
            _nextHosts[(nint)added] = (toPageEnd, nextHost);
        }

        _hosts[(nint)added] = host;
        return added;
    }

    private void AddLines(CodeBlock* added, nint host, int length)
    {
        _map.Mark(host, length);
        for (nint line = host >> CodeMap.LineShift; line <= (host + length - 1) >> CodeMap.LineShift; line++)
        {
            ref List<nint>? list = ref CollectionsMarshal.GetValueRefOrAddDefault(_lines, line, out _);
            (list ??= new List<nint>(4)).Add((nint)added);
        }
    }

    private bool Covers(CodeBlock* block, nint first, nint end)
    {
        nint host = _hosts[(nint)block];
        if (!_nextHosts.TryGetValue((nint)block, out (int ToPageEnd, nint Host) next))
        {
            return host < end && first < host + block->Length;
        }

        return (host < end && first < host + next.ToPageEnd) || (next.Host < end && first < next.Host + block->Length - next.ToPageEnd);
    }

    /// <summary>Blocks that end in another page: bytes in the first one, and where the rest lies.</summary>
    private readonly Dictionary<nint, (int ToPageEnd, nint Host)> _nextHosts = [];

    private readonly Dictionary<nint, nint> _hosts = [];

    /// <summary>Allocates a block that is in no cache.</summary>
    public static CodeBlock* Allocate(CodeBlock block, ReadOnlySpan<MicroOp> operations, ReadOnlySpan<InstructionMark> marks)
    {
        nuint marksAt = (nuint)(sizeof(CodeBlock) + (operations.Length * sizeof(MicroOp)));
        byte* memory = (byte*)NativeMemory.AllocZeroed(marksAt + (nuint)(marks.Length * sizeof(InstructionMark)));
        var added = (CodeBlock*)memory;
        *added = block;
        added->Operations = (MicroOp*)(memory + sizeof(CodeBlock));
        added->Marks = (InstructionMark*)(memory + marksAt);
        added->OperationCount = operations.Length;
        added->Instructions = marks.Length;
        operations.CopyTo(new Span<MicroOp>(added->Operations, operations.Length));
        marks.CopyTo(new Span<InstructionMark>(added->Marks, marks.Length));
        return added;
    }

    /// <summary>Gives a region's head its code.</summary>
    public void Install(Region region)
    {
        // What runs on in the interpreter although it is a member counts anew: it may deserve a region of its own.
        foreach (nint member in region.Members.Skip(1))
        {
            ref int executions = ref ((CodeBlock*)member)->Executions;
            executions = executions < 0 ? 0 : executions;
        }

        if (region.IsDead || region.IsStale)
        {
            return;
        }

        if (_entryCount == _entries.Length)
        {
            Array.Resize(ref _entries, 2 * _entryCount);
        }

        region.Number = _entryCount;
        _entries[_entryCount++] = region;
        foreach (nint member in region.Members)
        {
            ref List<Region>? list = ref CollectionsMarshal.GetValueRefOrAddDefault(_regions, ((CodeBlock*)member)->Id, out _);
            (list ??= []).Add(region);
        }

        var head = (CodeBlock*)region.Members[0];
        if (head->Entry != 0)
        {
            Remove(_entries[head->Entry]!);
        }

        head->Entry = region.Number;

        // Pages may have moved since the region was formed: the head is looked at anew, and with it all of them.
        head->Epoch = _state->Epoch ^ OtherEpoch;
    }

    /// <summary>The region of a block's entry number.</summary>
    public Region RegionAt(nint entry) => _entries[entry]!;

    /// <summary>Takes a region's code away; it may still be running.</summary>
    public void Remove(Region region)
    {
        region.IsDead = true;
        var head = (CodeBlock*)region.Members[0];
        if (head->Entry == region.Number)
        {
            head->Entry = 0;
            head->Executions = 0;
        }
    }

    /// <summary>Kills the blocks that were lifted from changed bytes.</summary>
    /// <returns>Whether blocks on this line live on.</returns>
    internal bool Invalidate(nint line, nint first, nint end)
    {
        if (!_lines.TryGetValue(line, out List<nint>? list))
        {
            return false;
        }

        for (int i = list.Count - 1; i >= 0; i--)
        {
            var block = (CodeBlock*)list[i];
            if (block->Epoch == DeadEpoch && block->EpochMask == uint.MaxValue)
            {
                list.RemoveAt(i);
            }
            else if (Covers(block, first, end))
            {
                Kill(block);
                list.RemoveAt(i);
            }
        }

        return list.Count > 0;
    }

    /// <summary>Forgets everything; nothing of it may be running.</summary>
    public void Clear()
    {
        foreach (nint block in _allocated)
        {
            NativeMemory.Free((void*)block);
        }

        foreach (Region? region in _entries)
        {
            region?.IsDead = true;
        }

        _allocated.Clear();
        _blocks.Clear();
        _lines.Clear();
        _hosts.Clear();
        _nextHosts.Clear();
        _regions.Clear();
        Array.Clear(_entries);
        _entryCount = 1;
        NativeMemory.Clear(_state->Jumps, (nuint)(sizeof(nint) << CpuState.JumpBits));
        _state->Block = null;
        _state->Next = null;
        _state->Successor = null;
        _state->Current = null;
    }

    /// <inheritdoc/>
    public void Dispose() => Clear();

    private void Kill(CodeBlock* block)
    {
        _blocks.Remove((block->Pc, block->Physical, block->Context));
        (block->Epoch, block->EpochMask) = (DeadEpoch, uint.MaxValue);
        if (_regions.Remove(block->Id, out List<Region>? regions))
        {
            foreach (Region region in regions)
            {
                Remove(region);
            }
        }

        block->Entry = 0;

        // Whatever runs must look again before it goes on.
        _state->Attention = 1;
    }
}
