using Kmem.Boot.Tests.Media;
using Xunit;

namespace Kmem.Boot.Tests;

/// <summary>Debian's memtest86+ finds no errors in the PC's memory; what it says stands on the display.</summary>
[Trait("Category", "Boot")]
public sealed class PcMemoryTestTests
{
    [MemoryTestTheory]
    [InlineData("x64", "x86-64-v2")]
    [InlineData("ia32", "pentium3")]
    public void TheFirstTestsPass(string processor, string cpu)
    {
        using var run = new PcKernelRun("pc-i440fx.yaml", DebianFiles.MemoryTest(processor), null, "", "cpu", cpu, "ram", "8MiB");

        // A test may come and go between two looks at the screen.
        run.Watch("third test", s => s.Split("Test #") is [_, var test, ..] && (test[0] is >= '2' and <= '9' || test.StartsWith("10", StringComparison.Ordinal)));
        Assert.Contains("Errors: 0\n", run.Screen + "\n", StringComparison.Ordinal);
        Assert.Contains("Memtest86+", run.Screen, StringComparison.Ordinal);
    }

    private sealed class MemoryTestTheoryAttribute : TheoryAttribute
    {
        public MemoryTestTheoryAttribute() => Skip = DebianFiles.Missing((DebianFiles.MemoryTest("x64"), "memtest86+"), (DebianFiles.MemoryTest("ia32"), "memtest86+"));
    }
}
