using System.Runtime.Intrinsics;

namespace Kmem.Plugins.CpuX86.Vectors;

/// <summary>Shifts of elements by the second operand's low quadword.</summary>
/// <remarks>Source: Intel SDM vol. 2, PSLLx, PSRLx, PSRAx. A count of the element's size or more gives zeros, or copies of the sign.</remarks>
internal static class Shifts
{
#pragma warning disable CS1591, SA1600 // The names are the manual's mnemonics; the manual's page is the documentation.
    public static Vector128<byte> Psllw(Vector128<byte> d, Vector128<byte> s, uint i) => Count(s) is < 16 and var n ? (d.AsUInt16() << (int)n).AsByte() : default;

    public static Vector128<byte> Pslld(Vector128<byte> d, Vector128<byte> s, uint i) => Count(s) is < 32 and var n ? (d.AsUInt32() << (int)n).AsByte() : default;

    public static Vector128<byte> Psllq(Vector128<byte> d, Vector128<byte> s, uint i) => Count(s) is < 64 and var n ? (d.AsUInt64() << (int)n).AsByte() : default;

    public static Vector128<byte> Psrlw(Vector128<byte> d, Vector128<byte> s, uint i) => Count(s) is < 16 and var n ? (d.AsUInt16() >>> (int)n).AsByte() : default;

    public static Vector128<byte> Psrld(Vector128<byte> d, Vector128<byte> s, uint i) => Count(s) is < 32 and var n ? (d.AsUInt32() >>> (int)n).AsByte() : default;

    public static Vector128<byte> Psrlq(Vector128<byte> d, Vector128<byte> s, uint i) => Count(s) is < 64 and var n ? (d.AsUInt64() >>> (int)n).AsByte() : default;

    public static Vector128<byte> Psraw(Vector128<byte> d, Vector128<byte> s, uint i) => (d.AsInt16() >> (int)Math.Min(Count(s), 15)).AsByte();

    public static Vector128<byte> Psrad(Vector128<byte> d, Vector128<byte> s, uint i) => (d.AsInt32() >> (int)Math.Min(Count(s), 31)).AsByte();
#pragma warning restore CS1591, SA1600

    private static ulong Count(Vector128<byte> s) => s.AsUInt64()[0];
}
