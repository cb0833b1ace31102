using Kmem.Abstractions;

namespace Kmem.Plugins.Registers;

/// <summary>Who may do what with a register's bits.</summary>
public enum RegisterAccess
{
    /// <summary>Reads give what was written.</summary>
    Rw,

    /// <summary>Writes have no effect.</summary>
    Ro,

    /// <summary>Reads give the value of unwritten bits; writes are taken.</summary>
    Wo,

    /// <summary>Writing a one clears a bit.</summary>
    W1c,
}

/// <summary>One register of a block.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Offset">Offset in the block, in bytes.</param>
/// <param name="Width">Width in bytes: 1, 2, 4 or 8.</param>
/// <param name="Reset">Value after reset.</param>
/// <param name="Access">What its bits do, unless a mask below says otherwise.</param>
/// <param name="ReadOnly">Bits that writes leave alone.</param>
/// <param name="WriteOnly">Bits that read as 0.</param>
/// <param name="WriteOneToClear">Bits that writing a one clears.</param>
/// <param name="ClearOnRead">Bits that a read clears.</param>
/// <param name="Irq">Output that is high while the register ANDed with <paramref name="IrqMask"/> is not 0.</param>
/// <param name="IrqMask">Bits that raise <paramref name="Irq"/>.</param>
public sealed record RegisterOptions(
    string Name,
    [property: Option(OptionKind.Address)] ulong Offset,
    int Width = 4,
    ulong Reset = 0,
    RegisterAccess Access = RegisterAccess.Rw,
    ulong ReadOnly = 0,
    ulong WriteOnly = 0,
    ulong WriteOneToClear = 0,
    ulong ClearOnRead = 0,
    string? Irq = null,
    ulong IrqMask = ulong.MaxValue);

/// <summary>What an offset without a register reads as.</summary>
public enum UnmappedOffset
{
    /// <summary>All bits one.</summary>
    Ones,

    /// <summary>All bits zero.</summary>
    Zeros,

    /// <summary>A device error.</summary>
    Error,

    /// <summary>Nobody answers: what the bus does there.</summary>
    Decode,
}

/// <summary>Which widths a register takes.</summary>
public enum WidthPolicy
{
    /// <summary>Any; wider and narrower accesses are split and merged.</summary>
    Any,

    /// <summary>Its own only.</summary>
    Exact,
}

/// <summary>Options of <c>mmio.registers</c>.</summary>
/// <param name="Size">Length of the block in bytes; 0 ends it after its last register.</param>
/// <param name="Registers">The registers.</param>
/// <param name="Unmapped">What offsets without a register do.</param>
/// <param name="Widths">Which widths a register takes.</param>
public sealed record RegisterBlockOptions(
    [property: Option(OptionKind.Size)] ulong Size = 0,
    IReadOnlyList<RegisterOptions>? Registers = null,
    UnmappedOffset Unmapped = UnmappedOffset.Ones,
    WidthPolicy Widths = WidthPolicy.Any);

/// <summary>A block of registers that the description declares: stands where a chip will be, or is one that needs no code.</summary>
[Device("mmio.registers")]
public sealed class RegisterBlock : Device, IHasBanks, IHasNamedRegisters, IRegionHandler, IFirmwareState
{
    private readonly RegisterBlockOptions _options;
    private readonly IDeviceContext _context;
    private readonly RegisterCell[] _cells;
    private readonly Dictionary<ulong, RegisterCell> _byOffset = [];

    /// <summary>Creates the block.</summary>
    public RegisterBlock(RegisterBlockOptions options, IDeviceContext context)
    {
        (_options, _context) = (options, context);
        _cells = [.. (options.Registers ?? []).Select((r, i) => new RegisterCell(r, i, context))];
        ulong end = 0;
        foreach (RegisterCell cell in _cells)
        {
            for (ulong i = 0; i < (ulong)cell.Width; i++)
            {
                if (!_byOffset.TryAdd(cell.Offset + i, cell))
                {
                    throw new MachineException($"the registers '{_byOffset[cell.Offset + i].Name}' and '{cell.Name}' overlap at offset 0x{cell.Offset + i:X}") { Option = $"registers.{cell.Index}.offset" };
                }
            }

            end = Math.Max(end, cell.Offset + (ulong)cell.Width);
        }

        if (options.Size != 0 && end > options.Size)
        {
            throw new MachineException($"the registers reach to 0x{end:X}, but the block has 0x{options.Size:X} bytes") { Option = "size" };
        }

        if (options.Size == 0 && end == 0)
        {
            throw new MachineException("the block needs a size or at least one register") { Option = "size" };
        }

        Banks = [new DeviceBank("", new MmioRegion(context.Id, options.Size == 0 ? end : options.Size, this))];
    }

    /// <inheritdoc/>
    public IReadOnlyList<DeviceBank> Banks { get; }

    /// <inheritdoc/>
    public IReadOnlyList<(string Name, ulong Offset, int Width)> NamedRegisters => [.. _cells.Select(c => (c.Name, c.Offset, c.Width))];

    /// <summary>The registers, for maps and dumps.</summary>
    public IEnumerable<(string Name, ulong Offset, int Width, ulong Value)> Cells => _cells.Select(c => (c.Name, c.Offset, c.Width, c.Value));

    /// <inheritdoc/>
    public override void Reset()
    {
        foreach (RegisterCell cell in _cells)
        {
            cell.Reset();
        }
    }

    /// <inheritdoc/>
    public override void Save(StateWriter writer)
    {
        foreach (RegisterCell cell in _cells)
        {
            writer.U64(cell.Value, cell.Name);
        }
    }

    /// <inheritdoc/>
    public override void Load(StateReader reader)
    {
        foreach (RegisterCell cell in _cells)
        {
            cell.Value = reader.U64();
        }
    }

    /// <inheritdoc/>
    public bool TrySetFirmwareState(string key, ulong value)
    {
        if (Array.Find(_cells, c => string.Equals(c.Name, key, StringComparison.OrdinalIgnoreCase)) is not { } cell)
        {
            return false;
        }

        cell.Value = value;
        return true;
    }

    /// <inheritdoc/>
    public AccessResult Read(ulong offset, int width, out ulong value, in AccessAttributes attributes)
    {
        if (_byOffset.TryGetValue(offset, out RegisterCell? exact) && exact.Offset == offset && exact.Width == width)
        {
            value = exact.Read(attributes.IsDebug);
            return AccessResult.Ok;
        }

        value = 0;
        RegisterCell? current = null;
        ulong word = 0;
        for (int i = 0; i < width; i++)
        {
            if (!_byOffset.TryGetValue(offset + (ulong)i, out RegisterCell? cell))
            {
                if (Missing(offset + (ulong)i, isWrite: false, attributes) is not AccessResult.Ok and var result)
                {
                    return result;
                }

                value |= (_options.Unmapped == UnmappedOffset.Ones ? 0xFFUL : 0) << (8 * i);
                continue;
            }

            if (_options.Widths == WidthPolicy.Exact)
            {
                return AccessResult.Misaligned;
            }

            // A register under a wide access is read once, so that what reading clears is cleared once.
            if (!ReferenceEquals(cell, current))
            {
                (current, word) = (cell, cell.Read(attributes.IsDebug));
            }

            value |= ((word >> (8 * (int)(offset + (ulong)i - cell.Offset))) & 0xFF) << (8 * i);
        }

        return AccessResult.Ok;
    }

    /// <inheritdoc/>
    public AccessResult Write(ulong offset, int width, ulong value, in AccessAttributes attributes)
    {
        if (_byOffset.TryGetValue(offset, out RegisterCell? exact) && exact.Offset == offset && exact.Width == width)
        {
            exact.Write(value, exact.Mask);
            return AccessResult.Ok;
        }

        for (int i = 0; i < width;)
        {
            ulong at = offset + (ulong)i;
            if (!_byOffset.TryGetValue(at, out RegisterCell? cell))
            {
                if (Missing(at, isWrite: true, attributes) is not AccessResult.Ok and var result)
                {
                    return result;
                }

                i++;
                continue;
            }

            if (_options.Widths == WidthPolicy.Exact)
            {
                return AccessResult.Misaligned;
            }

            // Only the bytes that the access carries are written: a byte write does not clear flags elsewhere.
            int lane = (int)(at - cell.Offset), take = Math.Min(cell.Width - lane, width - i);
            ulong lanes = (ulong.MaxValue >> (64 - (8 * take))) << (8 * lane);
            cell.Write(value >> (8 * i) << (8 * lane), lanes);
            i += take;
        }

        return AccessResult.Ok;
    }

    private AccessResult Missing(ulong offset, bool isWrite, in AccessAttributes attributes)
    {
        if (!attributes.IsDebug)
        {
            _context.Log(LogLevel.Guest, $"there is no register at offset 0x{offset:X} to {(isWrite ? "write" : "read")}");
        }

        return _options.Unmapped switch { UnmappedOffset.Error => AccessResult.DeviceError, UnmappedOffset.Decode => AccessResult.DecodeError, _ => AccessResult.Ok };
    }
}
