using System.Globalization;

namespace Kmem.Description;

/// <summary>Reads number literals with units: <c>0x801_FC00_0000</c>, <c>64KiB</c>, <c>1193182Hz</c>, <c>10ms</c>.</summary>
internal static class NumberText
{
    private static readonly Dictionary<string, Int128> Units = new(StringComparer.Ordinal)
    {
        ["B"] = 1,
        ["KiB"] = 1L << 10,
        ["MiB"] = 1L << 20,
        ["GiB"] = 1L << 30,
        ["TiB"] = 1L << 40,
        ["PiB"] = 1L << 50,
        ["EiB"] = 1L << 60,
        ["Hz"] = 1,
        ["kHz"] = 1000,
        ["MHz"] = 1_000_000,
        ["GHz"] = 1_000_000_000,
        ["ns"] = 1,
        ["us"] = 1000,
        ["ms"] = 1_000_000,
        ["s"] = 1_000_000_000,
    };

    /// <summary>Reads one literal with its unit.</summary>
    /// <exception cref="ExpressionException">It is no number, its unit is unknown, or it is too large.</exception>
    public static Int128 Parse(string literal)
    {
        string text = literal.Replace("_", "", StringComparison.Ordinal);
        if (literal.StartsWith('_') || literal.EndsWith('_') || literal.Contains("__", StringComparison.Ordinal))
        {
            throw new ExpressionException(DiagnosticCodes.BadValue, $"'{literal}' has an underscore where none may stand");
        }

        if (text.Length > 2 && text[0] == '0' && text[1] is 'x' or 'X')
        {
            return UInt128.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out UInt128 hex) && hex <= ulong.MaxValue
                ? (Int128)hex
                : throw Bad(literal);
        }

        if (text.Length > 2 && text[0] == '0' && text[1] is 'b' && text.AsSpan(2).IndexOfAnyExcept('0', '1') < 0)
        {
            return text.Length <= 66 ? (Int128)Convert.ToUInt64(text[2..], 2) : throw Bad(literal);
        }

        int digits = 0;
        while (digits < text.Length && char.IsAsciiDigit(text[digits]))
        {
            digits++;
        }

        string unit = text[digits..];
        if (digits == 0 || digits > 20 || !Int128.TryParse(text.AsSpan(0, digits), NumberStyles.None, CultureInfo.InvariantCulture, out Int128 number))
        {
            throw Bad(literal);
        }

        if (unit.Length == 0)
        {
            return number;
        }

        if (!Units.TryGetValue(unit, out Int128 factor))
        {
            string? near = Units.Keys.FirstOrDefault(u => string.Equals(u, unit, StringComparison.OrdinalIgnoreCase))
                ?? Units.Keys.FirstOrDefault(u => u.Length == 3 && u[0] == char.ToUpperInvariant(unit[0]) && u[1] == 'i' && unit.Length <= 2);
            throw new ExpressionException(DiagnosticCodes.BadValue, $"'{unit}' in '{literal}' is no unit; sizes take KiB, MiB, GiB, TiB, frequencies Hz, kHz, MHz, GHz, times ns, us, ms, s", near is null ? null : text[..digits] + near);
        }

        return number * factor;
    }

    private static ExpressionException Bad(string literal) => new(DiagnosticCodes.BadValue, $"'{literal}' is no number");
}
