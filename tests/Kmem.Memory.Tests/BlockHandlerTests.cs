using Kmem.Abstractions;
using Xunit;

namespace Kmem.Memory.Tests;

/// <summary>Region handlers that take block transfers whole.</summary>
public sealed class BlockHandlerTests
{
    private readonly AddressSpace _space = TestSpaces.Flat();
    private readonly BlockRegisters _registers = new();

    public BlockHandlerTests() => _space.Map(new MmioRegion("blocks", 0x1000, _registers), 0x1000);

    [Fact]
    public void ABlockReachesTheHandlerInOnePiece()
    {
        Assert.Equal(AccessResult.Ok, _space.WriteBlock(0x1003, new byte[100], TestSpaces.Cpu, out int done));
        Assert.Equal(100, done);
        Assert.Equal(AccessResult.Ok, _space.ReadBlock(0x1101, new byte[9], TestSpaces.Cpu, out done));
        Assert.Equal(["write 0x3 100", "read 0x101 9"], _registers.Calls);
    }

    [Fact]
    public void ABlockThatLeavesTheRegionEndsThereForTheHandler()
    {
        byte[] bytes = new byte[16];
        Assert.Equal(AccessResult.Ok, _space.ReadBlock(0x1FF8, bytes, TestSpaces.Cpu, out int done));
        Assert.Equal(16, done);
        Assert.Equal(["read 0xff8 8"], _registers.Calls);
        Assert.Equal(0xFF, bytes[8]);
    }

    [Fact]
    public void AnErrorOfTheHandlerEndsTheBlock()
    {
        _registers.Most = 5;
        Assert.Equal(AccessResult.DeviceError, _space.WriteBlock(0x1000, new byte[16], TestSpaces.Cpu, out int done));
        Assert.Equal(5, done);
    }

    [Fact]
    public void AnObservedBusSeesSingleCycles()
    {
        var recorder = new CycleRecorder();
        _space.Observer = recorder;
        Assert.Equal(AccessResult.Ok, _space.ReadBlock(0x1000, new byte[16], TestSpaces.Cpu, out _));
        Assert.Empty(_registers.Calls);
        Assert.Equal(2, recorder.Cycles.Count);
    }

    private sealed class BlockRegisters : IBlockRegionHandler
    {
        public List<string> Calls { get; } = [];

        public int Most { get; set; } = int.MaxValue;

        public AccessResult Read(ulong offset, int width, out ulong value, in AccessAttributes attributes)
        {
            value = 0;
            return AccessResult.Ok;
        }

        public AccessResult Write(ulong offset, int width, ulong value, in AccessAttributes attributes) => AccessResult.Ok;

        public AccessResult ReadBlock(ulong offset, Span<byte> destination, in AccessAttributes attributes, out int done)
        {
            Calls.Add($"read 0x{offset:x} {destination.Length}");
            done = Math.Min(Most, destination.Length);
            return done == destination.Length ? AccessResult.Ok : AccessResult.DeviceError;
        }

        public AccessResult WriteBlock(ulong offset, ReadOnlySpan<byte> source, in AccessAttributes attributes, out int done)
        {
            Calls.Add($"write 0x{offset:x} {source.Length}");
            done = Math.Min(Most, source.Length);
            return done == source.Length ? AccessResult.Ok : AccessResult.DeviceError;
        }
    }
}
