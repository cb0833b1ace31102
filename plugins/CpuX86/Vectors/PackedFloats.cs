using System.Runtime.Intrinsics;
using Kmem.Plugins.CpuX86.Floating;

namespace Kmem.Plugins.CpuX86.Vectors;

/// <summary>SSE floating-point instructions on whole registers: lanes one after the other, with the exceptions of all of them.</summary>
/// <remarks>Source: Intel SDM vol. 2; vol. 1, 11.5.2 to 11.5.4. Where the context refuses the operation or an exception of the result is not masked, the destination is not written.</remarks>
internal static class PackedFloats
{
#pragma warning disable CS1591, SA1600 // The names are the manual's mnemonics; the manual's page is the documentation.
    public static Vector128<byte> Addps(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => Singles(d, s, Lane.Add, 4, 0, ref c);

    public static Vector128<byte> Addss(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => Singles(d, s, Lane.Add, 1, 0, ref c);

    public static Vector128<byte> Addpd(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => Doubles(d, s, Lane.Add, 2, 0, ref c);

    public static Vector128<byte> Addsd(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => Doubles(d, s, Lane.Add, 1, 0, ref c);

    public static Vector128<byte> Subps(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => Singles(d, s, Lane.Subtract, 4, 0, ref c);

    public static Vector128<byte> Subss(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => Singles(d, s, Lane.Subtract, 1, 0, ref c);

    public static Vector128<byte> Subpd(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => Doubles(d, s, Lane.Subtract, 2, 0, ref c);

    public static Vector128<byte> Subsd(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => Doubles(d, s, Lane.Subtract, 1, 0, ref c);

    public static Vector128<byte> Mulps(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => Singles(d, s, Lane.Multiply, 4, 0, ref c);

    public static Vector128<byte> Mulss(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => Singles(d, s, Lane.Multiply, 1, 0, ref c);

    public static Vector128<byte> Mulpd(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => Doubles(d, s, Lane.Multiply, 2, 0, ref c);

    public static Vector128<byte> Mulsd(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => Doubles(d, s, Lane.Multiply, 1, 0, ref c);

    public static Vector128<byte> Divps(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => Singles(d, s, Lane.Divide, 4, 0, ref c);

    public static Vector128<byte> Divss(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => Singles(d, s, Lane.Divide, 1, 0, ref c);

    public static Vector128<byte> Divpd(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => Doubles(d, s, Lane.Divide, 2, 0, ref c);

    public static Vector128<byte> Divsd(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => Doubles(d, s, Lane.Divide, 1, 0, ref c);

    public static Vector128<byte> Minps(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => Singles(d, s, Lane.Minimum, 4, 0, ref c);

    public static Vector128<byte> Minss(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => Singles(d, s, Lane.Minimum, 1, 0, ref c);

    public static Vector128<byte> Minpd(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => Doubles(d, s, Lane.Minimum, 2, 0, ref c);

    public static Vector128<byte> Minsd(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => Doubles(d, s, Lane.Minimum, 1, 0, ref c);

    public static Vector128<byte> Maxps(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => Singles(d, s, Lane.Maximum, 4, 0, ref c);

    public static Vector128<byte> Maxss(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => Singles(d, s, Lane.Maximum, 1, 0, ref c);

    public static Vector128<byte> Maxpd(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => Doubles(d, s, Lane.Maximum, 2, 0, ref c);

    public static Vector128<byte> Maxsd(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => Doubles(d, s, Lane.Maximum, 1, 0, ref c);

    public static Vector128<byte> Sqrtps(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => Singles(d, s, Lane.SquareRoot, 4, 0, ref c);

    public static Vector128<byte> Sqrtss(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => Singles(d, s, Lane.SquareRoot, 1, 0, ref c);

    public static Vector128<byte> Sqrtpd(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => Doubles(d, s, Lane.SquareRoot, 2, 0, ref c);

    public static Vector128<byte> Sqrtsd(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => Doubles(d, s, Lane.SquareRoot, 1, 0, ref c);

    public static Vector128<byte> Cmpps(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => Singles(d, s, Lane.Compare, 4, i, ref c);

    public static Vector128<byte> Cmpss(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => Singles(d, s, Lane.Compare, 1, i, ref c);

    public static Vector128<byte> Cmppd(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => Doubles(d, s, Lane.Compare, 2, i, ref c);

    public static Vector128<byte> Cmpsd(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => Doubles(d, s, Lane.Compare, 1, i, ref c);

    public static Vector128<byte> Roundps(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => Singles(d, s, Lane.Round, 4, i, ref c);

    public static Vector128<byte> Roundss(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => Singles(d, s, Lane.Round, 1, i, ref c);

    public static Vector128<byte> Roundpd(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => Doubles(d, s, Lane.Round, 2, i, ref c);

    public static Vector128<byte> Roundsd(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => Doubles(d, s, Lane.Round, 1, i, ref c);

    public static Vector128<byte> Rcpps(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => Singles(d, s, Lane.Reciprocal, 4, 0, ref c);

    public static Vector128<byte> Rcpss(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => Singles(d, s, Lane.Reciprocal, 1, 0, ref c);

    public static Vector128<byte> Rsqrtps(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => Singles(d, s, Lane.ReciprocalRoot, 4, 0, ref c);

    public static Vector128<byte> Rsqrtss(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => Singles(d, s, Lane.ReciprocalRoot, 1, 0, ref c);

    public static Vector128<byte> Addsubps(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) =>
        Vector128.ConditionalSelect(Vector128.Create(0x0000_0000_FFFF_FFFFUL).AsByte(), Singles(d, s, Lane.SubtractEven, 4, 0, ref c), Singles(d, s, Lane.AddOdd, 4, 0, ref c));

    public static Vector128<byte> Addsubpd(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => Vector128.Create(
        LaneArithmetic.Add(d.AsUInt64()[0], s.AsUInt64()[0], isDouble: true, subtract: true, ref c),
        LaneArithmetic.Add(d.AsUInt64()[1], s.AsUInt64()[1], isDouble: true, subtract: false, ref c)).AsByte();

    public static Vector128<byte> Haddps(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => Singles(Shuffles.Shufps(d, s, 0x88), Shuffles.Shufps(d, s, 0xDD), Lane.Add, 4, 0, ref c);

    public static Vector128<byte> Hsubps(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => Singles(Shuffles.Shufps(d, s, 0x88), Shuffles.Shufps(d, s, 0xDD), Lane.Subtract, 4, 0, ref c);

    public static Vector128<byte> Haddpd(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => Doubles(Shuffles.Shufpd(d, s, 0), Shuffles.Shufpd(d, s, 3), Lane.Add, 2, 0, ref c);

    public static Vector128<byte> Hsubpd(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c) => Doubles(Shuffles.Shufpd(d, s, 0), Shuffles.Shufpd(d, s, 3), Lane.Subtract, 2, 0, ref c);

    public static Vector128<byte> Dpps(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c)
    {
        // Products that are not chosen are zeros; then sums of neighbours, and the sum of these.
        Vector128<uint> x = d.AsUInt32(), y = s.AsUInt32(), product = default;
        for (int n = 0; n < 4; n++)
        {
            product = ((i >> (4 + n)) & 1) != 0 ? product.WithElement(n, (uint)LaneArithmetic.Multiply(x[n], y[n], isDouble: false, ref c)) : product;
        }

        if (StopsHere(ref c))
        {
            return d;
        }

        ulong low = LaneArithmetic.Add(product[0], product[1], isDouble: false, subtract: false, ref c);
        ulong high = LaneArithmetic.Add(product[2], product[3], isDouble: false, subtract: false, ref c);
        if (StopsHere(ref c))
        {
            return d;
        }

        uint sum = (uint)LaneArithmetic.Add(low, high, isDouble: false, subtract: false, ref c);
        return Vector128.Create((i & 1) != 0 ? sum : 0, (i & 2) != 0 ? sum : 0, (i & 4) != 0 ? sum : 0, (i & 8) != 0 ? sum : 0).AsByte();
    }

    public static Vector128<byte> Dppd(Vector128<byte> d, Vector128<byte> s, uint i, ref FloatingContext c)
    {
        ulong low = (i & 16) != 0 ? LaneArithmetic.Multiply(d.AsUInt64()[0], s.AsUInt64()[0], isDouble: true, ref c) : 0;
        ulong high = (i & 32) != 0 ? LaneArithmetic.Multiply(d.AsUInt64()[1], s.AsUInt64()[1], isDouble: true, ref c) : 0;
        if (StopsHere(ref c))
        {
            return d;
        }

        ulong sum = LaneArithmetic.Add(low, high, isDouble: true, subtract: false, ref c);
        return Vector128.Create((i & 1) != 0 ? sum : 0, (i & 2) != 0 ? sum : 0).AsByte();
    }
#pragma warning restore CS1591, SA1600

    /// <summary>What is done with a lane.</summary>
    private enum Lane
    {
        Add,
        Subtract,
        Multiply,
        Divide,
        Minimum,
        Maximum,
        SquareRoot,
        Compare,
        Round,
        Reciprocal,
        ReciprocalRoot,
        SubtractEven,
        AddOdd,
    }

    /// <summary>Whether a step of several raised what is not masked.</summary>
    private static bool StopsHere(ref FloatingContext c) => (c.Raised & ~c.Masked) != 0;

    private static Vector128<byte> Singles(Vector128<byte> d, Vector128<byte> s, Lane operation, int count, uint immediate, ref FloatingContext c)
    {
        Vector128<uint> x = d.AsUInt32(), y = s.AsUInt32(), result = x;
        for (int n = 0; n < count; n++)
        {
            if (operation >= Lane.SubtractEven && (n & 1) != (int)operation - (int)Lane.SubtractEven)
            {
                continue;
            }

            result = result.WithElement(n, (uint)Execute(operation, x[n], y[n], isDouble: false, immediate, ref c));
        }

        return result.AsByte();
    }

    private static Vector128<byte> Doubles(Vector128<byte> d, Vector128<byte> s, Lane operation, int count, uint immediate, ref FloatingContext c)
    {
        Vector128<ulong> x = d.AsUInt64(), y = s.AsUInt64();
        ulong low = Execute(operation, x[0], y[0], isDouble: true, immediate, ref c);
        return Vector128.Create(low, count == 2 ? Execute(operation, x[1], y[1], isDouble: true, immediate, ref c) : x[1]).AsByte();
    }

    private static ulong Execute(Lane operation, ulong a, ulong b, bool isDouble, uint immediate, ref FloatingContext c)
    {
        switch (operation)
        {
            case Lane.Add or Lane.AddOdd:
                return LaneArithmetic.Add(a, b, isDouble, subtract: false, ref c);
            case Lane.Subtract or Lane.SubtractEven:
                return LaneArithmetic.Add(a, b, isDouble, subtract: true, ref c);
            case Lane.Multiply:
                return LaneArithmetic.Multiply(a, b, isDouble, ref c);
            case Lane.Divide:
                return LaneArithmetic.Divide(a, b, isDouble, ref c);
            case Lane.SquareRoot:
                return LaneArithmetic.SquareRoot(b, isDouble, ref c);
            case Lane.Compare:
                return LaneArithmetic.Satisfies(a, b, immediate, isDouble, ref c) ? ulong.MaxValue : 0;
            case Lane.Round:
                return LaneArithmetic.RoundToInteger(b, immediate, isDouble, ref c);
            case Lane.Reciprocal:
                return LaneConversions.Reciprocal((uint)b);
            case Lane.ReciprocalRoot:
                return LaneConversions.ReciprocalRoot((uint)b);
            default:
                return LaneArithmetic.Extreme(a, b, isDouble, isMaximum: operation == Lane.Maximum, ref c);
        }
    }
}
