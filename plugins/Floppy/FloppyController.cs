using Kmem.Abstractions;

namespace Kmem.Plugins.Floppy;

/// <summary>An 82077AA floppy disk controller with two drives, whose data go through a DMA channel.</summary>
/// <remarks>
/// Banks <c>registers</c> (0x3F0 to 0x3F5) and <c>dir</c> (0x3F7); output <c>irq</c>. Commands take guest time; the data are moved at their end.
/// Source: Intel 82077AA datasheet (order number 290166), sections 2 "Registers" and 5 "Command set".
/// </remarks>
[Device("intel.82077aa")]
public sealed class FloppyController : Device, IHasBanks
{
    private const byte Enabled = 0x04, DmaGate = 0x08, Ready = 0x80, ToHost = 0x40, Busy = 0x10;
    private const byte Abnormal = 0x40, Invalid = 0x80, Polling = 0xC0, SeekEnd = 0x20, NotReady = 0x08;
    private const byte NoData = 0x04, WriteProtected = 0x02, EndOfTrack = 0x80;
    private const long Quick = 100_000, Step = 3_000_000, SectorTime = 1_000_000;
    private const int Drives = 4;

    private readonly IClock _clock;
    private readonly IIrqLine _irq;
    private readonly IDmaController? _dma;
    private readonly int _channel;
    private readonly FloppyDrive[] _drives;
    private readonly List<byte> _command = [];
    private readonly Queue<byte> _result = new();
    private IDisposable? _timer;
    private byte _output;
    private byte _rate;
    private byte _tape;
    private byte _configure;
    private byte _perpendicular;
    private byte _lock;
    private byte _interrupt;
    private byte _polls;
    private bool _isRunning;

    /// <summary>Creates the controller.</summary>
    public FloppyController(FloppyOptions options, IDeviceContext context)
    {
        (_clock, _irq, _channel) = (context.Clock, context.Irq("irq"), options.Channel);
        _dma = options.Dma.Length == 0 ? null : context.Device<IDmaController>(options.Dma);
        _drives = [new FloppyDrive(context.Block("drive-a")), new FloppyDrive(context.Block("drive-b")), new FloppyDrive(null), new FloppyDrive(null)];
        RegisterMap registers = new RegisterMap(width: 1, count: 6)
            .Add(0, "SRA", () => (ulong)(_irq.Level ? 0x80 : 0))
            .Add(1, "SRB", () => (ulong)(0xC0 | (_output >> 4 & 3)))
            .Add(2, "DOR", () => _output, v => WriteOutput((byte)v))
            .Add(3, "TDR", () => _tape, v => _tape = (byte)(v & 3))
            .Add(4, "MSR/DSR", () => MainStatus, v => WriteRate((byte)v))
            .Add(5, "FIFO", ReadData, v => WriteData((byte)v), () => _result.Count > 0 ? _result.Peek() : 0u);
        RegisterMap input = new RegisterMap(width: 1, count: 1).Add(0, "DIR/CCR", () => (ulong)(Selected.IsChanged ? 0x80 : 0), v => _rate = (byte)(v & 3));
        Banks = [new DeviceBank("registers", new MmioRegion("registers", 6, registers)), new DeviceBank("dir", new MmioRegion("dir", 1, input))];
        Reset();
    }

    /// <inheritdoc/>
    public IReadOnlyList<DeviceBank> Banks { get; }

    private FloppyDrive Selected => _drives[_output & 3];

    private byte MainStatus => (byte)((_output & Enabled) == 0 || _isRunning ? _isRunning ? Busy : 0 : Ready | (_result.Count > 0 ? ToHost | Busy : 0) | (_command.Count > 0 ? Busy : 0));

    /// <inheritdoc/>
    public override void Reset()
    {
        (_output, _rate, _tape, _configure, _perpendicular, _lock) = (DmaGate | Enabled, 2, 0, 0, 0, 0);
        Array.ForEach(_drives, d => d.Reset());
        Stop();
    }

    /// <inheritdoc/>
    public override void Save(StateWriter writer)
    {
        writer.Bytes([_output, _rate, _tape, _configure, _perpendicular, _lock, _interrupt, _polls], "registers");
        writer.Bytes(_command);
        writer.Bytes(_result);
        writer.Bool(_isRunning);
        writer.Bool(_irq.Level, "interrupts");
        writer.Bytes(_drives.SelectMany(d => new[] { d.Cylinder, (byte)(d.IsChanged ? 1 : 0) }), nameof(_drives));
    }

    /// <inheritdoc/>
    public override void Load(StateReader reader)
    {
        byte[] registers = new byte[8], drives = new byte[2 * Drives];
        reader.Bytes(registers.AsSpan());
        Stop();
        (_output, _rate, _tape, _configure, _perpendicular, _lock, _interrupt, _polls) = (registers[0], registers[1], registers[2], registers[3], registers[4], registers[5], registers[6], registers[7]);
        _command.AddRange(reader.Bytes());
        reader.Bytes(_result);
        bool runs = reader.Bool();
        _irq.Level = reader.Bool();
        reader.Bytes(drives.AsSpan());
        for (int i = 0; i < Drives; i++)
        {
            (_drives[i].Cylinder, _drives[i].IsChanged) = (drives[2 * i], drives[(2 * i) + 1] != 0);
        }

        // A command that was under way is done from its beginning: nothing of it has happened yet.
        if (runs)
        {
            After(Quick, Execute);
        }
    }

    private void Stop()
    {
        _timer?.Dispose();
        _timer = null;
        _command.Clear();
        _result.Clear();
        (_interrupt, _polls, _isRunning) = (0, 0, false);
        _irq.Level = false;
    }

    private void After(long time, Action action)
    {
        _isRunning = true;
        _timer = _clock.Schedule(_clock.Now + time, () =>
        {
            (_timer, _isRunning) = (null, false);
            action();
        });
    }

    private void WriteOutput(byte value)
    {
        bool wasEnabled = (_output & Enabled) != 0;
        _output = value;
        if ((value & Enabled) == 0)
        {
            Stop();
        }
        else if (!wasEnabled)
        {
            After(Quick, AfterReset);
        }
    }

    private void WriteRate(byte value)
    {
        _rate = (byte)(value & 3);
        if ((value & 0x80) != 0)
        {
            Stop();
            After(Quick, AfterReset);
        }
    }

    private void AfterReset()
    {
        (_interrupt, _polls) = (Polling, Drives);
        _irq.Level = true;
    }

    private ulong ReadData()
    {
        if (_result.Count == 0)
        {
            return 0;
        }

        byte value = _result.Dequeue();
        _irq.Level = false;
        return value;
    }

    private void WriteData(byte value)
    {
        if ((_output & Enabled) == 0 || _isRunning || _result.Count > 0)
        {
            return;
        }

        _command.Add(value);
        if (_command.Count > ParametersOf(_command[0]))
        {
            Begin();
        }
    }

    private static int ParametersOf(byte command) => (command & 0x1F) switch
    {
        0x02 or 0x05 or 0x06 or 0x09 or 0x0C or 0x11 or 0x16 or 0x19 or 0x1D => 8,
        0x03 or 0x0F => 2,
        0x04 or 0x07 or 0x0A or 0x12 => 1,
        0x0D => 5,
        0x13 => 3,
        _ => 0,
    };

    private void Begin()
    {
        FloppyDrive drive = _drives[_command.Count > 1 ? _command[1] & 3 : 0];
        switch (_command[0] & 0x1F)
        {
            case 0x05 or 0x06 or 0x0A or 0x0D:
                After(SectorTime, Execute);
                break;
            case 0x07:
                After(Step + (drive.Cylinder * Step), Execute);
                break;
            case 0x0F:
                After(Step + (Math.Abs(drive.Cylinder - _command[2]) * Step), Execute);
                break;
            default:
                Execute();
                break;
        }
    }

    private void Execute()
    {
        byte[] command = [.. _command];
        _command.Clear();
        switch (command[0] & 0x1F)
        {
            case 0x03:
                break;
            case 0x04:
                Finish(DriveStatus(command[1]));
                break;
            case 0x05 or 0x06:
                Transfer(command, isWrite: (command[0] & 0x1F) == 0x05);
                break;
            case 0x07 or 0x0F:
                Seek(command);
                break;
            case 0x08:
                SenseInterrupt();
                break;
            case 0x0A:
                ReadId(command);
                break;
            case 0x0D:
                Format(command);
                break;
            case 0x0E:
                Finish(_drives[0].Cylinder, _drives[1].Cylinder, 0, 0, 0, 0, 0, (byte)(_lock | _perpendicular), _configure, 0);
                break;
            case 0x10 when command[0] == 0x10:
                Finish(0x90);
                break;
            case 0x12:
                _perpendicular = (byte)(command[1] & 0x7F);
                break;
            case 0x13:
                _configure = command[2];
                break;
            case 0x14:
                _lock = (byte)(command[0] & 0x80);
                Finish((byte)(_lock >> 3));
                break;
            case 0x18 when command[0] == 0x18:
                Finish(0x41);
                break;
            default:
                Finish(Invalid);
                break;
        }
    }

    private void Finish(params ReadOnlySpan<byte> result)
    {
        foreach (byte value in result)
        {
            _result.Enqueue(value);
        }
    }

    private byte DriveStatus(byte select)
    {
        FloppyDrive drive = _drives[select & 3];
        return (byte)((select & 7) | 0x28 | (drive.Cylinder == 0 ? 0x10 : 0) | (drive.IsReadOnly ? 0x40 : 0));
    }

    private void Seek(byte[] command)
    {
        FloppyDrive drive = _drives[command[1] & 3];
        drive.Step((command[0] & 0x1F) == 0x07 ? (byte)0 : command[2]);
        (_interrupt, _polls) = ((byte)(SeekEnd | (command[1] & 7)), 0);
        _irq.Level = true;
    }

    private void SenseInterrupt()
    {
        if (_polls > 0)
        {
            byte drive = (byte)(Drives - _polls--);
            Finish((byte)(Polling | drive), _drives[drive].Cylinder);
        }
        else if (_irq.Level)
        {
            Finish(_interrupt, _drives[_interrupt & 3].Cylinder);
        }
        else
        {
            Finish(Invalid);
        }

        _irq.Level = false;
    }

    private void ReadId(byte[] command)
    {
        FloppyDrive drive = _drives[command[1] & 3];
        byte head = (byte)(command[1] >> 2 & 1);
        if (drive.HasDisk)
        {
            End(command[1], 0, 0, 0, drive.Cylinder, head, 1);
        }
        else
        {
            End(command[1], Abnormal | NotReady, NoData, 0, 0, 0, 0);
        }
    }

    /// <summary>Moves sectors until the DMA controller has counted to its end, the track ends, or something fails.</summary>
    private void Transfer(byte[] command, bool isWrite)
    {
        FloppyDrive drive = _drives[command[1] & 3];
        (int cylinder, int head, int sector, int last) = (command[2], command[3], command[4], command[6]);
        bool bothSides = (command[0] & 0x80) != 0;
        if (!drive.HasDisk || (isWrite && drive.IsReadOnly))
        {
            End(command[1], (byte)(Abnormal | (drive.HasDisk ? 0 : NotReady)), drive.HasDisk ? WriteProtected : NoData, 0, cylinder, head, sector);
            return;
        }

        byte[] data = new byte[FloppyDrive.SectorLength];
        while (true)
        {
            bool good = isWrite || drive.Read(cylinder, head, sector, data);
            if (!good || command[5] != 2)
            {
                End(command[1], Abnormal, NoData, 0, cylinder, head, sector);
                return;
            }

            bool ended = true;
            int moved = _dma is null || (_output & DmaGate) == 0 ? 0 : _dma.Transfer(_channel, data, out ended);
            if (moved == 0 || (isWrite && !drive.Write(cylinder, head, sector, data)))
            {
                End(command[1], Abnormal, moved == 0 ? (byte)0x10 : NoData, 0, cylinder, head, sector);
                return;
            }

            bool endOfTrack = sector == last;
            sector = endOfTrack ? 1 : sector + 1;
            if (endOfTrack && bothSides)
            {
                cylinder += head;
                head ^= 1;
            }
            else if (endOfTrack)
            {
                cylinder++;
            }

            if (ended)
            {
                End((byte)((command[1] & 3) | (head << 2)), 0, 0, 0, cylinder, head, sector);
                return;
            }

            if (endOfTrack && (!bothSides || head == 0))
            {
                End(command[1], Abnormal, EndOfTrack, 0, cylinder, head, sector);
                return;
            }
        }
    }

    private void Format(byte[] command)
    {
        FloppyDrive drive = _drives[command[1] & 3];
        byte[] id = new byte[4], fill = new byte[FloppyDrive.SectorLength];
        Array.Fill(fill, command[5]);
        bool good = drive is { HasDisk: true, IsReadOnly: false } && command[2] == 2;
        for (int i = 0; good && i < command[3]; i++)
        {
            good = _dma?.Transfer(_channel, id, out _) == id.Length && drive.Write(id[0], id[1], id[2], fill);
        }

        End(command[1], good ? (byte)0 : Abnormal, good ? (byte)0 : drive.IsReadOnly ? WriteProtected : NoData, 0, id[0], id[1], id[2]);
    }

    private void End(byte select, byte status0, byte status1, byte status2, int cylinder, int head, int sector)
    {
        _interrupt = (byte)(status0 | (select & 7));
        Finish(_interrupt, status1, status2, (byte)cylinder, (byte)head, (byte)sector, 2);
        _irq.Level = true;
    }
}
