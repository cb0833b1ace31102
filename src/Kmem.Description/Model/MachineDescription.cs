using Kmem.Abstractions;

namespace Kmem.Description;

/// <summary>A machine as its files describe it, merged and with every expression computed; names of included parts carry their prefix.</summary>
/// <param name="Name">The machine's name.</param>
/// <param name="Span">Where the description begins.</param>
/// <param name="Tree">The merged tree behind the records.</param>
public sealed record MachineDescription(string Name, SourceSpan Span, MappingNode Tree)
{
    /// <summary>The architecture, for example <c>x86</c> or <c>alpha</c>; empty when the file does not say.</summary>
    public string Architecture { get; init; } = "";

    /// <summary>One sentence about the machine.</summary>
    public string Summary { get; init; } = "";

    /// <summary>Plugins that the machine brings.</summary>
    public IReadOnlyList<PluginDescription> Plugins { get; init; } = [];

    /// <summary>What may be set from outside, those of included files under their prefix.</summary>
    public IReadOnlyList<ParameterDescription> Parameters { get; init; } = [];

    /// <summary>Names of the variants.</summary>
    public IReadOnlyList<string> Variants { get; init; } = [];

    /// <summary>The address spaces.</summary>
    public IReadOnlyList<SpaceDescription> Spaces { get; init; } = [];

    /// <summary>The devices.</summary>
    public IReadOnlyList<DeviceDescription> Devices { get; init; } = [];

    /// <summary>The windows between spaces.</summary>
    public IReadOnlyList<WindowDescription> Windows { get; init; } = [];

    /// <summary>Labels and policy over memory.</summary>
    public IReadOnlyList<AreaDescription> Areas { get; init; } = [];

    /// <summary>Kernel flavours.</summary>
    public IReadOnlyList<FlavourDescription> Flavours { get; init; } = [];

    /// <summary>What the machine opens to the host.</summary>
    public IReadOnlyList<FrontendDescription> Frontends { get; init; } = [];

    /// <summary>Kernel virtual ranges, for kmem without a CPU.</summary>
    public IReadOnlyList<KernelRange> KernelMap { get; init; } = [];

    /// <summary>The state that firmware leaves, by device.</summary>
    public IReadOnlyList<FirmwareStateDescription> FirmwareState { get; init; } = [];

    /// <summary>What the machine begins with when it is switched on; null when its file names nothing.</summary>
    public BootDescription? Boot { get; init; }

    /// <summary>Assertions about the decoded map.</summary>
    public IReadOnlyList<CheckDescription> Checks { get; init; } = [];

    /// <summary>Every file that the machine was read from.</summary>
    public IReadOnlyList<string> Files { get; init; } = [];
}

/// <summary>A plugin that a machine brings.</summary>
/// <param name="Assembly">Absolute path of the DLL, or null.</param>
/// <param name="Package">Package name, or null.</param>
/// <param name="Span">Where it stands.</param>
public sealed record PluginDescription(string? Assembly, string? Package, SourceSpan Span);

/// <summary>The program that a machine begins with.</summary>
/// <param name="Kernel">Absolute path of the program, or null.</param>
/// <param name="Initrd">Absolute path of its initial file system, or null.</param>
/// <param name="Append">Its command line, or empty.</param>
/// <param name="Span">Where it stands.</param>
public sealed record BootDescription(string? Kernel, string? Initrd, string Append, SourceSpan Span);

/// <summary>A parameter of a machine.</summary>
/// <param name="Name">Its name, with the prefix of an included file.</param>
/// <param name="Type">bool, int, size, addr, freq, time, string, enum or file.</param>
/// <param name="Value">Its value as text.</param>
/// <param name="Help">One sentence, or empty.</param>
/// <param name="Span">Where it is defined.</param>
public sealed record ParameterDescription(string Name, string Type, string Value, string Help, SourceSpan Span);

/// <summary>An address space.</summary>
/// <param name="Id">Its name.</param>
/// <param name="Type">Type of its bus plugin.</param>
/// <param name="Width">Number of address bits, 1..63.</param>
/// <param name="Settings">Keys for the bus plugin.</param>
/// <param name="Span">Where it stands.</param>
public sealed record SpaceDescription(string Id, ScalarNode Type, int Width, MappingNode Settings, SourceSpan Span);

/// <summary>A device.</summary>
/// <param name="Id">Its name.</param>
/// <param name="Type">Type of its plugin.</param>
/// <param name="Settings">Keys for the plugin; empty when there is no <c>set:</c>.</param>
/// <param name="Span">Where it stands.</param>
public sealed record DeviceDescription(string Id, ScalarNode Type, MappingNode Settings, SourceSpan Span)
{
    /// <summary>The name, with its prefix, under which wires reach it and others at once; null for none.</summary>
    public string? Group { get; init; }

    /// <summary>Where its banks are mapped.</summary>
    public IReadOnlyList<MapDescription> Maps { get; init; } = [];

    /// <summary>Its place on a PCI bus, or null.</summary>
    public PciDescription? Pci { get; init; }

    /// <summary>Ranges that it re-routes at run time.</summary>
    public IReadOnlyList<OverlayDescription> Overlays { get; init; } = [];

    /// <summary>What its outputs drive.</summary>
    public IReadOnlyList<WireDescription> Wires { get; init; } = [];
}

/// <summary>One place at which a bank is mapped.</summary>
/// <param name="Space">The space.</param>
/// <param name="At">Address of its first byte there.</param>
/// <param name="Bank">Name of the bank, empty for the unnamed one.</param>
/// <param name="From">First byte of the bank that is seen.</param>
/// <param name="Length">Bytes that are seen; null for the rest of the bank.</param>
/// <param name="Priority">Signed; the higher one wins.</param>
/// <param name="Span">Where it stands.</param>
public sealed record MapDescription(ScalarNode Space, ulong At, string Bank, ulong From, ulong? Length, int Priority, SourceSpan Span);

/// <summary>A place on a PCI bus.</summary>
/// <param name="Bus">The device that is the bus.</param>
/// <param name="Slot">Slot and function.</param>
/// <param name="Span">Where it stands.</param>
public sealed record PciDescription(ScalarNode Bus, PciAddress Slot, SourceSpan Span);

/// <summary>A range that a device re-routes.</summary>
/// <param name="Id">Its name below the device.</param>
/// <param name="Space">The space.</param>
/// <param name="Range">The range.</param>
/// <param name="Each">Length of each piece when the range is cut, or null.</param>
/// <param name="Priority">Signed; the higher one wins.</param>
/// <param name="PerDirection">True when reads and writes are switched apart.</param>
/// <param name="Choices">What stands there in each state (<c>on</c>, <c>off</c>); a missing one lets lower priorities answer.</param>
/// <param name="Reset">State after reset.</param>
/// <param name="Span">Where it stands.</param>
public sealed record OverlayDescription(
    string Id, ScalarNode Space, AddressRange Range, ulong? Each, int Priority, bool PerDirection, IReadOnlyList<OverlayChoice> Choices, OverlayState Reset, SourceSpan Span);

/// <summary>What stands in an overlay's range in one state.</summary>
/// <param name="State"><c>on</c> or <c>off</c>.</param>
/// <param name="Target">A space, a device or a device's bank.</param>
/// <param name="At">Address in the space or offset in the bank of the range's first byte; null for the same address.</param>
public sealed record OverlayChoice(string State, ScalarNode Target, ulong? At);

/// <summary>What an output drives.</summary>
/// <param name="Output">Name of the output.</param>
/// <param name="Target">The pin, for example <c>pic.in.4</c>.</param>
/// <param name="IsInverted">True when the pin gets the opposite level.</param>
public sealed record WireDescription(ScalarNode Output, ScalarNode Target, bool IsInverted);

/// <summary>A static window between two spaces.</summary>
/// <param name="Id">Its name.</param>
/// <param name="Space">The space in which it lies.</param>
/// <param name="Range">Its range.</param>
/// <param name="To">The space behind it.</param>
/// <param name="At">Address there of its first byte.</param>
/// <param name="Kind">How addresses are turned.</param>
/// <param name="Span">Where it stands.</param>
public sealed record WindowDescription(string Id, ScalarNode Space, AddressRange Range, ScalarNode To, ulong At, WindowKind Kind, SourceSpan Span)
{
    /// <summary>For a sparse window: low bits that carry offset and length.</summary>
    public int Shift { get; init; } = 5;

    /// <summary>Address bits that reach the target.</summary>
    public ulong Mask { get; init; } = ulong.MaxValue;

    /// <summary>Signed; the higher one wins.</summary>
    public int Priority { get; init; }

    /// <summary>True when holes behind the window let lower priorities answer.</summary>
    public bool Fallthrough { get; init; }
}

/// <summary>A label with a policy over memory.</summary>
/// <param name="Id">Its name.</param>
/// <param name="Space">The space.</param>
/// <param name="Range">The range.</param>
/// <param name="Role">What the memory is for.</param>
/// <param name="Settings">The other keys: owner, policy, image, chardev-write.</param>
/// <param name="Span">Where it stands.</param>
public sealed record AreaDescription(string Id, ScalarNode Space, AddressRange Range, string Role, MappingNode Settings, SourceSpan Span);

/// <summary>A kernel flavour.</summary>
/// <param name="Id">Its name.</param>
/// <param name="Base">The profile that it builds on.</param>
/// <param name="Settings">Keys for the kernel plugin, <c>base</c> included.</param>
/// <param name="Span">Where it stands.</param>
public sealed record FlavourDescription(string Id, ScalarNode Base, MappingNode Settings, SourceSpan Span);

/// <summary>Something that the machine opens to the host.</summary>
/// <param name="Id">Its name.</param>
/// <param name="Type">Type of its plugin.</param>
/// <param name="Flavour">The flavour in front of it, or null.</param>
/// <param name="Settings">Keys for the plugin.</param>
/// <param name="Span">Where it stands.</param>
public sealed record FrontendDescription(string Id, ScalarNode Type, ScalarNode? Flavour, MappingNode Settings, SourceSpan Span);

/// <summary>The state in which firmware leaves a device.</summary>
/// <param name="Device">The device.</param>
/// <param name="Entries">Keys as the device knows them (register names, <c>config.04</c>, <c>bar.0</c>, overlay names) with their values.</param>
/// <param name="Span">Where it stands.</param>
public sealed record FirmwareStateDescription(ScalarNode Device, IReadOnlyList<ConfigEntry> Entries, SourceSpan Span);
