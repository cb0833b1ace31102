using Kmem.Plugins.CpuAlpha;

namespace Kmem.CpuAlpha.Tests.Vectors;

/// <summary>What a case must leave: as recorded, or by the architecture where <see cref="RecorderSlips"/> says so.</summary>
/// <param name="Signal">The signal; null for none.</param>
/// <param name="PcOffset">The signal's program counter, from the instruction in bytes.</param>
/// <param name="Registers">Slots that are named, with their values.</param>
/// <param name="Memory">The buffer; null where the case has none.</param>
internal sealed record Expectation(string? Signal, int PcOffset, IReadOnlyDictionary<int, ulong> Registers, byte[]? Memory)
{
    /// <summary>Reads a case.</summary>
    /// <param name="vector">The case.</param>
    /// <param name="link">Address of its instruction.</param>
    public static Expectation Of(VectorCase vector, ulong link)
    {
        var instruction = new AlphaInstruction(vector.Instruction);
        var registers = new Dictionary<int, ulong>();
        Add(AlphaSlots.R0, instruction.Rc, vector.Output("rc"));
        Add(AlphaSlots.R0, instruction.Ra, vector.Output("ra"));
        Add(AlphaSlots.R0, instruction.Ra, vector.Output("ra_minus_pc") is { } distance ? link + distance : null);
        Add(AlphaSlots.F0, instruction.Rc, vector.Output("fc"));
        Add(AlphaSlots.F0, instruction.Ra, vector.Output("fa"));
        if (vector.Output("fpcr") is { } control)
        {
            registers[AlphaSlots.Fpcr] = control;
        }

        return RecorderSlips.Correct(vector, instruction, new Expectation(vector.Signal, vector.PcOffset, registers, vector.OutputBytes));

        void Add(int bank, int register, ulong? value)
        {
            if (value is { } given && register != 31)
            {
                registers[bank + register] = given;
            }
        }
    }

    /// <summary>The same with another value in a floating-point register.</summary>
    public Expectation With(int register, ulong value) =>
        register == 31 ? this : this with { Registers = new Dictionary<int, ulong>(Registers) { [AlphaSlots.F0 + register] = value } };
}
