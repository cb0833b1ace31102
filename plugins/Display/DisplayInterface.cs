using Kmem.Abstractions;

namespace Kmem.Plugins.Display;

/// <summary>The display interface of Bochs: an index port and a data port for linear modes of up to 32 bits a dot.</summary>
/// <remarks>Source: Bochs, "VBE DISPI interface", version 0xB0C5: index 0x1CE, data 0x1CF or 0x1D0.</remarks>
internal sealed class DisplayInterface(IRamBlock memory) : IRegionHandler
{
    private const int Id = 0, Width = 1, Height = 2, Depth = 3, Enable = 4, BankNumber = 5, VirtualWidth = 6, VirtualHeight = 7, OffsetX = 8, OffsetY = 9, Memory = 10, Count = 11;
    private const ushort FirstVersion = 0xB0C0, LastVersion = 0xB0C5, On = 0x01, Capabilities = 0x02, WideColours = 0x20, KeepMemory = 0x80;
    private const int BankLength = 0x1_0000, MostWidth = 16000, MostHeight = 12000;

    private readonly ushort[] _words = new ushort[Count];
    private ushort _index;
    private byte _low;

    public bool IsEnabled => (_words[Enable] & On) != 0;

    /// <summary>Where the window's bank begins; null while the VGA's own modes are shown.</summary>
    public int? Bank => IsEnabled ? _words[BankNumber] * BankLength : null;

    private int BytesPerDot => (_words[Depth] + 7) / 8;

    public void Reset()
    {
        Array.Clear(_words);
        (_words[Id], _index, _low) = (LastVersion, 0, 0);
    }

    public void Save(StateWriter writer)
    {
        writer.U16(_index, "dispi_index");
        writer.U8(_low, "dispi_low");
        for (int i = 0; i < Count; i++)
        {
            writer.U16(_words[i], string.Create(System.Globalization.CultureInfo.InvariantCulture, $"dispi{i}"));
        }
    }

    public void Load(StateReader reader)
    {
        (_index, _low) = (reader.U16(), reader.U8());
        for (int i = 0; i < Count; i++)
        {
            _words[i] = reader.U16();
        }
    }

    public AccessResult Read(ulong offset, int width, out ulong value, in AccessAttributes attributes)
    {
        // A bus that splits the word at the odd data port brings it in two bytes, the lower one first.
        ushort word = offset == 0 ? _index : ReadWord(_index);
        value = width > 1 ? word : offset == 2 ? (byte)(word >> 8) : (byte)word;
        return AccessResult.Ok;
    }

    public AccessResult Write(ulong offset, int width, ulong value, in AccessAttributes attributes)
    {
        if (offset == 0)
        {
            _index = (ushort)value;
        }
        else if (width >= 2)
        {
            WriteWord(_index, (ushort)value);
        }
        else if (offset == 1)
        {
            _low = (byte)value;
        }
        else
        {
            WriteWord(_index, (ushort)((value << 8) | _low));
        }

        return AccessResult.Ok;
    }

    public ushort ReadWord(int index) => index switch
    {
        Width or Height or Depth when (_words[Enable] & Capabilities) != 0 => index == Width ? (ushort)MostWidth : index == Height ? (ushort)MostHeight : (ushort)32,
        Memory => (ushort)(memory.Length / BankLength),
        >= 0 and < Count => _words[index],
        _ => 0,
    };

    public void WriteWord(int index, ushort value)
    {
        switch (index)
        {
            case Id when value is >= FirstVersion and <= LastVersion:
                _words[Id] = value;
                break;
            case Width or Height or Depth when !IsEnabled:
            case VirtualWidth or OffsetX or OffsetY:
                _words[index] = value;
                Fit();
                break;
            case BankNumber when ((ulong)value + 1) * BankLength <= memory.Length:
                _words[BankNumber] = value;
                break;
            case Enable:
                SetMode(value);
                break;
            default:
                break;
        }
    }

    /// <summary>What a linear mode shows.</summary>
    public ScreenPicture Draw(ReadOnlySpan<byte> colours)
    {
        (int width, int height, int bytes) = (_words[Width], _words[Height], BytesPerDot);
        int pitch = _words[VirtualWidth] * bytes;
        byte[] dots = new byte[3 * width * height];
        ReadOnlySpan<byte> all = new DirectMemory(memory.Pointer, memory.Length).AsSpan();
        for (int row = 0; row < height; row++)
        {
            for (int column = 0; column < width; column++)
            {
                int at = ((row + _words[OffsetY]) * pitch) + ((column + _words[OffsetX]) * bytes);
                if (at + bytes > all.Length)
                {
                    break;
                }

                (byte red, byte green, byte blue) = Colour(all.Slice(at, bytes), colours);
                int dot = 3 * ((row * width) + column);
                (dots[dot], dots[dot + 1], dots[dot + 2]) = (red, green, blue);
            }
        }

        return new ScreenPicture(width, height, dots);
    }

    private (byte Red, byte Green, byte Blue) Colour(ReadOnlySpan<byte> dot, ReadOnlySpan<byte> colours)
    {
        int word = dot.Length > 1 ? dot[0] | (dot[1] << 8) : dot[0];
        static byte Widen(int value, int bits) => (byte)(value << (8 - bits) | value >> ((2 * bits) - 8));
        return _words[Depth] switch
        {
            15 => (Widen(word >> 10 & 31, 5), Widen(word >> 5 & 31, 5), Widen(word & 31, 5)),
            16 => (Widen(word >> 11 & 31, 5), Widen(word >> 5 & 63, 6), Widen(word & 31, 5)),
            24 or 32 => (dot[2], dot[1], dot[0]),
            _ => (Palette(colours, word, 0), Palette(colours, word, 1), Palette(colours, word, 2)),
        };
    }

    private byte Palette(ReadOnlySpan<byte> colours, int number, int part)
    {
        byte value = colours[(3 * (number & 0xFF)) + part];
        return (_words[Enable] & WideColours) != 0 ? value : (byte)((value << 2) | (value >> 4));
    }

    private void SetMode(ushort value)
    {
        bool begins = (value & On) != 0 && !IsEnabled;
        _words[Enable] = value;
        if (!begins)
        {
            return;
        }

        _words[Width] &= 0xFFF8;
        (_words[VirtualWidth], _words[OffsetX], _words[OffsetY], _words[BankNumber]) = (_words[Width], 0, 0, 0);
        Fit();
        if ((value & KeepMemory) == 0)
        {
            long length = Math.Min((long)_words[Width] * _words[Height] * BytesPerDot, (long)memory.Length);
            new DirectMemory(memory.Pointer, (ulong)length).AsSpan().Clear();
        }
    }

    /// <summary>Keeps depth, width and height to what there is, and tells how many rows the memory holds.</summary>
    private void Fit()
    {
        if (_words[Depth] is not (8 or 15 or 16 or 24 or 32))
        {
            _words[Depth] = 8;
        }

        _words[Width] = Math.Min(_words[Width], (ushort)MostWidth);
        _words[VirtualWidth] = Math.Max(_words[VirtualWidth], _words[Width]);
        ulong pitch = (ulong)(_words[VirtualWidth] * BytesPerDot);
        ulong rows = pitch == 0 ? 0 : Math.Min(memory.Length / pitch, ushort.MaxValue);
        _words[VirtualHeight] = (ushort)rows;
        _words[Height] = (ushort)Math.Min(Math.Min(_words[Height], (ulong)MostHeight), pitch == 0 ? MostHeight : rows);
    }
}
