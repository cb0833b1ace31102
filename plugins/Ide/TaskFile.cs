using Kmem.Abstractions;

namespace Kmem.Plugins.Ide;

/// <summary>The registers through which a drive gets its parameters; each remembers its previous contents for 48-bit commands.</summary>
/// <remarks>Source: ATA/ATAPI-6 (T13/1410D), sections 6.7 "48-bit Address feature set" and 7 "I/O registers".</remarks>
internal sealed class TaskFile
{
    public const int Features = 1, Count = 2, Low = 3, Middle = 4, High = 5, Device = 6;

    private const byte LbaMode = 0x40;
    private readonly byte[] _now = new byte[7];
    private readonly byte[] _before = new byte[7];

    public byte this[int register]
    {
        get => _now[register];
        set => _now[register] = value;
    }

    public bool IsLba => (_now[Device] & LbaMode) != 0;

    /// <summary>Number of sectors of a 48-bit command; 0 stands for 65536.</summary>
    public int Count48 => (_before[Count] << 8) | _now[Count];

    /// <summary>Address of a 48-bit command.</summary>
    public long Address48 => ((long)_before[High] << 40) | ((long)_before[Middle] << 32) | ((long)_before[Low] << 24) | Address24;

    /// <summary>Address of a 28-bit command.</summary>
    public long Address28 => ((_now[Device] & 0xFL) << 24) | Address24;

    private long Address24 => ((long)_now[High] << 16) | ((long)_now[Middle] << 8) | _now[Low];

    /// <summary>A write by the host, which pushes the old contents down.</summary>
    public void Push(int register, byte value) => (_before[register], _now[register]) = (_now[register], value);

    public byte Previous(int register) => _before[register];

    /// <summary>Puts an address where the host reads it back.</summary>
    public void SetAddress(long address, bool wide)
    {
        (_now[Low], _now[Middle], _now[High]) = ((byte)address, (byte)(address >> 8), (byte)(address >> 16));
        if (wide)
        {
            (_before[Low], _before[Middle], _before[High]) = ((byte)(address >> 24), (byte)(address >> 32), (byte)(address >> 40));
        }
        else
        {
            _now[Device] = (byte)((_now[Device] & 0xF0) | ((byte)(address >> 24) & 0x0F));
        }
    }

    public void Clear()
    {
        Array.Clear(_now);
        Array.Clear(_before);
    }

    public void Save(StateWriter writer)
    {
        writer.Bytes(_now);
        writer.Bytes(_before);
    }

    public void Load(StateReader reader)
    {
        reader.Bytes(_now.AsSpan());
        reader.Bytes(_before.AsSpan());
    }
}
