using Kmem.Abstractions;
using Kmem.CharDevices.Tests.Fixtures;
using Kmem.Plugins.CharDevices.Kernels;
using Kmem.Plugins.CharDevices.Profiles;

namespace Kmem.CharDevices.Tests;

/// <summary>Section 9 of the Linux specification: /dev/kmem of 4.15.</summary>
public sealed class LinuxKmemTests
{
    private const ulong Direct = 0xFFFF_8800_0000_0000, High = Direct + TestMachine.RamEnd, Vmalloc = 0xFFFF_C900_0000_0000, Text = 0xFFFF_FFFF_8100_0000, Modules = 0xFFFF_FFFF_A000_0000;

    [Fact]
    public void TheDirectMapShowsRamThatMemRefuses()
    {
        using TestMachine machine = TestMachine.Pc();
        machine.Poke(0x20_0000, 1, 2, 3, 4);
        SimulatedKernel kernel = Kernel(machine);
        var process = new TestProcess();
        IOpenFile file = kernel.OpenNode("dev/kmem");
        Assert.Equal((CallResult)4, kernel.ReadFrom(file, process, Direct + 0x20_0000, 4));
        Assert.Equal([1, 2, 3, 4], process.At(TestProcess.Buffer, 4).ToArray());
        Assert.Equal(Direct + 0x20_0004, file.Position);
        Assert.Equal((CallResult)2, kernel.WriteTo(file, process, Direct + 0x20_0000, 8, 9));
        Assert.Equal([8, 9, 3, 4], machine.Peek(0x20_0000, 4));
    }

    [Theory]
    [InlineData(0UL)]
    [InlineData(0x40_0000UL)]
    [InlineData(0x8000_0000_0000UL)]
    [InlineData(Direct - 8)]
    [InlineData(High)]
    [InlineData(Text)]
    [InlineData(0xFFFF_F000_0000_0000UL)]
    public void EverythingElseIsNoAddress(ulong address)
    {
        using TestMachine machine = TestMachine.Pc();
        SimulatedKernel kernel = Kernel(machine);
        IOpenFile file = kernel.OpenNode("dev/kmem");
        Assert.Equal(Errno.ENXIO, kernel.ReadFrom(file, new TestProcess(), address, 8).Error);
        Assert.Equal(Errno.ENXIO, kernel.WriteTo(file, new TestProcess(), address, 1, 2, 3).Error);
        Assert.Equal(address, file.Position);
    }

    [Fact]
    public void AReadOverTheEndOfTheDirectMapIsShortAndTheNextOneFails()
    {
        using TestMachine machine = TestMachine.Pc();
        SimulatedKernel kernel = Kernel(machine);
        IOpenFile file = kernel.OpenNode("dev/kmem");
        Assert.Equal((CallResult)16, kernel.ReadFrom(file, new TestProcess(), High - 16, 32));
        Assert.Equal(High, file.Position);
        Assert.Equal(Errno.ENXIO, kernel.Read(file, new TestProcess(), TestProcess.Buffer, 16).Error);
    }

    [Fact]
    public void PreadCantReachKernelAddresses()
    {
        using TestMachine machine = TestMachine.Pc();
        SimulatedKernel kernel = Kernel(machine);
        Assert.Equal(Errno.EINVAL, kernel.ReadAt(kernel.OpenNode("dev/kmem"), new TestProcess(), TestProcess.Buffer, 8, unchecked((long)Direct)).Error);
        Assert.Equal(Errno.EOVERFLOW, kernel.ReadFrom(kernel.OpenNode("dev/kmem"), new TestProcess(), 0xFFFF_FFFF_FFFF_F000, 4096).Error);
    }

    [Fact]
    public void VmallocReadsWhatIsMappedZerosInGapsAndEndsWhereNothingIs()
    {
        using TestMachine machine = TestMachine.Pc();
        machine.Ranges.Add(new KernelRange(Vmalloc, Vmalloc + 0x7FF, KernelRangeKind.Vmalloc, 0x30_0000));
        machine.Ranges.Add(new KernelRange(Vmalloc + 0x800, Vmalloc + 0xF_FFFF, KernelRangeKind.Vmalloc, null));
        machine.Poke(0x30_07FF, 0x5A);
        SimulatedKernel kernel = Kernel(machine);
        var process = new TestProcess();
        process.At(TestProcess.Buffer, 8192).Fill(0xCC);
        IOpenFile file = kernel.OpenNode("dev/kmem");
        Assert.Equal((CallResult)0x1000, kernel.ReadFrom(file, process, Vmalloc, 0x2000));
        Assert.Equal([0x5A, 0, 0], process.At(TestProcess.Buffer + 0x7FF, 3).ToArray());
        Assert.Equal(Vmalloc + 0x1000, file.Position);
        Assert.Equal((CallResult)0, kernel.Read(file, process, TestProcess.Buffer, 16));
        Assert.Equal((CallResult)3, kernel.WriteTo(file, process, Vmalloc + 0x1000, 1, 2, 3));
        Assert.Equal(Vmalloc + 0x1003, file.Position);
        Assert.Equal((CallResult)2, kernel.WriteTo(file, process, Vmalloc + 0x7FF, 0x11, 0x22));
        Assert.Equal([0x11, 0], machine.Peek(0x30_07FF, 2));
    }

    [Fact]
    public void DeviceMemoryMappedInVmallocReadsAsZeros()
    {
        using TestMachine machine = TestMachine.Pc();
        machine.Registers.Bytes[0] = 0x42;
        machine.Ranges.Add(new KernelRange(Vmalloc, Vmalloc + 0xFFF, KernelRangeKind.Vmalloc, TestMachine.Bar));
        SimulatedKernel kernel = Kernel(machine);
        var process = new TestProcess();
        Assert.Equal((CallResult)4, kernel.ReadFrom(kernel.OpenNode("dev/kmem"), process, Vmalloc, 4));
        Assert.Equal(new byte[4], process.At(TestProcess.Buffer, 4).ToArray());
        Assert.Empty(machine.Registers.Log);
    }

    [Fact]
    public void WithoutDeclaredRangesAnUnmappedModuleAreaIsEmptyAndTakesWrites()
    {
        using TestMachine machine = TestMachine.Pc();
        SimulatedKernel kernel = Kernel(machine);
        Assert.Equal((CallResult)0, kernel.ReadFrom(kernel.OpenNode("dev/kmem"), new TestProcess(), Modules, 16));
        Assert.Equal((CallResult)2, kernel.WriteTo(kernel.OpenNode("dev/kmem"), new TestProcess(), Modules, 1, 2));
    }

    [Fact]
    public void FaultingBuffers()
    {
        using TestMachine machine = TestMachine.Pc();
        SimulatedKernel kernel = Kernel(machine);
        var process = new TestProcess();
        ulong edge = TestProcess.LonelyPage + TestProcess.LonelyLength - 8;
        IOpenFile file = kernel.OpenNode("dev/kmem");
        kernel.Seek(file, unchecked((long)(Direct + 0x20_0000)), 0);
        Assert.Equal(Errno.EFAULT, kernel.Read(file, process, edge, 16).Error);
        Assert.Equal((CallResult)8, kernel.Write(file, process, edge, 16));
        Assert.Equal(Direct + 0x20_0008, file.Position);
        Assert.Equal(Errno.EFAULT, kernel.Write(file, process, 0, 16).Error);
        kernel.Seek(file, unchecked((long)Modules), 0);
        Assert.Equal(Errno.EFAULT, kernel.Write(file, process, edge, 16).Error);
    }

    [Theory]
    [InlineData(true, Direct + 0x20_0000, Errno.EPERM)]
    [InlineData(false, Direct + 0x20_0000, Errno.EINVAL)]
    [InlineData(true, Direct + TestMachine.Rom, Errno.None)]
    [InlineData(true, Text, Errno.EPERM)]
    [InlineData(true, Vmalloc, Errno.EIO)]
    [InlineData(true, Direct + 0x4000_0000, Errno.EIO)]
    public void MappingFollowsTheFrameBehindTheAddress(bool strict, ulong address, Errno expected)
    {
        using TestMachine machine = TestMachine.Pc();
        SimulatedKernel kernel = Kernel(machine, new FlavourOptions(StrictDevmem: strict));
        Assert.Equal(expected, kernel.MapAt(kernel.OpenNode("dev/kmem"), address, 4096, out IMapping? mapping).Error);
        Assert.Equal(expected == Errno.None ? TestMachine.Rom : null, mapping?.Offset);
    }

    private static SimulatedKernel Kernel(TestMachine machine, FlavourOptions? options = null) => machine.Linux(options, "linux-4.15-x86_64");
}
