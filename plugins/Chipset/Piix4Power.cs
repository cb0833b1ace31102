using Kmem.Abstractions;

namespace Kmem.Plugins.Chipset;

/// <summary>Options of <c>intel.82371ab-pm</c>.</summary>
/// <param name="Io">The I/O space in which its registers appear at the addresses that software chooses.</param>
/// <param name="Base">First port of the ACPI registers after reset, on a machine without PCI where nobody programs it; 0 leaves them off.</param>
/// <param name="Smm">Whether writes to the APM control port raise system management interrupts; false tells firmware that this is done already.</param>
/// <param name="Serial">Number of serial ports that the configuration registers announce, 0..2.</param>
/// <param name="Parallel">Whether they announce a parallel port.</param>
/// <param name="SubsystemVendor">Subsystem vendor ID.</param>
/// <param name="Subsystem">Subsystem ID.</param>
public sealed record Piix4PowerOptions(
    [property: Option(OptionKind.Space)] string Io,
    [property: Option(Max = 0xFFC0)] int Base = 0,
    bool Smm = false,
    [property: Option(Max = 2)] int Serial = 1,
    bool Parallel = true,
    ushort SubsystemVendor = 0,
    ushort Subsystem = 0);

/// <summary>The power management function of the PIIX4: ACPI registers with timer and SCI, APM ports, an SMBus host without anybody on it.</summary>
/// <remarks>
/// Banks <c>apm</c> (ports 0xB2 and 0xB3) and <c>gpe</c> (general-purpose events, 4 ports). Outputs <c>sci</c> and <c>smi</c>. Writing 0xF1 to 0xB2 turns ACPI on,
/// 0xF0 off, as firmware's SMI handler would. The machine switches itself off when software asks for the sleeping state S5.
/// Source: Intel 82371AB (PIIX4) datasheet (order number 290562), section 7 "Power management"; ACPI specification 1.0b, section 4.7.3.
/// </remarks>
[Device("intel.82371ab-pm")]
public sealed class Piix4Power : Device, IPciFunction, IHasBanks, IFirmwareState
{
    private const int PowerBase = 0x40, DeviceActivityB = 0x5B, PowerEnable = 0x80, BusBase = 0x90, BusConfiguration = 0xD2;
    private const byte AcpiOn = 0xF1, AcpiOff = 0xF0, SmiByApm = 0x02;

    private readonly PowerRegisters _registers;
    private readonly SmBusHost _bus;
    private readonly IRegionMapping _power;
    private readonly IRegionMapping _smBus;
    private readonly IIrqLine _smi;
    private byte _command;
    private byte _status;
    private ushort _events;
    private ushort _enabled;

    /// <summary>Creates the function.</summary>
    public Piix4Power(Piix4PowerOptions options, IDeviceContext context)
    {
        IIrqLine sci = context.Irq("sci");
        _smi = context.Irq("smi");
        _registers = new PowerRegisters(context, sci) { Also = () => (_events & _enabled) != 0 };
        _bus = new SmBusHost();
        Configuration = new PciConfiguration(0x8086, 0x7113, 0x06_8000, revision: 3);
        for (int offset = 0x44; offset < PciConfiguration.Length; offset++)
        {
            Configuration.Define(offset, 1, 0, writable: 0xFF);
        }

        Configuration
            .Define(0x06, 2, 0x0280, writeOneToClear: 0xF900)
            .Define(0x2C, 2, options.SubsystemVendor)
            .Define(0x2E, 2, options.Subsystem)
            .Define(0x3D, 1, 1)
            .Define(PowerBase, 4, 1 | (uint)options.Base, writable: 0xFFC0)
            .Define(DeviceActivityB, 1, options.Smm ? 0u : SmiByApm, writable: 0xFF)
            .Define(0x5F, 1, 0x10 | (options.Parallel ? 0x80u : 0), writable: 0xFF)
            .Define(0x63, 1, 0x60, writable: 0xFF)
            .Define(0x67, 1, (options.Serial > 0 ? 0x08u : 0) | (options.Serial > 1 ? 0x90u : 0), writable: 0xFF)
            .Define(PowerEnable, 1, options.Base != 0 ? 1u : 0, writable: 0x01)
            .Define(BusBase, 4, 1, writable: 0xFFF0)
            .Define(BusConfiguration, 1, 0x09, writable: 0x0F);
        IAddressSpace io = context.Space(options.Io);
        _power = io.Map(new MmioRegion(context.Id + ".acpi", PowerRegisters.Length, _registers, maxWidth: 4), 0, priority: 1);
        _smBus = io.Map(new MmioRegion(context.Id + ".smbus", SmBusHost.Length, _bus.Registers), 0, priority: 2);
        (_power.ReadEnabled, _power.WriteEnabled, _smBus.ReadEnabled, _smBus.WriteEnabled) = (false, false, false, false);
        Configuration.Watch(PowerBase, PowerBase + 3, Decode);
        Configuration.Watch(PowerEnable, PowerEnable, Decode);
        Configuration.Watch(BusBase, BusBase + 3, Decode);
        Configuration.Watch(BusConfiguration, BusConfiguration, Decode);
        RegisterMap apm = new RegisterMap(width: 1, count: 2)
            .Add(0, "APMC", () => _command, v => Command((byte)v))
            .Add(1, "APMS", () => _status, v => _status = (byte)v);
        RegisterMap gpe = new RegisterMap(width: 2, count: 2)
            .Add(0, "GPSTS", () => _events, v => SetEvents((ushort)(_events & ~v), _enabled))
            .Add(1, "GPEN", () => _enabled, v => SetEvents(_events, (ushort)v));
        Decode();
        Banks = [new DeviceBank("apm", new MmioRegion("apm", 2, apm)), new DeviceBank("gpe", new MmioRegion("gpe", 4, gpe))];
    }

    /// <inheritdoc/>
    public PciConfiguration Configuration { get; }

    /// <inheritdoc/>
    public IReadOnlyList<DeviceBank> Banks { get; }

    /// <inheritdoc/>
    public override void Reset()
    {
        Configuration.Reset();
        (_command, _status, _events, _enabled) = (0, 0, 0, 0);
        _bus.Reset();
        _registers.Reset();
        _smi.Level = false;
    }

    /// <inheritdoc/>
    public override void Save(StateWriter writer)
    {
        Configuration.Save(writer);
        writer.U8(_command);
        writer.U8(_status);
        writer.U16(_events);
        writer.U16(_enabled);
        _registers.Save(writer);
        _bus.Save(writer);
    }

    /// <inheritdoc/>
    public override void Load(StateReader reader)
    {
        Configuration.Load(reader);
        (_command, _status, _events, _enabled) = (reader.U8(), reader.U8(), reader.U16(), reader.U16());
        _registers.Load(reader);
        _bus.Load(reader);
    }

    /// <inheritdoc/>
    public bool TrySetFirmwareState(string key, ulong value)
    {
        if (key == "acpi")
        {
            _registers.IsAcpi = value != 0;
            return value <= 1;
        }

        return Configuration.TrySetFirmwareState(key, value);
    }

    private void Command(byte value)
    {
        _command = value;
        if (value is AcpiOn or AcpiOff)
        {
            _registers.IsAcpi = value == AcpiOn;
        }
        else if ((Configuration.Bytes[DeviceActivityB] & SmiByApm) != 0)
        {
            _smi.Level = true;
            _smi.Level = false;
        }
    }

    private void SetEvents(ushort events, ushort enabled)
    {
        (_events, _enabled) = (events, enabled);
        _registers.Update();
    }

    private void Decode()
    {
        Place(_power, Configuration.Read(PowerBase, 2) & 0xFFC0, (Configuration.Bytes[PowerEnable] & 1) != 0);
        Place(_smBus, Configuration.Read(BusBase, 2) & 0xFFF0, (Configuration.Bytes[BusConfiguration] & 1) != 0);
    }

    private static void Place(IRegionMapping mapping, ulong address, bool enabled)
    {
        using IDisposable change = mapping.Space.BeginChange();
        bool isOn = enabled && address != 0;
        (mapping.ReadEnabled, mapping.WriteEnabled) = (isOn, isOn);
        if (isOn)
        {
            mapping.Address = address;
        }
    }
}
