using Xunit;

namespace Kmem.Ir.Tests;

/// <summary>What the builder writes, as the printer shows it.</summary>
public class BuilderTests
{
    private const int Zero = 15;

    private readonly Builder _ir = new(IrBench.RegisterCount, Zero);

    public BuilderTests()
    {
        _ir.Clear();
        _ir.BeginInstruction(0);
    }

    private string Text() => string.Join("; ", _ir.Operations.Select(o => Printer.Print(o, IrBench.RegisterCount)));

    [Fact]
    public void ResultGoesStraightIntoItsRegister()
    {
        _ir.SetRegister(1, _ir.Register(2) + _ir.Register(3));
        Assert.Equal("s1 = Add s2, s3", Text());
    }

    [Fact]
    public void ConstantsAreFoldedAndBecomeImmediates()
    {
        _ir.SetRegister(1, _ir.Const(2) + _ir.Const(3) + _ir.Register(4));
        Assert.Equal("s1 = AddI s4, 0x5", Text());
    }

    [Fact]
    public void ZeroRegisterIsAConstantAndSwallowsWrites()
    {
        _ir.SetRegister(Zero, _ir.Register(1));
        _ir.SetRegister(2, _ir.Register(Zero));
        _ir.Conditional(Uop.CmovNe, Zero, _ir.Register(1), _ir.Register(2));
        Assert.Equal("s2 = Const 0x0", Text());
    }

    [Fact]
    public void ZeroOperandNeedsNoTemporary()
    {
        _ir.Store(Uop.Store64, _ir.Register(1), 8, _ir.Const(0));
        Assert.Equal("Store64 s1, s15, 0x8", Text());
    }

    [Fact]
    public void OtherConstantOperandIsBroughtIntoATemporary()
    {
        _ir.Store(Uop.Store8, _ir.Register(1), 0, _ir.Const(9));
        Assert.Equal("t0 = Const 0x9; Store8 s1, t0, 0x0", Text());
    }

    [Fact]
    public void TemporariesAreUsedAgainByTheNextInstruction()
    {
        _ = _ir.Load(Uop.Load8, _ir.Register(1));
        _ir.BeginInstruction(4);
        _ = _ir.Load(Uop.Load8, _ir.Register(2));
        Assert.Equal("t0 = Load8 s1, 0x0; t0 = Load8 s2, 0x0", Text());
    }

    [Fact]
    public void RegisterIsNotCopiedOntoItself()
    {
        _ir.SetRegister(1, _ir.Register(1));
        Assert.Empty(_ir.Operations);
    }

    [Fact]
    public void CountKnowsItsPlace()
    {
        _ir.Nothing();
        _ir.BeginInstruction(4);
        _ir.SetRegister(1, _ir.Count());
        _ir.BeginInstruction(8);
        _ir.Jump(12);

        // The whole block is paid for at its head: two instructions of three are still ahead.
        Assert.Equal(2UL, _ir.Finish().Operations[1].Immediate);
    }

    [Fact]
    public void BranchTellsBothWays()
    {
        _ir.Branch(Uop.BranchEq, _ir.Register(1), 0x20, 0x10);
        Assert.Equal((0x20UL, 0x10UL, true), (_ir.Target, _ir.Next, _ir.IsEnded));
    }

    [Fact]
    public void BlockWithoutTerminatorIsABugOfTheLifter() => Assert.Throws<InvalidOperationException>(() => _ir.Finish());

    [Fact]
    public void PrinterShowsAddressesAndNames()
    {
        _ir.SetRegister(1, _ir.Register(2) - _ir.Register(3));
        _ir.BeginInstruction(4);
        _ir.Branch(Uop.BranchNe, _ir.Register(1), 0, 8);
        (MicroOp[] operations, InstructionMark[] marks) = _ir.Finish();
        Assert.Equal("1000:\n    one = Sub s2, s3\n1004:\n    BranchNe one\n", Printer.Print(0x1000, operations, marks, IrBench.RegisterCount, s => s == 1 ? "one" : null));
    }

    [Fact]
    public void PrinterNamesEveryMicroOp()
    {
        foreach (Uop code in MicroOps.All.Where(u => UopTable.ShapeOf(u) is not (UopShape.Pure or UopShape.Pure3 or UopShape.Guarded or UopShape.Helper or UopShape.ExitHelper)))
        {
            string text = Printer.Print(new MicroOp { Code = code, D = 1, A = 2, B = 3, Immediate = 4 }, IrBench.RegisterCount);
            Assert.Contains(code.ToString(), text, StringComparison.Ordinal);
            Assert.Equal(UopTable.SetsD(code), text.StartsWith("s1 = ", StringComparison.Ordinal));
            Assert.Equal(UopTable.ReadsA(code), text.Contains("s2", StringComparison.Ordinal));
            Assert.Equal(UopTable.ReadsB(code), text.Contains("s3", StringComparison.Ordinal));
        }
    }
}
