namespace Kmem.Abstractions;

/// <summary>What a register map does with an access narrower than its registers.</summary>
public enum NarrowAccess
{
    /// <summary>Reads give the addressed bytes; writes put the other bytes in from a peek.</summary>
    Merge,

    /// <summary>The access ends with <see cref="AccessResult.Misaligned"/>.</summary>
    Refuse,
}

/// <summary>The registers of a device in datasheet order; answers the bus.</summary>
/// <remarks>An access wider than a register is split in ascending order. Offsets without a register read as all ones and swallow writes.</remarks>
public sealed class RegisterMap : IRegionHandler, IHasNamedRegisters
{
    private readonly int _shift;
    private readonly List<Register> _inOrder = [];
    private Register?[] _registers;

    /// <summary>Creates an empty map.</summary>
    /// <param name="width">Width of each register in bytes: 1, 2, 4 or 8.</param>
    /// <param name="shift">log2 of the distance between registers beyond their width: 0 packs them.</param>
    /// <param name="count">Number of register places; the map's length is this times their distance.</param>
    /// <exception cref="ArgumentOutOfRangeException">The width is not 1, 2, 4 or 8, or the shift is not 0..16.</exception>
    public RegisterMap(int width, int shift = 0, int count = 0)
    {
        if (width is not (1 or 2 or 4 or 8))
        {
            throw new ArgumentOutOfRangeException(nameof(width), width, "A register is 1, 2, 4 or 8 bytes wide.");
        }

        ArgumentOutOfRangeException.ThrowIfNegative(shift);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(shift, 16);
        Width = width;
        _shift = shift + System.Numerics.BitOperations.Log2((uint)width);
        _registers = new Register?[count];
    }

    /// <summary>Width of each register in bytes.</summary>
    public int Width { get; }

    /// <summary>What happens to narrower accesses.</summary>
    public NarrowAccess Narrow { get; init; }

    /// <summary>Called with the offset of an access that no register takes.</summary>
    public Action<ulong, bool>? Unhandled { get; set; }

    /// <summary>Length in bytes: the distance of registers times their number.</summary>
    public ulong Length => (ulong)_registers.Length << _shift;

    /// <summary>The registers in the order in which they were added.</summary>
    public IReadOnlyList<Register> All => _inOrder;

    /// <inheritdoc/>
    public IReadOnlyList<NamedRegister> NamedRegisters => [.. _inOrder.Select(r => new NamedRegister(r.Name, OffsetOf(r), Width, r.CanRead, r.CanWrite, Narrow != NarrowAccess.Refuse))];

    /// <summary>Offset of <paramref name="register"/> in bytes.</summary>
    public ulong OffsetOf(Register register) => register.Index << _shift;

    /// <summary>Adds a register.</summary>
    /// <param name="index">Its number; the offset is this times the distance of registers.</param>
    /// <param name="name">Its name in the datasheet.</param>
    /// <param name="read">Gives its value; null for a write-only register.</param>
    /// <param name="write">Takes a value; null for a read-only register.</param>
    /// <param name="peek">Gives its value without side effects; needed where <paramref name="read"/> has some.</param>
    /// <exception cref="ArgumentException">The place is taken.</exception>
    public RegisterMap Add(int index, string name, Func<ulong>? read = null, Action<ulong>? write = null, Func<ulong>? peek = null)
    {
        if (index >= _registers.Length)
        {
            Array.Resize(ref _registers, index + 1);
        }

        if (_registers[index] is { } other)
        {
            throw new ArgumentException($"Register {index} is '{other.Name}' and can't be '{name}' too.", nameof(index));
        }

        var register = new Register((ulong)index, name, read, write, peek);
        _registers[index] = register;
        _inOrder.Add(register);
        return this;
    }

    /// <summary>The register of a datasheet name, or null.</summary>
    public Register? Find(string name) => _inOrder.Find(r => string.Equals(r.Name, name, StringComparison.OrdinalIgnoreCase));

    /// <summary>The register at an offset in bytes, or null.</summary>
    public Register? At(ulong offset) => (offset >> _shift) < (ulong)_registers.Length ? _registers[offset >> _shift] : null;

    /// <inheritdoc/>
    public AccessResult Read(ulong offset, int width, out ulong value, in AccessAttributes attributes)
    {
        if (width == Width && (offset & ((1UL << _shift) - 1)) == 0)
        {
            value = ReadOne(offset, attributes.IsDebug);
            return AccessResult.Ok;
        }

        value = 0;
        if (width < Width && Narrow == NarrowAccess.Refuse)
        {
            return AccessResult.Misaligned;
        }

        // Byte by byte over however many registers the access touches, each of them read once.
        ulong current = ulong.MaxValue, word = 0;
        for (int i = 0; i < width; i++)
        {
            ulong at = offset + (ulong)i, start = at >> _shift << _shift;
            if (start != current)
            {
                (current, word) = (start, ReadOne(start, attributes.IsDebug));
            }

            int lane = (int)(at - start);
            ulong b = lane < Width ? (word >> (8 * lane)) & 0xFF : 0xFF;
            value |= b << (8 * i);
        }

        return AccessResult.Ok;
    }

    /// <inheritdoc/>
    public AccessResult Write(ulong offset, int width, ulong value, in AccessAttributes attributes)
    {
        if (width == Width && (offset & ((1UL << _shift) - 1)) == 0)
        {
            WriteOne(offset, value);
            return AccessResult.Ok;
        }

        if (width < Width && Narrow == NarrowAccess.Refuse)
        {
            return AccessResult.Misaligned;
        }

        int done = 0;
        while (done < width)
        {
            ulong at = offset + (ulong)done, start = at >> _shift << _shift;
            int lane = (int)(at - start), take = Math.Min(width - done, (1 << _shift) - lane);
            if (lane < Width)
            {
                ulong mask = Mask(Math.Min(take, Width - lane)) << (8 * lane);
                ulong old = mask == Mask(Width) ? 0 : At(start)?.Peek() ?? 0;
                WriteOne(start, (old & ~mask) | ((value >> (8 * done) << (8 * lane)) & mask));
            }

            done += take;
        }

        return AccessResult.Ok;
    }

    private static ulong Mask(int bytes) => ulong.MaxValue >> (64 - (8 * bytes));

    private ulong ReadOne(ulong offset, bool debug)
    {
        Register? register = At(offset);
        Func<ulong>? read = debug ? register?.Peeker ?? register?.Reader : register?.Reader;
        if (read is not null)
        {
            return read() & Mask(Width);
        }

        if (!debug)
        {
            Unhandled?.Invoke(offset, false);
        }

        return Mask(Width);
    }

    private void WriteOne(ulong offset, ulong value)
    {
        if (At(offset)?.Writer is { } write)
        {
            write(value & Mask(Width));
        }
        else
        {
            Unhandled?.Invoke(offset, true);
        }
    }
}
