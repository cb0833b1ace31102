using Kmem.Engine;
using Kmem.Fuzz.Alpha;
using Xunit;

namespace Kmem.CpuAlpha.Tests.Translation;

/// <summary>Translated code checks accesses near one base together; faults and counts must not show it.</summary>
public sealed unsafe class NearbyAccessTests
{
    private const int MemoryEntry = 2, Base = 4, Loaded = 6, Counter = 1;

    // LDQ R6,0(R4); STQ R6,displacement(R4); LDA R1,1(R1); BR to the first.
    private static readonly uint[] Loop = [0xA4C4_0000, 0xB4C4_0000, 0x2021_0001, 0xC3FF_FFFC];

    [Theory]
    [InlineData(true, AlphaBench.MemoryLength - 8, 8)]
    [InlineData(false, 0UL, -8)]
    public void TheSecondOfTwoAccessesFaultsAtItsOwnInstruction(bool isUser, ulong edge, int displacement)
    {
        (SystemEntry? entry, ulong loaded, ulong counter, ulong executed) interpreted = RunToEdge(EngineMode.Interpret, isUser, edge, displacement);
        (SystemEntry? entry, ulong loaded, ulong counter, ulong executed) translated = RunToEdge(EngineMode.Translate, isUser, edge, displacement);

        Assert.NotNull(interpreted.entry);
        Assert.Equal(MemoryEntry, interpreted.entry.Entry);
        Assert.Equal(AlphaBench.AddressOf(AlphaBench.Code, isUser) + 4, interpreted.entry.Pc);
        Assert.Equal(AlphaBench.AddressOf(edge, isUser) + (ulong)displacement, interpreted.entry.A0);
        Assert.Equal(interpreted, translated);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void AnObjectMayCrossIntoTheNextPage(bool isUser)
    {
        using AlphaBench bench = Start(EngineMode.Translate, isUser, 8);
        ulong place = AlphaBench.Data + 0x2000 - 8;
        bench.Write(place, 0x1234_5678_9ABC_DEF0);
        bench.Slot(Base) = AlphaBench.AddressOf(place, isUser);

        bench.Execution.Run(4000);

        Assert.Equal(0x1234_5678_9ABC_DEF0UL, bench.Read(place + 8));
        Assert.Equal(1100UL, bench.Slot(Counter));
    }

    private static (SystemEntry? Entry, ulong Loaded, ulong Counter, ulong Executed) RunToEdge(EngineMode mode, bool isUser, ulong edge, int displacement)
    {
        using AlphaBench bench = Start(mode, isUser, displacement);
        bench.Write(edge, 77);
        bench.Slot(Base) = AlphaBench.AddressOf(edge, isUser);
        bench.Execution.Run(2);
        return (bench.Entered(), bench.Slot(Loaded), bench.Slot(Counter), bench.Execution.Executed);
    }

    /// <summary>Runs the loop a hundred times where both accesses are in one page, so that it is translated in that mode.</summary>
    private static AlphaBench Start(EngineMode mode, bool isUser, int displacement)
    {
        var bench = new AlphaBench(new EngineOptions { Mode = mode, Verify = true });
        bench.Load(AlphaBench.Code, Loop[0], Loop[1] | (ushort)displacement, Loop[2], Loop[3]);
        bench.Start(AlphaBench.Code, isUser);
        bench.Slot(Base) = AlphaBench.AddressOf(AlphaBench.Data + 64, isUser);
        bench.Slot(Counter) = 0;
        bench.Execution.Run(400);
        Assert.Equal(mode == EngineMode.Translate, bench.IsTranslated(AlphaBench.Code, isUser));
        return bench;
    }
}
