using Kmem.Abstractions;

namespace Kmem.Plugins.Chipset;

/// <summary>The SMBus host controller of the PIIX4 on a bus without devices: every transaction ends with a device error.</summary>
/// <remarks>Source: Intel 82371AB datasheet (order number 290562), section 7.3 "SMBus I/O space registers".</remarks>
internal sealed class SmBusHost
{
    public const ulong Length = 64;

    private const byte Start = 0x40, Kill = 0x02, Finished = 0x02, DeviceError = 0x04, Failed = 0x10, Clearable = 0x1E;
    private const int Status = 0, Control = 2, FirstData = 3, Count = 8;

    private readonly byte[] _cells = new byte[Count];

    public SmBusHost()
    {
        string[] names = ["SMBHSTSTS", "SMBSLVSTS", "SMBHSTCNT", "SMBHSTCMD", "SMBHSTADD", "SMBHSTDAT0", "SMBHSTDAT1", "SMBBLKDAT"];
        Registers = new RegisterMap(width: 1, count: (int)Length);
        for (int i = 0; i < Count; i++)
        {
            int cell = i;
            Registers.Add(i, names[i], () => _cells[cell], v => Write(cell, (byte)v));
        }
    }

    public RegisterMap Registers { get; }

    public void Reset() => Array.Clear(_cells);

    public void Save(StateWriter writer) => writer.Bytes(_cells, "smbus");

    public void Load(StateReader reader) => reader.Bytes(_cells.AsSpan());

    private void Write(int cell, byte value)
    {
        switch (cell)
        {
            case Status:
                _cells[Status] &= (byte)~(value & Clearable);
                break;
            case Control:
                _cells[Control] = (byte)(value & ~Start);
                _cells[Status] |= (value & Start) != 0 ? (byte)(Finished | DeviceError) : (value & Kill) != 0 ? Failed : (byte)0;
                break;
            case >= FirstData:
                _cells[cell] = value;
                break;
            default:
                break;
        }
    }
}
