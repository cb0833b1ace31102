namespace Kmem.Plugins.CpuX86.Floating;

/// <summary>Power series with 128-bit coefficients, enough of them for results good to more than 96 bits.</summary>
internal static class Series
{
    private const int SineTerms = 14, ExponentialTerms = 30, ArcTangentTerms = 10, LogarithmTerms = 21;

    /// <summary>Steps of the table of arctangents, as parts of 1.</summary>
    private const int Steps = 32;

    private static readonly Wide[] InverseFactorials = CreateInverseFactorials();
    private static readonly Wide[] InverseIntegers = CreateInverseIntegers();
    private static readonly Wide[] ArcTangents = CreateArcTangents();

    /// <summary>The sine of |x| up to pi/4.</summary>
    public static Wide Sine(Wide x) => x * Alternating(x * x, first: 1);

    /// <summary>The cosine of |x| up to pi/4.</summary>
    public static Wide Cosine(Wide x) => Alternating(x * x, first: 0);

    /// <summary>e^x - 1, |x| up to ln 2.</summary>
    public static Wide ExponentialMinusOne(Wide x)
    {
        Wide sum = InverseFactorials[ExponentialTerms];
        for (int i = ExponentialTerms - 1; i >= 1; i--)
        {
            sum = InverseFactorials[i] + (sum * x);
        }

        return sum * x;
    }

    /// <summary>The natural logarithm of (1 + s) / (1 - s), |s| up to 0.18.</summary>
    public static Wide LogarithmOfRatio(Wide s)
    {
        Wide square = s * s, sum = InverseIntegers[(2 * LogarithmTerms) + 1];
        for (int i = LogarithmTerms - 1; i >= 0; i--)
        {
            sum = InverseIntegers[(2 * i) + 1] + (sum * square);
        }

        return (sum * s).Scaled(1);
    }

    /// <summary>The arctangent of 0 to 1.</summary>
    public static Wide ArcTangent(Wide x)
    {
        // The nearest step c, then arctan x = arctan c + arctan((x - c) / (1 + xc)).
        Wide scaled = x.Scaled(5);
        int step = scaled.IsZero || scaled.Exponent < -1 ? 0 : (int)(((ulong)(scaled.Significand >> 96) + (1UL << (30 - scaled.Exponent))) >> (31 - scaled.Exponent));
        if (step == 0)
        {
            return SmallArcTangent(x);
        }

        Wide c = Wide.Of(step).Scaled(-5);
        return ArcTangents[step] + SmallArcTangent((x - c) / (Wide.One + (x * c)));
    }

    private static Wide SmallArcTangent(Wide x)
    {
        Wide square = -(x * x), sum = InverseIntegers[(2 * ArcTangentTerms) + 1];
        for (int i = ArcTangentTerms - 1; i >= 0; i--)
        {
            sum = InverseIntegers[(2 * i) + 1] + (sum * square);
        }

        return sum * x;
    }

    private static Wide Alternating(Wide square, int first)
    {
        square = -square;
        Wide sum = InverseFactorials[(2 * SineTerms) + first];
        for (int i = SineTerms - 1; i >= 0; i--)
        {
            sum = InverseFactorials[(2 * i) + first] + (sum * square);
        }

        return sum;
    }

    private static Wide[] CreateInverseFactorials()
    {
        var all = new Wide[ExponentialTerms + 1];
        all[0] = Wide.One;
        for (int i = 1; i < all.Length; i++)
        {
            all[i] = all[i - 1] / Wide.Of(i);
        }

        return all;
    }

    private static Wide[] CreateInverseIntegers()
    {
        var all = new Wide[(2 * LogarithmTerms) + 2];
        for (int i = 1; i < all.Length; i++)
        {
            all[i] = Wide.One / Wide.Of(i);
        }

        return all;
    }

    private static Wide[] CreateArcTangents()
    {
        // From step to step: the difference of two arctangents is the arctangent of (1/32) / (1 + i(i+1)/1024).
        var all = new Wide[Steps + 1];
        for (int i = 0; i < Steps; i++)
        {
            all[i + 1] = all[i] + SmallArcTangent(Wide.Of(Steps) / Wide.Of((Steps * Steps) + (i * (i + 1))));
        }

        return all;
    }
}
