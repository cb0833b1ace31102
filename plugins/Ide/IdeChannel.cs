using Kmem.Abstractions;

namespace Kmem.Plugins.Ide;

/// <summary>One cable with up to two drives: the command block, the control block, and the interrupt.</summary>
/// <remarks>Source: ATA/ATAPI-6 (T13/1410D), sections 7 "I/O registers" and 9.16 "Single device configurations".</remarks>
internal sealed class IdeChannel
{
    private const byte NoInterrupt = 0x02, SoftReset = 0x04, HighOrder = 0x80, SecondDrive = 0x10;
    private const byte DeviceReset = 0x08, Diagnose = 0x90;

    private readonly IdeDrive?[] _drives;
    private readonly Action _changed;
    private byte _control;
    private byte _device;
    private bool _level;

    /// <summary>Creates a cable.</summary>
    /// <param name="master">The first drive, or null.</param>
    /// <param name="slave">The second drive, or null.</param>
    /// <param name="busMaster">The bus master that serves the cable.</param>
    /// <param name="changed">Called after the interrupt line has changed.</param>
    public IdeChannel(IdeDrive? master, IdeDrive? slave, BusMasterChannel busMaster, Action changed)
    {
        (_drives, _changed, BusMaster) = ([master, slave], changed, busMaster);
        foreach (IdeDrive drive in Drives)
        {
            drive.Changed = Update;
            drive.BusMaster = busMaster;
            drive.IsSecond = ReferenceEquals(drive, slave);
        }

        busMaster.Started = StartDma;
        CommandBlock = new CommandRegisters(this);
        ControlBlock = new ControlRegister(this);
    }

    public BusMasterChannel BusMaster { get; }

    /// <summary>The eight registers of the command block.</summary>
    public IRegionHandler CommandBlock { get; }

    /// <summary>The device control and alternate status register.</summary>
    public IRegionHandler ControlBlock { get; }

    /// <summary>The level of INTRQ: the selected drive's request, unless nIEN holds it back.</summary>
    public bool Level => (_control & NoInterrupt) == 0 && Selected is { Interrupt: true };

    public bool HasDrives => Drives.Any();

    private IEnumerable<IdeDrive> Drives => _drives.OfType<IdeDrive>();

    private IdeDrive? Selected => _drives[(_device & SecondDrive) != 0 ? 1 : 0];

    public void Reset()
    {
        (_control, _device, _level) = (0, 0, false);
        BusMaster.Reset();
        foreach (IdeDrive drive in Drives)
        {
            drive.Reset();
        }
    }

    public void Save(StateWriter writer)
    {
        writer.U8(_control);
        writer.U8(_device);
        BusMaster.Save(writer);
        foreach (IdeDrive drive in Drives)
        {
            drive.Save(writer);
        }
    }

    public void Load(StateReader reader)
    {
        (_control, _device) = (reader.U8(), reader.U8());
        BusMaster.Load(reader);
        foreach (IdeDrive drive in Drives)
        {
            drive.Load(reader);
        }

        // What the edge once caused is in the saved state of others.
        _level = Level;
    }

    private void Update()
    {
        StartDma();
        if (Level == _level)
        {
            return;
        }

        _level = !_level;
        if (_level)
        {
            BusMaster.Interrupt();
        }

        _changed();
    }

    private void StartDma()
    {
        if (BusMaster.IsActive && Selected is { WantsDma: true } drive && drive.IsReading == BusMaster.IsReading)
        {
            drive.BeginTransfer();
        }
    }

    /// <summary>A drive that is not there reads as zeros: the cable is pulled down.</summary>
    private byte Read(int register, bool peek)
    {
        if (Selected is not { } drive)
        {
            return 0;
        }

        return register switch
        {
            1 => drive.Error,
            7 => peek ? drive.Status : drive.TakeStatus(),
            TaskFile.Device => (byte)(drive.Registers[TaskFile.Device] | 0xA0),
            _ => (_control & HighOrder) != 0 ? drive.Registers.Previous(register) : drive.Registers[register],
        };
    }

    private void Write(int register, byte value)
    {
        _control &= unchecked((byte)~HighOrder);
        if (register == 7)
        {
            WriteCommand(value);
            return;
        }

        if (register == TaskFile.Device)
        {
            _device = value;
        }

        foreach (IdeDrive drive in Drives.Where(d => !d.IsBusy))
        {
            drive.Registers.Push(register, value);
        }

        if (register == TaskFile.Device)
        {
            Update();
        }
    }

    private void WriteCommand(byte value)
    {
        if (value == Diagnose)
        {
            // Both drives diagnose themselves, and the first one reports for both.
            foreach (IdeDrive drive in Drives.Where(d => !d.IsBusy))
            {
                drive.Command(value);
            }

            _device = 0;
            Update();
        }
        else if (Selected is { } drive && (!drive.IsBusy || value == DeviceReset))
        {
            drive.Command(value);
        }
    }

    private void WriteControl(byte value)
    {
        bool held = (_control & SoftReset) != 0, holds = (value & SoftReset) != 0;
        _control = value;
        foreach (IdeDrive drive in held == holds ? [] : Drives)
        {
            if (holds)
            {
                drive.HoldReset();
            }
            else
            {
                drive.EndReset();
            }
        }

        _device = holds ? (byte)0 : _device;
        Update();
    }

    /// <summary>The command block: a data register that takes 1, 2 or 4 bytes, and registers of one byte.</summary>
    private sealed class CommandRegisters(IdeChannel channel) : IRegionHandler
    {
        public AccessResult Read(ulong offset, int width, out ulong value, in AccessAttributes attributes)
        {
            int data = offset == 0 ? Math.Min(width, 4) : 0;
            value = data == 0 ? 0 : channel.Selected?.ReadData(data, attributes.IsDebug) ?? 0;
            for (int i = data; i < width; i++)
            {
                value |= (ulong)channel.Read((int)offset + i, attributes.IsDebug) << (8 * i);
            }

            return AccessResult.Ok;
        }

        public AccessResult Write(ulong offset, int width, ulong value, in AccessAttributes attributes)
        {
            int data = offset == 0 ? Math.Min(width, 4) : 0;
            if (data > 0)
            {
                channel.Selected?.WriteData(data, value);
            }

            for (int i = data; i < width; i++)
            {
                channel.Write((int)offset + i, (byte)(value >> (8 * i)));
            }

            return AccessResult.Ok;
        }
    }

    private sealed class ControlRegister(IdeChannel channel) : IRegionHandler
    {
        public AccessResult Read(ulong offset, int width, out ulong value, in AccessAttributes attributes)
        {
            value = channel.Selected?.Status ?? 0;
            return AccessResult.Ok;
        }

        public AccessResult Write(ulong offset, int width, ulong value, in AccessAttributes attributes)
        {
            channel.WriteControl((byte)value);
            return AccessResult.Ok;
        }
    }
}
