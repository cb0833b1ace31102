using Kmem.Abstractions;
using Kmem.Ir;

namespace Kmem.Engine;

/// <content>Linear windows that are found in page tables: the longest piece of RAM that a mode maps with long pages.</content>
/// <remarks>A window is a translation that is kept, like an entry of the TLB: it is found when an entry is filled, and forgotten with the entries.</remarks>
public sealed unsafe partial class CpuExecution
{
    /// <summary>The last bytes of a span are no part of its window, so that a check of the lowest address speaks for all accesses of a group.</summary>
    private const ulong SpanReserve = 2 * Translation.AddressGroups.Reach;

    /// <summary>Most pages in which RAM is looked for where a span holds something else too.</summary>
    private const int MostProbes = 512;

    private readonly Span[] _spans;

    private void TakeSpan()
    {
        Span span = _spans[_mode];
        (State->LinearBase, State->LinearLength, State->SpanLength, State->LinearHost) = (span.Address, span.Length, span.Length, span.Host);
    }

    private void DropSpans(Func<Span, bool> drops)
    {
        if (!_cpu.Model.FindsSpans)
        {
            return;
        }

        for (int i = 0; i < _spans.Length; i++)
        {
            if (_spans[i].Length != 0 && drops(_spans[i]))
            {
                _spans[i] = default;
            }
        }

        TakeSpan();
    }

    /// <summary>Looks for a window around a page of RAM that was just found to be readable and writable in the present mode.</summary>
    private void FindSpan(ulong page, TlbEntry* entry, bool isGlobal)
    {
        Span old = _spans[_mode];
        if (page - old.Address < old.Length)
        {
            return;
        }

        MappedSpan mapped = _cpu.FindSpan(page);
        if (mapped.Length <= Math.Max(old.Length, 4 * SpanReserve) || page - mapped.Address >= mapped.Length)
        {
            return;
        }

        // RAM may begin or end within.
        ulong first = mapped.Address, length = 0, step = 1UL << _pageShift;
        nint host = 0;
        for (int i = 0; i < MostProbes && first <= page; i++, first += step)
        {
            if (TryGetMemory(mapped.Physical + (first - mapped.Address), out DirectMemory memory) && memory.Pointer - (nint)first == entry->Addend && memory.Length > page - first)
            {
                (host, length) = (memory.Pointer, Math.Min(memory.Length, mapped.Length - (first - mapped.Address)));
                break;
            }
        }

        if (length > Math.Max(old.Length + SpanReserve, 4 * SpanReserve))
        {
            _spans[_mode] = new Span(first, length - SpanReserve, host, isGlobal);
            TakeSpan();
        }
    }

    private bool TryGetMemory(ulong physical, out DirectMemory memory)
    {
        var attributes = new AccessAttributes(_cpu.Master);
        return _space.TryGetDirect(physical, write: true, attributes, out memory) && _map.Covers(memory.Pointer)
            && _space.TryGetDirect(physical, write: false, attributes, out DirectMemory read) && read.Pointer == memory.Pointer && read.Length >= memory.Length;
    }

    /// <summary>A mode's window.</summary>
    /// <param name="Address">First virtual address.</param>
    /// <param name="Length">Length in bytes without the reserve; 0 for none.</param>
    /// <param name="Host">Host address of the first byte.</param>
    /// <param name="IsGlobal">Whether it is the same in all address spaces.</param>
    private readonly record struct Span(ulong Address, ulong Length, nint Host, bool IsGlobal);
}
