using Kmem.Boot.Tests.Media;
using Kmem.Engine;
using Xunit;

namespace Kmem.Boot.Tests;

/// <summary>Firmware, GRUB from a disk, Debian's kernel: all the way to a shell that answers.</summary>
[Trait("Category", "Boot")]
public sealed class PcGrubTests
{
    private static readonly string[] SeaBios = ["bios", DebianFiles.SeaBios, "vga-bios", DebianFiles.VgaBios];

    [GrubFact]
    public void OwnFirmwareBootsGrubAndDebiansKernel() => Shell("pc-i440fx.yaml", "disk", PcMedia.KernelDisk + ",readonly");

    [GrubFact]
    public void TheSmallestPcBootsThemWithItsOwnFirmware() => Shell("pc-minimal.yaml", "disk", PcMedia.KernelDisk + ",readonly");

    [GrubFact]
    public void TheSmallestPcBootsThemWithSeaBios() => Shell("pc-minimal.yaml", "disk", PcMedia.KernelDisk + ",readonly", "bios", DebianFiles.SeaBios);

    [GrubFact("xorriso", "grub-mkrescue", "mformat")]
    public void SeaBiosBootsGrubAndDebiansKernelFromADisc() => Shell("pc-i440fx.yaml", ["cdrom", PcMedia.NewDisc(), .. SeaBios]);

    internal static void Shell(string machine, params string[] parameters)
    {
        using var run = new PcKernelRun(machine, EngineMode.Both, parameters);
        run.Answer("GRUB-LOADS", "");
        run.Answer(GuestInitrd.Ready, "");
        run.Answer("# ", "echo $((6*7))-$(uname -m)\n");
        run.Answer("42-x86_64", "poweroff -f\n");
        run.PowersOff();
    }
}
