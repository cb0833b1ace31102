using Kmem.Abstractions;

namespace Kmem.Plugins.Lab;

/// <summary>A block of 32 general purpose lines: pins <c>in0</c> to <c>in31</c>, outputs <c>out0</c> to <c>out31</c>, and <c>irq</c> for edges.</summary>
/// <remarks>
/// Registers of 32 bits; narrower accesses are refused. A line whose DIRECTION bit is 1 drives its output and reads as driven, another one drives 0.
/// Source: none, the block is Kmem's own: DATA_IN 00h, DATA_OUT 04h, DIRECTION 08h, IRQ_ENABLE 0Ch, IRQ_STATUS 10h (a one clears), EDGE_RISING 14h,
/// EDGE_FALLING 18h.
/// </remarks>
[Device("gpio.block")]
public sealed class GpioBlock : Device, IHasRegisters
{
    private const int Lines = 32;

    private readonly IIrqLine[] _outputs;
    private readonly IIrqLine _irq;
    private uint _pins, _dataOut, _direction, _irqEnable, _irqStatus, _rising, _falling;

    /// <summary>Creates the block.</summary>
    public GpioBlock(IDeviceContext context)
    {
        _outputs = [.. Enumerable.Range(0, Lines).Select(i => context.Irq($"out{i}"))];
        _irq = context.Irq("irq");
        for (int i = 0; i < Lines; i++)
        {
            uint line = 1u << i;
            context.Input($"in{i}", level => SetPins(level ? _pins | line : _pins & ~line));
        }

        Registers = new RegisterMap(width: 4, count: 7) { Narrow = NarrowAccess.Refuse }
            .Add(0, "DATA_IN", () => DataIn)
            .Add(1, "DATA_OUT", () => _dataOut, v => Set(ref _dataOut, v))
            .Add(2, "DIRECTION", () => _direction, v => Set(ref _direction, v))
            .Add(3, "IRQ_ENABLE", () => _irqEnable, v => Set(ref _irqEnable, v))
            .Add(4, "IRQ_STATUS", () => _irqStatus, v => Set(ref _irqStatus, _irqStatus & ~v))
            .Add(5, "EDGE_RISING", () => _rising, v => Set(ref _rising, v))
            .Add(6, "EDGE_FALLING", () => _falling, v => Set(ref _falling, v));
    }

    /// <inheritdoc/>
    public RegisterMap Registers { get; }

    private uint DataIn => (_pins & ~_direction) | (_dataOut & _direction);

    /// <summary>The pins stay as the world outside drives them.</summary>
    public override void Reset()
    {
        (_dataOut, _direction, _irqEnable, _irqStatus, _rising, _falling) = (0, 0, 0, 0, 0, 0);
        Update();
    }

    /// <inheritdoc/>
    public override void Save(StateWriter writer)
    {
        writer.U32(_pins);
        writer.U32(_dataOut);
        writer.U32(_direction);
        writer.U32(_irqEnable);
        writer.U32(_irqStatus);
        writer.U32(_rising);
        writer.U32(_falling);
    }

    /// <inheritdoc/>
    public override void Load(StateReader reader)
    {
        (_pins, _dataOut, _direction, _irqEnable) = (reader.U32(), reader.U32(), reader.U32(), reader.U32());
        (_irqStatus, _rising, _falling) = (reader.U32(), reader.U32(), reader.U32());
        Update();
    }

    private void Set(ref uint register, ulong value)
    {
        register = (uint)value;
        Update();
    }

    /// <summary>Edges count on lines that are inputs.</summary>
    private void SetPins(uint pins)
    {
        uint rose = pins & ~_pins, fell = _pins & ~pins;
        _irqStatus |= ((rose & _rising) | (fell & _falling)) & ~_direction;
        _pins = pins;
        Update();
    }

    private void Update()
    {
        uint driven = _dataOut & _direction;
        for (int i = 0; i < Lines; i++)
        {
            _outputs[i].Level = ((driven >> i) & 1) != 0;
        }

        _irq.Level = (_irqStatus & _irqEnable) != 0;
    }
}
