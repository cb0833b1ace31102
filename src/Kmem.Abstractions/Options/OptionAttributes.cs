namespace Kmem.Abstractions;

/// <summary>What an option of type text, number or list stands for, so that schema, checks and references know it.</summary>
public enum OptionKind
{
    /// <summary>What its C# type says.</summary>
    Plain,

    /// <summary>A size in bytes, written <c>64KiB</c>.</summary>
    Size,

    /// <summary>An address.</summary>
    Address,

    /// <summary>A frequency in Hz, written <c>1843200Hz</c>.</summary>
    Frequency,

    /// <summary>A time in nanoseconds, written <c>10ms</c>.</summary>
    Time,

    /// <summary>The path of a file, made absolute against the file that names it.</summary>
    File,

    /// <summary>The name of an address space.</summary>
    Space,

    /// <summary>The name of a device.</summary>
    Device,

    /// <summary>A character backend: <c>stdio</c>, <c>pty</c>, <c>file:PATH</c>, <c>unix:PATH</c>, <c>memory</c>, <c>none</c>.</summary>
    CharBackend,

    /// <summary>Bytes, written as hexadecimal digits or as a quoted text.</summary>
    Bytes,

    /// <summary>A block backend: <c>PATH</c>, <c>PATH,readonly</c>, <c>PATH,overlay</c>, <c>PATH,overlay=FILE</c>, <c>none</c>.</summary>
    BlockBackend,
}

/// <summary>Says what an option stands for and which values it takes.</summary>
/// <param name="kind">What it stands for.</param>
[AttributeUsage(AttributeTargets.Parameter | AttributeTargets.Property)]
public sealed class OptionAttribute(OptionKind kind = OptionKind.Plain) : Attribute
{
    /// <summary>What it stands for.</summary>
    public OptionKind Kind { get; } = kind;

    /// <summary>Least value.</summary>
    public ulong Min { get; set; }

    /// <summary>Greatest value.</summary>
    public ulong Max { get; set; } = ulong.MaxValue;

    /// <summary>True when the value must be a power of two.</summary>
    public bool PowerOfTwo { get; set; }
}
