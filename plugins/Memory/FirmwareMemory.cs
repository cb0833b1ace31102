using Kmem.Abstractions;

namespace Kmem.Plugins.Memory;

/// <summary>Options of <c>mem.firmware</c>.</summary>
/// <param name="Size">Size in bytes.</param>
/// <param name="Image">File with the contents.</param>
/// <param name="Role">What the memory is for: <c>pal</c>, <c>console</c>, <c>hwrpb</c>.</param>
/// <param name="Owner">Who owns it.</param>
/// <param name="Policy">Who may do what.</param>
public sealed record FirmwareMemoryOptions(
    [property: Option(OptionKind.Size, Min = 1)] ulong Size,
    [property: Option(OptionKind.File)] string? Image = null,
    string Role = "console",
    string Owner = "firmware",
    FirmwarePolicy? Policy = null);

/// <summary>Memory of the firmware, PAL or console: RAM that its owner may change and others may not.</summary>
/// <remarks>Source: Tru64 UNIX kmem(7): write accesses to console or PAL memory return an error.</remarks>
[Device("mem.firmware")]
public sealed class FirmwareMemory : Device, IHasBanks, IHasAreaPolicy
{
    private readonly FirmwareMemoryOptions _options;

    /// <summary>Creates the memory and reads its image.</summary>
    public FirmwareMemory(FirmwareMemoryOptions options, IDeviceContext context)
    {
        _options = options;
        IRamBlock block = context.AllocateMemory("", options.Size);
        if (options.Image is { } path)
        {
            MemoryFill.Copy(block, 0, context.ReadImage(path, options.Size));
        }

        Banks = [new DeviceBank("", new RamRegion(context.Id, block))];
    }

    /// <inheritdoc/>
    public IReadOnlyList<DeviceBank> Banks { get; }

    /// <inheritdoc/>
    public FirmwareArea CreateArea(string name, ulong start, ulong last) =>
        (_options.Policy ?? new FirmwarePolicy()).Apply(new FirmwareArea(name, start, last, _options.Role) { Owner = _options.Owner });
}
