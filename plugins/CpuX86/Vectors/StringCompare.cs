using System.Numerics;
using System.Runtime.Intrinsics;

namespace Kmem.Plugins.CpuX86.Vectors;

/// <summary>PCMPESTRI, PCMPESTRM, PCMPISTRI, PCMPISTRM.</summary>
/// <remarks>Source: Intel SDM vol. 1, 12.10.1 to 12.10.6 and vol. 2, 4.1 "Imm8 control byte operation for PCMPESTRI / PCMPESTRM / PCMPISTRI / PCMPISTRM".</remarks>
internal readonly ref struct StringCompare
{
    /// <summary>CF, ZF, SF and OF at their places in EFLAGS; AF and PF are cleared.</summary>
    public uint Flags { get; }

    /// <summary>The intermediate result, after the polarity: a bit for each element of the second operand.</summary>
    public uint Bits { get; }

    private readonly uint _control;

    /// <summary>Compares strings.</summary>
    /// <param name="a">First operand.</param>
    /// <param name="b">Second operand.</param>
    /// <param name="control">The immediate.</param>
    /// <param name="lengthA">Valid elements of the first operand, 0 to 16 (8 of words).</param>
    /// <param name="lengthB">Valid elements of the second.</param>
    public StringCompare(Vector128<byte> a, Vector128<byte> b, uint control, int lengthA, int lengthB)
    {
        _control = control;
        int count = (control & 1) != 0 ? 8 : 16;
        uint result = 0;
        for (int j = 0; j < count; j++)
        {
            result |= Aggregate(a, b, control, lengthA, lengthB, count, j) ? 1u << j : 0;
        }

        uint all = (1u << count) - 1, valid = (uint)((1 << lengthB) - 1);
        result ^= ((control >> 4) & 3) switch { 1 => all, 3 => valid, _ => 0 };
        Bits = result;
        Flags = (result != 0 ? 1u : 0) | (lengthB < count ? 0x40u : 0) | (lengthA < count ? 0x80u : 0) | ((result & 1) != 0 ? 0x800u : 0);
    }

    /// <summary>What ECX gets: the first or last element that is set, else the number of elements.</summary>
    public uint Index
    {
        get
        {
            int count = (_control & 1) != 0 ? 8 : 16;
            return Bits == 0 ? (uint)count : (_control & 0x40) != 0 ? (uint)BitOperations.Log2(Bits) : (uint)BitOperations.TrailingZeroCount(Bits);
        }
    }

    /// <summary>What XMM0 gets: the bits, or an element of ones for each.</summary>
    public Vector128<byte> Mask
    {
        get
        {
            if ((_control & 0x40) == 0)
            {
                return Vector128.Create(Bits, (ulong)0).AsByte();
            }

            Vector128<byte> mask = default;
            for (int n = 0; n < 16; n++)
            {
                mask = mask.WithElement(n, ((Bits >> ((_control & 1) != 0 ? n >> 1 : n)) & 1) != 0 ? (byte)0xFF : (byte)0);
            }

            return mask;
        }
    }

    /// <summary>Length of a string that a zero ends.</summary>
    public static int ImplicitLength(Vector128<byte> x, uint control)
    {
        int count = (control & 1) != 0 ? 8 : 16, length = 0;
        while (length < count && Element(x, control, length) != 0)
        {
            length++;
        }

        return length;
    }

    /// <summary>Length of a string that a register gives: its magnitude, at most the number of elements.</summary>
    public static int ExplicitLength(long length, uint control) => (int)Math.Min(length < 0 ? 0 - (ulong)length : (ulong)length, (control & 1) != 0 ? 8UL : 16);

    private static bool Aggregate(Vector128<byte> a, Vector128<byte> b, uint control, int lengthA, int lengthB, int count, int j)
    {
        switch ((control >> 2) & 3)
        {
            case 0:
                // Equal any.
                for (int i = 0; i < lengthA; i++)
                {
                    if (j < lengthB && Element(a, control, i) == Element(b, control, j))
                    {
                        return true;
                    }
                }

                return false;
            case 1:
                // Ranges: pairs of lower and upper bounds.
                for (int i = 0; i + 1 < lengthA; i += 2)
                {
                    if (j < lengthB && Element(b, control, j) >= Element(a, control, i) && Element(b, control, j) <= Element(a, control, i + 1))
                    {
                        return true;
                    }
                }

                return false;
            case 2:
                // Equal each: two that are both past their ends are equal.
                return j >= lengthA && j >= lengthB ? true : j < lengthA && j < lengthB && Element(a, control, j) == Element(b, control, j);
            default:
                // Equal ordered: the first string begins here; what lies past the second operand counts as equal.
                for (int i = 0; i < lengthA && i + j < count; i++)
                {
                    if (i + j >= lengthB || Element(a, control, i) != Element(b, control, i + j))
                    {
                        return false;
                    }
                }

                return true;
        }
    }

    private static int Element(Vector128<byte> x, uint control, int index) => (control & 3) switch
    {
        0 => x[index],
        1 => x.AsUInt16()[index],
        2 => x.AsSByte()[index],
        _ => x.AsInt16()[index],
    };
}
