using Kmem.Abstractions;
using Kmem.Memory;
using Kmem.Plugins.Chipset;
using Kmem.Testing;
using Xunit;

namespace Kmem.Devices.Tests;

/// <summary>The chips round the ISA bus of a PC: routing, power management, system control, debug ports.</summary>
public sealed class ChipsetTests : IDisposable
{
    private readonly TestDeviceContext _context = new();
    private readonly AccessAttributes _guest = new(new BusMaster("cpu0", MasterKind.Cpu));

    private string Sent => System.Text.Encoding.ASCII.GetString([.. _context.Backends["chardev"].Sent]);

    public void Dispose() => _context.Dispose();

    [Fact]
    public void APciInterruptGoesWhereItsRouteSays()
    {
        var bridge = new Piix3Isa(new Piix3IsaOptions(), _context);
        _context.Drive("pirq.2", level: true);
        Assert.DoesNotContain(_context.Outputs, o => o.Value.Level);
        bridge.Configuration.Write(0x62, 1, 11);
        Assert.True(_context.Outputs["irq.11"].Level);
        bridge.Configuration.Write(0x62, 1, 10);
        Assert.True(_context.Outputs["irq.10"].Level);
        Assert.False(_context.Outputs["irq.11"].Level);
        bridge.Configuration.Write(0x62, 1, 0x8A);
        Assert.False(_context.Outputs["irq.10"].Level);
    }

    [Fact]
    public void TheResetLineResetsTheMachine()
    {
        _ = new Piix3Isa(new Piix3IsaOptions(), _context);
        _context.Drive("reset", level: true);
        Assert.Equal(PowerAction.Reset, Assert.Single(_context.PowerRequests).Action);
    }

    [Fact]
    public void PowerRegistersAppearWhereSoftwarePutsThem()
    {
        (Piix4Power power, AddressSpace io) = Power();
        Assert.NotEqual("dut.acpi", io.Decode(0x608).Region?.Name);
        power.Configuration.Write(0x40, 4, 0x600);
        power.Configuration.Write(0x80, 1, 1);
        Assert.Equal("dut.acpi", io.Decode(0x608).Region?.Name);
        _context.Time.Advance(1_000_000_000);
        io.Read(0x608, 4, out ulong timer, _guest);
        Assert.Equal(3_579_545UL, timer);
        power.Configuration.Write(0x80, 1, 0);
        Assert.NotEqual("dut.acpi", io.Decode(0x608).Region?.Name);
    }

    [Fact]
    public void TheTimerRaisesTheSciWhenItsHighestBitChanges()
    {
        (Piix4Power power, AddressSpace io) = Power(0x600);
        new GuestBank(power, "apm").Write(0, 1, 0xF1);
        io.Read(0x604, 2, out ulong control, _guest);
        Assert.Equal(1UL, control);
        io.Write(0x602, 2, 1, _guest);
        _context.Time.Advance(2_343_400_000);
        Assert.False(_context.Outputs["sci"].Level);
        _context.Time.Advance(200_000);
        Assert.True(_context.Outputs["sci"].Level);
        io.Write(0x600, 2, 1, _guest);
        Assert.False(_context.Outputs["sci"].Level);
    }

    [Fact]
    public void SleepingStateFiveSwitchesTheMachineOff()
    {
        (Piix4Power _, AddressSpace io) = Power(0x600);
        io.Write(0x604, 2, 0x2001, _guest);
        PowerRequest request = Assert.Single(_context.PowerRequests);
        Assert.Equal((PowerAction.Off, 0), (request.Action, request.ExitCode));
        io.Read(0x604, 2, out ulong control, _guest);
        Assert.Equal(1UL, control);
    }

    [Fact]
    public void AnApmCommandRaisesAnSmiOnlyWhenAllowed()
    {
        (Piix4Power power, AddressSpace _) = Power();
        var apm = new GuestBank(power, "apm");
        power.Configuration.Write(0x5B, 1, 0);
        apm.Write(0, 1, 0x12);
        Assert.Equal(0, _context.Outputs["smi"].Rises);
        power.Configuration.Write(0x5B, 1, 2);
        apm.Write(0, 1, 0x12);
        Assert.Equal(1, _context.Outputs["smi"].Rises);
        Assert.Equal(0x12UL, apm.Read(0, 1));
    }

    [Fact]
    public void NobodyAnswersOnTheSmBus()
    {
        (Piix4Power power, AddressSpace io) = Power();
        power.Configuration.Write(0x90, 4, 0x700);
        io.Write(0x704, 1, 0xA1, _guest);
        io.Write(0x702, 1, 0x48, _guest);
        io.Read(0x700, 1, out ulong status, _guest);
        Assert.Equal(0x06UL, status);
        io.Write(0x700, 1, 0x06, _guest);
        io.Read(0x700, 1, out status, _guest);
        Assert.Equal(0UL, status);
    }

    [Fact]
    public void WhoeverChangedTheGateLastDecidesAboutA20()
    {
        var port = new Port92(_context);
        Assert.True(_context.Outputs["a20"].Level);
        Write(port, 0x00);
        Assert.False(_context.Outputs["a20"].Level);
        _context.Drive("kbc-a20", level: true);
        Assert.True(_context.Outputs["a20"].Level);
        Write(port, 0x01);
        Assert.Equal(1, _context.Outputs["reset"].Rises);
    }

    [Fact]
    public void TheDebugExitGivesAnOddExitCode()
    {
        var exit = new DebugExit(new DebugExitOptions(), _context);
        new GuestBank(exit, "").Write(0, 4, 0x10);
        Assert.Equal(0x21, Assert.Single(_context.PowerRequests).ExitCode);
    }

    [Fact]
    public void FirmwareFindsAndFillsTheDebugConsole()
    {
        var console = new DebugConsole(new DebugConsoleOptions(), _context);
        console.Registers.Read(0, 1, out ulong answer, _guest);
        Assert.Equal(0xE9UL, answer);
        Write(console, 'K');
        Assert.Equal("K", Sent);
    }

    [Fact]
    public void APostCodeIsALineAndMayEndTheRun()
    {
        var port = new PostPort(new PostPortOptions(End: 0xFF), _context);
        Write(port, 0x0A);
        Assert.Empty(_context.PowerRequests);
        Write(port, 0xFF);
        Assert.Equal("0A\nFF\n", Sent);
        Assert.Equal(PowerAction.Off, Assert.Single(_context.PowerRequests).Action);
    }

    [Fact]
    public void TestProgramsSetInterruptLinesAndKeepData()
    {
        var device = new TestDevice(_context);
        new GuestBank(device, "irqs").Write(4, 1, 1);
        Assert.True(_context.Outputs["irq.4"].Level);
        var data = new GuestBank(device, "data");
        data.Write(0, 4, 0x1234_5678);
        data.Write(1, 1, 0xAB);
        Assert.Equal(0x1234_AB78UL, data.Read(0, 4));
        var memory = new GuestBank(device, "memory");
        memory.Write(0x100, 8, 0x0102_0304_0506_0708);
        Assert.Equal(0x0304UL, memory.Read(0x104, 2));
    }

    [Fact]
    public void ThePrinterTakesAByteAtTheEndOfTheStrobe()
    {
        var port = new ParallelPort(new ParallelPortOptions(), _context);
        Write(port, 'x');
        port.Registers.Write(2, 1, 0x1D, _guest);
        Assert.Equal("", Sent);
        port.Registers.Write(2, 1, 0x1C, _guest);
        Assert.Equal("x", Sent);
        Assert.Equal(1, _context.Outputs["irq"].Rises);
    }

    private void Write(IHasRegisters device, ulong value) => device.Registers.Write(0, 1, value, _guest);

    private (Piix4Power Power, AddressSpace Io) Power(uint at = 0)
    {
        var power = new Piix4Power(new Piix4PowerOptions("io"), _context);
        power.Reset();
        if (at != 0)
        {
            power.Configuration.Write(0x40, 4, at);
            power.Configuration.Write(0x80, 1, 1);
        }

        return (power, _context.Spaces["io"]);
    }
}
