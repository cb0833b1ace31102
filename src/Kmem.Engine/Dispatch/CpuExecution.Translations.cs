using Kmem.Engine.Code;
using Kmem.Ir;

namespace Kmem.Engine;

/// <content>Translations that are kept, and how they are forgotten.</content>
public sealed unsafe partial class CpuExecution
{
    private readonly PageFilter _codePages = new();
    private readonly PageFilter _globalCodePages = new();
    private readonly PageFilter _largePages = new();

    /// <inheritdoc/>
    public void FlushTranslations()
    {
        for (int i = 0; i < _tlbs.Length; i++)
        {
            Clear(i);
        }

        _largePages.Clear();
        DropSpans(_ => true);
        NewEpoch(isGlobal: true);
    }

    /// <inheritdoc/>
    public void FlushLocalTranslations()
    {
        for (int i = 0; i < _tlbs.Length; i++)
        {
            ClearLocal(i);
        }

        DropSpans(s => !s.IsGlobal);
        NewEpoch(isGlobal: false);
    }

    /// <inheritdoc/>
    public void FlushTranslation(ulong address)
    {
        if (_largePages.MayContain(address, _pageShift))
        {
            // The TLB has the page in pieces, and which ones is not known.
            FlushTranslations();
            return;
        }

        // A window holds pages that the TLB never had.
        DropSpans(s => address - s.Address < s.Length + SpanReserve);
        foreach (TlbEntry* tlb in _tlbs)
        {
            TlbEntry* entry = MemoryKernels.Entry(tlb, address, _pageShift);
            (entry->Read, entry->Write) = (TlbEntry.None, TlbEntry.None);
        }

        if (_globalCodePages.MayContain(address, _pageShift))
        {
            NewEpoch(isGlobal: true);
        }
        else if (_codePages.MayContain(address, _pageShift))
        {
            NewEpoch(isGlobal: false);
        }
    }

    /// <summary>Makes blocks be looked up anew: all of them, or those that are not in global pages.</summary>
    private void NewEpoch(bool isGlobal)
    {
        uint epoch = State->Epoch + 1;
        _codePages.Clear();
        if (isGlobal || (epoch & ~CpuState.GlobalEpoch) == 0)
        {
            _globalCodePages.Clear();
            epoch = (epoch & ~CpuState.GlobalEpoch) | ((epoch + (isGlobal ? 0x1_0000u : 0)) & CpuState.GlobalEpoch & ~CodeCache.DeadEpoch);
            if (epoch >> 16 < State->Epoch >> 16)
            {
                // The count begins anew, so what is left of its first round must go.
                ForgetCode();
            }
        }

        State->Epoch = epoch;
    }

    /// <summary>Notes that code is fetched by a translation that may change, and gives the bits of the epoch that count for it.</summary>
    private uint MaskOf(ulong pc, TranslatedAddress translation)
    {
        if (translation.IsFixed)
        {
            return 0;
        }

        (translation.IsGlobal ? _globalCodePages : _codePages).Add(pc, translation.Shift == 0 ? _pageShift : translation.Shift);
        return translation.IsGlobal ? CpuState.GlobalEpoch : uint.MaxValue;
    }

    /// <summary>Notes that an entry of the present mode is filled, so that emptying a little-used TLB is cheap.</summary>
    private void Note(TlbEntry* entry, ulong address, TranslatedAddress translation)
    {
        if (translation.Shift > _pageShift)
        {
            _largePages.Add(address, translation.Shift);
        }

        if (translation.IsGlobal)
        {
            _hasGlobal[_mode] = true;
            return;
        }

        int[] log = _fills[_mode];
        if (_filled[_mode] < log.Length)
        {
            log[_filled[_mode]] = (int)(entry - _tlbs[_mode]);
        }

        _filled[_mode]++;
    }

    private void Clear(int mode)
    {
        if (_hasGlobal[mode] || _filled[mode] > _fills[mode].Length)
        {
            new Span<TlbEntry>(_tlbs[mode], 1 << CpuState.TlbBits).Fill(new TlbEntry { Read = TlbEntry.None, Write = TlbEntry.None });
            (_filled[mode], _hasGlobal[mode]) = (0, false);
        }
        else
        {
            ClearLocal(mode);
        }
    }

    private void ClearLocal(int mode)
    {
        TlbEntry* tlb = _tlbs[mode];
        int[] log = _fills[mode];
        bool isWhole = _filled[mode] > log.Length;
        for (int i = 0, count = isWhole ? 1 << CpuState.TlbBits : _filled[mode]; i < count; i++)
        {
            TlbEntry* entry = tlb + (isWhole ? i : log[i]);
            if ((entry->Physical & TlbEntry.Global) == 0)
            {
                (entry->Read, entry->Write) = (TlbEntry.None, TlbEntry.None);
            }
        }

        _filled[mode] = 0;
    }
}
