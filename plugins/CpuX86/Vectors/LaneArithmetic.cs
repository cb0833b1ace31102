using Kmem.Plugins.CpuX86.Floating;

namespace Kmem.Plugins.CpuX86.Vectors;

/// <summary>Arithmetic on one lane: singles in the low half of a quadword, or doubles.</summary>
/// <remarks>Source: Intel SDM vol. 1, 4.8.3.5 (table 4-7), 11.5.2. The host's own arithmetic is used where it must give the same; see <see cref="LaneFastPath"/>.</remarks>
internal static class LaneArithmetic
{
    /// <summary>a + b, or a - b.</summary>
    public static ulong Add(ulong a, ulong b, bool isDouble, bool subtract, ref FloatingContext context)
    {
        if (LaneFastPath.TryAdd(a, b, isDouble, subtract, context, out ulong fast))
        {
            return fast;
        }

        Operand x = LaneFormat.Take(a, isDouble, context), y = LaneFormat.Take(b, isDouble, context);
        if (x.IsNan || y.IsNan)
        {
            return LaneFormat.Nan(a, b, x, y, isDouble, ref context);
        }

        Number other = y.Value;
        other.IsNegative ^= subtract;
        if (x.Class == OperandClass.Infinity || y.Class == OperandClass.Infinity)
        {
            if (x.Class == y.Class && x.Value.IsNegative != other.IsNegative)
            {
                return LaneFormat.Invalid(isDouble, ref context);
            }

            ExtendedArithmetic.NoteDenormal(x, y, ref context);
            return LaneFormat.Infinity(x.Class == OperandClass.Infinity ? x.Value.IsNegative : other.IsNegative, isDouble);
        }

        ExtendedArithmetic.NoteDenormal(x, y, ref context);
        if (y.Class == OperandClass.Zero)
        {
            return x.Class == OperandClass.Zero
                ? LaneFormat.Zero(x.Value.IsNegative == other.IsNegative ? other.IsNegative : context.Rounding == RoundingControl.Down, isDouble)
                : LaneFormat.Round(x.Value, isDouble, ref context);
        }

        if (x.Class == OperandClass.Zero)
        {
            return LaneFormat.Round(other, isDouble, ref context);
        }

        return ExactArithmetic.Add(x.Value, other, out Number sum)
            ? LaneFormat.Round(sum, isDouble, ref context) : LaneFormat.Zero(context.Rounding == RoundingControl.Down, isDouble);
    }

    /// <summary>a * b.</summary>
    public static ulong Multiply(ulong a, ulong b, bool isDouble, ref FloatingContext context)
    {
        if (LaneFastPath.TryMultiply(a, b, isDouble, context, out ulong fast))
        {
            return fast;
        }

        Operand x = LaneFormat.Take(a, isDouble, context), y = LaneFormat.Take(b, isDouble, context);
        if (x.IsNan || y.IsNan)
        {
            return LaneFormat.Nan(a, b, x, y, isDouble, ref context);
        }

        bool negative = x.Value.IsNegative != y.Value.IsNegative, isZero = x.Class == OperandClass.Zero || y.Class == OperandClass.Zero;
        bool isInfinite = x.Class == OperandClass.Infinity || y.Class == OperandClass.Infinity;
        if (isInfinite && isZero)
        {
            return LaneFormat.Invalid(isDouble, ref context);
        }

        ExtendedArithmetic.NoteDenormal(x, y, ref context);
        return isInfinite ? LaneFormat.Infinity(negative, isDouble)
            : isZero ? LaneFormat.Zero(negative, isDouble)
            : LaneFormat.Round(ExactArithmetic.Multiply(x.Value, y.Value), isDouble, ref context);
    }

    /// <summary>a / b.</summary>
    public static ulong Divide(ulong a, ulong b, bool isDouble, ref FloatingContext context)
    {
        if (LaneFastPath.TryDivide(a, b, isDouble, context, out ulong fast))
        {
            return fast;
        }

        Operand x = LaneFormat.Take(a, isDouble, context), y = LaneFormat.Take(b, isDouble, context);
        if (x.IsNan || y.IsNan)
        {
            return LaneFormat.Nan(a, b, x, y, isDouble, ref context);
        }

        bool negative = x.Value.IsNegative != y.Value.IsNegative;
        if (x.Class == y.Class && x.Class != OperandClass.Finite)
        {
            return LaneFormat.Invalid(isDouble, ref context);
        }

        if (y.Class == OperandClass.Zero)
        {
            context.Raised |= x.Class == OperandClass.Finite ? FloatingFlags.ZeroDivide : 0;
            return LaneFormat.Infinity(negative, isDouble);
        }

        ExtendedArithmetic.NoteDenormal(x, y, ref context);
        return x.Class == OperandClass.Infinity ? LaneFormat.Infinity(negative, isDouble)
            : x.Class == OperandClass.Zero || y.Class == OperandClass.Infinity ? LaneFormat.Zero(negative, isDouble)
            : LaneFormat.Round(ExactArithmetic.Divide(x.Value, y.Value), isDouble, ref context);
    }

    /// <summary>The square root of a.</summary>
    public static ulong SquareRoot(ulong a, bool isDouble, ref FloatingContext context)
    {
        if (LaneFastPath.TrySquareRoot(a, isDouble, context, out ulong fast))
        {
            return fast;
        }

        Operand x = LaneFormat.Take(a, isDouble, context);
        if (x.IsNan)
        {
            return LaneFormat.Nan(a, a, x, x, isDouble, ref context);
        }

        if (x.Class == OperandClass.Zero)
        {
            return LaneFormat.Zero(x.Value.IsNegative, isDouble);
        }

        if (x.Value.IsNegative)
        {
            return LaneFormat.Invalid(isDouble, ref context);
        }

        ExtendedArithmetic.NoteDenormal(x, x, ref context);
        return x.Class == OperandClass.Infinity ? a : LaneFormat.Round(ExactArithmetic.SquareRoot(x.Value), isDouble, ref context);
    }

    /// <summary>MINxx, MAXxx: the second operand where one is a NaN or both are zeros.</summary>
    public static ulong Extreme(ulong a, ulong b, bool isDouble, bool isMaximum, ref FloatingContext context)
    {
        Operand x = LaneFormat.Take(a, isDouble, context), y = LaneFormat.Take(b, isDouble, context);
        if (x.IsNan || y.IsNan)
        {
            context.Raised |= FloatingFlags.Invalid;
            return y.Class == OperandClass.Zero ? LaneFormat.Zero(y.Value.IsNegative, isDouble) : b;
        }

        ExtendedArithmetic.NoteDenormal(x, y, ref context);
        int order = FpuUnit.Order(x, y);
        bool first = isMaximum ? order > 0 : order < 0;
        return (first ? x.Class : y.Class) == OperandClass.Zero ? LaneFormat.Zero((first ? x : y).Value.IsNegative, isDouble) : first ? a : b;
    }

    /// <summary>The relation of two lanes: 1 less, 2 equal, 4 greater, 8 unordered.</summary>
    /// <param name="a">First lane.</param>
    /// <param name="b">Second lane.</param>
    /// <param name="isDouble">Whether they are doubles.</param>
    /// <param name="isSignaling">Whether quiet NaNs are invalid, too.</param>
    /// <param name="context">What is raised.</param>
    public static int Compare(ulong a, ulong b, bool isDouble, bool isSignaling, ref FloatingContext context)
    {
        Operand x = LaneFormat.Take(a, isDouble, context), y = LaneFormat.Take(b, isDouble, context);
        if (x.IsNan || y.IsNan)
        {
            context.Raised |= isSignaling || x.Class == OperandClass.SignalingNan || y.Class == OperandClass.SignalingNan ? FloatingFlags.Invalid : 0;
            return 8;
        }

        ExtendedArithmetic.NoteDenormal(x, y, ref context);
        int order = FpuUnit.Order(x, y);
        return order < 0 ? 1 : order == 0 ? 2 : 4;
    }

    /// <summary>CMPxx's predicates 0 to 7.</summary>
    public static bool Satisfies(ulong a, ulong b, uint predicate, bool isDouble, ref FloatingContext context)
    {
        int relation = Compare(a, b, isDouble, isSignaling: (predicate & 3) is 1 or 2, ref context);
        int wanted = (predicate & 3) switch { 0 => 2, 1 => 1, 2 => 3, _ => 8 };
        return (relation & wanted) != 0 == ((predicate & 4) == 0);
    }

    /// <summary>ROUNDxx: a as an integer of the same format.</summary>
    public static ulong RoundToInteger(ulong a, uint immediate, bool isDouble, ref FloatingContext context)
    {
        Operand x = LaneFormat.Take(a, isDouble, context);
        if (x.IsNan)
        {
            return LaneFormat.Nan(a, a, x, x, isDouble, ref context);
        }

        if (x.Class != OperandClass.Finite)
        {
            return x.Class == OperandClass.Zero ? LaneFormat.Zero(x.Value.IsNegative, isDouble) : a;
        }

        RoundingControl mode = (immediate & 4) != 0 ? context.Rounding : (RoundingControl)(immediate & 3);
        if (x.Value.Exponent >= 63)
        {
            return a;
        }

        Rounding.ToInteger(x.Value, mode, out ulong magnitude, out bool isInexact, out _);
        context.Raised |= isInexact && (immediate & 8) == 0 ? FloatingFlags.Precision : 0;
        if (magnitude == 0)
        {
            return LaneFormat.Zero(x.Value.IsNegative, isDouble);
        }

        var integer = new Number(x.Value.IsNegative, 63, magnitude);
        integer.Normalize();
        return LaneFormat.Round(integer, isDouble, ref context);
    }
}
