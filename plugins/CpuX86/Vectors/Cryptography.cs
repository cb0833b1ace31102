using System.Runtime.Intrinsics;

namespace Kmem.Plugins.CpuX86.Vectors;

/// <summary>AES rounds and carry-less products.</summary>
/// <remarks>Source: Intel SDM vol. 1, 12.13 and vol. 2, AESxxx, PCLMULQDQ; FIPS 197, 4.2 and 5.1 to 5.3.</remarks>
internal static class Cryptography
{
    private static readonly byte[] Box = CreateBox();
    private static readonly byte[] InverseBox = Invert(Box);

#pragma warning disable CS1591, SA1600 // The names are the manual's mnemonics; the manual's page is the documentation.
    public static Vector128<byte> Aesenc(Vector128<byte> d, Vector128<byte> s, uint i) => MixColumns(Substitute(d, Box, 4), 0x03010102) ^ s;

    public static Vector128<byte> Aesenclast(Vector128<byte> d, Vector128<byte> s, uint i) => Substitute(d, Box, 4) ^ s;

    public static Vector128<byte> Aesdec(Vector128<byte> d, Vector128<byte> s, uint i) => MixColumns(Substitute(d, InverseBox, 12), 0x0B0D090E) ^ s;

    public static Vector128<byte> Aesdeclast(Vector128<byte> d, Vector128<byte> s, uint i) => Substitute(d, InverseBox, 12) ^ s;

    public static Vector128<byte> Aesimc(Vector128<byte> d, Vector128<byte> s, uint i) => MixColumns(s, 0x0B0D090E);

    public static Vector128<byte> Aeskeygenassist(Vector128<byte> d, Vector128<byte> s, uint i)
    {
        uint first = SubstituteWord(s.AsUInt32()[1]), third = SubstituteWord(s.AsUInt32()[3]);
        return Vector128.Create(first, uint.RotateRight(first, 8) ^ i, third, uint.RotateRight(third, 8) ^ i).AsByte();
    }

    public static Vector128<byte> Pclmulqdq(Vector128<byte> d, Vector128<byte> s, uint i)
    {
        ulong a = d.AsUInt64()[(int)i & 1], b = s.AsUInt64()[(int)(i >> 4) & 1];
        ulong low = 0, high = 0;
        for (int n = 0; n < 64; n++)
        {
            ulong chosen = 0 - ((b >> n) & 1);
            low ^= (a << n) & chosen;
            high ^= (a >> 1 >> (63 - n)) & chosen;
        }

        return Vector128.Create(low, high).AsByte();
    }
#pragma warning restore CS1591, SA1600

    /// <summary>Row n of the state comes from so many times n bytes further on; then each byte goes through a box.</summary>
    private static Vector128<byte> Substitute(Vector128<byte> state, byte[] box, int step)
    {
        Vector128<byte> result = default;
        for (int n = 0; n < 16; n++)
        {
            result = result.WithElement(n, box[state[(n + (step * (n & 3))) & 15]]);
        }

        return result;
    }

    private static uint SubstituteWord(uint x) => Box[(byte)x] | ((uint)Box[(byte)(x >> 8)] << 8) | ((uint)Box[(byte)(x >> 16)] << 16) | ((uint)Box[x >> 24] << 24);

    /// <summary>Multiplies each column by a polynomial, given with its first coefficient in the last byte.</summary>
    private static Vector128<byte> MixColumns(Vector128<byte> state, uint polynomial)
    {
        Vector128<uint> columns = state.AsUInt32(), sum = default;
        for (int n = 0; n < 4; n++)
        {
            // Row r of the result takes row r + n times the coefficient of that distance.
            byte coefficient = (byte)(polynomial >> (8 * ((4 - n) & 3)));
            Vector128<uint> rotated = n == 0 ? columns : (columns >>> (8 * n)) | (columns << (32 - (8 * n)));
            sum ^= Multiply(rotated.AsByte(), coefficient).AsUInt32();
        }

        return sum.AsByte();
    }

    private static Vector128<byte> Multiply(Vector128<byte> x, byte factor)
    {
        Vector128<byte> product = default;
        for (; factor != 0; factor >>= 1)
        {
            product ^= (factor & 1) != 0 ? x : default;
            x = (x + x) ^ (Vector128.GreaterThan(x, Vector128.Create((byte)0x7F)) & Vector128.Create((byte)0x1B));
        }

        return product;
    }

    private static byte[] CreateBox()
    {
        var box = new byte[256];
        byte p = 1, q = 1;
        do
        {
            // p runs through all elements by multiplying by 3, q through their inverses by dividing.
            p = (byte)(p ^ (p << 1) ^ ((p & 0x80) != 0 ? 0x1B : 0));
            q ^= (byte)(q << 1);
            q ^= (byte)(q << 2);
            q ^= (byte)(q << 4);
            q ^= (byte)((q & 0x80) != 0 ? 0x09 : 0);
            box[p] = (byte)(q ^ byte.RotateLeft(q, 1) ^ byte.RotateLeft(q, 2) ^ byte.RotateLeft(q, 3) ^ byte.RotateLeft(q, 4) ^ 0x63);
        }
        while (p != 1);

        box[0] = 0x63;
        return box;
    }

    private static byte[] Invert(byte[] box)
    {
        var inverse = new byte[256];
        for (int n = 0; n < 256; n++)
        {
            inverse[box[n]] = (byte)n;
        }

        return inverse;
    }
}
