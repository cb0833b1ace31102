using Kmem.Abstractions;

namespace Kmem.Plugins.Display;

/// <summary>The registers of a VGA behind ports 0x3B0 to 0x3DF; offsets count from 0x3B0.</summary>
/// <remarks>Source: IBM PS/2 Hardware Interface Technical Reference, "Video subsystem", registers; names as there.</remarks>
internal sealed class VgaRegisters(IClock clock, bool alternates) : IRegionHandler
{
    public const ulong Length = 0x30;

    private const int SequencerCount = 5, GraphicsCount = 9, AttributeCount = 21, ControllerCount = 25;
    private const byte ColourPorts = 0x01, Protect = 0x80, PaletteOn = 0x20;

    // 800 dots by 449 lines at 25.175 MHz: the timing of 720x400 text and 640x400 graphics.
    private const long LineTime = 31_778, ShownOfLine = LineTime * 4 / 5;
    private const int Lines = 449, ShownLines = 400, RetraceFirst = 412, RetraceLast = 413;

    private static readonly byte[] TextController = Convert.FromHexString("5F4F50825581BF1F004F0D0E000000009C8E8F281F96B9A3FF");
    private static readonly byte[] TextAttributes = Convert.FromHexString("000102030405140738393A3B3C3D3E3F0C000F0800");

    private readonly byte[] _colours = new byte[768];
    private byte _sequencerIndex;
    private byte _graphicsIndex;
    private byte _controllerIndex;
    private byte _attributeIndex;
    private byte _mask;
    private byte _readIndex;
    private byte _writeIndex;
    private byte _part;
    private byte _feature;
    private byte _enable;
    private bool _reads;
    private bool _expectsAttribute;
    private bool _retraces;

    public byte[] Sequencer { get; } = new byte[SequencerCount];

    public byte[] Graphics { get; } = new byte[GraphicsCount];

    public byte[] Attributes { get; } = new byte[AttributeCount];

    public byte[] Controller { get; } = new byte[ControllerCount];

    /// <summary>The miscellaneous output register.</summary>
    public byte Miscellaneous { get; private set; }

    /// <summary>The palette: 256 colours of red, green and blue, 6 bits each.</summary>
    public ReadOnlySpan<byte> Colours => _colours;

    public AccessResult Read(ulong offset, int width, out ulong value, in AccessAttributes attributes)
    {
        value = 0;
        for (int i = 0; i < width; i++)
        {
            value |= (ulong)ReadPort((int)offset + i, attributes.IsDebug) << (8 * i);
        }

        return AccessResult.Ok;
    }

    public AccessResult Write(ulong offset, int width, ulong value, in AccessAttributes attributes)
    {
        for (int i = 0; i < width; i++)
        {
            WritePort((int)offset + i, (byte)(value >> (8 * i)));
        }

        return AccessResult.Ok;
    }

    public void Reset()
    {
        Array.Clear(Sequencer);
        Array.Clear(Graphics);
        Array.Clear(Attributes);
        Array.Clear(Controller);
        Array.Clear(_colours);
        (_sequencerIndex, _graphicsIndex, _controllerIndex, _attributeIndex, Miscellaneous) = (0, 0, 0, 0, 0);
        (_mask, _readIndex, _writeIndex, _part, _feature, _enable, _reads, _expectsAttribute, _retraces) = (0xFF, 0, 0, 0, 0, 1, false, false, false);
    }

    /// <summary>Puts every register to 80 by 25 text in colour, as a video BIOS does for mode 3.</summary>
    public void SetTextMode()
    {
        Miscellaneous = 0x67;
        new byte[] { 3, 0, 3, 0, 2 }.CopyTo(Sequencer, 0);
        new byte[] { 0, 0, 0, 0, 0, 0x10, 0x0E, 0x0F, 0xFF }.CopyTo(Graphics, 0);
        TextController.CopyTo(Controller, 0);
        TextAttributes.CopyTo(Attributes, 0);
        _attributeIndex = PaletteOn;
        for (int colour = 0; colour < 64; colour++)
        {
            for (int part = 0; part < 3; part++)
            {
                // Each colour has two bits in the index: 2/3 of the intensity at bits 2..0, 1/3 at bits 5..3; blue stands lowest.
                int strong = (colour >> (2 - part)) & 1, weak = (colour >> (5 - part)) & 1;
                _colours[(3 * colour) + part] = (byte)((42 * strong) + (21 * weak));
            }
        }
    }

    public void Save(StateWriter writer)
    {
        writer.Bytes(Sequencer);
        writer.Bytes(Graphics);
        writer.Bytes(Attributes);
        writer.Bytes(Controller);
        writer.Bytes(_colours);
        writer.Bytes([_sequencerIndex, _graphicsIndex, _controllerIndex, _attributeIndex, Miscellaneous, _mask, _readIndex, _writeIndex, _part, _feature, _enable], "ports");
        writer.Bool(_reads);
        writer.Bool(_expectsAttribute);
        writer.Bool(_retraces);
    }

    public void Load(StateReader reader)
    {
        reader.Bytes(Sequencer.AsSpan());
        reader.Bytes(Graphics.AsSpan());
        reader.Bytes(Attributes.AsSpan());
        reader.Bytes(Controller.AsSpan());
        reader.Bytes(_colours.AsSpan());
        byte[] ports = new byte[11];
        reader.Bytes(ports.AsSpan());
        (_sequencerIndex, _graphicsIndex, _controllerIndex, _attributeIndex, Miscellaneous) = (ports[0], ports[1], ports[2], ports[3], ports[4]);
        (_mask, _readIndex, _writeIndex, _part, _feature, _enable) = (ports[5], ports[6], ports[7], (byte)(ports[8] % 3), ports[9], ports[10]);
        (_reads, _expectsAttribute, _retraces) = (reader.Bool(), reader.Bool(), reader.Bool());
    }

    private byte ReadPort(int port, bool peek)
    {
        bool hears = Hears(port);
        switch (port)
        {
            case 0x04 or 0x24 when hears:
                return _controllerIndex;
            case 0x05 or 0x25 when hears:
                return At(Controller, _controllerIndex);
            case 0x0A or 0x2A when hears:
                _expectsAttribute &= peek;
                return alternates ? Alternate(peek) : Status();
            case 0x10:
                return _attributeIndex;
            case 0x11:
                return At(Attributes, _attributeIndex & 0x1F);
            case 0x12:
                return 0x10;   // a monitor is there
            case 0x13:
                return _enable;
            case 0x14:
                return _sequencerIndex;
            case 0x15:
                return At(Sequencer, _sequencerIndex);
            case 0x16:
                return _mask;
            case 0x17:
                return (byte)(_reads ? 3 : 0);
            case 0x18:
                return _writeIndex;
            case 0x19:
                return ReadColour(peek);
            case 0x1A:
                return _feature;
            case 0x1C:
                return Miscellaneous;
            case 0x1E:
                return _graphicsIndex;
            case 0x1F:
                return At(Graphics, _graphicsIndex);
            default:
                return 0xFF;
        }
    }

    private void WritePort(int port, byte value)
    {
        bool hears = Hears(port);
        switch (port)
        {
            case 0x04 or 0x24 when hears:
                _controllerIndex = value;
                break;
            case 0x05 or 0x25 when hears:
                WriteController(value);
                break;
            case 0x0A or 0x2A when hears:
                _feature = value;
                break;
            case 0x10:
                WriteAttribute(value);
                break;
            case 0x12:
                Miscellaneous = value;
                break;
            case 0x13:
                _enable = (byte)(value & 1);
                break;
            case 0x14:
                _sequencerIndex = value;
                break;
            case 0x15:
                Put(Sequencer, _sequencerIndex, value);
                break;
            case 0x16:
                _mask = value;
                break;
            case 0x17:
                (_readIndex, _part, _reads) = (value, 0, true);
                break;
            case 0x18:
                (_writeIndex, _part, _reads) = (value, 0, false);
                break;
            case 0x19:
                WriteColour(value);
                break;
            case 0x1E:
                _graphicsIndex = value;
                break;
            case 0x1F:
                Put(Graphics, _graphicsIndex, value);
                break;
            default:
                break;
        }
    }

    /// <summary>Ports 0x3Bx answer for a monochrome screen, ports 0x3Dx for a colour one.</summary>
    private bool Hears(int port) => (port >= 0x20) == ((Miscellaneous & ColourPorts) != 0);

    private static byte At(byte[] registers, int index) => index < registers.Length ? registers[index] : (byte)0;

    private static void Put(byte[] registers, int index, byte value)
    {
        if (index < registers.Length)
        {
            registers[index] = value;
        }
    }

    private void WriteController(byte value)
    {
        // Bit 7 of register 0x11 protects registers 0 to 7, but for one bit of 7.
        bool isProtected = (Controller[0x11] & Protect) != 0 && _controllerIndex <= 7;
        if (!isProtected)
        {
            Put(Controller, _controllerIndex, value);
        }
        else if (_controllerIndex == 7)
        {
            Controller[7] = (byte)((Controller[7] & ~0x10) | (value & 0x10));
        }
    }

    private void WriteAttribute(byte value)
    {
        if (_expectsAttribute)
        {
            Put(Attributes, _attributeIndex & 0x1F, value);
        }
        else
        {
            _attributeIndex = (byte)(value & 0x3F);
        }

        _expectsAttribute = !_expectsAttribute;
    }

    private byte ReadColour(bool peek)
    {
        byte value = _colours[(3 * _readIndex) + _part];
        if (!peek)
        {
            _readIndex += (byte)(_part == 2 ? 1 : 0);
            _part = (byte)((_part + 1) % 3);
        }

        return value;
    }

    private void WriteColour(byte value)
    {
        _colours[(3 * _writeIndex) + _part] = (byte)(value & 0x3F);
        _writeIndex += (byte)(_part == 2 ? 1 : 0);
        _part = (byte)((_part + 1) % 3);
    }

    /// <summary>Input status 1 of a card without timing: each read finds the other state.</summary>
    private byte Alternate(bool peek)
    {
        bool retraces = !_retraces;
        _retraces = peek ? _retraces : retraces;
        return (byte)(retraces ? 0x09 : 0);
    }

    /// <summary>Input status 1: bit 0 while nothing is shown, bit 3 during vertical retrace.</summary>
    private byte Status()
    {
        long line = clock.Now / LineTime % Lines;
        bool shows = line < ShownLines && clock.Now % LineTime < ShownOfLine;
        return (byte)((shows ? 0 : 0x01) | (line is >= RetraceFirst and <= RetraceLast ? 0x08 : 0));
    }
}
