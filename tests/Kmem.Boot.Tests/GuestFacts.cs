using Xunit;

namespace Kmem.Boot.Tests;

/// <summary>A test that boots kernels; skipped, with the reason, where they or a program are missing.</summary>
internal sealed class GuestFactAttribute : FactAttribute
{
    public GuestFactAttribute(params string[] programs) =>
        Skip = GuestFiles.MissingGuests ?? (Array.Find(programs, p => !GuestFiles.Has(p)) is { } missing ? $"there is no '{missing}' here" : null);
}

/// <summary>As <see cref="GuestFactAttribute"/>, for theories.</summary>
internal sealed class GuestTheoryAttribute : TheoryAttribute
{
    public GuestTheoryAttribute() => Skip = GuestFiles.MissingGuests;
}

/// <summary>A test that runs Debian's PALcode image.</summary>
internal sealed class PalImageFactAttribute : FactAttribute
{
    public PalImageFactAttribute() => Skip = GuestFiles.MissingPalImage;
}

/// <summary>A theory that boots kernels by Debian's PALcode image.</summary>
internal sealed class PalImageTheoryAttribute : TheoryAttribute
{
    public PalImageTheoryAttribute() => Skip = GuestFiles.MissingGuests ?? GuestFiles.MissingPalImage;
}
