using Kmem.Abstractions;

namespace Kmem.Plugins.Chipset;

/// <summary>System control port A at 0x92: a fast way to the A20 gate and to a reset.</summary>
/// <remarks>
/// Input <c>kbc-a20</c> takes the keyboard controller's A20; whoever changed it last decides about output <c>a20</c>. Output <c>reset</c> pulses.
/// Source: IBM PS/2 Hardware Interface Technical Reference, "System control port A".
/// </remarks>
[Device("pc.port92")]
public sealed class Port92 : Device, IHasRegisters
{
    private const byte FastReset = 0x01, A20 = 0x02;

    private readonly IIrqLine _a20;
    private readonly IIrqLine _reset;
    private byte _value = A20;
    private bool _isOpen = true;

    /// <summary>Creates the port.</summary>
    public Port92(IDeviceContext context)
    {
        (_a20, _reset) = (context.Irq("a20"), context.Irq("reset"));
        context.Input("kbc-a20", Gate);
        Registers = new RegisterMap(width: 1, count: 1).Add(0, "SYSTEM-CONTROL", () => _value, v => Write((byte)v));
        Gate(open: true);
    }

    /// <inheritdoc/>
    public RegisterMap Registers { get; }

    /// <inheritdoc/>
    public override void Reset()
    {
        _value = A20;
        Gate(open: true);
    }

    /// <inheritdoc/>
    public override void Save(StateWriter writer)
    {
        writer.U8(_value);
        writer.Bool(_isOpen);
    }

    /// <inheritdoc/>
    public override void Load(StateReader reader)
    {
        _value = reader.U8();
        Gate(reader.Bool());
    }

    private void Write(byte value)
    {
        bool resets = (value & FastReset) != 0 && (_value & FastReset) == 0;
        _value = (byte)(value & ~FastReset);
        Gate((value & A20) != 0);
        if (resets)
        {
            _reset.Level = true;
            _reset.Level = false;
        }
    }

    private void Gate(bool open) => _a20.Level = _isOpen = open;
}
