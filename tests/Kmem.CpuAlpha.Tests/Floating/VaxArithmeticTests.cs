using Kmem.Plugins.CpuAlpha.Floating;
using Xunit;

namespace Kmem.CpuAlpha.Tests.Floating;

/// <summary>VAX operations against big integers, D_floating conversions too, which no recording has.</summary>
public class VaxArithmeticTests
{
    private static readonly ulong[] Edges =
    [
        0, 0x0010_0000_0000_0000, 0x8010_0000_0000_0000, 0x7FFF_FFFF_FFFF_FFFF, 0xFFFF_FFFF_FFFF_FFFF, 0x4010_0000_0000_0000, 0xC010_0000_0000_0000,
        0x400F_FFFF_FFFF_FFFF, 0x4010_0000_0000_0001, 0x3FF0_0000_1000_0000, 0x47FF_FFFF_E000_0000, 0x3810_0000_0000_0000, 0x0080_0000_0000_0000,
    ];

    public static TheoryData<uint, bool, bool> Functions()
    {
        var all = new TheoryData<uint, bool, bool>();
        foreach (uint function in (uint[])[0x00, 0x01, 0x02, 0x03, 0x1E, 0x20, 0x21, 0x22, 0x23, 0x25, 0x26, 0x27, 0x2C, 0x2D, 0x2F, 0x3C, 0x3E, 0x10A, 0x12A])
        {
            bool isComparison = function is 0x25 or 0x26 or 0x27, isFromInteger = function is 0x3C or 0x3E;
            all.Add(function, false, false);
            if (!isComparison)
            {
                all.Add(function, true, false);
            }

            if (!isComparison && !isFromInteger)
            {
                all.Add(function, false, true);
                all.Add(function, true, true);
            }
        }

        return all;
    }

    [Theory]
    [MemberData(nameof(Functions))]
    public void ResultIsTheRoundedOne(uint function, bool chopped, bool trapping)
    {
        uint opcode = function >= 0x100 ? 0x14u : 0x15u;
        uint word = opcode << 26 | 1 << 21 | 2 << 16 | 3 | ((function & 0x3F) | (chopped ? 0u : 0x80) | (trapping ? 0x100u : 0)) << 5;
        FloatingOperation operation = FloatingDecoder.Decode(word);
        Assert.NotEqual(FloatingOperation.Illegal, operation);
        var random = new Random((int)function);
        for (int i = 0; i < 1500; i++)
        {
            (ulong a, ulong b) = (Operand(random, operation), Operand(random, operation));
            if (!VaxArithmetic.OperandsAreNumbers(operation, a, b))
            {
                continue;
            }

            VaxModel.Result expected = VaxModel.Compute(operation, a, b, chopped);
            TrapSummary wanted = expected.Raised & ~TrapSummary.Inexact & ~(trapping ? TrapSummary.None : TrapSummary.Underflow | TrapSummary.IntegerOverflow);
            FloatingUnit.Execute(word, a, b, 0, out FloatingOutcome outcome);
            Assert.True(outcome.Result == expected.Image && outcome.TrapSummary == wanted, $"{operation} of {a:x16} and {b:x16}: {outcome.Result:x16} {outcome.TrapSummary}, expected {expected.Image:x16} {wanted}");
        }
    }

    [Theory]
    [InlineData(0x8000_0000_0000_0000)]
    [InlineData(0x8000_0000_0000_0001)]
    [InlineData(0x0000_0000_0000_0001)]
    [InlineData(0x000F_FFFF_FFFF_FFFF)]
    public void ReservedOperandOrDirtyZeroIsInvalid(ulong operand)
    {
        // ADDG.
        FloatingUnit.Execute(0x15u << 26 | 1 << 21 | 2 << 16 | 3 | 0x0A0 << 5, operand, 0x4010_0000_0000_0000, 0, out FloatingOutcome outcome);
        Assert.Equal((FloatingOutcomeKind.ArithmeticTrap, TrapSummary.InvalidOperation, false), (outcome.Kind, outcome.TrapSummary, outcome.WritesResult));
    }

    private static ulong Operand(Random random, FloatingOperation operation)
    {
        if (random.Next(4) == 0)
        {
            return Edges[random.Next(Edges.Length)];
        }

        ulong fraction = (ulong)random.NextInt64() >> random.Next(12, 64) << random.Next(12) & ((1UL << 52) - 1);
        ulong exponent = random.Next(3) == 0 ? (ulong)random.Next(1, 2048) : (ulong)random.Next(1024 - 70, 1024 + 70);
        ulong image = (ulong)random.Next(2) << 63 | exponent << 52 | fraction;
        return operation is FloatingOperation.Addf or FloatingOperation.Subf or FloatingOperation.Mulf or FloatingOperation.Divf or FloatingOperation.Sqrtf ? image & 0xFFFF_FFFF_E000_0000 : image;
    }
}
