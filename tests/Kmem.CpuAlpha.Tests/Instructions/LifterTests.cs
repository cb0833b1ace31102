using System.Buffers.Binary;
using System.Globalization;
using Kmem.Engine;
using Kmem.Fuzz.Alpha;
using Kmem.Ir;
using Kmem.Plugins.CpuAlpha;
using Xunit;

namespace Kmem.CpuAlpha.Tests.Instructions;

/// <summary>Lifts every instruction there is, and many that are not: what can fault comes before registers are written, no value is used too late.</summary>
public sealed class LifterTests : IDisposable
{
    private readonly AlphaBench _bench = new(new EngineOptions { Mode = EngineMode.Interpret });

    public void Dispose() => _bench.Dispose();

    public static TheoryData<string> Contexts() => ["None", "FloatingPoint", "User", "User, FloatingPoint"];

    [Theory]
    [MemberData(nameof(Contexts))]
    public void EveryInstructionIsLiftedInOrder(string mode)
    {
        AlphaContext context = Enum.Parse<AlphaContext>(mode);
        var ir = new Builder(_bench.Cpu.Model.RegisterCount, _bench.Cpu.Model.ZeroSlot);
        var code = new OneWord();
        var wrong = new List<string>();
        foreach (uint word in Words())
        {
            code.Word = word;
            ir.Clear();
            Assert.Equal(4, _bench.Cpu.Lift(ir, 0x1000, (uint)context, code, 1));
            (MicroOp[] operations, InstructionMark[] marks) = ir.Finish();
            wrong.AddRange(Verifier.Check(operations, marks, _bench.Cpu.Model.RegisterCount).Concat(ir.StaleAliases).Select(e => string.Create(CultureInfo.InvariantCulture, $"{word:x8}: {e}")));
        }

        Assert.True(wrong.Count == 0, $"{wrong.Count} errors:\n{string.Join('\n', wrong.Take(20))}");
    }

    private static IEnumerable<uint> Words()
    {
        // Rc, Rb and Ra apart, alike, and the one that is zero.
        (uint A, uint B, uint C)[] registers = [(1, 2, 3), (1, 1, 1), (1, 2, 1), (1, 2, 2), (31, 2, 3), (1, 31, 3), (1, 2, 31), (31, 31, 31)];
        for (uint opcode = 0; opcode < 64; opcode++)
        {
            foreach ((uint a, uint b, uint c) in registers)
            {
                uint word = opcode << 26 | a << 21 | b << 16 | c;
                for (uint function = 0; function < (opcode is 0x14 or 0x15 or 0x16 or 0x17 ? 2048u : opcode is >= 0x10 and <= 0x13 or 0x1C ? 256u : 1u); function++)
                {
                    yield return word | function << 5;
                }

                for (uint low = 0; low < 0x1_0000 && opcode is 0x00 or 0x18; low += opcode == 0 ? 1u : 0x400u)
                {
                    yield return (word & 0xFFFF_0000) | low;
                    if (opcode == 0 && low == 0x100)
                    {
                        break;
                    }
                }

                yield return word | 0x7FF8;
                yield return word | 0x8000;
            }
        }
    }

    private sealed class OneWord : ICodeSource
    {
        public uint Word { get; set; }

        public int Read(int offset, Span<byte> destination)
        {
            if (offset != 0)
            {
                return 0;
            }

            BinaryPrimitives.WriteUInt32LittleEndian(destination, Word);
            return 4;
        }

        public bool ReadNextPage(Span<byte> destination) => false;
    }
}
