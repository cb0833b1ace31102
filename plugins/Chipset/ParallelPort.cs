using Kmem.Abstractions;

namespace Kmem.Plugins.Chipset;

/// <summary>Options of <c>pc.parallel</c>.</summary>
/// <param name="Chardev">Where printed bytes go.</param>
public sealed record ParallelPortOptions([property: Option(OptionKind.CharBackend)] string Chardev = "none");

/// <summary>A parallel port in compatibility mode with a printer that takes every byte at once.</summary>
/// <remarks>Output <c>irq</c> pulses with each byte that the printer acknowledges. Source: IBM PC/AT Technical Reference, "Printer adapter".</remarks>
[Device("pc.parallel")]
public sealed class ParallelPort : Device, IHasRegisters
{
    private const byte Ready = 0xDF, Strobe = 0x01, InterruptEnable = 0x10, Unused = 0xC0, ResetControl = 0x0C;

    private readonly ICharBackend _line;
    private readonly IIrqLine _irq;
    private byte _data;
    private byte _control = ResetControl;

    /// <summary>Creates the port.</summary>
    public ParallelPort(ParallelPortOptions options, IDeviceContext context)
    {
        _ = options;
        (_line, _irq) = (context.Char("chardev"), context.Irq("irq"));
        Registers = new RegisterMap(width: 1, count: 3)
            .Add(0, "DATA", () => _data, v => _data = (byte)v)
            .Add(1, "STATUS", () => Ready & ~7)
            .Add(2, "CONTROL", () => (ulong)(_control | Unused), v => WriteControl((byte)v));
    }

    /// <inheritdoc/>
    public RegisterMap Registers { get; }

    /// <inheritdoc/>
    public override void Reset() => (_data, _control) = (0, ResetControl);

    /// <inheritdoc/>
    public override void Save(StateWriter writer)
    {
        writer.U8(_data);
        writer.U8(_control);
    }

    /// <inheritdoc/>
    public override void Load(StateReader reader) => (_data, _control) = (reader.U8(), reader.U8());

    private void WriteControl(byte value)
    {
        // The printer takes a byte at the end of the strobe.
        bool prints = (_control & Strobe) != 0 && (value & Strobe) == 0;
        _control = (byte)(value & 0x3F);
        if (prints)
        {
            _line.Transmit(_data);
            if ((_control & InterruptEnable) != 0)
            {
                _irq.Level = true;
                _irq.Level = false;
            }
        }
    }
}
