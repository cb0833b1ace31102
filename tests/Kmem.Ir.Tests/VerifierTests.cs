using Xunit;

namespace Kmem.Ir.Tests;

/// <summary>What the verifier and the builder find wrong.</summary>
public class VerifierTests
{
    private const int Temporary = IrBench.RegisterCount;

    private static IReadOnlyList<string> Check(params MicroOp[] block) => Verifier.Check(block, [new(0, 0)], IrBench.RegisterCount);

    private static MicroOp Load(int d) => new() { Code = Uop.Load64, D = (ushort)d, A = 1 };

    private static MicroOp Jump() => new() { Code = Uop.Jump };

    [Fact]
    public void GoodBlockHasNoErrors() => Assert.Empty(Check(Load(Temporary), new MicroOp { Code = Uop.Mov, D = 2, A = Temporary }, Jump()));

    [Fact]
    public void MissingTerminatorIsFound() => Assert.Contains("no terminator", Assert.Single(Check(Load(2))), StringComparison.Ordinal);

    [Fact]
    public void TerminatorInTheMiddleIsFound() => Assert.Contains("in the middle", Assert.Single(Check(Jump(), Jump())), StringComparison.Ordinal);

    [Fact]
    public void UndefinedTemporaryIsFound() => Assert.Contains("t0", Assert.Single(Check(new MicroOp { Code = Uop.Mov, D = 2, A = Temporary }, Jump())), StringComparison.Ordinal);

    [Fact]
    public void TemporaryOfTheInstructionBeforeIsFound() =>
        Assert.Single(Verifier.Check([Load(Temporary), new MicroOp { Code = Uop.Mov, D = 2, A = Temporary }, Jump()], [new(0, 0), new(1, 4)], IrBench.RegisterCount));

    [Fact]
    public void FaultAfterAChangedRegisterIsFound() => Assert.Contains("may fault after", Assert.Single(Check(Load(2), Load(3), Jump())), StringComparison.Ordinal);

    [Fact]
    public void FaultInTheNextInstructionIsFine() => Assert.Empty(Verifier.Check([Load(2), Load(3), Jump()], [new(0, 0), new(1, 4)], IrBench.RegisterCount));

    [Fact]
    public void UnknownMicroOpIsFound() => Assert.Contains("no such micro-op", Check(default, Jump())[0], StringComparison.Ordinal);

    [Fact]
    public void MicroOpBeforeTheFirstInstructionIsFound() => Assert.Single(Verifier.Check([Jump()], [], IrBench.RegisterCount));

    [Fact]
    public void MarkBehindTheEndIsFound() => Assert.Single(Verifier.Check([Jump()], [new(0, 0), new(4, 4)], IrBench.RegisterCount));

    [Fact]
    public void StaleAliasIsFound()
    {
        Builder ir = Begin();
        Val before = ir.Register(1);
        ir.SetRegister(1, before + 5);
        ir.SetRegister(2, before);
        Assert.Contains("slot 1", Assert.Single(ir.StaleAliases), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void EveryWayToSetARegisterMakesAliasesStale(bool conditional)
    {
        Builder ir = Begin();
        Val before = ir.Register(1);
        if (conditional)
        {
            ir.Conditional(Uop.CmovEq, 1, ir.Register(2), ir.Register(3));
        }
        else
        {
            ir.SetRegister(1, ir.Const(3));
        }

        _ = before + ir.Register(4);
        Assert.Single(ir.StaleAliases);
    }

    [Fact]
    public void AliasTakenAnewIsFine()
    {
        Builder ir = Begin();
        ir.SetRegister(1, ir.Register(1) + 5);
        ir.SetRegister(2, ir.Register(1));
        Assert.Empty(ir.StaleAliases);
    }

    private static Builder Begin()
    {
        var ir = new Builder(IrBench.RegisterCount);
        ir.Clear();
        ir.BeginInstruction(0);
        return ir;
    }
}
