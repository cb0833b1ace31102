using System.Buffers.Binary;
using System.Globalization;
using Kmem.Abstractions;
using static Kmem.Plugins.Ethernet.Offsets;

namespace Kmem.Plugins.Ethernet;

/// <summary>The registers that are memory with a name: what they hold after reset, and which of their bits software writes.</summary>
internal sealed class RegisterFile
{
    public const int Filters = 16, TableLength = 128;
    private const uint End = 0xA000;

    private readonly uint[] _value = new uint[End / 4], _reset = new uint[End / 4], _writable = new uint[End / 4];
    private readonly SortedDictionary<uint, string> _names = [];

    public RegisterFile()
    {
        const uint All = uint.MaxValue, Ring = 0xFFFF_FFF0, Index = 0xFFFF;
        Define(CTRL, "CTRL", 0x0000_0201, 0x787F_FBEB);
        Define(STATUS, "STATUS");
        Define(EECD, "EECD");
        Define(EERD, "EERD");
        Define(CTRL_EXT, "CTRL_EXT", 0, All & ~(1u << 13));
        Define(FLA, "FLA", 0, 0x3F);
        Define(MDIC, "MDIC", 1 << 28);
        Define(FCAL, "FCAL", 0x00C2_8001, All);
        Define(FCAH, "FCAH", 0x0100, 0xFFFF);
        Define(FCT, "FCT", 0x8808, 0xFFFF);
        Define(VET, "VET", 0x8100, 0xFFFF);
        Define(ICR, "ICR");
        Define(ITR, "ITR", 0, 0xFFFF);
        Define(ICS, "ICS");
        Define(IMS, "IMS");
        Define(IMC, "IMC");
        Define(RCTL, "RCTL", 0, 0x06DF_B3FE);
        Define(FCTTV, "FCTTV", 0, 0xFFFF);
        Define(TXCW, "TXCW", 0, All);
        Define(RXCW, "RXCW");
        Define(TCTL, "TCTL", 0, 0x0F7F_FFFA);
        Define(TIPG, "TIPG", 0x0060_2008, 0x3FFF_FFFF);
        Define(AIFS, "AIFS", 0, 0xFFFF);
        Define(LEDCTL, "LEDCTL", 0x0706_8302, All);
        Define(PBA, "PBA", 0x0010_0030, 0xFFFF);
        Define(FCRTL, "FCRTL", 0, 0x8000_FFF8);
        Define(FCRTH, "FCRTH", 0, 0xFFF8);
        DefineRing("R", RDBAL, Ring, Index);
        Define(RDTR, "RDTR", 0, 0xFFFF);
        Define(RXDCTL, "RXDCTL", 0x0101_0000, 0x013F_3F3F);
        Define(RADV, "RADV", 0, 0xFFFF);
        Define(RSRPD, "RSRPD", 0, 0xFFF);
        Define(TXDMAC, "TXDMAC", 0, 1);
        DefineRing("T", TDBAL, Ring, Index);
        Define(TIDV, "TIDV", 0, 0xFFFF);
        Define(TXDCTL, "TXDCTL", 0, 0xFF3F_3F3F);
        Define(TADV, "TADV", 0, 0xFFFF);
        Define(TSPMT, "TSPMT", 0x0100_0400, All);
        Define(RXCSUM, "RXCSUM", 0, 0x7FF);
        DefineTable("MTA", MTA, TableLength, 4);
        for (uint i = 0; i < Filters; i++)
        {
            Define(RAL + (8 * i), $"RAL{i}", 0, All);
            Define(RAH + (8 * i), $"RAH{i}", 0, 0x8003_FFFF);
        }

        DefineTable("VFTA", VFTA, TableLength, 4);
        Define(WUC, "WUC", 0, 0x0F);
        Define(WUFC, "WUFC", 0, 0x000F_80FF);
        Define(WUS, "WUS", 0, All);
        Define(MANC, "MANC", 0, All);
        Define(IPAV, "IPAV", 0, 0x1_000F);
        DefineTable("IP4AT", IP4AT, 4, 8);
        DefineTable("IP6AT", IP6AT, 4, 4);
        Define(WUPL, "WUPL", 0, 0xFFF);
        DefineTable("WUPM", WUPM, 32, 4);
        DefineTable("FFLT", FFLT, 4, 8);
        DefineTable("FFMT", FFMT, TableLength, 8);
        DefineTable("FFVT", FFVT, TableLength, 8);
    }

    /// <summary>The registers with their names, by offset.</summary>
    public IEnumerable<KeyValuePair<uint, string>> Names => _names;

    /// <summary>What a register holds; offsets without one hold 0.</summary>
    public uint this[uint offset]
    {
        get => offset < End ? _value[offset / 4] : 0;
        set => _value[offset / 4] = value;
    }

    /// <summary>Base address of a ring.</summary>
    public ulong Base(uint low) => this[low] | ((ulong)this[low + 4] << 32);

    /// <summary>A write by software, under the register's mask.</summary>
    public void Write(uint offset, uint value)
    {
        if (offset < End)
        {
            uint mask = _writable[offset / 4];
            _value[offset / 4] = (_value[offset / 4] & ~mask) | (value & mask);
        }
    }

    public void Reset() => _reset.CopyTo(_value, 0);

    public void Save(StateWriter writer)
    {
        byte[] bytes = new byte[4 * _names.Count];
        int at = 0;
        foreach (uint offset in _names.Keys)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(at), this[offset]);
            at += 4;
        }

        writer.Bytes(bytes, "registers");
    }

    public void Load(StateReader reader)
    {
        byte[] bytes = new byte[4 * _names.Count];
        reader.Bytes(bytes.AsSpan());
        int at = 0;
        foreach (uint offset in _names.Keys)
        {
            this[offset] = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at));
            at += 4;
        }
    }

    private void Define(uint offset, string name, uint reset = 0, uint writable = 0)
    {
        _names.Add(offset, name);
        (_value[offset / 4], _reset[offset / 4], _writable[offset / 4]) = (reset, reset, writable);
    }

    private void DefineRing(string letter, uint low, uint address, uint index)
    {
        Define(low, letter + "DBAL", 0, address);
        Define(low + 0x04, letter + "DBAH", 0, uint.MaxValue);
        Define(low + 0x08, letter + "DLEN", 0, 0x000F_FF80);
        Define(low + 0x10, letter + "DH", 0, index);
        Define(low + 0x18, letter + "DT", 0, index);
    }

    private void DefineTable(string name, uint offset, int count, int step)
    {
        for (int i = 0; i < count; i++)
        {
            Define(offset + (uint)(i * step), string.Create(CultureInfo.InvariantCulture, $"{name}{i}"), 0, uint.MaxValue);
        }
    }
}
