namespace Kmem.Abstractions;

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
