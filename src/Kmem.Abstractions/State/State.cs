using System.Runtime.CompilerServices;

namespace Kmem.Abstractions;

/// <summary>One saved field.</summary>
/// <param name="Name">The field as the device spells it.</param>
/// <param name="Kind">Its type: u8, u16, u32, u64, bool, bytes or text.</param>
/// <param name="Value">Its value: numbers as <see cref="ulong"/>, bytes as an array, text as a string.</param>
public sealed record StateField(string Name, string Kind, object Value);

/// <summary>Takes a device's state, field by field.</summary>
public sealed class StateWriter
{
    private readonly List<StateField> _fields = [];

    /// <summary>The fields written so far, in order.</summary>
    public IReadOnlyList<StateField> Fields => _fields;

    /// <summary>Writes an 8-bit field.</summary>
    public void U8(byte value, [CallerArgumentExpression(nameof(value))] string name = "") => _fields.Add(new(name, "u8", (ulong)value));

    /// <summary>Writes a 16-bit field.</summary>
    public void U16(ushort value, [CallerArgumentExpression(nameof(value))] string name = "") => _fields.Add(new(name, "u16", (ulong)value));

    /// <summary>Writes a 32-bit field.</summary>
    public void U32(uint value, [CallerArgumentExpression(nameof(value))] string name = "") => _fields.Add(new(name, "u32", (ulong)value));

    /// <summary>Writes a 64-bit field.</summary>
    public void U64(ulong value, [CallerArgumentExpression(nameof(value))] string name = "") => _fields.Add(new(name, "u64", value));

    /// <summary>Writes a flag.</summary>
    public void Bool(bool value, [CallerArgumentExpression(nameof(value))] string name = "") => _fields.Add(new(name, "bool", value ? 1UL : 0UL));

    /// <summary>Writes bytes of any number.</summary>
    public void Bytes(IEnumerable<byte> value, [CallerArgumentExpression(nameof(value))] string name = "") => _fields.Add(new(name, "bytes", value.ToArray()));

    /// <summary>Writes text.</summary>
    public void Text(string value, [CallerArgumentExpression(nameof(value))] string name = "") => _fields.Add(new(name, "text", value));
}

/// <summary>Gives a device's state back, in the order in which it was written.</summary>
/// <param name="device">The device's name, for messages.</param>
/// <param name="fields">The saved fields.</param>
public sealed class StateReader(string device, IReadOnlyList<StateField> fields)
{
    private int _next;

    /// <summary>True when every field has been read.</summary>
    public bool AtEnd => _next == fields.Count;

    /// <summary>Reads an 8-bit field.</summary>
    public byte U8() => (byte)Number("u8", byte.MaxValue);

    /// <summary>Reads a 16-bit field.</summary>
    public ushort U16() => (ushort)Number("u16", ushort.MaxValue);

    /// <summary>Reads a 32-bit field.</summary>
    public uint U32() => (uint)Number("u32", uint.MaxValue);

    /// <summary>Reads a 64-bit field.</summary>
    public ulong U64() => Number("u64", ulong.MaxValue);

    /// <summary>Reads a flag.</summary>
    public bool Bool() => Number("bool", 1) != 0;

    /// <summary>Reads bytes.</summary>
    public byte[] Bytes() => (byte[])Next("bytes").Value;

    /// <summary>Reads bytes into a queue, which is emptied first.</summary>
    public void Bytes(Queue<byte> target)
    {
        target.Clear();
        foreach (byte value in Bytes())
        {
            target.Enqueue(value);
        }
    }

    /// <summary>Reads bytes into an array of the same length.</summary>
    public void Bytes(Span<byte> target)
    {
        byte[] saved = Bytes();
        if (saved.Length != target.Length)
        {
            throw new StateMismatchException($"{device}: field {_next} ('{fields[_next - 1].Name}') has {saved.Length} bytes, not {target.Length}.");
        }

        saved.CopyTo(target);
    }

    /// <summary>Reads text.</summary>
    public string Text() => (string)Next("text").Value;

    private ulong Number(string kind, ulong most)
    {
        StateField field = Next(kind);
        ulong value = (ulong)field.Value;
        return value <= most ? value : throw new StateMismatchException($"{device}: field {_next} ('{field.Name}') is 0x{value:X}, too large for {kind}.");
    }

    private StateField Next(string kind)
    {
        if (_next == fields.Count)
        {
            throw new StateMismatchException($"{device}: the saved state ends after {fields.Count} fields; a {kind} was to follow.");
        }

        StateField field = fields[_next++];
        return field.Kind == kind
            ? field
            : throw new StateMismatchException($"{device}: field {_next} ('{field.Name}') is {field.Kind}, not {kind}.");
    }
}

/// <summary>A saved state does not fit the device; the message names device and field.</summary>
public sealed class StateMismatchException : Exception
{
    /// <summary>Creates the error without details.</summary>
    public StateMismatchException()
    {
    }

    /// <summary>Creates the error with a message.</summary>
    public StateMismatchException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the error with a message and a cause.</summary>
    public StateMismatchException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
