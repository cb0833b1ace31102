using Kmem.Boot.Tests.Media;
using Kmem.Engine;
using Xunit;

namespace Kmem.Boot.Tests;

/// <summary>Debian's 32-bit kernels on CPUs with and without long mode.</summary>
[Trait("Category", "Boot")]
public sealed class Pc32Tests
{
    [Kernel32Theory]
    [InlineData("686", "pentium3")]
    [InlineData("686-pae", "x86-64-v2")]
    public void A32BitKernelAnswersInAShell(string flavour, string cpu)
    {
        using var run = new PcKernelRun("pc-i440fx.yaml", DebianFiles.Kernel32(flavour)!, PcMedia.PlainInitrd32, PcMedia.CommandLine, "cpu", cpu);
        run.Answer(GuestInitrd.Ready, "");
        run.Answer("# ", "echo $((6*7))-$(uname -m)-$(grep -o -w -E 'sse|pae' /proc/cpuinfo | sort | uniq | tr '\\n' -)\n");
        run.Answer("42-i686-pae-sse-", "poweroff -f\n");
        run.PowersOff();
    }

    [Kernel32Fact]
    public void A486RefusesA686KernelInWords()
    {
        // The kernel's first part, which firmware begins, looks at the CPU; a direct load leaves it out.
        using var run = new PcKernelRun("pc-i440fx.yaml", EngineMode.Both, "cpu", "486", "kernel", DebianFiles.Kernel32("686")!);
        run.Answer("This kernel requires an i586 CPU, but only detected an i486 CPU.", "");
    }

    private static string? Missing => DebianFiles.Missing((DebianFiles.Kernel32("686"), "linux-image-686:i386"), (DebianFiles.Kernel32("686-pae"), "linux-image-686-pae:i386"), (DebianFiles.Busybox32, "busybox-static:i386"));

    private sealed class Kernel32TheoryAttribute : TheoryAttribute
    {
        public Kernel32TheoryAttribute() => Skip = Missing;
    }

    private sealed class Kernel32FactAttribute : FactAttribute
    {
        public Kernel32FactAttribute() => Skip = Missing;
    }
}
