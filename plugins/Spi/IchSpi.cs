using Kmem.Abstractions;

namespace Kmem.Plugins.Spi;

/// <summary>The SPI host interface of an ICH: software puts an opcode of its menu, an address and data into registers and starts a cycle.</summary>
/// <remarks>
/// The flash has no descriptor, so an ICH9 runs this software sequencing too; its hardware sequencing does nothing.
/// Source: see <see cref="IchSpiLayout"/>; for the protections Intel ICH7 datasheet (order number 307013), section "SPI Flash Protection".
/// </remarks>
/// <param name="layout">Where the registers are.</param>
/// <param name="chip">The flash.</param>
/// <param name="mayWrite">Whether BIOS_CNTL lets write cycles pass.</param>
internal sealed class IchSpi(IchSpiLayout layout, ISpiChip chip, Func<bool> mayWrite)
{
    private const byte SCIP = 0x01, Done = 0x04, Failed = 0x08, LockBit = 0x80;        // SPIS: CDS and BAS; SSFS: FDONE and FCERR
    private const uint SCGO = 1 << 1, ACS = 1 << 2, SPOP = 1 << 3, DS = 1 << 14;       // SPIC, SSFC
    private const uint Protected = 1u << 31;
    private const int DataLength = 64, MaxCycle = 4 + DataLength;

    private readonly RegisterFile _registers = Define(layout);
    private bool _waiting;   // an atomic cycle has been sent and ends when the chip is ready

    public int Base => layout.Base;

    public int Length => layout.Length;

    private Span<byte> Bytes => _registers.Bytes;

    public void Reset()
    {
        _registers.Reset();
        _waiting = false;
    }

    public void Save(StateWriter writer)
    {
        _registers.Save(writer, "spi");
        writer.Bool(_waiting);
    }

    public void Load(StateReader reader)
    {
        _registers.Load(reader);
        _waiting = reader.Bool();
    }

    public byte Read(int offset) =>
        (byte)(Bytes[offset] | (offset == layout.Status && _waiting ? (chip.IsBusy ? SCIP : Done) : 0));

    /// <summary>Writes one byte; true when it starts a cycle, which the caller does after the last byte of the access.</summary>
    public bool Write(int offset, byte value)
    {
        Settle();
        bool isStatus = offset >= layout.Status && offset < layout.Control;
        if (_waiting && !isStatus)
        {
            Bytes[layout.Status] |= Failed;
            return false;
        }

        if ((Bytes[layout.Lock] & LockBit) == 0 || !IsLockable(offset))
        {
            _registers.Write(offset, value);
        }

        return offset == layout.Control && (value & SCGO) != 0;
    }

    /// <summary>Runs the cycle that the registers describe.</summary>
    public void Start()
    {
        uint control = _registers.Get(layout.Control, 2);
        int index = (int)(control >> 4) & 7, type = (int)(_registers.Get(layout.OpcodeTypes, 2) >> (2 * index)) & 3;
        bool isWrite = (type & 1) != 0, hasAddress = (type & 2) != 0;
        int count = (control & DS) != 0 ? ((int)(control >> 8) & (DataLength - 1)) + 1 : 0;
        uint address = _registers.Get(layout.Address, 3);
        if ((isWrite && !mayWrite()) || (hasAddress && IsForbidden(address, count, isWrite)))
        {
            Bytes[layout.Status] |= (byte)(Failed | layout.AccessError);
            return;
        }

        if ((control & ACS) != 0)
        {
            chip.Transfer([Bytes[layout.Prefix + ((control & SPOP) != 0 ? 1 : 0)]], []);
        }

        Span<byte> data = Bytes.Slice(layout.Data, count), cycle = stackalloc byte[MaxCycle];
        int length = 0;
        cycle[length++] = Bytes[layout.Menu + index];
        for (int shift = 16; hasAddress && shift >= 0; shift -= 8)
        {
            cycle[length++] = (byte)(address >> shift);
        }

        if (isWrite)
        {
            data.CopyTo(cycle[length..]);
            chip.Transfer(cycle[..(length + count)], []);
        }
        else
        {
            chip.Transfer(cycle[..length], data);
        }

        // Only an atomic sequence polls the chip's status before it reports its end.
        _waiting = (control & ACS) != 0 && chip.IsBusy;
        Bytes[layout.Status] |= _waiting ? (byte)0 : Done;
    }

    private static RegisterFile Define(IchSpiLayout layout)
    {
        RegisterFile file = new RegisterFile(layout.Length)
            .Define(layout.Status, layout.StatusLength, writeOneToClear: (ulong)(Done | Failed | layout.AccessError))
            .Define(layout.Address, 4, writable: 0x01FF_FFFF)
            .Define(layout.Bottom, 4, writable: 0x00FF_FF00)
            .Define(layout.Prefix, 2, writable: 0xFFFF)
            .Define(layout.OpcodeTypes, 2, writable: 0xFFFF)
            .Define(layout.Menu, 8, writable: ulong.MaxValue);
        for (int i = 0; i < DataLength; i += 8)
        {
            file.Define(layout.Data + i, 8, writable: ulong.MaxValue);
        }

        for (int i = 0; i < layout.RangeCount; i++)
        {
            file.Define(layout.Ranges + (4 * i), 4, writable: layout.LimitShift == 12 ? 0x80FF_FFFF : 0x9FFF_9FFF);
        }

        // ICH7: SPIS holds the lock, SPIC has 16 bits. ICH9: HSFS holds it, beside FDOPSS, which reads 1 without its strap; SSFC has 24 bits.
        return layout.StatusLength == 2
            ? file.Define(layout.Status + 1, 1, writable: LockBit).Define(layout.Control, 2, 0x4005, writable: 0xFF7C)
            : file.Define(0x04, 2, 0x2000, writable: 0x8000, writeOneToClear: 0x0007).Define(layout.Control, 3, writable: 0x07_FF7C);
    }

    /// <summary>The lock holds itself, the menu with its prefixes and types, the bottom and the ranges.</summary>
    private bool IsLockable(int offset) =>
        offset == layout.Lock
        || (offset >= layout.Prefix && offset < layout.Menu + 8)
        || (offset >= layout.Bottom && offset < layout.Bottom + 4)
        || (offset >= layout.Ranges && offset < layout.Ranges + (4 * layout.RangeCount));

    private void Settle()
    {
        if (_waiting && !chip.IsBusy)
        {
            _waiting = false;
            Bytes[layout.Status] |= Done;
        }
    }

    private bool IsForbidden(uint address, int count, bool isWrite)
    {
        if (address < _registers.Get(layout.Bottom, 4))
        {
            return true;
        }

        // Base and limit count pages of 4 KiB. Bit 31 protects from writes; an ICH9 has a bit 15 against reads, too.
        uint last = address + (uint)Math.Max(count - 1, 0), mask = layout.LimitShift == 12 ? 0xFFFu : 0x1FFF;
        uint readProtected = layout.LimitShift == 12 ? 0u : 1u << 15;
        for (int i = 0; i < layout.RangeCount; i++)
        {
            uint value = _registers.Get(layout.Ranges + (4 * i), 4), first = (value & mask) << 12;
            uint limit = (((value >> layout.LimitShift) & mask) << 12) | 0xFFF;
            if ((value & (isWrite ? Protected : readProtected)) != 0 && first <= last && address <= limit)
            {
                return true;
            }
        }

        return false;
    }
}
