using Kmem.Abstractions;
using Kmem.Ir;
using Xunit;

namespace Kmem.Engine.Tests;

/// <summary>Code that changes is executed as it stands, whoever changed it.</summary>
public sealed unsafe class SelfModifyingCodeTests : EngineTest
{
    private const ulong Program = 0x1000, Data = 0x8000;

    [Theory]
    [MemberData(nameof(AllModes))]
    public void StoreIntoTheNextInstructionOfTheSameBlock(string mode)
    {
        EngineBench bench = Bench(mode);
        (uint one, uint hundred) = (bench.Cpu.Add(Code.Add(1, 1, 1)), bench.Cpu.Add(Code.Add(1, 1, 100)));

        // Each round takes the word from a table of two, stores it over the next instruction, and executes that.
        bench.Program(Program, Code.Load(2, 3), Code.Add(3, 3, 8), Code.Store32(4, 2), Code.Add(1, 1, 5000), Code.Jump(Program));
        (bench.Slot(3), bench.Slot(4)) = (Data, Program + 12);
        ulong expected = 0;
        for (ulong i = 0; i < 200; i++)
        {
            bool large = i % 3 == 0;
            bench.Memory(Data + (8 * i)) = large ? hundred : one;
            expected += large ? 100UL : 1;
        }

        bench.Run(Program, 200 * 5);
        Assert.Equal(expected, bench.Slot(1));
    }

    [Theory]
    [MemberData(nameof(AllModes))]
    public void StoreIntoAnotherBlock(string mode)
    {
        EngineBench bench = Bench(mode);
        (uint one, uint hundred) = (bench.Cpu.Add(Code.Add(1, 1, 1)), bench.Cpu.Add(Code.Add(1, 1, 100)));
        bench.Program(Program, Code.Load(2, 3), Code.Add(3, 3, 8), Code.Store32(4, 2), Code.Jump(0x2000));
        bench.Program(0x2000, Code.Add(1, 1, 5000), Code.Jump(Program));
        (bench.Slot(3), bench.Slot(4)) = (Data, 0x2000);
        ulong expected = 0;
        for (ulong i = 0; i < 200; i++)
        {
            bool large = i / 20 % 2 == 0;
            bench.Memory(Data + (8 * i)) = large ? hundred : one;
            expected += large ? 100UL : 1;
        }

        bench.Run(Program, 200 * 6);
        Assert.Equal(expected, bench.Slot(1));
    }

    [Theory]
    [MemberData(nameof(AllModes))]
    public void DataBesideCodeIsNoCode(string mode)
    {
        EngineBench bench = Bench(mode);
        bench.Program(Program, Code.Add(1, 1, 1), Code.Store(4, 1), Code.Load(2, 4), Code.Jump(Program));
        bench.Slot(4) = Program + 0x38;
        bench.Run(Program, 800);
        int lifted = bench.Execution.Cache.Allocated;
        bench.Execution.Run(3200);
        Assert.Equal((1000UL, 1000UL, 1000UL), (bench.Slot(1), bench.Slot(2), bench.Memory(Program + 0x38)));
        Assert.Equal(lifted, bench.Execution.Cache.Allocated);
    }

    [Theory]
    [MemberData(nameof(AllModes))]
    public void CodeThatIsWrittenAsItWasStaysLifted(string mode)
    {
        EngineBench bench = Bench(mode);
        uint one = bench.Cpu.Add(Code.Add(1, 1, 1));
        bench.Program(Program, Code.Store32(4, 2), Code.Jump(0x2000));
        bench.Program(0x2000, Code.Add(1, 1, 1), Code.Jump(Program));

        // What stands above the 32 bits that are stored is not compared.
        (bench.Slot(2), bench.Slot(4)) = (one | (0xFFUL << 32), 0x2000);
        bench.Run(Program, 800);
        int lifted = bench.Execution.Cache.Allocated;
        bench.Execution.Run(3200);
        Assert.Equal(1000UL, bench.Slot(1));
        Assert.Equal(lifted, bench.Execution.Cache.Allocated);
    }

    [Theory]
    [MemberData(nameof(AllModes))]
    public void WriteByAnotherMasterOfTheBus(string mode)
    {
        EngineBench bench = Bench(mode);
        uint hundred = bench.Cpu.Add(Code.Add(1, 1, 100));
        bench.Program(Program, Code.Add(1, 1, 1), Code.Jump(Program));
        bench.Run(Program, 200);
        Assert.Equal(100UL, bench.Slot(1));
        var dma = new AccessAttributes(new BusMaster("dma", MasterKind.Dma));
        Assert.Equal(AccessResult.Ok, bench.Space.WriteBlock(Program, BitConverter.GetBytes(hundred), dma, out _));
        bench.Execution.Run(200);
        Assert.Equal(10_100UL, bench.Slot(1));
        Assert.Equal(AccessResult.Ok, bench.Space.Write(Program, 4, 0, dma));
        bench.Program(TestCpu.FaultHandler, Code.Jump(TestCpu.FaultHandler));
        bench.Execution.Run(10);
        Assert.Equal((TestCpu.Undefined, Program), (bench.Cpu.Faults[0].Fault, bench.Cpu.Faults[0].Pc));
    }

    [Theory]
    [MemberData(nameof(AllModes))]
    public void StoreByAnotherCpu(string mode)
    {
        EngineBench bench = Bench(mode, cpus: 2);
        uint hundred = bench.Cpus[0].Add(Code.Add(1, 1, 100));
        bench.Cpus[1].Add(Code.Add(1, 1, 100));
        bench.Program(Program, Code.Add(1, 1, 1), Code.Jump(Program));
        bench.Program(0x2000, Code.Store32(4, 2), Code.Jump(0x2004));
        (bench.Slot(2, cpu: 1), bench.Slot(4, cpu: 1)) = (hundred, Program);
        bench.Run(Program, 200);
        bench.Run(0x2000, 10, cpu: 1);
        bench.Execution.Run(200);
        Assert.Equal(10_100UL, bench.Slot(1));
    }

    [Theory]
    [MemberData(nameof(AllModes))]
    public void StoreIntoALaterBlockOfTheRunningLoop(string mode)
    {
        EngineBench bench = Bench(mode);
        uint hundred = bench.Cpu.Add(Code.Add(1, 1, 100));
        bench.Program(
            Program,
            Code.Add(2, 2, -1),
            Code.BranchNotZero(2, Program + 16),
            Code.Store32(4, 5),
            Code.Jump(Program + 16),
            Code.Add(1, 1, 1),
            Code.Jump(Program));
        (bench.Slot(2), bench.Slot(4), bench.Slot(5)) = (500, Program + 16, hundred);
        bench.Run(Program, (499 * 4) + 6 + (10 * 4));
        Assert.Equal(499UL + 100 + 1000, bench.Slot(1));
    }
}
