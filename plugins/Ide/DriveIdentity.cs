using System.Buffers.Binary;

namespace Kmem.Plugins.Ide;

/// <summary>The 512 bytes with which a drive introduces itself.</summary>
/// <remarks>Source: ATA/ATAPI-6 (T13/1410D), sections 8.16 IDENTIFY DEVICE and 8.17 IDENTIFY PACKET DEVICE.</remarks>
internal ref struct DriveIdentity(Span<byte> bytes)
{
    public const int Length = 512;

    private readonly Span<byte> _bytes = bytes;

    /// <summary>Sets a word.</summary>
    public readonly void Word(int index, int value) => BinaryPrimitives.WriteUInt16LittleEndian(_bytes[(2 * index)..], (ushort)value);

    /// <summary>Sets words from the lowest one up.</summary>
    public readonly void Number(int index, long value, int words)
    {
        for (int i = 0; i < words; i++)
        {
            Word(index + i, (int)(value >> (16 * i)) & 0xFFFF);
        }
    }

    /// <summary>Sets text, padded with spaces; the first letter of each pair is in the upper half of its word.</summary>
    public readonly void Text(int index, int words, string text)
    {
        for (int i = 0; i < 2 * words; i++)
        {
            _bytes[(2 * index) + (i ^ 1)] = (byte)(i < text.Length ? text[i] : ' ');
        }
    }

    /// <summary>Signs the sector: its bytes add up to 0.</summary>
    public readonly void Sign()
    {
        Word(255, 0xA5);
        int sum = 0;
        foreach (byte value in _bytes[..Length])
        {
            sum += value;
        }

        _bytes[511] = (byte)-sum;
    }
}
