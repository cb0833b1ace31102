using System.Numerics;
using Kmem.Plugins.CpuAlpha.Floating;

namespace Kmem.CpuAlpha.Tests.Vectors;

/// <summary>VAX arithmetic as the recorder of the vectors does it, to tell its slips from real expectations.</summary>
/// <remarks>
/// QEMU 7.2 moves the operands into IEEE numbers (exponents below 3 become zero), lets its IEEE arithmetic work under whatever rounding the FPCR asks for,
/// and moves the result back with the exponent alone: a normal result loses its fraction, an F result its place in the register, and what
/// does not fit becomes an image of 1. It never traps. Its own source calls this wrong.
/// </remarks>
internal static class RecordedVax
{
    private const ulong Sign = 1UL << 63, Infinity = 0x7FFUL << 52, DirtyZero = 1;

    /// <summary>Whether a destination is what the recorder gives, under any rounding.</summary>
    public static bool Gives(FloatingOperation operation, ulong a, ulong b, ulong recorded)
    {
        for (var mode = RoundingMode.Chopped; mode <= RoundingMode.PlusInfinity; mode++)
        {
            foreach (bool flush in (bool[])[false, true])
            {
                if (Compute(operation, a, b, mode, flush) == recorded)
                {
                    return true;
                }
            }
        }

        return false;
    }

    private static ulong Compute(FloatingOperation operation, ulong a, ulong b, RoundingMode mode, bool flush)
    {
        var s = new IeeeArithmetic(IeeeFormat.S, IeeeFormat.S, mode, flush);
        var t = new IeeeArithmetic(IeeeFormat.T, IeeeFormat.T, mode, flush);
        return operation switch
        {
            FloatingOperation.Addf => FromSingle(s.Add(SingleOfF(a), SingleOfF(b), out _)),
            FloatingOperation.Subf => FromSingle(s.Subtract(SingleOfF(a), SingleOfF(b), out _)),
            FloatingOperation.Mulf => FromSingle(s.Multiply(SingleOfF(a), SingleOfF(b), out _)),
            FloatingOperation.Divf => FromSingle(s.Divide(SingleOfF(a), SingleOfF(b), out _)),
            FloatingOperation.Sqrtf => FromSingle(s.SquareRoot(SingleOfF(b), out _)),
            FloatingOperation.Addg => FromDouble(t.Add(DoubleOfG(a), DoubleOfG(b), out _)),
            FloatingOperation.Subg => FromDouble(t.Subtract(DoubleOfG(a), DoubleOfG(b), out _)),
            FloatingOperation.Mulg => FromDouble(t.Multiply(DoubleOfG(a), DoubleOfG(b), out _)),
            FloatingOperation.Divg => FromDouble(t.Divide(DoubleOfG(a), DoubleOfG(b), out _)),
            FloatingOperation.Sqrtg => FromDouble(t.SquareRoot(DoubleOfG(b), out _)),
            FloatingOperation.Cmpgeq or FloatingOperation.Cmpglt or FloatingOperation.Cmpgle => IeeeComparison.Compare(operation switch
            {
                FloatingOperation.Cmpgeq => FloatingOperation.Cmpteq,
                FloatingOperation.Cmpglt => FloatingOperation.Cmptlt,
                _ => FloatingOperation.Cmptle,
            }, DoubleOfG(a), DoubleOfG(b), out _),
            FloatingOperation.Cvtgf => FromSingle((s with { Source = IeeeFormat.T }).Convert(DoubleOfG(b), out _)),
            FloatingOperation.Cvtqf => FromSingle(s.FromInteger(b, out _)),
            FloatingOperation.Cvtqg => FromDouble(t.FromInteger(b, out _)),
            _ => ToInteger(BitConverter.UInt64BitsToDouble(DoubleOfG(b))),
        };
    }

    private static ulong ToInteger(double value) => value >= 9223372036854775808.0 ? long.MaxValue : value < -9223372036854775808.0 ? 1UL << 63 : (ulong)(long)value;

    private static ulong DoubleOfG(ulong image) => (image & Infinity) < 3UL << 52 ? 0 : image - (2UL << 52);

    /// <summary>The register image of the S number that is made of an F operand.</summary>
    private static ulong SingleOfF(ulong image)
    {
        uint exponent = (uint)((image >> 55) & 0x80) | (uint)((image >> 52) & 0x7F);
        uint rest = (uint)((image >> 32) & 0x8000_0000) | (uint)((image >> 29) & 0x7F_FFFF);
        return exponent < 3 ? 0 : RegisterFormats.FromS(((exponent - 2) << 23) | rest);
    }

    private static ulong FromDouble(ulong image) => Back(image & Sign, (image >> 52) & 0x7FF, image & IeeeImage.Fraction, 2047);

    private static ulong FromSingle(ulong image)
    {
        uint single = RegisterFormats.ToS(image);
        return Back((ulong)(single & 0x8000_0000) << 32, (single >> 23) & 0xFF, (ulong)(single & 0x7F_FFFF) << 29, 255);
    }

    private static ulong Back(ulong sign, ulong exponent, ulong fraction, ulong special) => exponent switch
    {
        0 when fraction == 0 => 0,
        0 => sign | (1UL << 52) | fraction,
        _ when exponent >= special - 2 => DirtyZero,
        _ => sign | ((exponent + 2) << 52),
    };
}
