using System.Buffers.Binary;
using Kmem.Abstractions;

namespace Kmem.Plugins.Ethernet;

/// <summary>The serial EEPROM of 64 words with its two ways in: EERD, and EECD, by which software moves the pins of the Microwire bus.</summary>
/// <remarks>Source: Intel, the family's manual, chapter 5 "EEPROM Interface" and sections 13.4.3 (EECD) and 13.4.4 (EERD); Microchip, 93C46 datasheet, "Instruction set".</remarks>
internal sealed class Eeprom
{
    public const int Words = 64;
    private const uint Clock = 1, Select = 2, DataIn = 4, DataOut = 8, FlashWrite = 0x30, Request = 0x40, Grant = 0x80, Present = 0x100;
    private const int AddressBits = 6, CommandBits = 1 + 2 + AddressBits, DataBits = 16;
    private const ushort Sum = 0xBABA;

    private readonly ushort[] _words = new ushort[Words];
    private uint _pins;
    private uint _shift;
    private uint _reply;
    private int _bits;
    private int _replyBits;
    private bool _mayWrite;
    private byte _address;

    /// <summary>Fills the words as a maker of adapters does.</summary>
    public Eeprom(ReadOnlySpan<byte> mac, ushort subsystem, ushort subsystemVendor)
    {
        for (int i = 0; i < 3; i++)
        {
            _words[i] = BinaryPrimitives.ReadUInt16LittleEndian(mac[(2 * i)..]);
        }

        (_words[0x0A], _words[0x0B], _words[0x0C], _words[0x0D], _words[0x0E], _words[0x0F]) = (0x640A, subsystem, subsystemVendor, 0x100E, 0x8086, 0x3040);
        _words[0x08] = _words[0x09] = ushort.MaxValue;
        _words.AsSpan(0x10, 0x2F).Fill(ushort.MaxValue);
        _words[0x21] = 0x7061;
        _words[Words - 1] = (ushort)(Sum - _words.Take(Words - 1).Sum(w => w));
    }

    /// <summary>A word.</summary>
    public ushort this[int address] => _words[address % Words];

    /// <summary>The register EECD; pins as software has set them, and what the EEPROM says.</summary>
    public uint Pins
    {
        get => (_pins & ~DataOut) | Present | ((_pins & Request) != 0 ? Grant : 0) | (IsHigh ? DataOut : 0);
        set
        {
            uint before = _pins;
            _pins = value & (Clock | Select | DataIn | FlashWrite | Request);
            if ((_pins & Select) == 0)
            {
                (_shift, _bits, _replyBits) = (0, 0, 0);
            }
            else if ((before & Clock) == 0 && (_pins & Clock) != 0)
            {
                Step((_pins & DataIn) != 0);
            }
        }
    }

    // A finished write shows itself as ready, which is a one.
    private bool IsHigh => _replyBits == 0 || ((_reply >> (_replyBits - 1)) & 1) != 0;

    /// <summary>The answer of EERD to what software has written there.</summary>
    public uint Read(uint request)
    {
        const uint Start = 1, Done = 1 << 4, AddressMask = 0xFF00;
        return (request & Start) == 0 ? request & AddressMask : (request & AddressMask) | Done | ((uint)this[(int)(request >> 8) & 0xFF] << 16);
    }

    public void Reset()
    {
        (_pins, _shift, _reply, _bits, _replyBits, _mayWrite, _address) = (0, 0, 0, 0, 0, false, 0);
    }

    public void Save(StateWriter writer)
    {
        writer.Bytes(_words.SelectMany(w => new[] { (byte)w, (byte)(w >> 8) }), "eeprom");
        writer.U32(_pins);
        writer.U32(_shift);
        writer.U32(_reply);
        writer.U8((byte)_bits);
        writer.U8((byte)_replyBits);
        writer.Bool(_mayWrite);
        writer.U8(_address);
    }

    public void Load(StateReader reader)
    {
        byte[] words = new byte[2 * Words];
        reader.Bytes(words.AsSpan());
        for (int i = 0; i < Words; i++)
        {
            _words[i] = BinaryPrimitives.ReadUInt16LittleEndian(words.AsSpan(2 * i));
        }

        (_pins, _shift, _reply, _bits, _replyBits, _mayWrite, _address) = (reader.U32(), reader.U32(), reader.U32(), reader.U8(), reader.U8(), reader.Bool(), reader.U8());
    }

    private void Step(bool data)
    {
        if (_replyBits > 0)
        {
            // Words that lie behind come without being asked for.
            if (--_replyBits == 0)
            {
                _address = (byte)((_address + 1) % Words);
                (_reply, _replyBits) = (_words[_address], DataBits);
            }

            return;
        }

        if (_bits == 0 && !data)
        {
            return;   // an instruction begins with a one
        }

        _shift = (_shift << 1) | (data ? 1u : 0);
        _bits = Math.Min(_bits + 1, CommandBits + DataBits);
        if (_bits == CommandBits)
        {
            Begin((_shift >> AddressBits) & 3, (byte)(_shift & (Words - 1)));
        }
        else if (_bits == CommandBits + DataBits)
        {
            Write((ushort)_shift);
        }
    }

    private void Begin(uint operation, byte address)
    {
        const uint Extended = 0, Read = 2, Erase = 3;
        _address = address;
        switch (operation)
        {
            case Read:
                // A zero comes before the word.
                (_reply, _replyBits) = (_words[address], DataBits + 1);
                break;
            case Erase when _mayWrite:
                _words[address] = ushort.MaxValue;
                break;
            case Extended when address >> 4 == 3:
                _mayWrite = true;
                break;
            case Extended when address >> 4 == 0:
                _mayWrite = false;
                break;
            case Extended when address >> 4 == 2 && _mayWrite:
                Array.Fill(_words, ushort.MaxValue);
                break;
            default:
                break;
        }
    }

    private void Write(ushort word)
    {
        const uint WriteOne = 1;
        uint operation = (_shift >> (AddressBits + DataBits)) & 3;
        if (!_mayWrite)
        {
            return;
        }

        if (operation == WriteOne)
        {
            _words[_address] = word;
        }
        else if (operation == 0 && _address >> 4 == 1)
        {
            Array.Fill(_words, word);
        }
    }
}
