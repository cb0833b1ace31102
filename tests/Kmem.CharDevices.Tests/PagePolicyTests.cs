using Kmem.Abstractions;
using Kmem.CharDevices.Tests.Fixtures;
using Kmem.Plugins.CharDevices.Profiles;

namespace Kmem.CharDevices.Tests;

/// <summary>Section 5 of the Linux specification: what each page lets through. RAM reaches above 4 GiB, so that read sees all rows.</summary>
public sealed class PagePolicyTests
{
    private const long LowRam = 0x1000, LowPartly = 0x9_F000, Video = 0xB_8000, Ram = 0x20_0000, Exclusive = 0xFEB0_0000, Busy = 0xFEC0_0000, Idle = (long)TestMachine.Bar, Hole = 0x9000_0000;

    [Theory]
    [InlineData(false, false, LowRam, "real")]
    [InlineData(false, false, LowPartly, "EFAULT")]
    [InlineData(false, false, Video, "real")]
    [InlineData(false, false, Ram, "real")]
    [InlineData(false, false, Exclusive, "real")]
    [InlineData(false, false, Busy, "real")]
    [InlineData(false, false, Idle, "real")]
    [InlineData(false, false, Hole, "real")]
    [InlineData(true, false, LowRam, "zeros")]
    [InlineData(true, false, LowPartly, "zeros")]
    [InlineData(true, false, Video, "real")]
    [InlineData(true, false, Ram, "EPERM")]
    [InlineData(true, false, Exclusive, "EPERM")]
    [InlineData(true, false, Busy, "real")]
    [InlineData(true, false, Idle, "real")]
    [InlineData(true, false, Hole, "real")]
    [InlineData(true, true, LowRam, "zeros")]
    [InlineData(true, true, Video, "real")]
    [InlineData(true, true, Ram, "EPERM")]
    [InlineData(true, true, Exclusive, "EPERM")]
    [InlineData(true, true, Busy, "EPERM")]
    [InlineData(true, true, Busy + 0xFFC, "EPERM")]
    [InlineData(true, true, Busy + 0x1000, "real")]
    [InlineData(true, true, Idle, "real")]
    [InlineData(true, true, Hole, "real")]
    [InlineData(true, true, 0L, "real")]
    public void EachRow(bool strict, bool ioStrict, long address, string expected)
    {
        using TestMachine machine = TestMachine.Pc();
        Assert.Equal(expected, Answer(machine, new FlavourOptions(StrictDevmem: strict, IoStrictDevmem: ioStrict), address));
    }

    [Theory]
    [InlineData("iomem=relaxed", Exclusive, "real")]
    [InlineData("iomem=relaxed", Busy, "real")]
    [InlineData("iomem=relaxed", Ram, "EPERM")]
    [InlineData("iomem=relaxed", LowRam, "zeros")]
    [InlineData("iomem=relaxed iomem=strict", Busy, "EPERM")]
    public void TheCommandLineRelaxesClaimsButNotRam(string commandLine, long address, string expected)
    {
        using TestMachine machine = TestMachine.Pc();
        Assert.Equal(expected, Answer(machine, new FlavourOptions(Cmdline: commandLine), address));
    }

    [Fact]
    public void AClaimOfADriverCountsWithIoStrictDevmemAlone()
    {
        IReadOnlyList<ResourceRow> claims = [new(new(TestMachine.Bar + 0x10, TestMachine.Bar + 0x1F), "e1000")];
        using TestMachine first = TestMachine.Pc();
        Assert.Equal("EPERM", Answer(first, new FlavourOptions(Claims: claims), Idle));
        using TestMachine second = TestMachine.Pc();
        Assert.Equal("real", Answer(second, new FlavourOptions(Claims: claims, IoStrictDevmem: false), Idle));
    }

    [Fact]
    public void APageOfZerosAndARealOneConcatenate()
    {
        using TestMachine machine = TestMachine.Pc();
        machine.Poke(0xFFE, 1, 2, 3, 4);
        var kernel = machine.Linux();
        var process = new TestProcess();
        process.At(TestProcess.Buffer, 4).Fill(0xCC);
        Assert.Equal((CallResult)4, kernel.ReadAt(kernel.Mem(), process, TestProcess.Buffer, 4, 0xFFE));
        Assert.Equal([1, 2, 0, 0], process.At(TestProcess.Buffer, 4).ToArray());
    }

    [Fact]
    public void WithoutRowsRamIsTheMachinesRamWithoutPage0AndTheHole()
    {
        using TestMachine machine = TestMachine.Pc();
        machine.Poke(0x0, 0x53);
        machine.Poke(0x9_F000, 0x54);
        var kernel = machine.Kernel("linux-6.1-x86_64");
        var process = new TestProcess();
        kernel.ReadAt(kernel.Mem(), process, TestProcess.Buffer, 1, 0);
        Assert.Equal(0x53, process.At(TestProcess.Buffer, 1)[0]);
        kernel.ReadAt(kernel.Mem(), process, TestProcess.Buffer, 1, 0x9_F000);
        Assert.Equal(0, process.At(TestProcess.Buffer, 1)[0]);
        Assert.Equal(Errno.EPERM, kernel.ReadAt(kernel.Mem(), process, TestProcess.Buffer, 1, (128 << 20) - 1).Error);
        Assert.Equal(Errno.EFAULT, kernel.ReadAt(kernel.Mem(), process, TestProcess.Buffer, 1, 128 << 20).Error);
    }

    [Fact]
    public void WithoutRowsReservedMemoryAtTheTopIsNotRam()
    {
        using TestMachine machine = TestMachine.Pc();
        machine.Physical.AddArea(new FirmwareArea("acpi", TestMachine.RamEnd, 0x7FF_FFFF, "acpi"));
        var kernel = machine.Kernel("linux-6.1-x86_64");
        Assert.Equal(Errno.EPERM, kernel.ReadAt(kernel.Mem(), new TestProcess(), TestProcess.Buffer, 1, (long)TestMachine.RamEnd - 1).Error);
        Assert.Equal(Errno.EFAULT, kernel.ReadAt(kernel.Mem(), new TestProcess(), TestProcess.Buffer, 1, (long)TestMachine.RamEnd).Error);
    }

    private static string Answer(TestMachine machine, FlavourOptions options, long address)
    {
        IReadOnlyList<ResourceRow> rows =
        [
            .. TestMachine.PcRows,
            new(new(0xFEB0_0000, 0xFEB0_0FFF), "exclusive", Busy: true, Exclusive: true),
            new(new(0x1_0000_0000, 0x1_20FF_FFFF), "System RAM"),
        ];
        var kernel = machine.Linux(options with { Iomem = rows });
        if (address is not (LowRam or Ram or 0))
        {
            machine.Physical.Map(new MmioRegion("probe", 8, new Constant()), (ulong)address, priority: 5);
        }
        else
        {
            machine.Poke((ulong)address, 0xA5);
        }

        var process = new TestProcess();
        process.At(TestProcess.Buffer, 1).Fill(0xCC);
        CallResult result = kernel.ReadAt(kernel.Mem(), process, TestProcess.Buffer, 1, address);
        return result.IsError ? result.Error.ToString() : process.At(TestProcess.Buffer, 1)[0] switch { 0xA5 => "real", 0 => "zeros", var other => $"{other:x}" };
    }

    private sealed class Constant : IRegionHandler
    {
        public AccessResult Read(ulong offset, int width, out ulong value, in AccessAttributes attributes)
        {
            value = 0xA5A5_A5A5_A5A5_A5A5;
            return AccessResult.Ok;
        }

        public AccessResult Write(ulong offset, int width, ulong value, in AccessAttributes attributes) => AccessResult.Ok;
    }
}
