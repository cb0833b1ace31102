using System.Runtime.Intrinsics;

namespace Kmem.Plugins.CpuX86.Vectors;

/// <summary>Moves of elements: packs, unpacks, shuffles, blends, inserts, widenings.</summary>
/// <remarks>Source: Intel SDM vol. 2. The form of the methods is that of <see cref="IntegerArithmetic"/>.</remarks>
internal static class Shuffles
{
#pragma warning disable CS1591, SA1600 // The names are the manual's mnemonics; the manual's page is the documentation.
    public static Vector128<byte> Packsswb(Vector128<byte> d, Vector128<byte> s, uint i) => Vector128.NarrowWithSaturation(d.AsInt16(), s.AsInt16()).AsByte();

    public static Vector128<byte> Packssdw(Vector128<byte> d, Vector128<byte> s, uint i) => Vector128.NarrowWithSaturation(d.AsInt32(), s.AsInt32()).AsByte();

    public static Vector128<byte> Packuswb(Vector128<byte> d, Vector128<byte> s, uint i)
    {
        Vector128<short> limit = Vector128.Create((short)255), zero = Vector128<short>.Zero;
        return Vector128.Narrow(Vector128.Min(Vector128.Max(d.AsInt16(), zero), limit), Vector128.Min(Vector128.Max(s.AsInt16(), zero), limit)).AsByte();
    }

    public static Vector128<byte> Packusdw(Vector128<byte> d, Vector128<byte> s, uint i)
    {
        Vector128<int> limit = Vector128.Create(65535), zero = Vector128<int>.Zero;
        return Vector128.Narrow(Vector128.Min(Vector128.Max(d.AsInt32(), zero), limit), Vector128.Min(Vector128.Max(s.AsInt32(), zero), limit)).AsByte();
    }

    public static Vector128<byte> Punpcklbw(Vector128<byte> d, Vector128<byte> s, uint i) => (Vector128.WidenLower(d) | (Vector128.WidenLower(s) << 8)).AsByte();

    public static Vector128<byte> Punpckhbw(Vector128<byte> d, Vector128<byte> s, uint i) => (Vector128.WidenUpper(d) | (Vector128.WidenUpper(s) << 8)).AsByte();

    public static Vector128<byte> Punpcklwd(Vector128<byte> d, Vector128<byte> s, uint i) => (Vector128.WidenLower(d.AsUInt16()) | (Vector128.WidenLower(s.AsUInt16()) << 16)).AsByte();

    public static Vector128<byte> Punpckhwd(Vector128<byte> d, Vector128<byte> s, uint i) => (Vector128.WidenUpper(d.AsUInt16()) | (Vector128.WidenUpper(s.AsUInt16()) << 16)).AsByte();

    public static Vector128<byte> Punpckldq(Vector128<byte> d, Vector128<byte> s, uint i) => (Vector128.WidenLower(d.AsUInt32()) | (Vector128.WidenLower(s.AsUInt32()) << 32)).AsByte();

    public static Vector128<byte> Punpckhdq(Vector128<byte> d, Vector128<byte> s, uint i) => (Vector128.WidenUpper(d.AsUInt32()) | (Vector128.WidenUpper(s.AsUInt32()) << 32)).AsByte();

    public static Vector128<byte> Punpcklqdq(Vector128<byte> d, Vector128<byte> s, uint i) => Vector128.Create(d.AsUInt64()[0], s.AsUInt64()[0]).AsByte();

    public static Vector128<byte> Punpckhqdq(Vector128<byte> d, Vector128<byte> s, uint i) => Vector128.Create(d.AsUInt64()[1], s.AsUInt64()[1]).AsByte();

    public static Vector128<byte> Pshufb(Vector128<byte> d, Vector128<byte> s, uint i) => Vector128.Shuffle(d, s & Vector128.Create((byte)0x8F));

    public static Vector128<byte> Pshufd(Vector128<byte> d, Vector128<byte> s, uint i)
    {
        Vector128<uint> x = s.AsUInt32();
        return Vector128.Create(x[(int)i & 3], x[(int)(i >> 2) & 3], x[(int)(i >> 4) & 3], x[(int)(i >> 6) & 3]).AsByte();
    }

    public static Vector128<byte> Pshuflw(Vector128<byte> d, Vector128<byte> s, uint i) => Vector128.Create(ShuffleWords(s.AsUInt64()[0], i), s.AsUInt64()[1]).AsByte();

    public static Vector128<byte> Pshufhw(Vector128<byte> d, Vector128<byte> s, uint i) => Vector128.Create(s.AsUInt64()[0], ShuffleWords(s.AsUInt64()[1], i)).AsByte();

    public static Vector128<byte> Shufps(Vector128<byte> d, Vector128<byte> s, uint i)
    {
        Vector128<uint> x = d.AsUInt32(), y = s.AsUInt32();
        return Vector128.Create(x[(int)i & 3], x[(int)(i >> 2) & 3], y[(int)(i >> 4) & 3], y[(int)(i >> 6) & 3]).AsByte();
    }

    public static Vector128<byte> Shufpd(Vector128<byte> d, Vector128<byte> s, uint i) => Vector128.Create(d.AsUInt64()[(int)i & 1], s.AsUInt64()[(int)(i >> 1) & 1]).AsByte();

    public static Vector128<byte> Palignr(Vector128<byte> d, Vector128<byte> s, uint i) =>
        i < 16 ? RightBytes(s, i) | LeftBytes(d, 16 - i) : RightBytes(d, i - 16);

    public static Vector128<byte> Pslldq(Vector128<byte> d, Vector128<byte> s, uint i) => LeftBytes(d, i);

    public static Vector128<byte> Psrldq(Vector128<byte> d, Vector128<byte> s, uint i) => RightBytes(d, i);

    public static Vector128<byte> Pblendw(Vector128<byte> d, Vector128<byte> s, uint i)
    {
        Vector128<ushort> bits = Vector128.Create((ushort)1, 2, 4, 8, 16, 32, 64, 128);
        return Vector128.ConditionalSelect(Vector128.Equals(Vector128.Create((ushort)i) & bits, bits).AsByte(), s, d);
    }

    public static Vector128<byte> Blendps(Vector128<byte> d, Vector128<byte> s, uint i)
    {
        Vector128<uint> bits = Vector128.Create(1u, 2, 4, 8);
        return Vector128.ConditionalSelect(Vector128.Equals(Vector128.Create(i) & bits, bits).AsByte(), s, d);
    }

    public static Vector128<byte> Blendpd(Vector128<byte> d, Vector128<byte> s, uint i) =>
        Vector128.Create((i & 1) != 0 ? s.AsUInt64()[0] : d.AsUInt64()[0], (i & 2) != 0 ? s.AsUInt64()[1] : d.AsUInt64()[1]).AsByte();

    public static Vector128<byte> Insertps(Vector128<byte> d, Vector128<byte> s, uint i)
    {
        Vector128<uint> result = d.AsUInt32().WithElement((int)(i >> 4) & 3, s.AsUInt32()[(int)(i >> 6) & 3]);
        Vector128<uint> bits = Vector128.Create(1u, 2, 4, 8);
        return (result & Vector128.Equals(Vector128.Create(i) & bits, Vector128<uint>.Zero)).AsByte();
    }

    public static Vector128<byte> Pinsrb(Vector128<byte> d, Vector128<byte> s, uint i) => d.WithElement((int)i & 15, s[0]);

    public static Vector128<byte> Pinsrw(Vector128<byte> d, Vector128<byte> s, uint i) => d.AsUInt16().WithElement((int)i & 7, s.AsUInt16()[0]).AsByte();

    public static Vector128<byte> Pinsrd(Vector128<byte> d, Vector128<byte> s, uint i) => d.AsUInt32().WithElement((int)i & 3, s.AsUInt32()[0]).AsByte();

    public static Vector128<byte> Pinsrq(Vector128<byte> d, Vector128<byte> s, uint i) => d.AsUInt64().WithElement((int)i & 1, s.AsUInt64()[0]).AsByte();

    public static Vector128<byte> Movhlps(Vector128<byte> d, Vector128<byte> s, uint i) => d.AsUInt64().WithElement(0, s.AsUInt64()[1]).AsByte();

    public static Vector128<byte> Movlhps(Vector128<byte> d, Vector128<byte> s, uint i) => d.AsUInt64().WithElement(1, s.AsUInt64()[0]).AsByte();

    public static Vector128<byte> Movshdup(Vector128<byte> d, Vector128<byte> s, uint i) => Pshufd(d, s, 0xF5);

    public static Vector128<byte> Movsldup(Vector128<byte> d, Vector128<byte> s, uint i) => Pshufd(d, s, 0xA0);

    public static Vector128<byte> Movddup(Vector128<byte> d, Vector128<byte> s, uint i) => Vector128.Create(s.AsUInt64()[0]).AsByte();

    public static Vector128<byte> Pmovsxbw(Vector128<byte> d, Vector128<byte> s, uint i) => Vector128.WidenLower(s.AsSByte()).AsByte();

    public static Vector128<byte> Pmovzxbw(Vector128<byte> d, Vector128<byte> s, uint i) => Vector128.WidenLower(s).AsByte();

    public static Vector128<byte> Pmovsxwd(Vector128<byte> d, Vector128<byte> s, uint i) => Vector128.WidenLower(s.AsInt16()).AsByte();

    public static Vector128<byte> Pmovzxwd(Vector128<byte> d, Vector128<byte> s, uint i) => Vector128.WidenLower(s.AsUInt16()).AsByte();

    public static Vector128<byte> Pmovsxdq(Vector128<byte> d, Vector128<byte> s, uint i) => Vector128.WidenLower(s.AsInt32()).AsByte();

    public static Vector128<byte> Pmovzxdq(Vector128<byte> d, Vector128<byte> s, uint i) => Vector128.WidenLower(s.AsUInt32()).AsByte();

    public static Vector128<byte> Pmovsxbd(Vector128<byte> d, Vector128<byte> s, uint i) => Pmovsxwd(d, Pmovsxbw(d, s, 0), 0);

    public static Vector128<byte> Pmovzxbd(Vector128<byte> d, Vector128<byte> s, uint i) => Pmovzxwd(d, Pmovzxbw(d, s, 0), 0);

    public static Vector128<byte> Pmovsxbq(Vector128<byte> d, Vector128<byte> s, uint i) => Pmovsxdq(d, Pmovsxbd(d, s, 0), 0);

    public static Vector128<byte> Pmovzxbq(Vector128<byte> d, Vector128<byte> s, uint i) => Pmovzxdq(d, Pmovzxbd(d, s, 0), 0);

    public static Vector128<byte> Pmovsxwq(Vector128<byte> d, Vector128<byte> s, uint i) => Pmovsxdq(d, Pmovsxwd(d, s, 0), 0);

    public static Vector128<byte> Pmovzxwq(Vector128<byte> d, Vector128<byte> s, uint i) => Pmovzxdq(d, Pmovzxwd(d, s, 0), 0);
#pragma warning restore CS1591, SA1600

    /// <summary>Four words of a quadword in the order that an immediate gives.</summary>
    public static ulong ShuffleWords(ulong x, uint i) =>
        (ushort)(x >> ((int)(i & 3) * 16))
        | ((ulong)(ushort)(x >> ((int)((i >> 2) & 3) * 16)) << 16)
        | ((ulong)(ushort)(x >> ((int)((i >> 4) & 3) * 16)) << 32)
        | ((ulong)(ushort)(x >> ((int)((i >> 6) & 3) * 16)) << 48);

    /// <summary>PALIGNR of MMX registers: eight bytes out of sixteen.</summary>
    public static ulong AlignRight(ulong d, ulong s, uint i) =>
        i >= 16 ? 0 : i >= 8 ? d >> (int)((i - 8) * 8) : i == 0 ? s : (s >> (int)(i * 8)) | (d << (int)(64 - (i * 8)));

    private static Vector128<byte> LeftBytes(Vector128<byte> x, uint count)
    {
        UInt128 value = new(x.AsUInt64()[1], x.AsUInt64()[0]);
        value = count > 15 ? 0 : value << (int)(count * 8);
        return Vector128.Create((ulong)value, (ulong)(value >> 64)).AsByte();
    }

    private static Vector128<byte> RightBytes(Vector128<byte> x, uint count)
    {
        UInt128 value = new(x.AsUInt64()[1], x.AsUInt64()[0]);
        value = count > 15 ? 0 : value >> (int)(count * 8);
        return Vector128.Create((ulong)value, (ulong)(value >> 64)).AsByte();
    }
}
