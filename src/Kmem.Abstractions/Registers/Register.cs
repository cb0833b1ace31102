namespace Kmem.Abstractions;

/// <summary>One register of a device.</summary>
public sealed class Register
{
    internal Register(ulong index, string name, Func<ulong>? read, Action<ulong>? write, Func<ulong>? peek)
    {
        (Index, Name, Reader, Writer, Peeker) = (index, name, read, write, peek);
    }

    /// <summary>Number of the register in the datasheet's order; its offset is this times the distance of registers.</summary>
    public ulong Index { get; }

    /// <summary>Name in the datasheet.</summary>
    public string Name { get; }

    /// <summary>Whether a read reaches the device.</summary>
    public bool CanRead => Reader is not null;

    /// <summary>Whether a write reaches the device.</summary>
    public bool CanWrite => Writer is not null;

    internal Func<ulong>? Reader { get; }

    internal Action<ulong>? Writer { get; }

    internal Func<ulong>? Peeker { get; }

    /// <summary>The value without side effects; null when the device can't tell.</summary>
    public ulong? Peek() => (Peeker ?? Reader)?.Invoke();
}
