using Kmem.Abstractions;
using Kmem.Plugins.Typhoon;
using Kmem.Testing;
using Xunit;

namespace Kmem.Devices.Tests;

/// <summary>The Cchip of the 21272 as PALcode and kernel see it.</summary>
public sealed class CchipTests : IDisposable
{
    private const ulong Misc = 0x080, Dim0 = 0x200, Dim1 = 0x240, Dir0 = 0x280, Dir1 = 0x2C0, Drir = 0x300, Iic0 = 0x380, Iic1 = 0x3C0, Dim3 = 0x640, Dir2 = 0x680;
    private const ulong Revision = 0x8_0000_0000;

    private readonly TestDeviceContext _context = new();
    private readonly Cchip _chip;

    public CchipTests() => _chip = new Cchip(new CchipOptions(["cpu0", "cpu1"]), _context);

    public void Dispose() => _context.Dispose();

    [Fact]
    public void OnlyWholeQuadwordsReachARegister()
    {
        foreach (int width in (int[])[1, 2, 4])
        {
            Assert.Equal(AccessResult.Misaligned, Bank.Read(Misc, width, out _, default));
            Assert.Equal(AccessResult.Misaligned, Bank.Write(Misc, width, 0, default));
        }

        Assert.Equal(AccessResult.DecodeError, Bank.Read(0x008, 8, out _, default));
        Assert.Equal(AccessResult.DecodeError, Bank.Read(0x500, 8, out _, default));
        Assert.Equal(AccessResult.DecodeError, Bank.Write(0x800, 8, 0, default));
    }

    [Fact]
    public void AfterResetAllButTheRevisionIsZero()
    {
        ulong[] offsets =
        [
            0x000, 0x040, 0x0C0, 0x100, 0x140, 0x180, 0x1C0, 0x200, 0x240, 0x280, 0x2C0, 0x300, 0x340, 0x380, 0x3C0, 0x400, 0x440, 0x480, 0x4C0,
            0x580, 0x5C0, 0x600, 0x640, 0x680, 0x6C0, 0x700, 0x740, 0x780, 0xC00, 0xC40, 0xC80, 0xCC0,
        ];
        Assert.All(offsets, o => Assert.Equal(0UL, Read(o)));
        Assert.Equal(Revision, Read(Misc));
        Assert.Equal(offsets.Length + 1, _chip.Banks[0].Region is MmioRegion { Handler: IHasNamedRegisters names } ? names.NamedRegisters.Count : 0);
    }

    [Fact]
    public void MiscTellsEachCpuItsNumber()
    {
        Assert.Equal(Revision, Read(Misc, new BusMaster("cpu0", MasterKind.Cpu)));
        Assert.Equal(Revision | 1, Read(Misc, new BusMaster("cpu1", MasterKind.Pal)));
        Assert.Equal(Revision, Read(Misc, new BusMaster("mem", MasterKind.CharDevice)));
    }

    [Fact]
    public void DeviceRequestsReachACpuThroughItsMask()
    {
        _context.Drive("dr.55", level: true);
        Assert.Equal((1UL << 55, 0UL), (Read(Drir), Read(Dir0)));
        Assert.False(Line("device.0"));
        Write(Dim0, 1UL << 55);
        Assert.Equal(1UL << 55, Read(Dir0));
        Assert.True(Line("device.0"));
        Assert.False(Line("device.1") || Line("error.0"));
        Write(Dim1, 1UL << 55);
        Assert.True(Line("device.1"));
        _context.Drive("dr.55", level: false);
        Assert.False(Line("device.0") || Line("device.1"));
        Assert.Equal((0UL, 0UL), (Read(Dir1), Read(Drir)));
    }

    [Fact]
    public void TheUpperSixRequestsAreErrors()
    {
        Write(Dim3, ulong.MaxValue);
        _context.Drive("dr.62", level: true);
        Assert.True(Line("error.3"));
        Assert.False(Line("device.3"));
        Assert.Equal(0UL, Read(Dir2));
    }

    [Fact]
    public void ATickInterruptsEveryCpuThatIsThere()
    {
        Tick();
        Assert.Equal(Revision | 0x30, Read(Misc));
        Assert.True(Line("timer.0") && Line("timer.1"));
        Assert.False(Line("timer.2"));
        Write(Misc, 0x10);
        Assert.Equal(Revision | 0x20, Read(Misc));
        Assert.False(Line("timer.0"));
        Assert.True(Line("timer.1"));
    }

    [Fact]
    public void OnlyTheRiseOfTheTimerIsATick()
    {
        _context.Drive("timer-in", level: true);
        Write(Misc, 0x30);
        _context.Drive("timer-in", level: true);
        _context.Drive("timer-in", level: false);
        Assert.Equal(Revision, Read(Misc));
    }

    [Fact]
    public void IicLetsTicksPass()
    {
        Write(Iic0, 0xFF00_0002);
        Assert.Equal(2UL, Read(Iic0));
        Tick();
        Tick();
        Assert.False(Line("timer.0"));
        Assert.True(Line("timer.1"));
        Assert.Equal(0UL, Read(Iic0));
        Tick();
        Assert.True(Line("timer.0"));
        Assert.Equal(0x1FF_FFFFUL, Read(Iic0));
        Tick();
        Assert.Equal(0x1FF_FFFEUL, Read(Iic0));
        Assert.Equal(0x1FF_FFFCUL, Read(Iic1));
    }

    [Fact]
    public void InterprocessorRequestsSetAndClearTheirBits()
    {
        Write(Misc, 0x6000);
        Assert.Equal(Revision | 0x600, Read(Misc));
        Assert.True(Line("ipi.1") && Line("ipi.2"));
        Write(Misc, 0x200);
        Assert.Equal(Revision | 0x400, Read(Misc));
        Assert.False(Line("ipi.1"));
    }

    [Fact]
    public void TheFirstToArbitrateWins()
    {
        Write(Misc, 0x11_0000);
        Write(Misc, 0x22_0000);
        Assert.Equal(Revision | 0x31_0000, Read(Misc));
        Write(Misc, 0x100_0000);
        Assert.Equal(Revision, Read(Misc));
        Write(Misc, 0x142_0000);
        Assert.Equal(Revision | 0x42_0000, Read(Misc));
    }

    [Fact]
    public void WritesToReadOnlyRegistersVanish()
    {
        Assert.Equal(AccessResult.Ok, Bank.Write(Dir0, 8, 1, default));
        Assert.Equal(0UL, Read(Dir0));
    }

    [Fact]
    public void ArrayAddressesAreOptionsAndSurviveAReset()
    {
        using var context = new TestDeviceContext();
        var chip = new Cchip(new CchipOptions(Csc: 0x4000, Aar: [0x5005, 0x1000_5005]), context);
        chip.Reset();
        IRegionHandler bank = ((MmioRegion)chip.Banks[0].Region).Handler;
        Assert.Equal(AccessResult.Ok, bank.Read(0x140, 8, out ulong aar, default));
        Assert.Equal(AccessResult.Ok, bank.Read(0x000, 8, out ulong csc, default));
        Assert.Equal((0x1000_5005UL, 0x4000UL), (aar, csc));
    }

    [Fact]
    public void MoreThanFourCpusAreRefused()
    {
        using var context = new TestDeviceContext();
        Assert.Equal("cpus", Assert.Throws<MachineException>(() => new Cchip(new CchipOptions(["a", "b", "c", "d", "e"]), context)).Option);
    }

    private IRegionHandler Bank => ((MmioRegion)_chip.Banks[0].Region).Handler;

    private bool Line(string name) => _context.Outputs[name].Level;

    private void Tick()
    {
        _context.Drive("timer-in", level: true);
        _context.Drive("timer-in", level: false);
    }

    private ulong Read(ulong offset, BusMaster? master = null)
    {
        Assert.Equal(AccessResult.Ok, Bank.Read(offset, 8, out ulong value, master is null ? default : new AccessAttributes(master)));
        return value;
    }

    private void Write(ulong offset, ulong value) => Assert.Equal(AccessResult.Ok, Bank.Write(offset, 8, value, default));
}
