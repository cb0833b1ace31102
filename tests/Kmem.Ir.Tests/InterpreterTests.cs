using Xunit;

namespace Kmem.Ir.Tests;

/// <summary>The interpreter does what the kernels say, for every micro-op of the table.</summary>
public sealed unsafe class InterpreterTests : IDisposable
{
    private readonly IrBench _bench = new();

    public void Dispose() => _bench.Dispose();

    public static TheoryData<Uop> Computing() => [.. MicroOps.Computing];

    public static TheoryData<Uop> Conditions() => [.. MicroOps.All.Where(u => UopTable.ShapeOf(u) is UopShape.Branch or UopShape.Conditional)];

    [Theory]
    [MemberData(nameof(Computing))]
    public void MicroOpGivesWhatItsKernelGives(Uop code)
    {
        foreach (ulong a in MicroOps.Interesting)
        {
            foreach (ulong b in MicroOps.Interesting)
            {
                ulong immediate = UopTable.ReadsB(code) ? a ^ 5 : b;
                (_bench.Slot(1), _bench.Slot(2), _bench.Slot(3)) = (a, b, 0x5555);
                Assert.Equal(ExitReason.Indirect, _bench.Run([new MicroOp { Code = code, D = 3, A = 1, B = 2, Immediate = immediate }], out _));
                Assert.True(_bench.Slot(3) == MicroOps.Evaluate(code, a, b, immediate), $"{code} of {a:x}, {b:x}, {immediate:x} gives {_bench.Slot(3):x}");
                Assert.Equal((a, b), (_bench.Slot(1), _bench.Slot(2)));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Computing))]
    public void ResultMayReplaceAnOperand(Uop code)
    {
        (_bench.Slot(1), _bench.Slot(2)) = (0x1234_5678_9ABC, 5);
        ulong expected = MicroOps.Evaluate(code, _bench.Slot(1), _bench.Slot(2), 7);
        _bench.Run([new MicroOp { Code = code, D = 1, A = 1, B = 2, Immediate = 7 }], out _);
        Assert.Equal(expected, _bench.Slot(1));
    }

    [Theory]
    [MemberData(nameof(Conditions))]
    public void ConditionDecides(Uop code)
    {
        foreach (ulong a in MicroOps.Interesting)
        {
            bool holds = (bool)UopTable.KernelOf(code).Invoke(null, [a])!;
            (_bench.Slot(1), _bench.Slot(2), _bench.Slot(3)) = (a, 111, 222);
            ExitReason reason = _bench.Run([new MicroOp { Code = code, D = 3, A = 1, B = 2 }], out int taken);
            if (UopTable.EndsBlock(code))
            {
                Assert.Equal(ExitReason.Link, reason);
                Assert.True(taken == (holds ? 1 : 0), $"{code} of {a:x} went to successor {taken}");
                Assert.Equal(holds ? 0x200UL : 0x100, _bench.State->Pc);
            }
            else
            {
                Assert.True(_bench.Slot(3) == (holds ? 111UL : 222), $"{code} of {a:x} gives {_bench.Slot(3)}");
            }
        }
    }

    [Fact]
    public void ConstantIsStored()
    {
        _bench.Run([new MicroOp { Code = Uop.Const, D = 1, Immediate = 0xFEDC_BA98_7654_3210 }], out _);
        Assert.Equal(0xFEDC_BA98_7654_3210, _bench.Slot(1));
    }

    [Fact]
    public void JumpToWithoutALinkAsksForTheAddress()
    {
        _bench.Slot(1) = 0x4444;
        Assert.Equal(ExitReason.Indirect, _bench.Run([new MicroOp { Code = Uop.JumpTo, A = 1 }], out _));
        Assert.Equal(0x4444UL, _bench.State->Pc);
    }

    [Fact]
    public void BlockBeyondTheBudgetDoesNotBegin()
    {
        var block = new CodeBlock { Instructions = 5, Pc = 0x40 };
        _bench.State->Budget = 4;
        Assert.Equal(ExitReason.Budget, Interpreter.Run(_bench.State, &block, 12, ignoreEntry: false));
        Assert.Equal((4, 0x40UL), (_bench.State->Budget, _bench.State->Pc));
        Assert.True(_bench.State->Next == &block);
    }

    [Fact]
    public void HotBlockReportsItselfBeforeItRuns()
    {
        var block = new CodeBlock { Instructions = 1, Pc = 0x40, Executions = 8 };
        (_bench.State->Budget, _bench.State->HotThreshold) = (10, 9);
        Assert.Equal(ExitReason.Hot, Interpreter.Run(_bench.State, &block, 12, ignoreEntry: false));
        Assert.Equal(10, _bench.State->Budget);
    }

    [Fact]
    public void TranslatedBlockIsHandedBack()
    {
        var block = new CodeBlock { Instructions = 1, Pc = 0x40, Entry = 3 };
        _bench.State->Budget = 10;
        Assert.Equal(ExitReason.Compiled, Interpreter.Run(_bench.State, &block, 12, ignoreEntry: false));
    }

    [Fact]
    public void UnknownMicroOpIsABugOfKmem() =>
        Assert.Throws<InvalidOperationException>(() => _bench.Run([default], out _));
}
