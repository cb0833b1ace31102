using System.Buffers.Binary;

namespace Kmem.Abstractions;

/// <summary>The type-0 configuration space of a PCI function: 256 bytes with write masks, base address registers and their sizing.</summary>
/// <remarks>Source: PCI Local Bus Specification 3.0, chapter 6.1 "Configuration Space Organization" and 6.2.5 "Base Addresses".</remarks>
public sealed class PciConfiguration
{
    /// <summary>Length of the space in bytes.</summary>
    public const int Length = 256;

    private const int CommandOffset = 0x04, StatusOffset = 0x06, FirstBar = 0x10, RomBar = 0x30;
    private const byte IoEnable = 1, MemoryEnable = 2;

    private readonly byte[] _value = new byte[Length];
    private readonly byte[] _reset = new byte[Length];
    private readonly byte[] _writable = new byte[Length];
    private readonly byte[] _writeOneToClear = new byte[Length];
    private readonly PciBar?[] _bars = new PciBar?[7];
    private readonly List<(int First, int Last, Action Changed)> _watchers = [];

    /// <summary>Creates the space of a function.</summary>
    /// <param name="vendor">Vendor ID.</param>
    /// <param name="device">Device ID.</param>
    /// <param name="classCode">Class code: base class, subclass, programming interface.</param>
    /// <param name="revision">Revision ID.</param>
    public PciConfiguration(ushort vendor, ushort device, uint classCode, byte revision = 0)
    {
        Define(0x00, 2, vendor);
        Define(0x02, 2, device);
        Define(0x08, 1, revision);
        Define(0x09, 3, classCode);
        Define(CommandOffset, 2, 0, writable: 0x0547);
        Define(StatusOffset, 2, 0, writeOneToClear: 0xF900);
        Define(0x0C, 1, 0, writable: 0xFF);   // cache line size
        Define(0x3C, 1, 0, writable: 0xFF);   // interrupt line
    }

    /// <summary>Raised after the decoding of a base address register may have changed: its address, or an enable bit.</summary>
    public event Action? DecodingChanged;

    /// <summary>The base address registers in use.</summary>
    public IEnumerable<PciBar> Bars => _bars.OfType<PciBar>();

    /// <summary>The 256 bytes as a debugger sees them.</summary>
    public ReadOnlySpan<byte> Bytes => _value;

    /// <summary>Sets what a field holds after reset and which of its bits a configuration write changes.</summary>
    /// <param name="offset">Offset of the field in bytes.</param>
    /// <param name="width">Width of the field in bytes, 1..4.</param>
    /// <param name="value">Value after reset, little endian.</param>
    /// <param name="writable">Bits that a write sets.</param>
    /// <param name="writeOneToClear">Bits that writing a one clears.</param>
    public PciConfiguration Define(int offset, int width, uint value, uint writable = 0, uint writeOneToClear = 0)
    {
        for (int i = 0; i < width; i++)
        {
            _value[offset + i] = _reset[offset + i] = (byte)(value >> (8 * i));
            _writable[offset + i] = (byte)(writable >> (8 * i));
            _writeOneToClear[offset + i] = (byte)(writeOneToClear >> (8 * i));
        }

        return this;
    }

    /// <summary>Adds a base address register.</summary>
    /// <exception cref="ArgumentException">The length is no power of two, the register is taken, or a 64-bit one has no second half.</exception>
    public PciConfiguration AddBar(PciBar bar)
    {
        ulong length = bar.Region.Length, least = bar.Kind switch { PciBarKind.Io => 4UL, PciBarKind.Rom => 2048, _ => 16 };
        if (!ulong.IsPow2(length) || length < least)
        {
            throw new ArgumentException($"Base address register {bar.Index} needs a power of two of at least {least} bytes, not {length}.", nameof(bar));
        }

        bool isRom = bar.Kind == PciBarKind.Rom, wide = bar.Kind == PciBarKind.Memory64;
        if (bar.Index is < 0 or > 6 || (bar.Index == 6) != isRom || (wide && bar.Index >= 5) || _bars[bar.Index] is not null
            || (wide && _bars[bar.Index + 1] is not null) || (bar.Index is > 0 and < 6 && _bars[bar.Index - 1]?.Kind == PciBarKind.Memory64))
        {
            throw new ArgumentException($"Base address register {bar.Index} can't be {bar.Kind}: it is taken, or there is no such register.", nameof(bar));
        }

        if (!wide && length > 1UL << 32)
        {
            throw new ArgumentException($"Base address register {bar.Index} has 32 bits and can't decode {length} bytes.", nameof(bar));
        }

        _bars[bar.Index] = bar;
        uint type = bar.Kind switch { PciBarKind.Io => 1u, PciBarKind.Memory64 => 4u, _ => 0u } | (bar.Prefetchable ? 8u : 0);
        ulong mask = ~(length - 1);
        Define(OffsetOf(bar), 4, type, isRom ? (uint)(mask & 0xFFFF_F800) | 1 : (uint)mask);
        if (wide)
        {
            Define(OffsetOf(bar) + 4, 4, 0, (uint)(mask >> 32));
        }

        return this;
    }

    /// <summary>Calls <paramref name="changed"/> after a write that touches bytes <paramref name="first"/>..<paramref name="last"/>, and after reset.</summary>
    public void Watch(int first, int last, Action changed) => _watchers.Add((first, last, changed));

    /// <summary>Where <paramref name="bar"/> is decoded now; null while its enable bit is off.</summary>
    public ulong? AddressOf(PciBar bar)
    {
        uint low = (uint)Read(OffsetOf(bar), 4);
        byte enable = bar.Kind == PciBarKind.Io ? IoEnable : MemoryEnable;
        if ((_value[CommandOffset] & enable) == 0 || (bar.Kind == PciBarKind.Rom && (low & 1) == 0))
        {
            return null;
        }

        ulong high = bar.Kind == PciBarKind.Memory64 ? Read(OffsetOf(bar) + 4, 4) << 32 : 0;
        ulong address = (high | low) & ~(bar.Region.Length - 1) & (bar.Kind == PciBarKind.Io ? ~3UL : ~15UL);

        // A register that still holds the all-ones of sizing decodes nothing useful; hardware would claim the top of its space.
        ulong top = bar.Kind == PciBarKind.Memory64 ? ulong.MaxValue : uint.MaxValue;
        return address == 0 || address + (bar.Region.Length - 1) >= top ? null : address;
    }

    /// <summary>Reads 1, 2 or 4 bytes, little endian; bytes beyond the space read as ones.</summary>
    public ulong Read(int offset, int width)
    {
        ulong value = 0;
        for (int i = 0; i < width; i++)
        {
            value |= (ulong)(offset + i < Length ? _value[offset + i] : 0xFF) << (8 * i);
        }

        return value;
    }

    /// <summary>Carries out a configuration write of 1, 2 or 4 bytes under the fields' masks.</summary>
    public void Write(int offset, int width, ulong value)
    {
        for (int i = 0; i < width && offset + i < Length; i++)
        {
            byte b = (byte)(value >> (8 * i)), mask = _writable[offset + i];
            _value[offset + i] = (byte)(((_value[offset + i] & ~mask) | (b & mask)) & ~(b & _writeOneToClear[offset + i]));
        }

        Announce(offset, Math.Min(offset + width, Length) - 1);
    }

    /// <summary>Sets bytes past the masks, as hardware does with its own status bits and firmware state does with everything.</summary>
    public void Set(int offset, int width, ulong value)
    {
        for (int i = 0; i < width && offset + i < Length; i++)
        {
            _value[offset + i] = (byte)(value >> (8 * i));
        }

        Announce(offset, Math.Min(offset + width, Length) - 1);
    }

    /// <summary>Puts every field to its value after reset.</summary>
    public void Reset()
    {
        _reset.CopyTo(_value, 0);
        Announce(0, Length - 1);
    }

    /// <summary>Saves the 256 bytes.</summary>
    public void Save(StateWriter writer) => writer.Bytes(_value);

    /// <summary>Loads the 256 bytes.</summary>
    public void Load(StateReader reader)
    {
        reader.Bytes(_value.AsSpan());
        Announce(0, Length - 1);
    }

    /// <summary>Writes one entry of <c>firmware-state:</c>: <c>config.OFFSET[/WIDTH]</c> (hexadecimal offset) or <c>bar.INDEX</c>.</summary>
    /// <returns>False when the key is neither.</returns>
    public bool TrySetFirmwareState(string key, ulong value)
    {
        if (key.StartsWith("config.", StringComparison.Ordinal))
        {
            string[] parts = key["config.".Length..].Split('/');
            string digits = parts[0].StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? parts[0][2..] : parts[0];
            int width = 4;
            if (!int.TryParse(digits, System.Globalization.NumberStyles.HexNumber, null, out int offset) || offset is < 0 or >= Length
                || (parts.Length > 1 && !int.TryParse(parts[1], out width)) || width is not (1 or 2 or 4) || parts.Length > 2)
            {
                return false;
            }

            Set(offset, width, value);
            return true;
        }

        if (!key.StartsWith("bar.", StringComparison.Ordinal) || !int.TryParse(key["bar.".Length..], out int index)
            || index is < 0 or > 6 || _bars[index] is not { } bar)
        {
            return false;
        }

        Write(OffsetOf(bar), 4, (value & uint.MaxValue) | (bar.Kind == PciBarKind.Rom ? 1UL : 0));
        if (bar.Kind == PciBarKind.Memory64)
        {
            Write(OffsetOf(bar) + 4, 4, value >> 32);
        }

        return true;
    }

    private static int OffsetOf(PciBar bar) => bar.Kind == PciBarKind.Rom ? RomBar : FirstBar + (4 * bar.Index);

    private void Announce(int first, int last)
    {
        bool bars = (first < FirstBar + 24 && last >= FirstBar) || (first < RomBar + 4 && last >= RomBar);
        if (bars || (first <= CommandOffset && last >= CommandOffset))
        {
            DecodingChanged?.Invoke();
        }

        foreach ((int from, int to, Action changed) in _watchers)
        {
            if (first <= to && last >= from)
            {
                changed();
            }
        }
    }
}
