using System.Runtime.Intrinsics;
using Kmem.Plugins.CpuX86.Floating;

namespace Kmem.Plugins.CpuX86.Vectors;

/// <summary>Conversions between lanes of whole registers.</summary>
/// <remarks>Source: Intel SDM vol. 2, CVTxxx. The form of the methods is that of <see cref="PackedFloats"/>.</remarks>
internal static class PackedConversions
{
#pragma warning disable CS1591, SA1600 // The names are the manual's mnemonics; the manual's page is the documentation.
    public static Vector128<byte> Cvtdq2pd(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => Vector128.Create(
        LaneConversions.FromInteger(s.AsInt32()[0], isDouble: true, ref c), LaneConversions.FromInteger(s.AsInt32()[1], isDouble: true, ref c)).AsByte();

    public static Vector128<byte> Cvtdq2ps(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c)
    {
        Vector128<uint> result = default;
        for (int n = 0; n < 4; n++)
        {
            result = result.WithElement(n, (uint)LaneConversions.FromInteger(s.AsInt32()[n], isDouble: false, ref c));
        }

        return result.AsByte();
    }

    public static Vector128<byte> Cvtps2dq(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => SinglesToIntegers(s, truncates: false, ref c);

    public static Vector128<byte> Cvttps2dq(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => SinglesToIntegers(s, truncates: true, ref c);

    public static Vector128<byte> Cvtpd2dq(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => Vector128.Create(DoublesToIntegers(s, truncates: false, ref c), 0).AsByte();

    public static Vector128<byte> Cvttpd2dq(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => Vector128.Create(DoublesToIntegers(s, truncates: true, ref c), 0).AsByte();

    public static Vector128<byte> Cvtpd2ps(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) =>
        Vector128.Create(LaneConversions.ToSingle(s.AsUInt64()[0], ref c), LaneConversions.ToSingle(s.AsUInt64()[1], ref c), 0, 0).AsByte();

    public static Vector128<byte> Cvtps2pd(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) =>
        Vector128.Create(LaneConversions.ToDouble(s.AsUInt32()[0], ref c), LaneConversions.ToDouble(s.AsUInt32()[1], ref c)).AsByte();

    public static Vector128<byte> Cvtsd2ss(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => d.AsUInt32().WithElement(0, LaneConversions.ToSingle(s.AsUInt64()[0], ref c)).AsByte();

    public static Vector128<byte> Cvtss2sd(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => d.AsUInt64().WithElement(0, LaneConversions.ToDouble(s.AsUInt32()[0], ref c)).AsByte();

    public static Vector128<byte> Cvtpi2ps(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => d.AsUInt32()
        .WithElement(0, (uint)LaneConversions.FromInteger(s.AsInt32()[0], isDouble: false, ref c))
        .WithElement(1, (uint)LaneConversions.FromInteger(s.AsInt32()[1], isDouble: false, ref c)).AsByte();

    public static Vector128<byte> Cvtps2pi(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => PairToIntegers(s, truncates: false, ref c);

    public static Vector128<byte> Cvttps2pi(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => PairToIntegers(s, truncates: true, ref c);
#pragma warning restore CS1591, SA1600

    private static Vector128<byte> SinglesToIntegers(Vector128<byte> s, bool truncates, ref FloatingContext c)
    {
        Vector128<uint> result = default;
        for (int n = 0; n < 4; n++)
        {
            result = result.WithElement(n, (uint)LaneConversions.ToInteger(s.AsUInt32()[n], isDouble: false, 32, truncates, ref c));
        }

        return result.AsByte();
    }

    private static ulong DoublesToIntegers(Vector128<byte> s, bool truncates, ref FloatingContext c) =>
        LaneConversions.ToInteger(s.AsUInt64()[0], isDouble: true, 32, truncates, ref c) | (LaneConversions.ToInteger(s.AsUInt64()[1], isDouble: true, 32, truncates, ref c) << 32);

    private static Vector128<byte> PairToIntegers(Vector128<byte> s, bool truncates, ref FloatingContext c) => Vector128.Create(
        (uint)LaneConversions.ToInteger(s.AsUInt32()[0], isDouble: false, 32, truncates, ref c),
        (uint)LaneConversions.ToInteger(s.AsUInt32()[1], isDouble: false, 32, truncates, ref c), 0, 0).AsByte();
}
