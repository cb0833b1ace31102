using System.Buffers.Binary;
using System.Text;

namespace Kmem.Plugins.Firmware;

/// <summary>A row of bytes that grows, little endian, in the order in which a specification lists the fields of a table.</summary>
internal sealed class TableWriter
{
    private readonly List<byte> _bytes = [];

    /// <summary>Bytes written so far.</summary>
    public int Length => _bytes.Count;

    public byte[] ToArray() => [.. _bytes];

    public TableWriter Bytes(params ReadOnlySpan<byte> values)
    {
        _bytes.AddRange(values);
        return this;
    }

    public TableWriter Word(int value) => Bytes((byte)value, (byte)(value >> 8));

    public TableWriter Dword(uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        return Bytes(bytes);
    }

    public TableWriter Qword(ulong value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        return Bytes(bytes);
    }

    /// <summary>Writes ASCII letters into a field of fixed length; what is missing becomes <paramref name="pad"/>.</summary>
    public TableWriter Letters(string text, int length, char pad = ' ') => Bytes(Encoding.ASCII.GetBytes(text.PadRight(length, pad)[..length]));

    /// <summary>The byte that makes the bytes of <paramref name="table"/> add up to 0, while its own place holds 0.</summary>
    public static byte Checksum(ReadOnlySpan<byte> table)
    {
        byte sum = 0;
        foreach (byte value in table)
        {
            sum += value;
        }

        return (byte)-sum;
    }
}
