using Xunit;

namespace Kmem.Ir.Tests;

/// <summary>The passes change nothing that anybody can see.</summary>
public sealed class PassesTests : IDisposable
{
    private const int Temporary = IrBench.RegisterCount;

    private readonly IrBench _bench = new();

    public void Dispose() => _bench.Dispose();

    private static MicroOp Constant(int d, ulong value) => new() { Code = Uop.Const, D = (ushort)d, Immediate = value };

    private static MicroOp Copy(int d, int a) => new() { Code = Uop.Mov, D = (ushort)d, A = (ushort)a };

    private static MicroOp Sum(int d, int a, int b) => new() { Code = Uop.Add, D = (ushort)d, A = (ushort)a, B = (ushort)b };

    private static MicroOp Jump() => new() { Code = Uop.Jump };

    [Fact]
    public void KnownOperandBecomesAnImmediate()
    {
        MicroOp[] block = [Constant(Temporary, 7), Sum(1, 2, Temporary), Jump()];
        ConstantFolding.Run(block);
        Assert.Equal((Uop.AddI, 7UL), (block[1].Code, block[1].Immediate));
    }

    [Fact]
    public void KnownOperandsBecomeAConstant()
    {
        MicroOp[] block = [Constant(1, 7), Constant(2, 8), Sum(3, 1, 2), Copy(4, 3), Jump()];
        ConstantFolding.Run(block);
        Assert.Equal((Uop.Const, 15UL), (block[2].Code, block[2].Immediate));
        Assert.Equal((Uop.Const, 15UL), (block[3].Code, block[3].Immediate));
    }

    [Fact]
    public void ConstantIsForgottenWhenItsSlotIsSet()
    {
        MicroOp[] block = [Constant(1, 7), Copy(1, 5), Sum(3, 2, 1), Jump()];
        ConstantFolding.Run(block);
        Assert.Equal(Uop.Add, block[2].Code);
    }

    [Fact]
    public void HelperMayChangeEveryConstantAndCopy()
    {
        MicroOp[] block = [Constant(1, 7), Copy(2, 3), new MicroOp { Code = Uop.Helper }, Sum(4, 5, 1), Sum(6, 2, 2), Jump()];
        ConstantFolding.Run(block);
        CopyPropagation.Run(block, [], IrBench.RegisterCount);
        Assert.Equal(Uop.Add, block[3].Code);
        Assert.Equal(2, block[4].A);
    }

    [Fact]
    public void CopyIsReadAtItsSource()
    {
        MicroOp[] block = [Copy(Temporary, 2), Sum(1, Temporary, Temporary), Jump()];
        CopyPropagation.Run(block, [], IrBench.RegisterCount);
        Assert.Equal((2, 2), ((int)block[1].A, (int)block[1].B));
    }

    [Fact]
    public void CopyEndsWhenItsSourceIsSet()
    {
        MicroOp[] block = [Copy(Temporary, 2), Constant(2, 1), Sum(1, Temporary, Temporary), Jump()];
        CopyPropagation.Run(block, [], IrBench.RegisterCount);
        Assert.Equal(Temporary, block[2].A);
    }

    [Fact]
    public void ResultThatNobodySeesIsDead()
    {
        MicroOp[] block = [Constant(1, 7), Constant(1, 8), Constant(Temporary, 9), Jump()];
        Assert.Equal([true, false, true, false], DeadStores.Find(block, [], IrBench.RegisterCount));
    }

    [Fact]
    public void FaultSeesTheRegisters()
    {
        MicroOp[] block = [Constant(1, 7), new MicroOp { Code = Uop.Load64, D = 2, A = 3 }, Constant(1, 8), Jump()];
        Assert.DoesNotContain(true, DeadStores.Find(block, [], IrBench.RegisterCount));
    }

    [Fact]
    public void ConditionalMoveReadsItsDestination()
    {
        MicroOp[] block = [Constant(1, 7), new MicroOp { Code = Uop.CmovEq, D = 1, A = 2, B = 3 }, Jump()];
        Assert.DoesNotContain(true, DeadStores.Find(block, [], IrBench.RegisterCount));
    }

    [Fact]
    public void EffectsAreNeverDropped()
    {
        foreach (Uop code in MicroOps.All.Where(UopTable.HasEffects))
        {
            MicroOp[] block = [new MicroOp { Code = code, D = 1, A = 2, B = 3 }, Constant(1, 0), Jump()];
            Assert.False(DeadStores.Find(block, [], IrBench.RegisterCount)[0], code.ToString());
        }
    }

    [Fact]
    public void MarksMoveWithWhatIsLeft()
    {
        MicroOp[] block = [Constant(Temporary, 1), Constant(1, 2), Constant(2, 3), Jump()];
        (MicroOp[] left, InstructionMark[] marks) = Optimizer.Run(block, [new(0, 0), new(1, 4), new(2, 8)], IrBench.RegisterCount);

        // An instruction of which nothing is left keeps a micro-op that does nothing.
        Assert.Equal(4, left.Length);
        Assert.Equal(Uop.Nop, left[0].Code);
        Assert.Equal([new InstructionMark(0, 0), new InstructionMark(1, 4), new InstructionMark(2, 8)], marks);
    }

    [Fact]
    public void RandomBlocksGiveTheSameRegisters()
    {
        Uop[] codes = [.. MicroOps.Computing, .. MicroOps.All.Where(u => UopTable.ShapeOf(u) == UopShape.Conditional), Uop.Const, Uop.Mov, Uop.Mov];
        for (int seed = 0; seed < 500; seed++)
        {
            var random = new Random(seed);
            var block = new MicroOp[random.Next(1, 40)];
            for (int i = 0; i < block.Length; i++)
            {
                block[i] = new MicroOp
                {
                    Code = codes[random.Next(codes.Length)],
                    D = (ushort)random.Next(20),
                    A = (ushort)random.Next(20),
                    B = (ushort)random.Next(20),
                    Immediate = MicroOps.Interesting[random.Next(MicroOps.Interesting.Count)],
                };
            }

            ulong[] expected = Run(block, seed);
            MicroOp[] optimized = Optimizer.Run([.. block, new MicroOp { Code = Uop.Stop, Immediate = 0x1000 }], [new(0, 0)], IrBench.RegisterCount).Operations;
            Assert.True(expected.SequenceEqual(Run(optimized, seed)), $"seed {seed}");
        }
    }

    private ulong[] Run(MicroOp[] block, int seed)
    {
        var random = new Random(~seed);
        for (int i = 0; i < 20; i++)
        {
            _bench.Slot(i) = MicroOps.Interesting[random.Next(MicroOps.Interesting.Count)];
        }

        _bench.Run(block, out _);
        return [.. Enumerable.Range(0, IrBench.RegisterCount).Select(i => _bench.Slot(i))];
    }
}
