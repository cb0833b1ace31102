using Kmem.Ir;
using Xunit;

namespace Kmem.Engine.Tests;

/// <summary>Budget, counts, links and the block cache.</summary>
public sealed unsafe class DispatchTests : EngineTest
{
    [Theory]
    [MemberData(nameof(AllModes))]
    public void ExactlyTheBudgetIsExecuted(string mode)
    {
        EngineBench bench = Bench(mode);
        bench.Program(0x1000, Code.Add(1, 1, 1), Code.Add(2, 2, 2), Code.Add(3, 3, 3), Code.Jump(0x1000));
        bench.State->Pc = 0x1000;
        ulong total = 0;
        for (int i = 0; i < 300; i++)
        {
            ulong budget = (ulong)(i % 37) + 1;
            bench.Execution.Run((long)budget);
            total += budget;
            Assert.Equal(total, bench.Execution.Executed);
            Assert.Equal(((total + 3) / 4, 2 * ((total + 2) / 4), 3 * ((total + 1) / 4)), (bench.Slot(1), bench.Slot(2), bench.Slot(3)));
            Assert.Equal(0x1000 + (4 * (total % 4)), bench.State->Pc);
        }
    }

    [Theory]
    [MemberData(nameof(AllModes))]
    public void CountIsTheNumberOfInstructionsBefore(string mode)
    {
        EngineBench bench = Bench(mode);
        bench.Program(0x1000, Code.Add(1, 1, 1), Code.Count(2), Code.Add(3, 3, 1), Code.Count(4), Code.Jump(0x1000));
        bench.State->Pc = 0x1000;
        for (int i = 1; i <= 200; i++)
        {
            bench.Execution.Run(5);
            Assert.Equal(((ulong)(5 * i) - 4, (ulong)(5 * i) - 2), (bench.Slot(2), bench.Slot(4)));
        }

        // With a slice that ends behind the instruction, a part of the block runs.
        bench.Execution.Run(2);
        Assert.Equal(1001UL, bench.Slot(2));
    }

    [Theory]
    [MemberData(nameof(AllModes))]
    public void NestedLoopsEndWhereTheyShould(string mode)
    {
        EngineBench bench = Bench(mode);
        bench.Program(
            0x1000,
            Code.Set(1, 50),
            Code.Set(2, 40),
            Code.Add(3, 3, 1),
            Code.Add(2, 2, -1),
            Code.BranchNotZero(2, 0x1008),
            Code.Add(1, 1, -1),
            Code.BranchNotZero(1, 0x1004),
            Code.Jump(0x101C));
        bench.Run(0x1000, 100_000);
        Assert.Equal((2000UL, 0x101CUL, 100_000UL), (bench.Slot(3), bench.State->Pc, bench.Execution.Executed));
    }

    [Theory]
    [MemberData(nameof(AllModes))]
    public void ComputedJumpsGoToEveryTarget(string mode)
    {
        EngineBench bench = Bench(mode);

        // More targets than a block remembers; each adds its bit and goes back.
        bench.Program(0x1000, Code.Load(2, 1), Code.Add(1, 1, 8), Code.JumpTo(2));
        const ulong Targets = CodeBlock.SuccessorCount + 3;
        for (ulong i = 0; i < Targets; i++)
        {
            ulong bit = 1UL << (int)(3 * i);
            bench.Program(0x2000 + (i * 0x40), (ir, _) => ir.SetRegister(3, ir.Register(3) + bit), Code.Jump(0x1000));
        }

        ulong expected = 0;
        for (ulong i = 0; i < 600; i++)
        {
            ulong target = (i * i) % Targets;
            bench.Memory(0x8000 + (i * 8)) = 0x2000 + (target * 0x40);
            expected += 1UL << (int)(3 * target);
        }

        bench.Slot(1) = 0x8000;
        bench.Run(0x1000, 600 * 5);
        Assert.Equal(expected, bench.Slot(3));
    }

    [Theory]
    [MemberData(nameof(AllModes))]
    public void FullCacheIsEmptiedAndFilledAnew(string mode)
    {
        using var bench = new EngineBench(Modes.Named[mode] with { BlockLimit = 8 });
        for (ulong i = 0; i < 40; i++)
        {
            bench.Program(0x1000 + (i * 0x40), Code.Add(1, 1, 1), Code.Jump(0x1000 + ((i + 1) % 40 * 0x40)));
        }

        bench.Run(0x1000, 4000);
        Assert.Equal(2000UL, bench.Slot(1));
        bench.Execution.RequestAttention();
        bench.Execution.Run(400);
        Assert.Equal(2200UL, bench.Slot(1));
        Assert.True(bench.Execution.Cache.Allocated <= 48, $"{bench.Execution.Cache.Allocated} blocks");
    }

    [Fact]
    public void HotCodeIsTranslated()
    {
        EngineBench bench = Bench("translate");
        bench.Program(0x1000, Code.Add(1, 1, 1), Code.Jump(0x1000));
        bench.Run(0x1000, 1000);
        Assert.True(bench.IsTranslated(0x1000));
        Assert.Equal(500UL, bench.Slot(1));
    }

    [Fact]
    public void InterpreterTranslatesNothing()
    {
        EngineBench bench = Bench("interpret");
        bench.Program(0x1000, Code.Add(1, 1, 1), Code.Jump(0x1000));
        bench.Run(0x1000, 10_000);
        Assert.Empty(bench.Execution.Cache.Regions);
    }

    [Fact]
    public void BadLifterIsABugThatIsReported()
    {
        EngineBench bench = Bench("interpret");
        bench.Program(0x1000, (ir, _) =>
        {
            Val old = ir.Register(1);
            ir.SetRegister(1, ir.Const(1));
            ir.SetRegister(2, old);
        });
        InvalidOperationException thrown = Assert.Throws<InvalidOperationException>(() => bench.Run(0x1000, 1));
        Assert.Contains("0x1000", thrown.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(AllModes))]
    public void StopEndsTheRunBehindTheInstruction(string mode)
    {
        EngineBench bench = Bench(mode);
        bench.Program(0x1000, Code.Add(1, 1, 1), Code.Leave(c => c.Execution.Stop(new MachineStop(StopKind.PowerOff, "off"))), Code.Add(1, 1, 1), Code.Jump(0x1000));
        bench.Run(0x1000, 100);
        Assert.Equal(("off", 1UL, 2UL, 0x1008UL), (bench.Execution.Stopped?.Message, bench.Slot(1), bench.Execution.Executed, bench.State->Pc));
    }

    [Theory]
    [MemberData(nameof(AllModes))]
    public void SleepEndsTheRunUntilTheLineRises(string mode)
    {
        EngineBench bench = Bench(mode);
        bench.Cpu.IsEnabled = false;
        bench.Program(0x1000, Code.Add(1, 1, 1), Code.Leave(c => c.Execution.Wait()), Code.Jump(0x1000));
        for (ulong i = 1; i < 50; i++)
        {
            bench.Execution.Run(i == 1 ? 0 : 100);
            bench.State->Pc = 0x1000;
            bench.Execution.Run(100);
            Assert.True(bench.Execution.IsWaiting);
            Assert.Equal(i, bench.Slot(1));
            bench.Cpu.Line = true;
            bench.Execution.Run(1);
            Assert.False(bench.Execution.IsWaiting);
            bench.Cpu.Line = false;
        }
    }

    [Theory]
    [MemberData(nameof(AllModes))]
    public void OtherModeHasCodeOfItsOwn(string mode)
    {
        EngineBench bench = Bench(mode);

        // The same word means something else in mode 1, and data there comes through the window.
        bench.Program(
            0x1000,
            (ir, pc) => ir.SetRegister(1, ir.Register(1) + ((TestCpu)((IExecutionOwner)bench.State->Managed!).Processor == bench.Cpu && bench.State->Context == 1 ? 100UL : 1UL)),
            Code.Load(3, 2),
            Code.Leave(c => c.SetMode(1 - (int)c.Execution.State->Context)),
            Code.Jump(0x1000));
        bench.Memory(0x9000) = 77;
        bench.Slot(2) = 0x9000;
        bench.Run(0x1000, 400);
        Assert.Equal((50UL * 101, 77UL), (bench.Slot(1), bench.Slot(3)));
    }
}
