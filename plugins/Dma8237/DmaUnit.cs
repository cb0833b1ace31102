using Kmem.Abstractions;

namespace Kmem.Plugins.Dma8237;

/// <summary>One 8237A: four channels and the registers that all of them share.</summary>
/// <remarks>Source: Intel 8237A datasheet (order number 231466), sections "Register Description" and "Software Commands".</remarks>
internal sealed class DmaUnit
{
    private const int Channels = 4;
    private const byte Disabled = 0x04;
    private const int Decrement = 0x20, AutoInitialize = 0x10, Cascaded = 3, ToMemory = 1, FromMemory = 2;

    private readonly string _name;
    private readonly ushort[] _baseAddress = new ushort[Channels];
    private readonly ushort[] _baseCount = new ushort[Channels];
    private readonly ushort[] _address = new ushort[Channels];
    private readonly ushort[] _count = new ushort[Channels];
    private readonly byte[] _mode = new byte[Channels];
    private byte _command, _request, _mask, _reached;
    private bool _isHigh;

    /// <summary>Creates the chip.</summary>
    /// <param name="name">Which one of the pair it is, for saved fields.</param>
    /// <param name="firstChannel">The PC's number of its first channel.</param>
    public DmaUnit(string name, int firstChannel)
    {
        _name = name;
        Registers = new RegisterMap(width: 1, count: 16);
        for (int i = 0; i < Channels; i++)
        {
            int channel = i;
            Registers
                .Add(2 * i, $"ADDRESS{firstChannel + i}", () => Half(_address[channel], turns: true), v => Put(_baseAddress, _address, channel, (byte)v), () => Half(_address[channel], turns: false))
                .Add((2 * i) + 1, $"COUNT{firstChannel + i}", () => Half(_count[channel], turns: true), v => Put(_baseCount, _count, channel, (byte)v), () => Half(_count[channel], turns: false));
        }

        // The datasheet allows no read of ports 9 to 12, 14 and 15; the recorded machines give the mask at 9 and zeros elsewhere (corpus/alpha, corpus/x86).
        Registers
            .Add(8, "STATUS/COMMAND", ReadStatus, v => _command = (byte)v, () => Status)
            .Add(9, "REQUEST", () => (byte)(_mask | 0xF0), v => SetBit(ref _request, (byte)v))
            .Add(10, "MASK", () => 0, v => SetBit(ref _mask, (byte)v))
            .Add(11, "MODE", () => 0, v => _mode[v & 3] = (byte)(v & 0xFC))
            .Add(12, "CLEAR-FLIP-FLOP", () => 0, _ => _isHigh = false)
            .Add(13, "TEMPORARY/MASTER-CLEAR", () => 0, _ => Clear())
            .Add(14, "CLEAR-MASK", () => 0, _ => _mask = 0)
            .Add(15, "ALL-MASK", () => 0, v => _mask = (byte)(v & 0x0F));
        Reset();
    }

    /// <summary>The sixteen registers.</summary>
    public RegisterMap Registers { get; }

    private byte Status => (byte)((_request << 4) | _reached);

    /// <summary>After power-on; a master clear leaves addresses, counts and modes alone.</summary>
    public void Reset()
    {
        foreach (Array array in (Array[])[_baseAddress, _baseCount, _address, _count, _mode])
        {
            Array.Clear(array);
        }

        Clear();
    }

    public void Save(StateWriter writer)
    {
        for (int i = 0; i < Channels; i++)
        {
            writer.U16(_baseAddress[i], $"{_name}.base-address{i}");
            writer.U16(_baseCount[i], $"{_name}.base-count{i}");
            writer.U16(_address[i], $"{_name}.address{i}");
            writer.U16(_count[i], $"{_name}.count{i}");
            writer.U8(_mode[i], $"{_name}.mode{i}");
        }

        writer.Bytes([_command, _request, _mask, _reached], $"{_name}.registers");
        writer.Bool(_isHigh);
    }

    public void Load(StateReader reader)
    {
        for (int i = 0; i < Channels; i++)
        {
            (_baseAddress[i], _baseCount[i], _address[i], _count[i], _mode[i]) = (reader.U16(), reader.U16(), reader.U16(), reader.U16(), reader.U8());
        }

        byte[] registers = new byte[4];
        reader.Bytes(registers.AsSpan());
        (_command, _request, _mask, _reached) = (registers[0], registers[1], registers[2], registers[3]);
        _isHigh = reader.Bool();
    }

    /// <summary>Moves units of one or two bytes through a channel, until the data or the count end.</summary>
    /// <param name="channel">Channel 0..3 of this chip.</param>
    /// <param name="data">What the device gives or takes.</param>
    /// <param name="unit">Bytes of a unit.</param>
    /// <param name="memory">Moves a unit between memory and a part of <paramref name="data"/>: address in units, whether memory is written.</param>
    /// <param name="terminalCount">Whether the count ended.</param>
    public int Transfer(int channel, Span<byte> data, int unit, DmaMove memory, out bool terminalCount)
    {
        terminalCount = false;
        int done = 0;
        while (!terminalCount && data.Length - done >= unit && IsOpen(channel))
        {
            bool isDown = (_mode[channel] & Decrement) != 0;

            // Up to the end of the data, of the count, and of the 64 Ki units that the address register counts.
            int units = isDown ? 1 : Math.Min(Math.Min((data.Length - done) / unit, _count[channel] + 1), 0x1_0000 - _address[channel]);
            int direction = (_mode[channel] >> 2) & 3;
            if (direction is ToMemory or FromMemory)
            {
                memory(_address[channel], data.Slice(done, units * unit), direction == ToMemory);
            }

            done += units * unit;
            _address[channel] = (ushort)(_address[channel] + (isDown ? -1 : units));
            int left = _count[channel] - units;
            _count[channel] = (ushort)left;
            terminalCount = left < 0;
        }

        if (terminalCount)
        {
            End(channel);
        }

        return done;
    }

    private bool IsOpen(int channel) => (_command & Disabled) == 0 && (_mask >> channel & 1) == 0 && _mode[channel] >> 6 != Cascaded;

    private void End(int channel)
    {
        byte bit = (byte)(1 << channel);
        _reached |= bit;
        _request &= (byte)~bit;
        if ((_mode[channel] & AutoInitialize) != 0)
        {
            (_address[channel], _count[channel]) = (_baseAddress[channel], _baseCount[channel]);
        }
        else
        {
            _mask |= bit;
        }
    }

    private void Clear() => (_command, _request, _mask, _reached, _isHigh) = (0, 0, 0x0F, 0, false);

    private ulong ReadStatus()
    {
        byte value = Status;
        _reached = 0;
        return value;
    }

    private byte Half(ushort value, bool turns)
    {
        byte half = (byte)(_isHigh ? value >> 8 : value);
        _isHigh ^= turns;
        return half;
    }

    /// <summary>A byte goes to the base register and the current one; the flip-flop says which half.</summary>
    private void Put(ushort[] bases, ushort[] current, int channel, byte value)
    {
        bases[channel] = (ushort)(_isHigh ? (bases[channel] & 0x00FF) | (value << 8) : (bases[channel] & 0xFF00) | value);
        current[channel] = bases[channel];
        _isHigh = !_isHigh;
    }

    private static void SetBit(ref byte bits, byte value)
    {
        byte bit = (byte)(1 << (value & 3));
        bits = (value & 4) != 0 ? (byte)(bits | bit) : (byte)(bits & ~bit);
    }
}

/// <summary>Moves units between memory and a device's data.</summary>
/// <param name="address">Address of the first unit within the 64 Ki that the page register chooses, in units.</param>
/// <param name="data">The device's data.</param>
/// <param name="toMemory">Whether memory is written.</param>
internal delegate void DmaMove(ushort address, Span<byte> data, bool toMemory);
