using Kmem.Abstractions;

namespace Kmem.Plugins.Spi;

/// <summary>Registers of different widths side by side, byte by byte: bits that writes set, and bits that writing a one clears.</summary>
internal sealed class RegisterFile(int length)
{
    private readonly byte[] _value = new byte[length];
    private readonly byte[] _reset = new byte[length];
    private readonly byte[] _writable = new byte[length];
    private readonly byte[] _writeOneToClear = new byte[length];

    public int Length => _value.Length;

    public Span<byte> Bytes => _value;

    public RegisterFile Define(int offset, int width, ulong value = 0, ulong writable = 0, ulong writeOneToClear = 0)
    {
        for (int i = 0; i < width; i++)
        {
            _value[offset + i] = _reset[offset + i] = (byte)(value >> (8 * i));
            _writable[offset + i] = (byte)(writable >> (8 * i));
            _writeOneToClear[offset + i] = (byte)(writeOneToClear >> (8 * i));
        }

        return this;
    }

    public void Write(int offset, byte value)
    {
        byte mask = _writable[offset];
        _value[offset] = (byte)(((_value[offset] & ~mask) | (value & mask)) & ~(value & _writeOneToClear[offset]));
    }

    public uint Get(int offset, int width)
    {
        uint value = 0;
        for (int i = 0; i < width; i++)
        {
            value |= (uint)_value[offset + i] << (8 * i);
        }

        return value;
    }

    public void Reset() => _reset.CopyTo(_value, 0);

    public void Save(StateWriter writer, string name) => writer.Bytes(_value, name);

    public void Load(StateReader reader) => reader.Bytes(_value.AsSpan());
}
