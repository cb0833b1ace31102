using Kmem.Abstractions;

namespace Kmem.Plugins.Display;

/// <summary>The window 0xA0000 to 0xBFFFF on four planes of 64 KiB, with the graphics controller between.</summary>
/// <remarks>Source: IBM PS/2 Hardware Interface Technical Reference, "Video subsystem", "Display memory" and graphics controller registers.</remarks>
internal sealed class VgaMemory(VgaRegisters registers, IRamBlock block) : IRegionHandler
{
    public const ulong WindowLength = 0x2_0000;
    public const int PlaneLength = 0x1_0000, Planes = 4;

    private const int SetReset = 0, EnableSetReset = 1, ColourCompare = 2, Rotate = 3, ReadMap = 4, Mode = 5, MiscellaneousGraphics = 6, ColourCare = 7, BitMask = 8;
    private const int MapMask = 2, MemoryMode = 4;
    private const byte Chain4 = 0x08, Sequential = 0x04, OddEven = 0x10, RamEnable = 0x02;

    /// <summary>What the last read brought out of the four planes, plane 0 in the lowest byte.</summary>
    private uint _latch;

    /// <summary>Where a bank of a linear mode begins in the memory; null while the window shows planes.</summary>
    public Func<int?> Bank { get; set; } = static () => null;

    private Span<byte> Memory => new DirectMemory(block.Pointer, block.Length).AsSpan();

    /// <summary>A byte of a plane, past all registers.</summary>
    public byte Plane(int plane, int offset) => Memory[((offset & (PlaneLength - 1)) * Planes) + plane];

    public void Reset() => _latch = 0;

    public void Save(StateWriter writer) => writer.U32(_latch);

    public void Load(StateReader reader) => _latch = reader.U32();

    public AccessResult Read(ulong offset, int width, out ulong value, in AccessAttributes attributes)
    {
        value = 0;
        if (Linear(offset, width) is { Length: > 0 } linear)
        {
            for (int i = 0; i < width; i++)
            {
                value |= (ulong)linear[i] << (8 * i);
            }

            return AccessResult.Ok;
        }

        for (int i = 0; i < width; i++)
        {
            value |= (ulong)ReadByte((int)offset + i, attributes.IsDebug) << (8 * i);
        }

        return AccessResult.Ok;
    }

    public AccessResult Write(ulong offset, int width, ulong value, in AccessAttributes attributes)
    {
        if (Linear(offset, width) is { Length: > 0 } linear)
        {
            for (int i = 0; i < width; i++)
            {
                linear[i] = (byte)(value >> (8 * i));
            }

            return AccessResult.Ok;
        }

        for (int i = 0; i < width; i++)
        {
            WriteByte((int)offset + i, (byte)(value >> (8 * i)));
        }

        return AccessResult.Ok;
    }

    /// <summary>The bytes of a bank of a linear mode that an access means; empty while there is none.</summary>
    private Span<byte> Linear(ulong offset, int width)
    {
        if (Bank() is not { } bank || offset >= PlaneLength)
        {
            return [];
        }

        ulong at = (ulong)bank + offset;
        return at + (ulong)width <= block.Length ? Memory.Slice((int)at, width) : [];
    }

    private byte ReadByte(int window, bool peek)
    {
        if (Address(window) is not { } address)
        {
            return 0xFF;
        }

        bool chained = (registers.Sequencer[MemoryMode] & Chain4) != 0, oddEven = !chained && (registers.Graphics[Mode] & OddEven) != 0;
        int offset = chained ? address & ~3 : oddEven ? address & ~1 : address;
        uint planes = Load(offset);
        _latch = peek ? _latch : planes;
        if ((registers.Graphics[Mode] & 0x08) != 0)
        {
            return Compare(planes);
        }

        int plane = chained ? address & 3 : oddEven ? (registers.Graphics[ReadMap] & 2) | (address & 1) : registers.Graphics[ReadMap] & 3;
        return (byte)(planes >> (8 * plane));
    }

    private void WriteByte(int window, byte value)
    {
        if (Address(window) is not { } address)
        {
            return;
        }

        byte mode = registers.Sequencer[MemoryMode];
        bool chained = (mode & Chain4) != 0, oddEven = !chained && (mode & Sequential) == 0;
        int offset = chained ? address & ~3 : oddEven ? address & ~1 : address;
        int mask = registers.Sequencer[MapMask] & (chained ? 1 << (address & 3) : oddEven ? 5 << (address & 1) : 0xF);
        uint data = Pass(value);
        Span<byte> planes = Memory.Slice(offset * Planes, Planes);
        for (int plane = 0; plane < Planes; plane++)
        {
            if ((mask & (1 << plane)) != 0)
            {
                planes[plane] = (byte)(data >> (8 * plane));
            }
        }
    }

    /// <summary>Where in the planes an address of the window lies; null when the window is not shown there.</summary>
    private int? Address(int window)
    {
        if ((registers.Miscellaneous & RamEnable) == 0)
        {
            return null;
        }

        (int first, int length) = ((registers.Graphics[MiscellaneousGraphics] >> 2) & 3) switch
        {
            0 => (0, 0x2_0000),
            1 => (0, 0x1_0000),
            2 => (0x1_0000, 0x8000),
            _ => (0x1_8000, 0x8000),
        };
        int within = window - first;
        return within >= 0 && within < length ? within & (PlaneLength - 1) : null;
    }

    private uint Load(int offset) => BitConverter.ToUInt32(Memory.Slice(offset * Planes, Planes));

    /// <summary>Read mode 1: a bit is 1 where all planes that matter have the colour looked for.</summary>
    private byte Compare(uint planes)
    {
        uint wanted = Spread(registers.Graphics[ColourCompare]), care = Spread(registers.Graphics[ColourCare]);
        uint different = (planes ^ wanted) & care;
        return (byte)~(different | (different >> 8) | (different >> 16) | (different >> 24));
    }

    /// <summary>What a byte becomes in the four planes: rotation, set/reset, function and bit mask, as the write mode says.</summary>
    private uint Pass(byte value)
    {
        byte[] graphics = registers.Graphics;
        int mode = graphics[Mode] & 3, count = graphics[Rotate] & 7;
        if (mode == 1)
        {
            return _latch;
        }

        byte rotated = (byte)((value >> count) | (value << (8 - count)));
        uint enabled = Spread(graphics[EnableSetReset]), fixedColour = Spread(graphics[SetReset]);
        uint mask = Repeat(graphics[BitMask]);
        uint data = mode switch
        {
            0 => (Repeat(rotated) & ~enabled) | (fixedColour & enabled),
            2 => Spread(value),
            _ => fixedColour,
        };
        mask &= mode == 3 ? Repeat(rotated) : uint.MaxValue;
        data = ((graphics[Rotate] >> 3) & 3) switch
        {
            1 => data & _latch,
            2 => data | _latch,
            3 => data ^ _latch,
            _ => data,
        };
        return (data & mask) | (_latch & ~mask);
    }

    private static uint Repeat(byte value) => value * 0x0101_0101u;

    /// <summary>Each of the four low bits fills the byte of its plane.</summary>
    private static uint Spread(int bits) =>
        ((bits & 1) != 0 ? 0xFFu : 0) | ((bits & 2) != 0 ? 0xFF00u : 0) | ((bits & 4) != 0 ? 0xFF_0000u : 0) | ((bits & 8) != 0 ? 0xFF00_0000u : 0);
}
