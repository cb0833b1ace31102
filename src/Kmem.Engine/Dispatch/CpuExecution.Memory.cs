using Kmem.Abstractions;
using Kmem.Ir;

namespace Kmem.Engine;

/// <content>The slow paths of memory: translation, TLB fills, registers, faults.</content>
public sealed unsafe partial class CpuExecution
{
    private ulong _windowLength;

    /// <inheritdoc/>
    public bool ReadPhysical(ulong address, int width, out ulong value) => _space.Read(address, width, out value, new AccessAttributes(_cpu.Master)) == AccessResult.Ok;

    /// <inheritdoc/>
    public bool WritePhysical(ulong address, int width, ulong value)
    {
        if (_space.TryGetDirect(address, write: true, new AccessAttributes(_cpu.Master), out DirectMemory memory) && memory.Length >= (ulong)width)
        {
            Write(memory.Pointer, width, value);
            return true;
        }

        return _space.Write(address, width, value, new AccessAttributes(_cpu.Master)) == AccessResult.Ok;
    }

    /// <inheritdoc/>
    public bool ReadVirtual(ulong address, int width, out ulong value)
    {
        ulong loaded = 0;
        bool read = Load(address, width, &loaded);
        value = loaded;
        return read;
    }

    /// <inheritdoc/>
    public bool WriteVirtual(ulong address, int width, ulong value) => Store(address, width, value);

    private static bool SlowLoad(CpuState* state, ulong address, int width, ulong* value) => Of(state).Load(address, width, value);

    private static bool SlowStore(CpuState* state, ulong address, int width, ulong value) => Of(state).Store(address, width, value);

    private bool Load(ulong address, int width, ulong* value)
    {
        if ((address & (ulong)(width - 1)) != 0)
        {
            if (!_cpu.Model.AllowsUnaligned)
            {
                _cpu.RaiseMemoryFault(address, MemoryAccess.Load, width, default, AccessResult.Misaligned);
                return false;
            }

            if (((address ^ (address + (ulong)width - 1)) & _pageMask) != 0)
            {
                return LoadAcross(address, width, value);
            }
        }

        TlbEntry* entry = MemoryKernels.Entry(State->Tlb, address, _pageShift);
        ulong page = address & _pageMask;
        if (entry->Read == page)
        {
            *value = Read((nint)address + entry->Addend, width);
            return true;
        }

        if (entry->Read != (page | TlbEntry.Device))
        {
            TranslatedAddress translation = _cpu.Translate(address, MemoryAccess.Load);
            if (translation.Fault != 0)
            {
                _cpu.RaiseMemoryFault(address, MemoryAccess.Load, width, translation, AccessResult.Ok);
                return false;
            }

            Fill(entry, page, translation with { Readable = true });
            if (entry->Read == page)
            {
                *value = Read((nint)address + entry->Addend, width);
                return true;
            }
        }

        PayForRegister();
        AccessResult result = _space.Read((entry->Physical & _pageMask) | (address & ~_pageMask), width, out *value, new AccessAttributes(_cpu.Master));
        if (result == AccessResult.Ok)
        {
            return true;
        }

        _cpu.RaiseMemoryFault(address, MemoryAccess.Load, width, new TranslatedAddress(0, (entry->Physical & _pageMask) | (address & ~_pageMask)), result);
        return State->Fault == 0;
    }

    private bool Store(ulong address, int width, ulong value)
    {
        if (width > 1 && (address & (ulong)(width - 1)) != 0)
        {
            if (!_cpu.Model.AllowsUnaligned)
            {
                _cpu.RaiseMemoryFault(address, MemoryAccess.Store, width, default, AccessResult.Misaligned);
                return false;
            }

            if (((address ^ (address + (ulong)width - 1)) & _pageMask) != 0)
            {
                return StoreAcross(address, width, value);
            }
        }

        TlbEntry* entry = MemoryKernels.Entry(State->Tlb, address, _pageShift);
        ulong page = address & _pageMask;
        if (entry->Write != page && entry->Write != (page | TlbEntry.Device))
        {
            TranslatedAddress translation = _cpu.Translate(address, MemoryAccess.Store);
            if (translation.Fault != 0)
            {
                _cpu.RaiseMemoryFault(address, MemoryAccess.Store, width, translation, AccessResult.Ok);
                return false;
            }

            Fill(entry, page, translation with { Writable = true });
        }

        if (width == 0)
        {
            return true;
        }

        if (entry->Write == page)
        {
            Write((nint)address + entry->Addend, width, value);
            return true;
        }

        PayForRegister();
        AccessResult result = _space.Write((entry->Physical & _pageMask) | (address & ~_pageMask), width, value, new AccessAttributes(_cpu.Master));
        if (result == AccessResult.Ok)
        {
            return true;
        }

        _cpu.RaiseMemoryFault(address, MemoryAccess.Store, width, new TranslatedAddress(0, (entry->Physical & _pageMask) | (address & ~_pageMask)), result);
        return State->Fault == 0;
    }

    /// <summary>A load that crosses into the next page: both pages must be there before anything is read.</summary>
    private bool LoadAcross(ulong address, int width, ulong* value)
    {
        ulong result = 0, part = 0;
        for (int i = 0; i < width; i++)
        {
            if (!Load(address + (ulong)i, 1, &part))
            {
                return false;
            }

            result |= part << (8 * i);
        }

        *value = result;
        return true;
    }

    /// <summary>A store that crosses into the next page: both pages must be writable before anything is written.</summary>
    private bool StoreAcross(ulong address, int width, ulong value)
    {
        if (!Store(address, 0, 0) || !Store((address + (ulong)width - 1) & _pageMask, 0, 0))
        {
            return false;
        }

        for (int i = 0; i < width; i++)
        {
            if (!Store(address + (ulong)i, 1, value >> (8 * i)))
            {
                return false;
            }
        }

        return true;
    }

    /// <inheritdoc/>
    public bool Reach(ulong address, bool write, out nint host)
    {
        host = 0;
        TlbEntry* entry = MemoryKernels.Entry(State->Tlb, address, _pageShift);
        ulong page = address & _pageMask, tag = write ? entry->Write : entry->Read;
        if (tag != page && tag != (page | TlbEntry.Device))
        {
            MemoryAccess access = write ? MemoryAccess.Store : MemoryAccess.Load;
            TranslatedAddress translation = _cpu.Translate(address, access);
            if (translation.Fault != 0)
            {
                _cpu.RaiseMemoryFault(address, access, 1, translation, AccessResult.Ok);
                return false;
            }

            Fill(entry, page, write ? translation with { Writable = true } : translation with { Readable = true });
            tag = write ? entry->Write : entry->Read;
        }

        host = tag == page ? (nint)address + entry->Addend : 0;
        return true;
    }

    /// <inheritdoc/>
    public void PayForAccess() => PayForRegister();

    /// <inheritdoc/>
    public void Changed(nint host, long length) => _map.Changed(host, length);

    /// <summary>Lets the time of a bus transaction pass; where the rest of the budget may not last for what runs, code stops at the next instruction boundary.</summary>
    private void PayForRegister()
    {
        State->Budget -= _cpu.RegisterAccessCost;

        // A block has paid for itself in advance, and a region has seen that the budget lasts for its longest way: neither looks again.
        if (State->Budget < Math.Max(_options.RegionLimit, _cpu.Model.BlockLimit))
        {
            State->Attention = 1;
        }
    }

    /// <summary>Makes an entry for a page: a host pointer where all of it is RAM for this CPU, else a note that it holds registers.</summary>
    private void Fill(TlbEntry* entry, ulong page, TranslatedAddress translation)
    {
        ulong physical = translation.Physical & _pageMask;
        ulong length = ~_pageMask + 1;
        var attributes = new AccessAttributes(_cpu.Master);
        Note(entry, page, translation);
        bool reads = _space.TryGetDirect(physical, write: false, attributes, out DirectMemory read) && read.Length >= length;
        bool writes = _space.TryGetDirect(physical, write: true, attributes, out DirectMemory written) && written.Length >= length && (!reads || written.Pointer == read.Pointer) && _map.Covers(written.Pointer);
        entry->Physical = physical | (translation.IsGlobal ? TlbEntry.Global : 0);
        entry->Addend = (reads ? read.Pointer : writes ? written.Pointer : 0) - (nint)page;
        entry->Read = translation.Readable ? page | (reads ? 0 : TlbEntry.Device) : TlbEntry.None;
        entry->Write = translation.Writable ? page | (writes ? 0 : TlbEntry.Device) : TlbEntry.None;
        if (_cpu.Model.FindsSpans && translation is { Shift: > 12, Readable: true, Writable: true } && reads && writes)
        {
            FindSpan(page, entry, translation.IsGlobal);
        }
    }

    private void FindWindow()
    {
        _windowLength = 0;
        var attributes = new AccessAttributes(_cpu.Master);
        if (_cpu.LinearBase is { } first && _space.FindMemory(0, write: true, attributes) is { Length: not 0 } memory && _map.Covers(memory.Pointer))
        {
            _windowLength = memory.Length & _pageMask;
            (State->LinearBase, State->LinearHost) = (first, memory.Pointer);
        }

        if (State->LinearLength != 0 && !_cpu.Model.FindsSpans)
        {
            State->LinearLength = _windowLength;
        }
    }

    private static ulong Read(nint host, int width) => width switch
    {
        1 => MemoryKernels.Read8(host),
        2 => MemoryKernels.Read16(host),
        4 => MemoryKernels.Read32(host),
        _ => MemoryKernels.Read64(host),
    };

    private void Write(nint host, int width, ulong value)
    {
        // GRUB writes the number of the interrupt into its INT instruction before each call: bytes that stay what they were kill nothing.
        bool isCode = MemoryKernels.HitsCode(State->CodeLines, host, width);
        if (isCode && ((Read(host, width) ^ value) & (ulong.MaxValue >> (64 - (8 * width)))) == 0)
        {
            return;
        }

        switch (width)
        {
            case 1:
                MemoryKernels.Write8(host, value);
                break;
            case 2:
                MemoryKernels.Write16(host, value);
                break;
            case 4:
                MemoryKernels.Write32(host, value);
                break;
            default:
                MemoryKernels.Write64(host, value);
                break;
        }

        if (isCode)
        {
            _map.Changed(host, width);
        }
    }
}
