namespace Kmem.Abstractions;

/// <summary>What a kind of master may do in an area.</summary>
[Flags]
public enum AreaRights
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Read.</summary>
    Read = 1,

    /// <summary>Write.</summary>
    Write = 2,

    /// <summary>Fetch instructions.</summary>
    Execute = 4,

    /// <summary>Everything.</summary>
    All = Read | Write | Execute,
}

/// <summary>A label with an owner and a policy over a range of a space, for example PAL or console memory.</summary>
/// <param name="Name">Name in the machine.</param>
/// <param name="Start">First address.</param>
/// <param name="Last">Last address.</param>
/// <param name="Role">What the memory is for: <c>pal</c>, <c>console</c>, <c>hwrpb</c>, <c>acpi</c>, <c>reserved</c>.</param>
public sealed record FirmwareArea(string Name, ulong Start, ulong Last, string Role)
{
    private readonly AreaRights[] _rights = [.. Enumerable.Repeat(AreaRights.All, Enum.GetValues<MasterKind>().Length)];

    /// <summary>Who owns the area, for example <c>firmware</c> or <c>pal</c>.</summary>
    public string Owner { get; init; } = "firmware";

    /// <summary>Where it was written down, or null.</summary>
    public string? Origin { get; init; }

    /// <summary>True when some master lacks a right, so that direct pointers need a look at the policy.</summary>
    public bool Restricts { get; private set; }

    /// <summary>What <paramref name="kind"/> may do here.</summary>
    public AreaRights RightsOf(MasterKind kind) => _rights[(int)kind];

    /// <summary>Sets what <paramref name="kind"/> may do here.</summary>
    public FirmwareArea Allow(MasterKind kind, AreaRights rights)
    {
        _rights[(int)kind] = rights;
        Restricts = _rights.Any(static r => r != AreaRights.All);
        return this;
    }
}
