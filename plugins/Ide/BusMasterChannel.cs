using System.Buffers.Binary;
using Kmem.Abstractions;

namespace Kmem.Plugins.Ide;

/// <summary>The bus master of one cable: moves data between a drive and the pieces of memory that a table of descriptors names.</summary>
/// <remarks>Source: "Programming Interface for Bus Master IDE Controller", revision 1.0 (5/16/94), sections 1 to 3.</remarks>
internal sealed class BusMasterChannel(IAddressSpace memory, BusMaster master)
{
    private const byte Start = 0x01, ToMemory = 0x08;
    private const byte Active = 0x01, Failed = 0x02, Interrupted = 0x04, Capable = 0x60;
    private const uint EndOfTable = 1u << 31;

    private readonly AccessAttributes _attributes = new(master);
    private byte _command;
    private byte _status;
    private uint _table;
    private uint _next;
    private uint _address;
    private uint _left;
    private bool _isLast;

    /// <summary>Called when software has started the bus master.</summary>
    public Action Started { get; set; } = static () => { };

    public bool IsActive => (_status & Active) != 0;

    /// <summary>True when data go from the drive to memory.</summary>
    public bool IsReading => (_command & ToMemory) != 0;

    public byte Read(int register) => register switch
    {
        0 => _command,
        2 => _status,
        >= 4 => (byte)(_table >> (8 * (register - 4))),
        _ => 0,
    };

    public void Write(int register, byte value)
    {
        switch (register)
        {
            case 0:
                WriteCommand(value);
                break;
            case 2:
                _status = (byte)((_status & Active) | (value & Capable) | (_status & ~value & (Failed | Interrupted)));
                break;
            case >= 4:
                int shift = 8 * (register - 4);
                _table = ((_table & ~(0xFFu << shift)) | ((uint)value << shift)) & ~3u;
                break;
            default:
                break;
        }
    }

    /// <summary>The drive has raised its interrupt.</summary>
    public void Interrupt() => _status |= Interrupted;

    /// <summary>Brings data to memory; false when the table ends too early or memory does not answer.</summary>
    public bool Put(ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty)
        {
            if (!Descriptor())
            {
                return false;
            }

            ReadOnlySpan<byte> part = data[..(int)Math.Min((uint)data.Length, _left)];
            if (memory.WriteBlock(_address, part, _attributes, out _) != AccessResult.Ok)
            {
                return Fail();
            }

            Advance(part.Length);
            data = data[part.Length..];
        }

        return true;
    }

    /// <summary>Fetches data from memory; false when the table ends too early or memory does not answer.</summary>
    public bool Get(Span<byte> data)
    {
        while (!data.IsEmpty)
        {
            if (!Descriptor())
            {
                return false;
            }

            Span<byte> part = data[..(int)Math.Min((uint)data.Length, _left)];
            if (memory.ReadBlock(_address, part, _attributes, out _) != AccessResult.Ok)
            {
                return Fail();
            }

            Advance(part.Length);
            data = data[part.Length..];
        }

        return true;
    }

    /// <summary>The drive has ended its command: the bus master stays active only when its table names more memory than there were data.</summary>
    public void Finish()
    {
        if (_left == 0 && _isLast)
        {
            _status &= unchecked((byte)~Active);
        }
    }

    public void Reset()
    {
        (_command, _status, _table, _next, _address, _left, _isLast) = (0, 0, 0, 0, 0, 0, false);
    }

    public void Save(StateWriter writer)
    {
        writer.U8(_command);
        writer.U8(_status);
        writer.U32(_table);
        writer.U32(_next);
        writer.U32(_address);
        writer.U32(_left);
        writer.Bool(_isLast);
    }

    public void Load(StateReader reader)
    {
        (_command, _status) = (reader.U8(), reader.U8());
        (_table, _next, _address, _left, _isLast) = (reader.U32(), reader.U32(), reader.U32(), reader.U32(), reader.Bool());
    }

    private void WriteCommand(byte value)
    {
        bool started = (value & Start) != 0 && (_command & Start) == 0, stopped = (value & Start) == 0;
        _command = (byte)(value & (Start | ToMemory));
        if (stopped)
        {
            _status &= unchecked((byte)~Active);
        }

        if (started)
        {
            (_next, _left, _isLast) = (_table, 0, false);
            _status |= Active;
            Started();
        }
    }

    /// <summary>Makes sure that a descriptor with memory left is at hand.</summary>
    private bool Descriptor()
    {
        if (_left > 0)
        {
            return true;
        }

        if (_isLast)
        {
            // The table names less memory than the drive has data: the bus master stops without an interrupt.
            _status &= unchecked((byte)~Active);
            return false;
        }

        Span<byte> entry = stackalloc byte[8];
        if (memory.ReadBlock(_next, entry, _attributes, out _) != AccessResult.Ok)
        {
            return Fail();
        }

        uint count = BinaryPrimitives.ReadUInt32LittleEndian(entry[4..]);
        _address = BinaryPrimitives.ReadUInt32LittleEndian(entry) & ~1u;
        _left = (count & 0xFFFE) == 0 ? 0x1_0000 : count & 0xFFFE;
        _isLast = (count & EndOfTable) != 0;

        // The table itself does not cross a boundary of 64 KiB; one without an end goes round instead of on.
        _next = (_next & 0xFFFF_0000) | ((_next + 8) & 0xFFFF);
        return true;
    }

    private void Advance(int count)
    {
        _address += (uint)count;
        _left -= (uint)count;
    }

    private bool Fail()
    {
        _status = (byte)((_status & ~Active) | Failed);
        return false;
    }
}
