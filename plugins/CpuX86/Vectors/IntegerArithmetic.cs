using System.Runtime.Intrinsics;

namespace Kmem.Plugins.CpuX86.Vectors;

/// <summary>Packed integer arithmetic: sums, products, comparisons, extremes.</summary>
/// <remarks>Source: Intel SDM vol. 2, P* instructions. Each method has the form of the table: first operand, second operand, immediate.</remarks>
internal static class IntegerArithmetic
{
#pragma warning disable CS1591, SA1600 // The names are the manual's mnemonics; the manual's page is the documentation.
    public static Vector128<byte> Paddb(Vector128<byte> d, Vector128<byte> s, uint i) => d + s;

    public static Vector128<byte> Paddw(Vector128<byte> d, Vector128<byte> s, uint i) => (d.AsInt16() + s.AsInt16()).AsByte();

    public static Vector128<byte> Paddd(Vector128<byte> d, Vector128<byte> s, uint i) => (d.AsInt32() + s.AsInt32()).AsByte();

    public static Vector128<byte> Paddq(Vector128<byte> d, Vector128<byte> s, uint i) => (d.AsInt64() + s.AsInt64()).AsByte();

    public static Vector128<byte> Psubb(Vector128<byte> d, Vector128<byte> s, uint i) => d - s;

    public static Vector128<byte> Psubw(Vector128<byte> d, Vector128<byte> s, uint i) => (d.AsInt16() - s.AsInt16()).AsByte();

    public static Vector128<byte> Psubd(Vector128<byte> d, Vector128<byte> s, uint i) => (d.AsInt32() - s.AsInt32()).AsByte();

    public static Vector128<byte> Psubq(Vector128<byte> d, Vector128<byte> s, uint i) => (d.AsInt64() - s.AsInt64()).AsByte();

    public static Vector128<byte> Paddsb(Vector128<byte> d, Vector128<byte> s, uint i) => Vector128.AddSaturate(d.AsSByte(), s.AsSByte()).AsByte();

    public static Vector128<byte> Paddsw(Vector128<byte> d, Vector128<byte> s, uint i) => Vector128.AddSaturate(d.AsInt16(), s.AsInt16()).AsByte();

    public static Vector128<byte> Paddusb(Vector128<byte> d, Vector128<byte> s, uint i) => Vector128.AddSaturate(d, s);

    public static Vector128<byte> Paddusw(Vector128<byte> d, Vector128<byte> s, uint i) => Vector128.AddSaturate(d.AsUInt16(), s.AsUInt16()).AsByte();

    public static Vector128<byte> Psubsb(Vector128<byte> d, Vector128<byte> s, uint i) => Vector128.SubtractSaturate(d.AsSByte(), s.AsSByte()).AsByte();

    public static Vector128<byte> Psubsw(Vector128<byte> d, Vector128<byte> s, uint i) => Vector128.SubtractSaturate(d.AsInt16(), s.AsInt16()).AsByte();

    public static Vector128<byte> Psubusb(Vector128<byte> d, Vector128<byte> s, uint i) => Vector128.SubtractSaturate(d, s);

    public static Vector128<byte> Psubusw(Vector128<byte> d, Vector128<byte> s, uint i) => Vector128.SubtractSaturate(d.AsUInt16(), s.AsUInt16()).AsByte();

    public static Vector128<byte> Pmullw(Vector128<byte> d, Vector128<byte> s, uint i) => (d.AsInt16() * s.AsInt16()).AsByte();

    public static Vector128<byte> Pmulld(Vector128<byte> d, Vector128<byte> s, uint i) => (d.AsInt32() * s.AsInt32()).AsByte();

    public static Vector128<byte> Pmulhw(Vector128<byte> d, Vector128<byte> s, uint i)
    {
        (Vector128<int> d0, Vector128<int> d1) = Vector128.Widen(d.AsInt16());
        (Vector128<int> s0, Vector128<int> s1) = Vector128.Widen(s.AsInt16());
        return Vector128.Narrow((d0 * s0) >> 16, (d1 * s1) >> 16).AsByte();
    }

    public static Vector128<byte> Pmulhuw(Vector128<byte> d, Vector128<byte> s, uint i)
    {
        (Vector128<uint> d0, Vector128<uint> d1) = Vector128.Widen(d.AsUInt16());
        (Vector128<uint> s0, Vector128<uint> s1) = Vector128.Widen(s.AsUInt16());
        return Vector128.Narrow((d0 * s0) >> 16, (d1 * s1) >> 16).AsByte();
    }

    public static Vector128<byte> Pmulhrsw(Vector128<byte> d, Vector128<byte> s, uint i)
    {
        (Vector128<int> d0, Vector128<int> d1) = Vector128.Widen(d.AsInt16());
        (Vector128<int> s0, Vector128<int> s1) = Vector128.Widen(s.AsInt16());
        return Vector128.Narrow((((d0 * s0) >> 14) + Vector128<int>.One) >> 1, (((d1 * s1) >> 14) + Vector128<int>.One) >> 1).AsByte();
    }

    public static Vector128<byte> Pmuludq(Vector128<byte> d, Vector128<byte> s, uint i) =>
        Vector128.Create((ulong)d.AsUInt32()[0] * s.AsUInt32()[0], (ulong)d.AsUInt32()[2] * s.AsUInt32()[2]).AsByte();

    public static Vector128<byte> Pmuldq(Vector128<byte> d, Vector128<byte> s, uint i) =>
        Vector128.Create((long)d.AsInt32()[0] * s.AsInt32()[0], (long)d.AsInt32()[2] * s.AsInt32()[2]).AsByte();

    public static Vector128<byte> Pmaddwd(Vector128<byte> d, Vector128<byte> s, uint i)
    {
        (Vector128<int> d0, Vector128<int> d1) = Vector128.Widen(d.AsInt16());
        (Vector128<int> s0, Vector128<int> s1) = Vector128.Widen(s.AsInt16());
        return AddPairs(d0 * s0, d1 * s1).AsByte();
    }

    public static Vector128<byte> Pmaddubsw(Vector128<byte> d, Vector128<byte> s, uint i)
    {
        (Vector128<ushort> d0, Vector128<ushort> d1) = Vector128.Widen(d);
        (Vector128<short> s0, Vector128<short> s1) = Vector128.Widen(s.AsSByte());

        // A product of a byte and a signed byte fits into 16 bits; the sum of two saturates.
        return AddPairsSaturated(d0.AsInt16() * s0, d1.AsInt16() * s1).AsByte();
    }

    public static Vector128<byte> Psadbw(Vector128<byte> d, Vector128<byte> s, uint i)
    {
        Vector128<byte> difference = Vector128.Max(d, s) - Vector128.Min(d, s);
        uint low = 0, high = 0;
        for (int n = 0; n < 8; n++)
        {
            low += difference[n];
            high += difference[n + 8];
        }

        return Vector128.Create(low, (ulong)high).AsByte();
    }

    public static Vector128<byte> Pavgb(Vector128<byte> d, Vector128<byte> s, uint i) => (d | s) - (((d ^ s) >>> 1) & Vector128.Create((byte)0x7F));

    public static Vector128<byte> Pavgw(Vector128<byte> d, Vector128<byte> s, uint i) => ((d | s).AsUInt16() - ((d ^ s).AsUInt16() >>> 1)).AsByte();

    public static Vector128<byte> Pminub(Vector128<byte> d, Vector128<byte> s, uint i) => Vector128.Min(d, s);

    public static Vector128<byte> Pminsb(Vector128<byte> d, Vector128<byte> s, uint i) => Vector128.Min(d.AsSByte(), s.AsSByte()).AsByte();

    public static Vector128<byte> Pminuw(Vector128<byte> d, Vector128<byte> s, uint i) => Vector128.Min(d.AsUInt16(), s.AsUInt16()).AsByte();

    public static Vector128<byte> Pminsw(Vector128<byte> d, Vector128<byte> s, uint i) => Vector128.Min(d.AsInt16(), s.AsInt16()).AsByte();

    public static Vector128<byte> Pminud(Vector128<byte> d, Vector128<byte> s, uint i) => Vector128.Min(d.AsUInt32(), s.AsUInt32()).AsByte();

    public static Vector128<byte> Pminsd(Vector128<byte> d, Vector128<byte> s, uint i) => Vector128.Min(d.AsInt32(), s.AsInt32()).AsByte();

    public static Vector128<byte> Pmaxub(Vector128<byte> d, Vector128<byte> s, uint i) => Vector128.Max(d, s);

    public static Vector128<byte> Pmaxsb(Vector128<byte> d, Vector128<byte> s, uint i) => Vector128.Max(d.AsSByte(), s.AsSByte()).AsByte();

    public static Vector128<byte> Pmaxuw(Vector128<byte> d, Vector128<byte> s, uint i) => Vector128.Max(d.AsUInt16(), s.AsUInt16()).AsByte();

    public static Vector128<byte> Pmaxsw(Vector128<byte> d, Vector128<byte> s, uint i) => Vector128.Max(d.AsInt16(), s.AsInt16()).AsByte();

    public static Vector128<byte> Pmaxud(Vector128<byte> d, Vector128<byte> s, uint i) => Vector128.Max(d.AsUInt32(), s.AsUInt32()).AsByte();

    public static Vector128<byte> Pmaxsd(Vector128<byte> d, Vector128<byte> s, uint i) => Vector128.Max(d.AsInt32(), s.AsInt32()).AsByte();

    public static Vector128<byte> Pcmpeqb(Vector128<byte> d, Vector128<byte> s, uint i) => Vector128.Equals(d, s);

    public static Vector128<byte> Pcmpeqw(Vector128<byte> d, Vector128<byte> s, uint i) => Vector128.Equals(d.AsInt16(), s.AsInt16()).AsByte();

    public static Vector128<byte> Pcmpeqd(Vector128<byte> d, Vector128<byte> s, uint i) => Vector128.Equals(d.AsInt32(), s.AsInt32()).AsByte();

    public static Vector128<byte> Pcmpeqq(Vector128<byte> d, Vector128<byte> s, uint i) => Vector128.Equals(d.AsInt64(), s.AsInt64()).AsByte();

    public static Vector128<byte> Pcmpgtb(Vector128<byte> d, Vector128<byte> s, uint i) => Vector128.GreaterThan(d.AsSByte(), s.AsSByte()).AsByte();

    public static Vector128<byte> Pcmpgtw(Vector128<byte> d, Vector128<byte> s, uint i) => Vector128.GreaterThan(d.AsInt16(), s.AsInt16()).AsByte();

    public static Vector128<byte> Pcmpgtd(Vector128<byte> d, Vector128<byte> s, uint i) => Vector128.GreaterThan(d.AsInt32(), s.AsInt32()).AsByte();

    public static Vector128<byte> Pcmpgtq(Vector128<byte> d, Vector128<byte> s, uint i) => Vector128.GreaterThan(d.AsInt64(), s.AsInt64()).AsByte();

    public static Vector128<byte> Pand(Vector128<byte> d, Vector128<byte> s, uint i) => d & s;

    public static Vector128<byte> Pandn(Vector128<byte> d, Vector128<byte> s, uint i) => ~d & s;

    public static Vector128<byte> Por(Vector128<byte> d, Vector128<byte> s, uint i) => d | s;

    public static Vector128<byte> Pxor(Vector128<byte> d, Vector128<byte> s, uint i) => d ^ s;

    public static Vector128<byte> Pabsb(Vector128<byte> d, Vector128<byte> s, uint i) => Psignb(s, s, 0);

    public static Vector128<byte> Pabsw(Vector128<byte> d, Vector128<byte> s, uint i) => Psignw(s, s, 0);

    public static Vector128<byte> Pabsd(Vector128<byte> d, Vector128<byte> s, uint i) => Psignd(s, s, 0);

    public static Vector128<byte> Psignb(Vector128<byte> d, Vector128<byte> s, uint i)
    {
        Vector128<byte> negative = Vector128.LessThan(s.AsSByte(), Vector128<sbyte>.Zero).AsByte();
        return ((d ^ negative) - negative) & ~Vector128.Equals(s, Vector128<byte>.Zero);
    }

    public static Vector128<byte> Psignw(Vector128<byte> d, Vector128<byte> s, uint i)
    {
        Vector128<short> negative = Vector128.LessThan(s.AsInt16(), Vector128<short>.Zero);
        return (((d.AsInt16() ^ negative) - negative) & ~Vector128.Equals(s.AsInt16(), Vector128<short>.Zero)).AsByte();
    }

    public static Vector128<byte> Psignd(Vector128<byte> d, Vector128<byte> s, uint i)
    {
        Vector128<int> negative = Vector128.LessThan(s.AsInt32(), Vector128<int>.Zero);
        return (((d.AsInt32() ^ negative) - negative) & ~Vector128.Equals(s.AsInt32(), Vector128<int>.Zero)).AsByte();
    }

    public static Vector128<byte> Phaddw(Vector128<byte> d, Vector128<byte> s, uint i) => (Even(d.AsInt16(), s.AsInt16()) + Odd(d.AsInt16(), s.AsInt16())).AsByte();

    public static Vector128<byte> Phsubw(Vector128<byte> d, Vector128<byte> s, uint i) => (Even(d.AsInt16(), s.AsInt16()) - Odd(d.AsInt16(), s.AsInt16())).AsByte();

    public static Vector128<byte> Phaddsw(Vector128<byte> d, Vector128<byte> s, uint i) => AddPairsSaturated(d.AsInt16(), s.AsInt16()).AsByte();

    public static Vector128<byte> Phsubsw(Vector128<byte> d, Vector128<byte> s, uint i) =>
        Vector128.SubtractSaturate(Even(d.AsInt16(), s.AsInt16()), Odd(d.AsInt16(), s.AsInt16())).AsByte();

    public static Vector128<byte> Phaddd(Vector128<byte> d, Vector128<byte> s, uint i) => AddPairs(d.AsInt32(), s.AsInt32()).AsByte();

    public static Vector128<byte> Phsubd(Vector128<byte> d, Vector128<byte> s, uint i) =>
        (Vector128.Create(d.AsInt32()[0], d.AsInt32()[2], s.AsInt32()[0], s.AsInt32()[2]) - Vector128.Create(d.AsInt32()[1], d.AsInt32()[3], s.AsInt32()[1], s.AsInt32()[3])).AsByte();

    public static Vector128<byte> Phminposuw(Vector128<byte> d, Vector128<byte> s, uint i)
    {
        Vector128<ushort> words = s.AsUInt16();
        int index = 0;
        for (int n = 1; n < 8; n++)
        {
            index = words[n] < words[index] ? n : index;
        }

        return Vector128.Create(words[index] | ((ulong)index << 16), 0).AsByte();
    }

    public static Vector128<byte> Mpsadbw(Vector128<byte> d, Vector128<byte> s, uint i)
    {
        // Four bytes of the source at a multiple of 4, against eight runs of the destination.
        int source = (int)(i & 3) * 4, start = (int)(i & 4);
        Vector128<ushort> result = default;
        for (int n = 0; n < 8; n++)
        {
            int sum = 0;
            for (int k = 0; k < 4; k++)
            {
                sum += Math.Abs(d[start + n + k] - s[source + k]);
            }

            result = result.WithElement(n, (ushort)sum);
        }

        return result.AsByte();
    }
#pragma warning restore CS1591, SA1600

    private static Vector128<int> AddPairs(Vector128<int> low, Vector128<int> high) =>
        Vector128.Create(low[0] + low[1], low[2] + low[3], high[0] + high[1], high[2] + high[3]);

    private static Vector128<short> AddPairsSaturated(Vector128<short> low, Vector128<short> high) => Vector128.AddSaturate(Even(low, high), Odd(low, high));

    /// <summary>Elements 0, 2, 4, 6 of both operands.</summary>
    private static Vector128<short> Even(Vector128<short> low, Vector128<short> high) => Vector128.Narrow(low.AsInt32(), high.AsInt32());

    /// <summary>Elements 1, 3, 5, 7 of both operands.</summary>
    private static Vector128<short> Odd(Vector128<short> low, Vector128<short> high) => Vector128.Narrow(low.AsInt32() >> 16, high.AsInt32() >> 16);
}
