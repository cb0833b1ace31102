using Kmem.Abstractions;

namespace Kmem.Plugins.Spi;

/// <summary>The SPI host interface of the ICH7: software puts an opcode of its menu, an address and data into registers and starts a cycle.</summary>
/// <remarks>Source: Intel I/O Controller Hub 7 datasheet (order number 307013), chapter 20 "SPI Configuration Registers" and section 5.24 for the protections.</remarks>
/// <param name="chip">The flash.</param>
/// <param name="mayWrite">Whether BIOS_CNTL lets write cycles pass.</param>
internal sealed class Ich7Spi(ISpiChip chip, Func<bool> mayWrite)
{
    public const int Length = 0x6C;

    private const int SPIS = 0x00, SPIC = 0x02, SPIA = 0x04, SPID0 = 0x08, BBAR = 0x50, PREOP = 0x54, OPTYPE = 0x56, OPMENU = 0x58, PBR0 = 0x60;
    private const byte SCIP = 0x01, CDS = 0x04, BAS = 0x08;                               // SPIS
    private const uint LockDown = 1 << 15, SCGO = 1 << 1, ACS = 1 << 2, SPOP = 1 << 3, DS = 1 << 14;   // SPIS, then SPIC
    private const int DataLength = 64, MaxCycle = 4 + DataLength;

    private readonly RegisterFile _registers = new RegisterFile(Length)
        .Define(SPIS, 2, 0, writable: LockDown, writeOneToClear: CDS | BAS)
        .Define(SPIC, 2, 0x4005, writable: 0xFF7C)
        .Define(SPIA, 4, 0, writable: 0x00FF_FFFF)
        .Define(SPID0, 8, 0, writable: ulong.MaxValue)
        .Define(SPID0 + 8, 8, 0, writable: ulong.MaxValue)
        .Define(SPID0 + 16, 8, 0, writable: ulong.MaxValue)
        .Define(SPID0 + 24, 8, 0, writable: ulong.MaxValue)
        .Define(SPID0 + 32, 8, 0, writable: ulong.MaxValue)
        .Define(SPID0 + 40, 8, 0, writable: ulong.MaxValue)
        .Define(SPID0 + 48, 8, 0, writable: ulong.MaxValue)
        .Define(SPID0 + 56, 8, 0, writable: ulong.MaxValue)
        .Define(BBAR, 4, 0, writable: 0x00FF_FF00)
        .Define(PREOP, 2, 0, writable: 0xFFFF)
        .Define(OPTYPE, 2, 0, writable: 0xFFFF)
        .Define(OPMENU, 8, 0, writable: ulong.MaxValue)
        .Define(PBR0, 4, 0, writable: 0x80FF_FFFF)
        .Define(PBR0 + 4, 4, 0, writable: 0x80FF_FFFF)
        .Define(PBR0 + 8, 4, 0, writable: 0x80FF_FFFF);

    private bool _waiting;   // an atomic cycle has been sent and ends when the chip is ready

    private bool IsLocked => (_registers.Get(SPIS, 2) & LockDown) != 0;

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
        (byte)(_registers.Bytes[offset] | (offset == SPIS && _waiting ? (chip.IsBusy ? SCIP : CDS) : 0));

    /// <summary>Writes one byte; true when it starts a cycle, which the caller does after the last byte of the access.</summary>
    public bool Write(int offset, byte value)
    {
        Settle();
        if (_waiting && offset >= SPIC)
        {
            _registers.Bytes[SPIS] |= BAS;
            return false;
        }

        bool isHeld = IsLocked && (offset >= BBAR || (offset == SPIS + 1));
        if (!isHeld)
        {
            _registers.Write(offset, value);
        }

        return offset == SPIC && (value & SCGO) != 0;
    }

    /// <summary>Runs the cycle that the registers describe.</summary>
    public void Start()
    {
        uint control = _registers.Get(SPIC, 2);
        int index = (int)(control >> 4) & 7, type = (int)(_registers.Get(OPTYPE, 2) >> (2 * index)) & 3;
        bool isWrite = (type & 1) != 0, hasAddress = (type & 2) != 0;
        int count = (control & DS) != 0 ? ((int)(control >> 8) & (DataLength - 1)) + 1 : 0;
        uint address = _registers.Get(SPIA, 3);
        if ((isWrite && !mayWrite()) || (hasAddress && IsForbidden(address, count, isWrite)))
        {
            _registers.Bytes[SPIS] |= BAS;
            return;
        }

        if ((control & ACS) != 0)
        {
            chip.Transfer([_registers.Bytes[PREOP + ((control & SPOP) != 0 ? 1 : 0)]], []);
        }

        Span<byte> data = _registers.Bytes.Slice(SPID0, count), cycle = stackalloc byte[MaxCycle];
        int length = 0;
        cycle[length++] = _registers.Bytes[OPMENU + index];
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
        _registers.Bytes[SPIS] |= _waiting ? (byte)0 : CDS;
    }

    private void Settle()
    {
        if (_waiting && !chip.IsBusy)
        {
            _waiting = false;
            _registers.Bytes[SPIS] |= CDS;
        }
    }

    private bool IsForbidden(uint address, int count, bool isWrite)
    {
        if (address < _registers.Get(BBAR, 4))
        {
            return true;
        }

        uint last = address + (uint)Math.Max(count - 1, 0);
        for (int pbr = PBR0; isWrite && pbr < Length; pbr += 4)
        {
            uint value = _registers.Get(pbr, 4), first = (value & 0xFFF) << 12, limit = ((value >> 12) & 0xFFF) << 12 | 0xFFF;
            if ((value & 0x8000_0000) != 0 && first <= last && address <= limit)
            {
                return true;
            }
        }

        return false;
    }
}
