using Kmem.Memory;

namespace Kmem.Engine.Code;

/// <summary>Knows which lines of 64 bytes of RAM hold lifted instructions, for all CPUs of a machine.</summary>
/// <remarks>Lines and not pages: data that shares a page with code must not make every store to it slow.</remarks>
public sealed unsafe class CodeMap : IDisposable
{
    /// <summary>log2 of the length of a line in bytes.</summary>
    public const int LineShift = 6;

    private readonly SparseBytes _lines;
    private readonly nint _first;
    private readonly nint _end;
    private readonly List<CodeCache> _caches = [];

    /// <summary>Creates a map over memory.</summary>
    /// <param name="memory">The machine's memory; all its blocks exist already.</param>
    public CodeMap(MachineMemory memory)
    {
        _first = memory.Blocks.Count == 0 ? 0 : memory.Blocks.Min(b => b.Pointer);
        _end = memory.Blocks.Count == 0 ? 4096 : memory.Blocks.Max(b => b.Pointer + (nint)b.Length);
        _lines = new SparseBytes((ulong)((_end - _first) >> LineShift) + 2);
    }

    /// <summary>The marks, biased: host address / 64 is the index.</summary>
    public byte* Biased => _lines.Pointer - (_first >> LineShift);

    /// <summary>Whether a host address is RAM of the machine.</summary>
    public bool Covers(nint host) => host >= _first && host < _end;

    /// <summary>Marks the lines of a lifted block.</summary>
    public void Mark(nint host, int length)
    {
        for (nint line = host >> LineShift; line <= (host + length - 1) >> LineShift; line++)
        {
            Biased[line] = 1;
        }
    }

    /// <summary>Adds a CPU's cache.</summary>
    public void Add(CodeCache cache) => _caches.Add(cache);

    /// <summary>Tells that memory has changed: blocks lifted from these bytes die.</summary>
    /// <param name="host">Host address of the first byte.</param>
    /// <param name="length">Number of bytes.</param>
    public void Changed(nint host, long length)
    {
        if (!Covers(host))
        {
            return;
        }

        for (nint line = host >> LineShift; line <= (host + (nint)length - 1) >> LineShift; line++)
        {
            if (Biased[line] == 0)
            {
                continue;
            }

            bool used = false;
            foreach (CodeCache cache in _caches)
            {
                used |= cache.Invalidate(line, host, host + (nint)length);
            }

            if (!used)
            {
                Biased[line] = 0;
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _lines.Dispose();
}
