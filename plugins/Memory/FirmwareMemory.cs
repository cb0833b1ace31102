using Kmem.Abstractions;

namespace Kmem.Plugins.Memory;

/// <summary>What each kind of master may do, in the letters r, w and x; <c>-</c> is nothing.</summary>
/// <param name="Cpu">A CPU outside PALmode.</param>
/// <param name="Pal">A CPU in PALmode.</param>
/// <param name="Dma">Devices.</param>
/// <param name="Chardev">Character devices: /dev/mem and /dev/kmem.</param>
/// <param name="Debugger">Debuggers and monitors.</param>
public sealed record FirmwarePolicy(string Cpu = "rwx", string Pal = "rwx", string Dma = "rw", string Chardev = "r", string Debugger = "rw")
{
    /// <summary>Puts the policy into an area.</summary>
    /// <exception cref="MachineException">A letter is none of r, w, x and -.</exception>
    public FirmwareArea Apply(FirmwareArea area) => area
        .Allow(MasterKind.Cpu, Parse(Cpu, "cpu"))
        .Allow(MasterKind.Pal, Parse(Pal, "pal"))
        .Allow(MasterKind.Dma, Parse(Dma, "dma"))
        .Allow(MasterKind.CharDevice, Parse(Chardev, "chardev"))
        .Allow(MasterKind.Debugger, Parse(Debugger, "debugger"));

    private static AreaRights Parse(string letters, string who)
    {
        AreaRights rights = AreaRights.None;
        foreach (char letter in letters)
        {
            rights |= letter switch
            {
                'r' => AreaRights.Read,
                'w' => AreaRights.Write,
                'x' => AreaRights.Execute,
                '-' => AreaRights.None,
                _ => throw new MachineException($"'{letters}' has a letter that is none of r, w, x and -.") { Option = $"policy.{who}" },
            };
        }

        return rights;
    }
}

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
