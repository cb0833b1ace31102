using Kmem.Abstractions;
using Kmem.CharDevices.Tests.Fixtures;
using Kmem.Plugins.CharDevices.Profiles;

namespace Kmem.CharDevices.Tests;

/// <summary>The memory devices of Tru64 UNIX beyond the sentences of their manual.</summary>
public sealed class QuadwordTests
{
    private const ulong Kseg = TestMachine.Kseg, Ram = 128 << 20, RegisterAddress = Kseg + (1UL << 40) + 0x1_A000_0000;

    [Theory]
    [InlineData("dev/mem", 0UL)]
    [InlineData("dev/kmem", Kseg)]
    public void AnyRangeReadsAndWritesByteExactly(string node, ulong origin)
    {
        for (int start = 0; start < 8; start++)
        {
            for (int length = 0; length <= 24; length++)
            {
                using TestMachine machine = TestMachine.Alpha();
                var kernel = machine.Kernel("tru64-5.1");
                byte[] model = [.. Enumerable.Range(1, 48).Select(i => (byte)i)];
                machine.Poke(0x40_0000, model);
                IOpenFile file = kernel.OpenNode(node);
                var process = new TestProcess(TestProcess.AlphaLimit);
                ulong at = origin + 0x40_0000 + (ulong)start;
                Assert.Equal((CallResult)length, kernel.ReadFrom(file, process, at, (ulong)length));
                Assert.Equal(model[start..(start + length)], process.At(TestProcess.Buffer, length).ToArray());
                byte[] fresh = [.. Enumerable.Range(0x80, length).Select(i => (byte)i)];
                Assert.Equal((CallResult)length, kernel.WriteTo(file, process, at, fresh));
                fresh.CopyTo(model.AsSpan(start));
                Assert.Equal(model, machine.Peek(0x40_0000, 48));
                Assert.Equal(at + (ulong)length, file.Position);
            }
        }
    }

    [Fact]
    public void PreadReachesKernelAddresses()
    {
        using TestMachine machine = TestMachine.Alpha();
        machine.Poke(0x40_0000, 0x42);
        var kernel = machine.Kernel("tru64-5.1");
        var process = new TestProcess(TestProcess.AlphaLimit);
        Assert.Equal((CallResult)1, kernel.ReadAt(kernel.OpenNode("dev/kmem"), process, TestProcess.Buffer, 1, unchecked((long)(Kseg + 0x40_0000))));
        Assert.Equal(0x42, process.At(TestProcess.Buffer, 1)[0]);
    }

    [Fact]
    public void AnErrorAfterSomeQuadwordsIsStillAnErrorAndWhatMovedHasMoved()
    {
        using TestMachine machine = TestMachine.Alpha();
        var kernel = machine.Kernel("tru64-5.1");
        IOpenFile file = kernel.OpenNode("dev/kmem");
        Assert.Equal(Errno.EFAULT, kernel.WriteTo(file, new TestProcess(), Kseg + Ram - 8, new byte[16].Select((_, i) => (byte)(i + 1)).ToArray()).Error);
        Assert.Equal(Kseg + Ram - 8, file.Position);
        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8], machine.Peek(Ram - 8, 8));
        Assert.Equal(Errno.EFAULT, kernel.ReadFrom(file, new TestProcess(), Kseg + Ram - 8, 16).Error);
    }

    [Fact]
    public void ErrorsAreThoseOfTheFlavour()
    {
        using TestMachine machine = TestMachine.Alpha();
        var kernel = machine.Kernel("tru64-5.1", new FlavourOptions(Errors: new ErrorOptions(Unmapped: "ENXIO", UserAddress: "EPERM", ProtectedWrite: "EROFS")));
        IOpenFile file = kernel.OpenNode("dev/kmem");
        var process = new TestProcess();
        Assert.Equal(Errno.ENXIO, kernel.ReadFrom(file, process, Kseg + Ram, 8).Error);
        Assert.Equal(Errno.EPERM, kernel.ReadFrom(file, process, 0x1_2000_0000, 8).Error);
        Assert.Equal(Errno.EROFS, kernel.WriteTo(file, process, Kseg + 0x8000, 1).Error);
        Assert.Throws<MachineException>(() => machine.Kernel("tru64-5.1", new FlavourOptions(Errors: new ErrorOptions(Unmapped: "14"))));
    }

    [Fact]
    public void PartialWritesCanBeSplitOrRefused()
    {
        using TestMachine machine = TestMachine.Alpha();
        var error = machine.Kernel("tru64-5.1", new FlavourOptions(Kmem: new QuadwordOptions(PartialWrite: PartialWriteWord.Error)));
        Assert.Equal(Errno.EINVAL, error.WriteTo(error.Mem(), new TestProcess(), 0x40_0001, 1).Error);
        Assert.Equal((CallResult)8, error.WriteTo(error.Mem(), new TestProcess(), 0x40_0000, 1, 2, 3, 4, 5, 6, 7, 8));
        var split = machine.Kernel("tru64-5.1", new FlavourOptions(Kmem: new QuadwordOptions(PartialWrite: PartialWriteWord.Split)));
        Assert.Equal((CallResult)3, split.WriteTo(split.Mem(), new TestProcess(), 0x40_0001, 9, 9, 9));
        Assert.Equal([1, 9, 9, 9, 5], machine.Peek(0x40_0000, 5));
    }

    [Fact]
    public void MappingCanBeAllowed()
    {
        using TestMachine machine = TestMachine.Alpha();
        machine.Poke(0x40_0000, 0x42);
        var kernel = machine.Kernel("tru64-5.1", new FlavourOptions(Kmem: new QuadwordOptions(Mmap: MapWord.Allow)));
        Assert.Equal(Errno.None, kernel.MapAt(kernel.OpenNode("dev/kmem"), Kseg + 0x40_0000, 8192, out IMapping? mapping).Error);
        mapping!.Load(0, 8, out ulong value);
        Assert.Equal(0x42UL, value);
        Assert.Equal(Errno.EFAULT, kernel.MapAt(kernel.OpenNode("dev/kmem"), 0, 8192, out _).Error);
    }

    [Fact]
    public void RegistersCanBeTouchedInTheirOwnWidths()
    {
        using TestMachine machine = TestMachine.Alpha();
        var kernel = machine.Kernel("tru64-5.1", new FlavourOptions(Kmem: new QuadwordOptions(Device: DeviceWord.Native)));
        Assert.Equal(Errno.EIO, kernel.ReadFrom(kernel.OpenNode("dev/kmem"), new TestProcess(), RegisterAddress, 4).Error);
        Assert.Empty(machine.Registers.Log);
    }

    [Fact]
    public void WithoutADeclaredMapKsegIsTheProfiles()
    {
        using TestMachine machine = TestMachine.Alpha();
        machine.Ranges.Clear();
        machine.Poke(0x40_0000, 0x42);
        var kernel = machine.Kernel("tru64-5.1");
        var process = new TestProcess();
        Assert.Equal((CallResult)1, kernel.ReadFrom(kernel.OpenNode("dev/kmem"), process, Kseg + 0x40_0000, 1));
        Assert.Equal((CallResult)8, kernel.ReadFrom(kernel.OpenNode("dev/kmem"), process, RegisterAddress, 8));
        Assert.Equal(Errno.EFAULT, kernel.ReadFrom(kernel.OpenNode("dev/kmem"), process, 0xFFFF_FE00_0000_0000, 8).Error);
    }
}
