using System.Globalization;
using Kmem.Abstractions;

namespace Kmem.Plugins.Chipset;

/// <summary>Options of <c>intel.82371sb</c>.</summary>
/// <param name="SubsystemVendor">Subsystem vendor ID.</param>
/// <param name="Subsystem">Subsystem ID.</param>
public sealed record Piix3IsaOptions(ushort SubsystemVendor = 0, ushort Subsystem = 0);

/// <summary>The PCI-to-ISA bridge of the PIIX3: routes PCI interrupts to ISA interrupts and resets the machine when a reset line asks for it.</summary>
/// <remarks>
/// Inputs <c>pirq.0</c> to <c>pirq.3</c> (PIRQA# to PIRQD#, active here when high) and <c>reset</c>; outputs <c>irq.3</c> to <c>irq.15</c> without 8 and 13.
/// Source: Intel 82371SB (PIIX3) datasheet (order number 290550), sections 2.2 and 2.2.12 "PIRQRC[A:D]".
/// </remarks>
[Device("intel.82371sb")]
public sealed class Piix3Isa : Device, IPciFunction, IFirmwareState
{
    private const int Routes = 0x60, Pins = 4;
    private const byte Disabled = 0x80;
    private const int Routable = 0xDEF8;

    private readonly IIrqLine?[] _irqs = new IIrqLine?[16];
    private readonly bool[] _pins = new bool[Pins];

    /// <summary>Creates the bridge.</summary>
    public Piix3Isa(Piix3IsaOptions options, IDeviceContext context)
    {
        Configuration = new PciConfiguration(0x8086, 0x7000, 0x06_0100);
        for (int offset = 0x40; offset < PciConfiguration.Length; offset++)
        {
            Configuration.Define(offset, 1, 0, writable: 0xFF);
        }

        Configuration
            .Define(0x04, 2, 0x0007, writable: 0x0108)
            .Define(0x06, 2, 0x0200, writeOneToClear: 0xF900)
            .Define(0x0E, 1, 0x80)
            .Define(0x2C, 2, options.SubsystemVendor)
            .Define(0x2E, 2, options.Subsystem)
            .Define(0x4C, 1, 0x4D, writable: 0xFF)
            .Define(0x4E, 1, 0x03, writable: 0xFF)
            .Define(Routes, 4, 0x8080_8080, writable: 0x8F8F_8F8F)
            .Define(0x69, 1, 0x02, writable: 0xFF)
            .Define(0x70, 1, 0x80, writable: 0xFF)
            .Define(0x76, 2, 0x0C0C, writable: 0xFFFF)
            .Define(0x78, 1, 0x02, writable: 0xFF)
            .Define(0x82, 1, 0x02, writable: 0xFF)
            .Define(0xA0, 1, 0x08, writable: 0xFF)
            .Define(0xA8, 1, 0x0F, writable: 0xFF);
        Configuration.Watch(Routes, Routes + Pins - 1, Update);
        for (int irq = 0; irq < _irqs.Length; irq++)
        {
            _irqs[irq] = (Routable >> irq & 1) != 0 ? context.Irq(string.Create(CultureInfo.InvariantCulture, $"irq.{irq}")) : null;
        }

        for (int i = 0; i < Pins; i++)
        {
            int pin = i;
            context.Input(string.Create(CultureInfo.InvariantCulture, $"pirq.{i}"), level =>
            {
                _pins[pin] = level;
                Update();
            });
        }

        context.Input("reset", level =>
        {
            if (level)
            {
                context.RequestPower(new PowerRequest(PowerAction.Reset, "the reset line was pulled"));
            }
        });
    }

    /// <inheritdoc/>
    public PciConfiguration Configuration { get; }

    /// <inheritdoc/>
    public override void Reset() => Configuration.Reset();

    /// <inheritdoc/>
    public override void Save(StateWriter writer)
    {
        Configuration.Save(writer);
        writer.Bytes(_pins.Select(p => (byte)(p ? 1 : 0)), nameof(_pins));
    }

    /// <inheritdoc/>
    public override void Load(StateReader reader)
    {
        Configuration.Load(reader);
        byte[] pins = new byte[Pins];
        reader.Bytes(pins.AsSpan());
        for (int i = 0; i < Pins; i++)
        {
            _pins[i] = pins[i] != 0;
        }

        Update();
    }

    /// <inheritdoc/>
    public bool TrySetFirmwareState(string key, ulong value) => Configuration.TrySetFirmwareState(key, value);

    private void Update()
    {
        int levels = 0;
        for (int i = 0; i < Pins; i++)
        {
            byte route = Configuration.Bytes[Routes + i];
            if (_pins[i] && (route & Disabled) == 0)
            {
                levels |= 1 << (route & 15);
            }
        }

        for (int irq = 0; irq < _irqs.Length; irq++)
        {
            if (_irqs[irq] is { } line)
            {
                line.Level = (levels >> irq & 1) != 0;
            }
        }
    }
}
