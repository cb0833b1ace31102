namespace Kmem.Plugins.CpuAlpha;

/// <summary>Numbers of the slots in which registers live: the one place with offsets.</summary>
internal static class AlphaSlots
{
    /// <summary>R0 to R31; R31 reads as zero.</summary>
    public const int R0 = 0;

    /// <summary>F0 to F31; F31 reads as zero.</summary>
    public const int F0 = 32;

    /// <summary>The bank that PALmode sees as R8 to R14.</summary>
    public const int Shadow8 = 64;

    /// <summary>The register that PALmode sees as R25.</summary>
    public const int Shadow25 = 71;

    /// <summary>Floating-point control register.</summary>
    public const int Fpcr = 72;

    /// <summary>1 while a load locked waits for its store conditional.</summary>
    public const int LockFlag = 73;

    /// <summary>Virtual address of that load.</summary>
    public const int LockAddress = 74;

    /// <summary>The flag that RS sets and RC clears.</summary>
    public const int InterruptFlag = 75;

    /// <summary>High half: what RPCC adds to the cycle counter.</summary>
    public const int CycleOffset = 76;

    /// <summary>Number of slots.</summary>
    public const int Count = 80;

    /// <summary>The zero register.</summary>
    public const int Zero = 31;

    /// <summary>The slot of an integer register.</summary>
    /// <param name="register">0..31.</param>
    /// <param name="isPalMode">Whether the other bank of R8 to R14 and R25 is in place.</param>
    public static int Integer(int register, bool isPalMode) => !isPalMode ? register
        : register switch { >= 8 and <= 14 => Shadow8 + register - 8, 25 => Shadow25, _ => register };

    /// <summary>Name of a slot.</summary>
    public static string? Name(int slot) => slot switch
    {
        < 32 => $"r{slot}",
        < 64 => $"f{slot - 32}",
        < Shadow25 => $"p{slot - Shadow8 + 8}",
        Shadow25 => "p25",
        Fpcr => "fpcr",
        LockFlag => "lock_flag",
        LockAddress => "lock_address",
        InterruptFlag => "intr_flag",
        CycleOffset => "pcc_offset",
        _ => null,
    };
}
