namespace Kmem.Plugins.CpuAlpha;

/// <summary>Mode bits that the meaning of instructions depends on.</summary>
[Flags]
internal enum AlphaContext : uint
{
    /// <summary>Kernel mode with floating point off.</summary>
    None = 0,

    /// <summary>PALmode.</summary>
    Pal = 1,

    /// <summary>User mode.</summary>
    User = 2,

    /// <summary>Floating point is on.</summary>
    FloatingPoint = 4,
}
