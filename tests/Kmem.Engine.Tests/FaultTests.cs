using Kmem.Ir;
using Xunit;

namespace Kmem.Engine.Tests;

/// <summary>Faults are precise: everything before the instruction has happened, nothing of it or after.</summary>
public sealed unsafe class FaultTests : EngineTest
{
    private const ulong Nowhere = 0x7000_0000;

    [Theory]
    [MemberData(nameof(AllModes))]
    public void LoadInTheMiddleOfABlock(string mode) => Check(mode, Code.Load(5, 4), TestCpu.NotMapped, Nowhere);

    [Theory]
    [MemberData(nameof(AllModes))]
    public void StoreInTheMiddleOfABlock(string mode) => Check(mode, Code.Store(4, 1), TestCpu.NotMapped, Nowhere);

    [Theory]
    [MemberData(nameof(AllModes))]
    public void MisalignedLoad(string mode) => Check(mode, Code.Load(5, 6, 3), TestCpu.Misaligned, 0x9003);

    [Theory]
    [MemberData(nameof(AllModes))]
    public void LoadThatNobodyAnswers(string mode) => Check(mode, Code.Load(5, 7), TestCpu.NoAnswer, 0x50_0000);

    [Theory]
    [MemberData(nameof(AllModes))]
    public void StoreThatNobodyAnswers(string mode) => Check(mode, Code.Store(7, 1), TestCpu.NoAnswer, 0x50_0000);

    [Theory]
    [MemberData(nameof(AllModes))]
    public void UndefinedInstruction(string mode)
    {
        EngineBench bench = Bench(mode);
        bench.Program(0x1000, Code.Add(1, 1, 1));
        bench.Program(TestCpu.FaultHandler, Code.Jump(0x1000));
        bench.Run(0x1000, 300);
        Assert.Equal(100UL, bench.Slot(1));
        Assert.All(bench.Cpu.Faults, f => Assert.Equal((TestCpu.Undefined, 0x1004UL), (f.Fault, f.Pc)));
        Assert.Equal(100, bench.Cpu.Faults.Count);
    }

    [Theory]
    [MemberData(nameof(AllModes))]
    public void FetchFromNowhereTakesAnInstructionsTime(string mode)
    {
        EngineBench bench = Bench(mode);
        bench.Cpu.Pages[0x7_0000] = ulong.MaxValue;
        bench.Slot(4) = Nowhere;
        bench.Program(0x1000, Code.Add(1, 1, 1), Code.JumpTo(4));
        bench.Program(TestCpu.FaultHandler, Code.Jump(0x1000));
        bench.Run(0x1000, 4 * 80);
        Assert.Equal((80UL, 80), (bench.Slot(1), bench.Cpu.Faults.Count));
        Assert.All(bench.Cpu.Faults, f => Assert.Equal((TestCpu.NotMapped, Nowhere, Nowhere), f));
        Assert.Equal(320UL, bench.Execution.Executed);
    }

    private void Check(string mode, Instruction faulting, int fault, ulong address)
    {
        EngineBench bench = Bench(mode);
        bench.Cpu.Pages[0x7_0000] = ulong.MaxValue;
        (bench.Slot(4), bench.Slot(6), bench.Slot(7)) = (Nowhere, 0x9000, 0x50_0000);
        bench.Slot(5) = 0x5555;
        bench.Program(0x1000, Code.Add(1, 1, 1), Code.Add(2, 2, 1), faulting, Code.Add(3, 3, 1), Code.Jump(0x1000));
        bench.Program(TestCpu.FaultHandler, Code.Add(8, 8, 1), Code.Jump(0x1000));

        // Each round is two instructions, the one that faults, and two of the handler.
        for (ulong round = 1; round <= 250; round++)
        {
            if (round == 1)
            {
                bench.State->Pc = 0x1000;
            }

            bench.Execution.Run(5);
            Assert.Equal((round, round, 0UL, round, 0x5555UL), (bench.Slot(1), bench.Slot(2), bench.Slot(3), bench.Slot(8), bench.Slot(5)));
            Assert.Equal((5 * round, 0x1000UL), (bench.Execution.Executed, bench.State->Pc));
        }

        Assert.Equal(250, bench.Cpu.Faults.Count);
        Assert.All(bench.Cpu.Faults, f => Assert.Equal((fault, 0x1008UL, address), f));
    }
}
