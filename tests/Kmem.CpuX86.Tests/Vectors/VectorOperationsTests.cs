using System.Globalization;
using System.Runtime.Intrinsics;
using Iced.Intel;
using Kmem.Plugins.CpuX86.Floating;
using Kmem.Plugins.CpuX86.Instructions;
using Kmem.Plugins.CpuX86.Vectors;
using Kmem.Testing;
using Xunit;

namespace Kmem.CpuX86.Tests.Vectors;

/// <summary>Vector instructions as a library against cases recorded on a processor, <c>tests/data/x86/sse.txt</c>.</summary>
public sealed unsafe class VectorOperationsTests
{
    [Fact]
    public void RecordedCasesGiveTheSameRegisterAndMxcsr()
    {
        string[] lines = [.. File.ReadLines(Path.Combine(SolutionFolders.TestData, "x86", "sse.txt")).Where(line => !line.StartsWith('#'))];
        string[] wrong = [.. lines.Where(line => !Holds(line))];
        Assert.True(lines.Length > 900, "the recording is not there");
        Assert.True(wrong.Length == 0, $"{wrong.Length} of {lines.Length} differ:\n{string.Join('\n', wrong.Take(10))}");
    }

    [Fact]
    public void ReciprocalsAreWithinTheManualsError()
    {
        for (uint bits = 0x3F80_0000; bits < 0x4080_0000; bits += 0x1F3)
        {
            double x = BitConverter.UInt32BitsToSingle(bits);
            double reciprocal = BitConverter.UInt32BitsToSingle(LaneConversions.Reciprocal(bits)), root = BitConverter.UInt32BitsToSingle(LaneConversions.ReciprocalRoot(bits));
            Assert.InRange((reciprocal * x) - 1, -1.5 / 4096, 1.5 / 4096);
            Assert.InRange((root * Math.Sqrt(x)) - 1, -1.5 / 4096, 1.5 / 4096);
        }
    }

    [Theory]
    [InlineData(Mnemonic.Packsswb, 0x0100_FF80_007F_0080UL, 0x8000_7FFF_0001_FFFFUL, 0u, 0x807F_01FF_7F80_7F7FUL)]
    [InlineData(Mnemonic.Punpckhbw, 0x0706_0504_0302_0100UL, 0x1716_1514_1312_1110UL, 0u, 0x1707_1606_1505_1404UL)]
    [InlineData(Mnemonic.Punpckldq, 0x1111_1111_2222_2222UL, 0x3333_3333_4444_4444UL, 0u, 0x4444_4444_2222_2222UL)]
    [InlineData(Mnemonic.Pshufw, 0UL, 0x0003_0002_0001_0000UL, 0x1Bu, 0x0000_0001_0002_0003UL)]
    [InlineData(Mnemonic.Pshufb, 0x0706_0504_0302_0100UL, 0x8008_0001_0203_0407UL, 0u, 0x0000_0001_0203_0407UL)]
    [InlineData(Mnemonic.Palignr, 0x1716_1514_1312_1110UL, 0x0706_0504_0302_0100UL, 3u, 0x1211_1007_0605_0403UL)]
    [InlineData(Mnemonic.Phaddw, 0x0004_0003_0002_0001UL, 0x0040_0030_0020_0010UL, 0u, 0x0070_0030_0007_0003UL)]
    [InlineData(Mnemonic.Psrlq, 0x8000_0000_0000_0000UL, 64UL, 0u, 0UL)]
    [InlineData(Mnemonic.Psraw, 0x8000_4000_2000_1000UL, 99UL, 0u, 0xFFFF_0000_0000_0000UL)]
    [InlineData(Mnemonic.Pinsrw, 0UL, 0x1_1234UL, 6u, 0x0000_1234_0000_0000UL)]
    public void MmxOperationsTakeHalfOfWhatXmmOnesTake(Mnemonic mnemonic, ulong d, ulong s, uint immediate, ulong expected) =>
        Assert.Equal(expected, MmxInstructions.Execute(mnemonic, d, s, immediate));

    private static bool Holds(string line)
    {
        string[] parts = line.Split(" | "), given = parts[1].Split(' '), expected = parts[2].Split(' ');
        byte[] bytes = Convert.FromHexString(given[0]);
        Instruction instruction = Decoder.Create(64, bytes).Decode();
        uint immediate = instruction.OpCount > 1 && instruction.GetOpKind(instruction.OpCount - 1) == OpKind.Immediate8 ? instruction.Immediate8 : 0U;
        uint mxcsr = (uint)Number(given[1]);
        Vector128<byte> d = Register(given[2]), s = Register(given[3]), result;
        if (VectorOperations.Integers[(int)instruction.Mnemonic] != null)
        {
            bool isCount = instruction.Op1Kind == OpKind.Immediate8 && instruction.Mnemonic is not (Mnemonic.Pslldq or Mnemonic.Psrldq);
            result = VectorOperations.Integers[(int)instruction.Mnemonic](d, isCount ? Vector128.CreateScalar((ulong)immediate).AsByte() : s, immediate);
        }
        else
        {
            FloatingContext context = LaneFormat.Context(mxcsr);
            result = VectorOperations.Floats[(int)instruction.Mnemonic](d, s, immediate, ref context);
            mxcsr |= (uint)context.Raised;
        }

        return result == Register(expected[1]) && mxcsr == (uint)Number(expected[0]);
    }

    private static Vector128<byte> Register(string text) => Vector128.Create(Number(text[16..]), Number(text[..16])).AsByte();

    private static ulong Number(string text) => ulong.Parse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
