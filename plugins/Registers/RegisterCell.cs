using Kmem.Abstractions;

namespace Kmem.Plugins.Registers;

/// <summary>One declared register with its value.</summary>
internal sealed class RegisterCell
{
    private readonly ulong _reset;
    private readonly ulong _writable;
    private readonly ulong _readable;
    private readonly ulong _clearOnWrite;
    private readonly ulong _clearOnRead;
    private readonly ulong _irqMask;
    private readonly IIrqLine? _irq;
    private ulong _value;

    public RegisterCell(RegisterOptions options, int index, IDeviceContext context)
    {
        if (options.Width is not (1 or 2 or 4 or 8))
        {
            throw new MachineException($"the register '{options.Name}' is 1, 2, 4 or 8 bytes wide, not {options.Width}") { Option = $"registers.{index}.width" };
        }

        (Name, Offset, Width, Index) = (options.Name, options.Offset, options.Width, index);
        Mask = ulong.MaxValue >> (64 - (8 * Width));
        if ((options.Reset & ~Mask) != 0)
        {
            throw new MachineException($"0x{options.Reset:X} does not fit the register '{Name}' of {Width} bytes") { Option = $"registers.{index}.reset" };
        }

        _clearOnWrite = options.WriteOneToClear | (options.Access == RegisterAccess.W1c ? Mask : 0);
        _writable = Mask & ~options.ReadOnly & ~_clearOnWrite & (options.Access == RegisterAccess.Ro ? 0 : Mask);
        _readable = options.Access == RegisterAccess.Wo ? 0 : Mask & ~options.WriteOnly;
        (_clearOnRead, _reset, _irqMask) = (options.ClearOnRead, options.Reset, options.IrqMask);
        _irq = options.Irq is { } line ? context.Irq(line) : null;
        _value = _reset;
    }

    public string Name { get; }

    public ulong Offset { get; }

    public int Width { get; }

    public int Index { get; }

    public ulong Mask { get; }

    public bool CanRead => _readable != 0;

    public bool CanWrite => (_writable | _clearOnWrite) != 0;

    public ulong Value
    {
        get => _value;
        set
        {
            _value = value & Mask;
            Update();
        }
    }

    public void Reset() => Value = _reset;

    public ulong Read(bool isDebug)
    {
        ulong value = _value & _readable;
        if (!isDebug && _clearOnRead != 0)
        {
            Value &= ~_clearOnRead;
        }

        return value;
    }

    /// <summary>Writes the bits of <paramref name="lanes"/>.</summary>
    public void Write(ulong value, ulong lanes) =>
        Value = ((_value & ~(_writable & lanes)) | (value & _writable & lanes)) & ~(value & _clearOnWrite & lanes);

    private void Update()
    {
        if (_irq is not null)
        {
            _irq.Level = (_value & _irqMask) != 0;
        }
    }
}
