using Xunit;

namespace Kmem.Engine.Tests;

/// <summary>Interrupts, register accesses and slices: the same instruction in every mode.</summary>
public sealed unsafe class TimeTests : EngineTest
{
    private const ulong Program = 0x1000;

    [Theory]
    [MemberData(nameof(AllModes))]
    public void InterruptIsTakenWhereTheSliceEnds(string mode)
    {
        EngineBench bench = Bench(mode);
        bench.Program(Program, Code.Add(1, 1, 1), Code.Add(2, 2, 1), Code.Add(3, 3, 1), Code.Jump(Program));
        bench.Program(TestCpu.InterruptHandler, Code.Leave(c => (c.Line, c.IsEnabled) = (false, true)), Code.Jump(Program));
        bench.State->Pc = Program;
        ulong expected = 0;
        for (int i = 0; i < 200; i++)
        {
            int length = 1 + (i * 7 % 23);
            bench.Execution.Run(length);
            expected += (ulong)length;
            bench.Cpu.Line = true;
        }

        Assert.Equal(expected, bench.Execution.Executed);
        ulong count = 0;
        for (int i = 0; i < 199; i++)
        {
            count += 1 + ((ulong)i * 7 % 23);
            Assert.Equal(count, bench.Cpu.Interrupts[i].Executed);
        }
    }

    [Theory]
    [MemberData(nameof(AllModes))]
    public void InterruptOfAStoreIsTakenAtTheNextInstruction(string mode)
    {
        EngineBench bench = Bench(mode);
        bench.Program(Program, Code.Add(1, 1, 1), Code.Store(4, 1), Code.Add(2, 2, 1), Code.Add(3, 3, 1), Code.Jump(Program));
        bench.Program(TestCpu.InterruptHandler, Code.Leave(c => (c.Line, c.IsEnabled) = (false, true)), Code.Add(5, 5, 1), Code.Jump(Program + 8));
        bench.Slot(4) = EngineBench.Device;
        bench.Run(Program, 8 * 200);
        Assert.Equal((200UL, 200UL, 200UL, 200UL), (bench.Slot(1), bench.Slot(2), bench.Slot(3), bench.Slot(5)));
        Assert.Equal(200, bench.Cpu.Interrupts.Count);
        for (int i = 0; i < 200; i++)
        {
            Assert.Equal((Program + 8, (8 * (ulong)i) + 2), bench.Cpu.Interrupts[i]);
        }
    }

    [Theory]
    [MemberData(nameof(AllModes))]
    public void RegisterIsReadAtItsInstruction(string mode)
    {
        EngineBench bench = Bench(mode);
        bench.Program(Program, Code.Add(1, 1, 1), Code.Load(2, 4), Code.Count(3), Code.Store(5, 2), Code.Jump(Program));
        (bench.Slot(4), bench.Slot(5)) = (EngineBench.Device, 0x9000);
        bench.State->Pc = Program;
        for (ulong i = 0; i < 200; i++)
        {
            bench.Execution.Run(5);
            Assert.Equal(((5 * i) + 1, (5 * i) + 2, (5 * i) + 1), (bench.Slot(2), bench.Slot(3), bench.Memory(0x9000)));
        }

        Assert.Equal(200, bench.Registers.Accesses);
    }

    [Fact]
    public void TimeOfAccessesIsTheSameInAllModes()
    {
        (ulong, ulong, ulong, ulong)[][] runs = [.. Modes.Named.Keys.Select(Costly)];
        Assert.All(runs, r => Assert.Equal(runs[0], r));
    }

    [Theory]
    [MemberData(nameof(AllModes))]
    public void SliceThatADeviceShortensEndsThere(string mode)
    {
        EngineBench bench = Bench(mode);
        bench.Program(Program, Code.Add(1, 1, 1), Code.Add(2, 2, -1), Code.BranchNotZero(2, Program), Code.Call(c => bench.Execution.EndSliceAt(bench.Execution.Executed + 7)), Code.Set(2, 30), Code.Jump(Program));
        bench.Slot(2) = 30;
        bench.State->Pc = Program;
        bench.Execution.Run(100_000);

        // 90 instructions of the loop; then the call ends the slice 7 instructions after its own beginning.
        Assert.Equal(97UL, bench.Execution.Executed);
        bench.Execution.Run(100_000);
        Assert.Equal(97UL + 93, bench.Execution.Executed);
    }

    [Theory]
    [MemberData(nameof(AllModes))]
    public void CpusThatTakeTurnsSeeEachOthersStores(string mode)
    {
        EngineBench bench = Bench(mode, cpus: 2);
        bench.Program(Program, Code.Load(1, 4), Code.Add(1, 1, 1), Code.Store(4, 1), Code.Jump(Program));
        bench.Slot(4) = bench.Slot(4, cpu: 1) = 0x9000;
        bench.Executions[0].State->Pc = bench.Executions[1].State->Pc = Program;
        for (int i = 0; i < 100; i++)
        {
            bench.Executions[0].Run(40);
            bench.Executions[1].Run(8);
        }

        Assert.Equal(1200UL, bench.Memory(0x9000));
    }

    private (ulong Executed, ulong Pc, ulong Sum, ulong Accesses)[] Costly(string mode)
    {
        EngineBench bench = Bench(mode);
        bench.Cpu.Cost = 23;
        bench.Program(
            Program,
            Code.Add(1, 1, 1),
            Code.Load(2, 4),
            (ir, _) => ir.SetRegister(3, ir.Register(3) + ir.Register(2)),
            Code.Add(5, 5, 1),
            Code.Add(6, 6, -1),
            Code.BranchNotZero(6, Program),
            Code.Set(6, 5),
            Code.Jump(Program));
        (bench.Slot(4), bench.Slot(6)) = (EngineBench.Device, 3);
        bench.State->Pc = Program;
        var states = new List<(ulong, ulong, ulong, ulong)>();
        for (int i = 0; i < 400; i++)
        {
            bench.Execution.Run(1 + (i * 13 % 61));
            states.Add((bench.Execution.Executed, bench.State->Pc, bench.Slot(3), (ulong)bench.Registers.Accesses));
        }

        return [.. states];
    }
}
