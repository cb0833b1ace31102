using System.Numerics;
using Kmem.Abstractions;

namespace Kmem.Plugins.Spi;

/// <summary>Options of <c>flash.spi-nor</c>.</summary>
/// <param name="Size">Capacity in bytes.</param>
/// <param name="Image">File with the contents; a smaller one lies at the end, where a PC boots.</param>
/// <param name="Manufacturer">Manufacturer ID: 0xEF is Winbond.</param>
/// <param name="MemoryType">Memory type, the second byte of the JEDEC ID; the third is log2 of the capacity.</param>
/// <param name="ProgramTime">Guest time that programming a page or the status takes.</param>
/// <param name="EraseTime">Guest time that an erasure takes.</param>
public sealed record SpiNorFlashOptions(
    [property: Option(OptionKind.Size, PowerOfTwo = true, Min = 0x1_0000, Max = 0x100_0000)] ulong Size = 0x10_0000,
    [property: Option(OptionKind.File)] string? Image = null,
    byte Manufacturer = 0xEF,
    byte MemoryType = 0x40,
    [property: Option(OptionKind.Time, Max = 1_000_000_000)] ulong ProgramTime = 0,
    [property: Option(OptionKind.Time, Max = 100_000_000_000)] ulong EraseTime = 0);

/// <summary>A serial NOR flash with the instructions of Winbond's W25Q80 and its larger kin; the bank is what a PC maps below 4 GiB.</summary>
/// <remarks>Source: Winbond W25Q80BV datasheet, revision J, sections 7.1 "Status register" and 7.2 "Instructions".</remarks>
[Device("flash.spi-nor")]
public sealed class SpiNorFlash : Device, IHasBanks, ISpiChip
{
    private const byte Wip = 0x01, Wel = 0x02, Srp0 = 0x80, StatusBits = 0xFC, Status2Bits = 0x43;
    private const int AddressBytes = 3, PageSize = 256;

    private readonly SpiNorFlashOptions _options;
    private readonly IRamBlock _block;
    private readonly IClock _clock;
    private byte _status1, _status2;
    private bool _writeEnabled, _volatileEnabled, _poweredDown, _writeProtect;
    private long _busyUntil;

    /// <summary>Creates the chip and reads its image.</summary>
    public SpiNorFlash(SpiNorFlashOptions options, IDeviceContext context)
    {
        (_options, _clock) = (options, context.Clock);
        _block = context.AllocateMemory("", options.Size);
        Cells.Fill(0xFF);
        if (options.Image is { } path)
        {
            byte[] image = context.ReadImage(path, options.Size);
            image.CopyTo(Cells[^image.Length..]);
        }

        context.Input("wp", level => _writeProtect = level);
        Banks = [new DeviceBank("", new RomRegion(context.Id, _block))];
    }

    /// <inheritdoc/>
    public IReadOnlyList<DeviceBank> Banks { get; }

    /// <inheritdoc/>
    public bool IsBusy => _clock.Now < _busyUntil;

    private unsafe Span<byte> Cells => new((void*)_block.Pointer, (int)_block.Length);

    /// <summary>The cells and the bits of the status registers are non-volatile; only what an instruction has begun is lost.</summary>
    public override void Reset() => (_writeEnabled, _volatileEnabled, _poweredDown, _busyUntil) = (false, false, false, 0);

    /// <inheritdoc/>
    public override void Save(StateWriter writer)
    {
        writer.U8(_status1);
        writer.U8(_status2);
        writer.Bool(_writeEnabled);
        writer.Bool(_volatileEnabled);
        writer.Bool(_poweredDown);
        writer.Bool(_writeProtect);
        writer.U64((ulong)_busyUntil);
    }

    /// <inheritdoc/>
    public override void Load(StateReader reader)
    {
        (_status1, _status2) = (reader.U8(), reader.U8());
        (_writeEnabled, _volatileEnabled, _poweredDown, _writeProtect) = (reader.Bool(), reader.Bool(), reader.Bool(), reader.Bool());
        _busyUntil = (long)reader.U64();
    }

    /// <inheritdoc/>
    public void Transfer(ReadOnlySpan<byte> sent, Span<byte> received)
    {
        received.Fill(0xFF);
        if (sent.IsEmpty)
        {
            return;
        }

        byte instruction = sent[0];
        ReadOnlySpan<byte> operand = sent[1..];
        bool isStatus = instruction is (byte)SpiInstruction.ReadStatus1 or (byte)SpiInstruction.ReadStatus2;
        if ((IsBusy && !isStatus) || (_poweredDown && instruction != (byte)SpiInstruction.ReleasePowerDown))
        {
            return;
        }

        if (!Answer((SpiInstruction)instruction, operand, received))
        {
            Execute((SpiInstruction)instruction, operand);
        }
    }

    /// <summary>Instructions that give something back.</summary>
    private bool Answer(SpiInstruction instruction, ReadOnlySpan<byte> operand, Span<byte> received)
    {
        byte capacity = (byte)BitOperations.Log2((uint)_block.Length), device = (byte)(capacity - 1);
        switch (instruction)
        {
            case SpiInstruction.ReadData:
                ReadCells(operand, AddressBytes, received);
                return true;
            case SpiInstruction.FastRead:
                ReadCells(operand, AddressBytes + 1, received);
                return true;
            case SpiInstruction.ReadStatus1:
                received.Fill((byte)(_status1 | (IsBusy ? Wip : 0) | (_writeEnabled ? Wel : 0)));
                return true;
            case SpiInstruction.ReadStatus2:
                received.Fill(_status2);
                return true;
            case SpiInstruction.JedecId:
                Repeat([_options.Manufacturer, _options.MemoryType, capacity], received, operand.Length);
                return true;
            case SpiInstruction.ManufacturerDevice:
                byte[] pair = AddressOf(operand) % 2 == 0 ? [_options.Manufacturer, device] : [device, _options.Manufacturer];
                Repeat(pair, received, operand.Length - AddressBytes);
                return true;
            case SpiInstruction.ReleasePowerDown:
                _poweredDown = false;
                Repeat([device], received, operand.Length - AddressBytes);
                return true;
            default:
                return false;
        }
    }

    /// <summary>Instructions that change something, when chip select goes high.</summary>
    private void Execute(SpiInstruction instruction, ReadOnlySpan<byte> operand)
    {
        switch (instruction)
        {
            case SpiInstruction.WriteEnable:
                _writeEnabled = true;
                break;
            case SpiInstruction.WriteDisable:
                _writeEnabled = false;
                break;
            case SpiInstruction.VolatileWriteEnable:
                _volatileEnabled = true;
                break;
            case SpiInstruction.WriteStatus:
                WriteStatus(operand);
                break;
            case SpiInstruction.PageProgram:
                Program(operand);
                break;
            case SpiInstruction.SectorErase:
                Erase(operand, 4 * 1024);
                break;
            case SpiInstruction.BlockErase32:
                Erase(operand, 32 * 1024);
                break;
            case SpiInstruction.BlockErase64:
                Erase(operand, 64 * 1024);
                break;
            case SpiInstruction.ChipErase or SpiInstruction.ChipErase60:
                Erase([0, 0, 0], (int)_block.Length);
                break;
            case SpiInstruction.PowerDown:
                _poweredDown = true;
                break;
            default:
                break;
        }
    }

    /// <summary>The address of an operand; missing bytes count as clocks that nobody drove.</summary>
    private int AddressOf(ReadOnlySpan<byte> operand)
    {
        int address = 0;
        for (int i = 0; i < AddressBytes; i++)
        {
            address = (address << 8) | (i < operand.Length ? operand[i] : 0xFF);
        }

        return address & ((int)_block.Length - 1);
    }

    private void ReadCells(ReadOnlySpan<byte> operand, int header, Span<byte> received)
    {
        Span<byte> cells = Cells;
        int address = AddressOf(operand) + operand.Length - header;
        for (int i = Math.Max(0, header - operand.Length); i < received.Length; i++)
        {
            received[i] = cells[(address + i) & (cells.Length - 1)];
        }
    }

    private static void Repeat(ReadOnlySpan<byte> pattern, Span<byte> received, int skip)
    {
        for (int i = Math.Max(0, -skip); i < received.Length; i++)
        {
            received[i] = pattern[(i + skip) % pattern.Length];
        }
    }

    private void WriteStatus(ReadOnlySpan<byte> operand)
    {
        bool isHeld = (_status1 & Srp0) != 0 && _writeProtect;
        if (operand.Length is 0 or > 2 || isHeld || !(_writeEnabled || _volatileEnabled))
        {
            return;
        }

        _status1 = (byte)(operand[0] & StatusBits);
        _status2 = operand.Length == 2 ? (byte)(operand[1] & Status2Bits) : (byte)0;
        Finish(_options.ProgramTime);
    }

    /// <summary>Programming turns ones into zeros, inside one page.</summary>
    private void Program(ReadOnlySpan<byte> operand)
    {
        int address = AddressOf(operand), page = address & ~(PageSize - 1);
        if (!_writeEnabled || operand.Length <= AddressBytes || IsProtected(page, PageSize))
        {
            return;
        }

        // More than a page: the last 256 bytes win, as the chip's buffer wraps. Each byte lands once.
        Span<byte> cells = Cells, buffer = stackalloc byte[PageSize];
        buffer.Fill(0xFF);
        ReadOnlySpan<byte> data = operand[AddressBytes..];
        for (int i = 0; i < data.Length; i++)
        {
            buffer[(address + i) & (PageSize - 1)] = data[i];
        }

        for (int i = 0; i < PageSize; i++)
        {
            cells[page + i] &= buffer[i];
        }

        Finish(_options.ProgramTime);
    }

    private void Erase(ReadOnlySpan<byte> operand, int length)
    {
        if (!_writeEnabled || operand.Length != AddressBytes)
        {
            return;
        }

        length = Math.Min(length, (int)_block.Length);
        int first = AddressOf(operand) & ~(length - 1);
        if (!IsProtected(first, length))
        {
            Cells.Slice(first, length).Fill(0xFF);
            Finish(_options.EraseTime);
        }
    }

    private void Finish(ulong time)
    {
        (_writeEnabled, _volatileEnabled) = (false, false);
        _busyUntil = _clock.Now + (long)time;
    }

    private bool IsProtected(int first, int length)
    {
        (int start, int count) = SpiProtection.Range(_status1, _status2, (int)_block.Length);
        return first < start + count && start < first + length;
    }
}
