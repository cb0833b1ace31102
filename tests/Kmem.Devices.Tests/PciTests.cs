using Kmem.Abstractions;
using Kmem.Plugins.Pci;
using Kmem.Testing;
using Xunit;

namespace Kmem.Devices.Tests;

/// <summary>Configuration space, sizing, decoding and configuration mechanism #1.</summary>
public sealed class PciTests : IDisposable
{
    private const int Command = 0x04;

    private readonly TestDeviceContext _context = new();
    private readonly PciRoot _root;
    private readonly PciFunction _function;

    public PciTests()
    {
        _root = new PciRoot(new PciRootOptions(), _context);
        _function = new PciFunction(
            new PciFunctionOptions(0x1234, 0x1111, 0x03_0000, Bars:
            [
                new BarOptions(0, BarWord.Mem32, 0x100_0000, Prefetchable: true, Backing: BarBacking.Ram),
                new BarOptions(1, BarWord.Io, 0x20, Fill: 0x42),
                new BarOptions(2, BarWord.Mem64, 0x1000, Fill: 0x17),
                new BarOptions(6, BarWord.Rom, 0x1_0000, Fill: 0x55),
            ]),
            _context);
        _root.Attach(new PciAddress(2, 0), "vga", _function);
    }

    public void Dispose() => _context.Dispose();

    [Theory]
    [InlineData(0x10, 0xFF00_0008u)]
    [InlineData(0x14, 0xFFFF_FFE1u)]
    [InlineData(0x18, 0xFFFF_F004u)]
    [InlineData(0x1C, 0xFFFF_FFFFu)]
    [InlineData(0x20, 0u)]
    [InlineData(0x30, 0xFFFF_0001u)]
    public void OnesWrittenToABarGiveItsSize(int register, uint mask)
    {
        _function.Configuration.Write(register, 4, uint.MaxValue);
        Assert.Equal(mask, (uint)_function.Configuration.Read(register, 4));
    }

    [Fact]
    public void ABarIsDecodedWhileItsEnableBitIsSet()
    {
        _function.Configuration.Write(0x14, 4, 0xC000);
        Assert.Equal(0xFFUL, ReadPort(0xC004));
        _function.Configuration.Write(Command, 2, 1);
        Assert.Equal(0x42UL, ReadPort(0xC004));
        _function.Configuration.Write(0x14, 4, 0xD000);
        Assert.Equal((0xFFUL, 0x42UL), (ReadPort(0xC004), ReadPort(0xD004)));
        _function.Configuration.Write(Command, 2, 0);
        Assert.Equal(0xFFUL, ReadPort(0xD004));
    }

    [Fact]
    public void TheRomNeedsItsOwnEnableBitToo()
    {
        _function.Configuration.Write(Command, 2, 2);
        _function.Configuration.Write(0x30, 4, 0xE000_0000);
        Assert.Equal(0xFFUL, ReadMemory(0xE000_0000));
        _function.Configuration.Write(0x30, 4, 0xE000_0001);
        Assert.Equal(0x55UL, ReadMemory(0xE000_0000));
    }

    [Fact]
    public void RegistersThatAreStillBeingSizedDecodeNothing()
    {
        _function.Configuration.Write(Command, 2, 3);
        _function.Configuration.Write(0x10, 4, uint.MaxValue);
        Assert.Equal(0xFFUL, ReadMemory(0xFF00_0000));
        _function.Configuration.Write(0x10, 4, 0xF000_0000);
        Assert.Equal(0UL, ReadMemory(0xF000_0000));
    }

    [Fact]
    public void MechanismOneReachesTheFunctionAndNothingElse()
    {
        Mechanism(0, 4, 0x8000_1000);
        Assert.Equal(0x1111_1234UL, Mechanism(4, 4));
        Assert.Equal((0x34UL, 0x1111UL), (Mechanism(4, 1), Mechanism(6, 2)));
        Mechanism(0, 4, 0x8000_1800);
        Assert.Equal(0xFFFF_FFFFUL, Mechanism(4, 4));
        Mechanism(0, 4, 0x0000_1000);
        Assert.Equal(0xFFFF_FFFFUL, Mechanism(4, 4));
    }

    [Fact]
    public void OnlyADoublewordReachesTheAddressLatch()
    {
        Mechanism(0, 4, 0x8000_1000);
        Mechanism(0, 1, 0xFF);
        Mechanism(0, 2, 0xFFFF);
        Assert.Equal(0x8000_1000UL, Mechanism(0, 4));
    }

    [Fact]
    public void StatusBitsAreClearedByOnes()
    {
        _function.Configuration.Set(6, 2, 0xF900);
        _function.Configuration.Write(6, 2, 0x0800);
        Assert.Equal(0xF100UL, _function.Configuration.Read(6, 2));
    }

    [Fact]
    public void ResetTakesTheBarsOffTheirSpaces()
    {
        _function.Configuration.Write(0x14, 4, 0xC000);
        _function.Configuration.Write(Command, 2, 1);
        _function.Reset();
        Assert.Equal(0xFFUL, ReadPort(0xC004));
    }

    [Fact]
    public void TwoBarsAtOnePlaceAreNoErrorAndTheLowerRegisterWins()
    {
        _function.Configuration.Write(0x10, 4, 0xF000_0000);
        _function.Configuration.Write(0x18, 4, 0xF000_0000);
        _function.Configuration.Write(Command, 2, 2);
        Assert.Equal(0UL, ReadMemory(0xF000_0000));
    }

    [Theory]
    [InlineData(0, BarWord.Mem32, 24UL)]
    [InlineData(0, BarWord.Rom, 4096UL)]
    [InlineData(5, BarWord.Mem64, 4096UL)]
    [InlineData(0, BarWord.Mem32, 1UL << 33)]
    public void ABarThatCannotBeIsRefused(int index, BarWord kind, ulong size)
    {
        var options = new PciFunctionOptions(1, 2, 3, Bars: [new BarOptions(index, kind, size)]);
        var error = Assert.Throws<MachineException>(() => new PciFunction(options, _context));
        Assert.Equal("bars.0", error.Option);
    }

    [Fact]
    public void PamRegistersSwitchTheirOverlays()
    {
        using var context = new TestDeviceContext { OverlayCounts = new Dictionary<string, int>(StringComparer.Ordinal) { ["pam"] = 12 } };
        var bridge = new HostBridge440fx(context);
        bridge.Configuration.Write(0x59, 1, 0x30);
        bridge.Configuration.Write(0x5A, 1, 0x21);
        Assert.Equal((OverlayState)3, context.Overlays["pam0"][0]);
        Assert.Equal(((OverlayState)1, (OverlayState)2), (context.Overlays["pam"][0], context.Overlays["pam"][1]));
        bridge.Reset();
        Assert.Equal((OverlayState)0, context.Overlays["pam0"][0]);
    }

    [Fact]
    public void ManagementMemoryShowsInItsModeAndWhileOpenUntilLocked()
    {
        using var context = new TestDeviceContext();
        var bridge = new HostBridge440fx(context);
        OverlayState Shown() => context.Overlays["smram"][0];
        context.Drive("smiact", true);
        Assert.Equal(OverlayState.Off, Shown());
        bridge.Configuration.Write(0x72, 1, 0x0A);
        Assert.Equal(OverlayState.On, Shown());
        context.Drive("smiact", false);
        Assert.Equal(OverlayState.Off, Shown());
        bridge.Configuration.Write(0x72, 1, 0x4A);
        Assert.Equal(OverlayState.On, Shown());
        bridge.Configuration.Write(0x72, 1, 0x5A);
        Assert.Equal((OverlayState.Off, 0x1AUL), (Shown(), bridge.Configuration.Read(0x72, 1)));
        bridge.Configuration.Write(0x72, 1, 0x4A);
        Assert.Equal((OverlayState.Off, 0x1AUL), (Shown(), bridge.Configuration.Read(0x72, 1)));
        bridge.Reset();
        Assert.Equal(0x02UL, bridge.Configuration.Read(0x72, 1));
    }

    private ulong ReadPort(ulong port) => Value(_root.Io, port, 1);

    private ulong ReadMemory(ulong address) => Value(_root.Memory, address, 1);

    private static ulong Value(IAddressSpace space, ulong address, int width)
    {
        Assert.Equal(AccessResult.Ok, space.Read(address, width, out ulong value, default));
        return value;
    }

    private ulong Mechanism(ulong offset, int width)
    {
        Assert.Equal(AccessResult.Ok, ((MmioRegion)_root.Banks[0].Region).Handler.Read(offset, width, out ulong value, default));
        return value;
    }

    private void Mechanism(ulong offset, int width, ulong value) =>
        Assert.Equal(AccessResult.Ok, ((MmioRegion)_root.Banks[0].Region).Handler.Write(offset, width, value, default));
}
