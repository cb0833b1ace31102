namespace Kmem.Plugins.CpuAlpha.Floating;

/// <summary>What a floating-point operate instruction does, apart from its qualifiers.</summary>
internal enum FloatingOperation : byte
{
    /// <summary>No instruction of the unit.</summary>
    Illegal,

    /// <summary>14.004: integer register bits in S format to a floating register.</summary>
    Itofs,

    /// <summary>14.014: integer register bits in F format to a floating register.</summary>
    Itoff,

    /// <summary>14.024: integer register bits to a floating register.</summary>
    Itoft,

    /// <summary>14.08A: square root, F.</summary>
    Sqrtf,

    /// <summary>14.08B: square root, S.</summary>
    Sqrts,

    /// <summary>14.0AA: square root, G.</summary>
    Sqrtg,

    /// <summary>14.0AB: square root, T.</summary>
    Sqrtt,

    /// <summary>15.080: add, F.</summary>
    Addf,

    /// <summary>15.081: subtract, F.</summary>
    Subf,

    /// <summary>15.082: multiply, F.</summary>
    Mulf,

    /// <summary>15.083: divide, F.</summary>
    Divf,

    /// <summary>15.09E: convert D to G.</summary>
    Cvtdg,

    /// <summary>15.0A0: add, G.</summary>
    Addg,

    /// <summary>15.0A1: subtract, G.</summary>
    Subg,

    /// <summary>15.0A2: multiply, G.</summary>
    Mulg,

    /// <summary>15.0A3: divide, G.</summary>
    Divg,

    /// <summary>15.0A5: compare G, equal.</summary>
    Cmpgeq,

    /// <summary>15.0A6: compare G, less than.</summary>
    Cmpglt,

    /// <summary>15.0A7: compare G, less than or equal.</summary>
    Cmpgle,

    /// <summary>15.0AC: convert G to F.</summary>
    Cvtgf,

    /// <summary>15.0AD: convert G to D.</summary>
    Cvtgd,

    /// <summary>15.0AF: convert G to quadword.</summary>
    Cvtgq,

    /// <summary>15.0BC: convert quadword to F.</summary>
    Cvtqf,

    /// <summary>15.0BE: convert quadword to G.</summary>
    Cvtqg,

    /// <summary>16.080: add, S.</summary>
    Adds,

    /// <summary>16.081: subtract, S.</summary>
    Subs,

    /// <summary>16.082: multiply, S.</summary>
    Muls,

    /// <summary>16.083: divide, S.</summary>
    Divs,

    /// <summary>16.0A0: add, T.</summary>
    Addt,

    /// <summary>16.0A1: subtract, T.</summary>
    Subt,

    /// <summary>16.0A2: multiply, T.</summary>
    Mult,

    /// <summary>16.0A3: divide, T.</summary>
    Divt,

    /// <summary>16.0A4: compare T, unordered.</summary>
    Cmptun,

    /// <summary>16.0A5: compare T, equal.</summary>
    Cmpteq,

    /// <summary>16.0A6: compare T, less than.</summary>
    Cmptlt,

    /// <summary>16.0A7: compare T, less than or equal.</summary>
    Cmptle,

    /// <summary>16.2AC: convert S to T.</summary>
    Cvtst,

    /// <summary>16.0AC: convert T to S.</summary>
    Cvtts,

    /// <summary>16.0AF: convert T to quadword.</summary>
    Cvttq,

    /// <summary>16.0BC: convert quadword to S.</summary>
    Cvtqs,

    /// <summary>16.0BE: convert quadword to T.</summary>
    Cvtqt,

    /// <summary>17.010: convert longword to quadword.</summary>
    Cvtlq,

    /// <summary>17.020: copy sign.</summary>
    Cpys,

    /// <summary>17.021: copy sign, negated.</summary>
    Cpysn,

    /// <summary>17.022: copy sign and exponent.</summary>
    Cpyse,

    /// <summary>17.030: convert quadword to longword.</summary>
    Cvtql,
}
