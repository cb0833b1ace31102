using Kmem.Abstractions;
using Kmem.Ir;
using Xunit;

namespace Kmem.Engine.Tests;

/// <summary>Translations: data and code follow the mapping once it is told to.</summary>
public sealed unsafe class MappingTests : EngineTest
{
    private const ulong Program = 0x1000, Virtual = 0x60_0000, First = 0x3_0000, Second = 0x4_0000;

    [Theory]
    [MemberData(nameof(AllModes))]
    public void DataFollowsAChangedMapping(string mode)
    {
        EngineBench bench = Bench(mode);
        bench.Program(Program, Code.Load(1, 4), Code.Add(2, 2, 1), Code.Jump(Program));
        (bench.Memory(First), bench.Memory(Second)) = (111, 222);
        bench.Slot(4) = Virtual;
        Map(bench, First);
        bench.Run(Program, 300);
        Assert.Equal(111UL, bench.Slot(1));
        Map(bench, Second);
        bench.Execution.FlushTranslation(Virtual);
        bench.Execution.Run(300);
        Assert.Equal(222UL, bench.Slot(1));
        Map(bench, First);
        bench.Execution.FlushTranslations();
        bench.Execution.Run(300);
        Assert.Equal(111UL, bench.Slot(1));
    }

    [Theory]
    [MemberData(nameof(AllModes))]
    public void CodeFollowsAChangedMapping(string mode)
    {
        EngineBench bench = Bench(mode);
        bench.Program(First, Code.Add(1, 1, 1), Code.Jump(Virtual));
        bench.Program(Second, Code.Add(1, 1, 100), Code.Jump(Virtual));
        Map(bench, First);
        bench.Run(Virtual, 200);
        Assert.Equal(100UL, bench.Slot(1));
        Map(bench, Second);
        bench.Execution.FlushTranslation(Virtual);
        bench.Execution.Run(200);
        Assert.Equal(10_100UL, bench.Slot(1));
    }

    [Theory]
    [MemberData(nameof(AllModes))]
    public void CodeThatReachesAMappedPageFollowsItToo(string mode)
    {
        EngineBench bench = Bench(mode);
        ulong caller = bench.Cpu.Translate(TestCpu.Window + Program, MemoryAccess.Fetch).IsFixed ? TestCpu.Window + Program : 0;
        bench.Cpu.SetMode(1);

        // The caller's page can't move; what it jumps to can.
        bench.Program(Program, Code.Add(2, 2, 1), Code.Jump(Virtual));
        bench.Program(First, Code.Add(1, 1, 1), Code.Jump(caller));
        bench.Program(Second, Code.Add(1, 1, 100), Code.Jump(caller));
        Map(bench, First);
        bench.Run(caller, 400);
        Assert.Equal(100UL, bench.Slot(1));
        Map(bench, Second);
        bench.Execution.FlushTranslations();
        bench.Execution.Run(400);
        Assert.Equal(10_100UL, bench.Slot(1));
    }

    [Theory]
    [MemberData(nameof(AllModes))]
    public void MappingThatGoesAwayFaults(string mode)
    {
        EngineBench bench = Bench(mode);
        bench.Program(Program, Code.Load(1, 4), Code.Jump(Program));
        bench.Program(TestCpu.FaultHandler, Code.Jump(TestCpu.FaultHandler));
        bench.Slot(4) = Virtual;
        Map(bench, First);
        bench.Run(Program, 200);
        Assert.Empty(bench.Cpu.Faults);
        Map(bench, ulong.MaxValue << TestCpu.PageShift);
        bench.Cpu.Pages[Virtual >> TestCpu.PageShift] = ulong.MaxValue;
        bench.Execution.FlushTranslation(Virtual);
        bench.Execution.Run(10);
        Assert.Equal((TestCpu.NotMapped, Program, Virtual), Assert.Single(bench.Cpu.Faults));
    }

    [Theory]
    [MemberData(nameof(AllModes))]
    public void WindowAndPagesReachTheSameMemory(string mode)
    {
        EngineBench bench = Bench(mode);
        bench.Cpu.SetMode(1);
        bench.Program(Program, Code.Add(1, 1, 1), Code.Store(4, 1), Code.Load(2, 5), Code.Store(5, 2, 8), Code.Load(3, 4, 8), Code.Jump(Program));
        (bench.Slot(4), bench.Slot(5)) = (TestCpu.Window + 0x9000, 0x9000);
        bench.Run(Program, 6 * 300);
        Assert.Equal((300UL, 300UL, 300UL), (bench.Slot(1), bench.Slot(2), bench.Slot(3)));
    }

    [Theory]
    [MemberData(nameof(AllModes))]
    public void SpaceThatChangesIsSeenAnew(string mode)
    {
        EngineBench bench = Bench(mode);
        bench.Program(Program, Code.Load(1, 4), Code.Jump(Program));
        bench.Slot(4) = 0x9000;
        bench.Memory(0x9000) = 5;
        bench.Run(Program, 200);
        Assert.Equal(5UL, bench.Slot(1));
        bench.Space.Map(new MmioRegion("over", 0x1000, bench.Registers), 0x9000, priority: 10);
        bench.Execution.Run(2);
        Assert.Equal(200UL, bench.Slot(1));
    }

    [Theory]
    [MemberData(nameof(AllModes))]
    public void CodeOutsideOfRamIsLiftedEachTime(string mode)
    {
        EngineBench bench = Bench(mode);
        uint one = bench.Cpu.Add(Code.Add(1, 1, 1)), back = bench.Cpu.Add(Code.Jump(0x30_0000));
        var rom = new WordSource { Words = [one, back] };
        bench.Space.Map(new MmioRegion("rom", 0x1000, rom), 0x30_0000);
        bench.Run(0x30_0000, 100);
        Assert.Equal(50UL, bench.Slot(1));
        rom.Words[0] = bench.Cpu.Add(Code.Add(1, 1, 100));
        bench.Execution.Run(100);
        Assert.Equal(5050UL, bench.Slot(1));
        Assert.Equal(0, bench.Execution.Cache.Count);
    }

    private static void Map(EngineBench bench, ulong physical) => bench.Cpu.Pages[Virtual >> TestCpu.PageShift] = physical >> TestCpu.PageShift;

    private sealed class WordSource : IRegionHandler
    {
        public uint[] Words { get; init; } = [];

        public AccessResult Read(ulong offset, int width, out ulong value, in AccessAttributes attributes)
        {
            value = 0;
            for (int i = 0; i < width; i++)
            {
                ulong at = offset + (ulong)i;
                value |= at / 4 < (ulong)Words.Length ? (ulong)(byte)(Words[at / 4] >> (8 * (int)(at % 4))) << (8 * i) : 0;
            }

            return AccessResult.Ok;
        }

        public AccessResult Write(ulong offset, int width, ulong value, in AccessAttributes attributes) => AccessResult.Ok;
    }
}
