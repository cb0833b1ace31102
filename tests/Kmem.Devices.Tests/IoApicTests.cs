using Kmem.Abstractions;
using Kmem.Plugins.Interrupts;
using Kmem.Testing;
using Xunit;

namespace Kmem.Devices.Tests;

/// <summary>The I/O APIC with its bus and two local APICs that write down what they get.</summary>
public sealed class IoApicTests : IDisposable
{
    private readonly TestDeviceContext _context = new();
    private readonly ApicBus _bus;
    private readonly IoApic _apic;
    private readonly GuestBank _registers;
    private readonly RecordingApic _first = new(0), _second = new(1);

    public IoApicTests()
    {
        _bus = new ApicBus(_context);
        _bus.Attach(_first);
        _bus.Attach(_second);
        _apic = new IoApic(new IoApicOptions("apic"), _context.With("apic", _bus));
        _registers = new GuestBank(_apic, "");
    }

    public void Dispose() => _context.Dispose();

    [Fact]
    public void VersionAndIdentityReadAsLinuxExpects()
    {
        Assert.Equal(0x0017_0020UL, Read(1));
        Write(0, 0x0500_0000);
        Assert.Equal(0x0500_0000UL, Read(0));
        Assert.Equal(0x0001_0000UL, Read(0x10));
    }

    [Fact]
    public void AnEdgeSendsOneMessageToItsDestination()
    {
        Program(4, 0x0100_0000_0000_0034);
        _context.Drive("in.4", level: true);
        Assert.Equal([new InterruptMessage(0x34, InterruptDelivery.Fixed, 1)], _second.Messages);
        Assert.Empty(_first.Messages);
        _context.Drive("in.4", level: false);
        _context.Drive("in.4", level: true);
        Assert.Equal(2, _second.Messages.Count);
    }

    [Fact]
    public void AMaskedInputSendsNothing()
    {
        Program(4, 0x1_0034);
        _context.Drive("in.4", level: true);
        Assert.Empty(_first.Messages);
    }

    [Fact]
    public void ALevelIsSentAgainAtItsEndWhileItStands()
    {
        Program(10, 0x8041);
        _context.Drive("in.10", level: true);
        Assert.Equal(0xC041UL, Read(0x10 + 20));
        Assert.Single(_first.Messages);
        _bus.EndOfInterrupt(0x41);
        Assert.Equal(2, _first.Messages.Count);
        _context.Drive("in.10", level: false);
        _bus.EndOfInterrupt(0x41);
        Assert.Equal(2, _first.Messages.Count);
        Assert.Equal(0x8041UL, Read(0x10 + 20));
    }

    [Fact]
    public void UnmaskingALevelThatStandsSendsIt()
    {
        Program(11, 0x1_8042);
        _context.Drive("in.11", level: true);
        Assert.Empty(_first.Messages);
        Program(11, 0x8042);
        Assert.Single(_first.Messages);
    }

    [Fact]
    public void LowestPriorityGoesToTheIdlerOfTwo()
    {
        _first.Priority = 0x40;
        Program(5, 0xFF00_0000_0000_0135);
        _context.Drive("in.5", level: true);
        Assert.Empty(_first.Messages);
        Assert.Single(_second.Messages);
    }

    [Fact]
    public void AWriteByADeviceIntoTheBusIsAMessage()
    {
        var handler = (IRegionHandler)_bus;
        handler.Write(0x1000, 4, 0x4055, new AccessAttributes(new BusMaster("nic", MasterKind.Dma)));
        Assert.Equal([new InterruptMessage(0x55, InterruptDelivery.Fixed, 1)], _second.Messages);
    }

    private ulong Read(byte register)
    {
        _registers.Write(0, 4, register);
        return _registers.Read(0x10, 4);
    }

    private void Write(byte register, uint value)
    {
        _registers.Write(0, 4, register);
        _registers.Write(0x10, 4, value);
    }

    private void Program(int pin, ulong entry)
    {
        Write((byte)(0x11 + (2 * pin)), (uint)(entry >> 32));
        Write((byte)(0x10 + (2 * pin)), (uint)entry);
    }

    private sealed class RecordingApic(byte id) : ILocalApic
    {
        public List<InterruptMessage> Messages { get; } = [];

        public IReadOnlyList<BusMaster> Masters { get; } = [];

        public IRegionHandler Registers { get; } = new RegisterMap(width: 4, count: 1);

        public byte Priority { get; set; }

        public bool IsDestination(uint destination, bool isLogical) => destination == InterruptMessage.All || destination == id;

        public void Accept(in InterruptMessage message) => Messages.Add(message);
    }
}
