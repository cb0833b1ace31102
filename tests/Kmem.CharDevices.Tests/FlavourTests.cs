using Kmem.Abstractions;
using Kmem.CharDevices.Tests.Fixtures;
using Kmem.Plugins.CharDevices.Devices;
using Kmem.Plugins.CharDevices.Kernels;
using Kmem.Plugins.CharDevices.Profiles;

namespace Kmem.CharDevices.Tests;

public sealed class FlavourTests
{
    [Fact]
    public void EveryProfileThatTheKernelNamesExists()
    {
        var attribute = (KernelAttribute)Attribute.GetCustomAttribute(typeof(SimulatedKernel), typeof(KernelAttribute))!;
        Assert.Equal(attribute.Flavours, KernelProfiles.All.Select(p => p.Name));
    }

    [Theory]
    [InlineData("quiet nopat iomem=relaxed", false, false, Lockdown.None)]
    [InlineData("lockdown=confidentiality iomem=strict", true, true, Lockdown.Confidentiality)]
    [InlineData("xlockdown=integrity nopatch", true, true, Lockdown.None)]
    public void TheCommandLineIsReadWordByWord(string commandLine, bool pat, bool claims, Lockdown lockdown)
    {
        KernelProfile profile = FlavourReader.Apply(KernelProfiles.Linux61, new FlavourOptions(Cmdline: commandLine));
        Assert.Equal((pat, claims, lockdown), (profile.HasPageAttributes, profile.ChecksClaims, profile.Lockdown));
    }

    [Theory]
    [InlineData(null, null)]
    [InlineData("auto", null)]
    [InlineData("0x8000_0000", 0x8000_0000UL)]
    [InlineData("4096", 4096UL)]
    [InlineData("2GiB", 2UL << 30)]
    [InlineData("64 MiB", 64UL << 20)]
    public void HighMemoryIsAutoOrAnAddress(string? text, ulong? expected) => Assert.Equal(expected, FlavourReader.HighMemoryOf(new FlavourOptions(HighMemory: text)));

    [Theory]
    [InlineData("12x")]
    [InlineData("-1")]
    [InlineData("99999999999GiB")]
    public void AHighMemoryThatIsNoAddressIsRefused(string text)
    {
        MachineException error = Assert.Throws<MachineException>(() => FlavourReader.HighMemoryOf(new FlavourOptions(HighMemory: text)));
        Assert.Equal("high-memory", error.Option);
    }

    [Fact]
    public void TheCallerIsRootUnlessTheFlavourSaysOtherwise()
    {
        Assert.Equal(Capabilities.All, FlavourReader.CallerOf(new FlavourOptions()).Capabilities);
        Assert.Equal(Capabilities.None, FlavourReader.CallerOf(new FlavourOptions(Uid: 1000)).Capabilities);
        Credentials who = FlavourReader.CallerOf(new FlavourOptions(Uid: 1000, Caps: ["CAP_SYS_RAWIO", "fowner"]));
        Assert.Equal((1000, Capabilities.SysRawio | Capabilities.Fowner), (who.UserId, who.Capabilities));
        Assert.Equal("caps", Assert.Throws<MachineException>(() => FlavourReader.CallerOf(new FlavourOptions(Caps: ["CAP_RAWIO"]))).Option);
    }

    [Fact]
    public void BadNumbersAreRefused()
    {
        Assert.Equal("phys-bits", Assert.Throws<MachineException>(() => FlavourReader.Apply(KernelProfiles.Linux61, new FlavourOptions(PhysBits: 65))).Option);
        Assert.Equal("page-size", Assert.Throws<MachineException>(() => FlavourReader.Apply(KernelProfiles.Linux61, new FlavourOptions(PageSize: 5000))).Option);
        Assert.Equal("base", Assert.Throws<MachineException>(() => KernelProfiles.Find("linux-7")).Option);
    }

    [Fact]
    public void ANodeIsReadFromItsOptions()
    {
        using TestMachine machine = TestMachine.Pc();
        var device = new MemDevice(new MemOptions(Node: "/dev/other", Dev: "1:9", Mode: "0604", Uid: "7", Gid: "root"), machine);
        Assert.Equal(new DeviceNode("dev/other", 1, 9, 0b110_000_100, 7, 0), device.Node);
        Assert.Equal("dev", Assert.Throws<MachineException>(() => new MemDevice(new MemOptions(Dev: "1"), machine)).Option);
        Assert.Equal("mode", Assert.Throws<MachineException>(() => new MemDevice(new MemOptions(Mode: "rw"), machine)).Option);
        Assert.Equal("uid", Assert.Throws<MachineException>(() => new MemDevice(new MemOptions(Uid: "me"), machine)).Option);
    }

    [Fact]
    public void TwoKernelsInFrontOfOneDeviceKeepTheirOwnRules()
    {
        using TestMachine machine = TestMachine.Pc();
        var device = new MemDevice(new MemOptions(), machine);
        var strict = new SimulatedKernel(new FlavourOptions(Iomem: TestMachine.PcRows), new OneDevice("linux-6.1-x86_64", device, machine.Physical));
        var raw = new SimulatedKernel(new FlavourOptions(), new OneDevice("raw", device, machine.Physical));
        IOpenFile first = strict.Mem(), second = raw.Mem();
        Assert.Equal(Errno.EPERM, strict.ReadAt(first, new TestProcess(), TestProcess.Buffer, 1, 0x20_0000).Error);
        Assert.Equal((CallResult)1, raw.ReadAt(second, new TestProcess(), TestProcess.Buffer, 1, 0x20_0000));
        Assert.Equal(Errno.EPERM, strict.ReadAt(first, new TestProcess(), TestProcess.Buffer, 1, 0x20_0000).Error);
    }

    [Fact]
    public void TwoDevicesOfOneNumberAreRefused()
    {
        using TestMachine machine = TestMachine.Pc();
        var context = new OneDevice("raw", new MemDevice(new MemOptions(), machine), machine.Physical) { Second = new MemDevice(new MemOptions(Node: "dev/mem2"), machine) };
        Assert.Throws<MachineException>(() => new SimulatedKernel(new FlavourOptions(), context));
    }

    private sealed record OneDevice(string Base, CharacterDevice Device, IAddressSpace? Physical) : IKernelContext
    {
        public CharacterDevice? Second { get; init; }

        public string Flavour => Base;

        public IReadOnlyList<CharacterDevice> Devices => Second is null ? [Device] : [Device, Second];

        public void Log(LogLevel level, string message)
        {
        }
    }
}
