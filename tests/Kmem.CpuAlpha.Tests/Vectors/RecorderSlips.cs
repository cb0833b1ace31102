using Kmem.CpuAlpha.Tests.Floating;
using Kmem.Plugins.CpuAlpha;
using Kmem.Plugins.CpuAlpha.Floating;

namespace Kmem.CpuAlpha.Tests.Vectors;

/// <summary>The reviewed list of what the recorder of the vectors, QEMU 7.2 in user mode, does against the architecture; all of it VAX floating point.</summary>
/// <remarks>
/// A case is judged by the architecture only where its expectation is exactly what the slip gives; every other expectation stands as recorded.
/// <list type="number">
/// <item>A reserved operand or dirty zero: SIGILL. The architecture has the invalid-operation trap, which is a SIGFPE.</item>
/// <item>LDF and ITOFF (4.8.1, table 2-1: sign, exponent bit 7, three copies of its inverse unless the exponent is zero, the other bits, the fraction).
/// QEMU masks the low half of the longword with 22 bits in place of 14 before shifting, so that bits 16 to 21 fall into sign and exponent a second
/// time, and adds the copies to a zero exponent too, so that zero is loaded as another number.</item>
/// <item>STF: QEMU converts the address in place of the register. The recorder's buffer lay at 0x12xxxxxxx, so that it found 0x00090000 whatever was stored.</item>
/// <item>VAX arithmetic, conversions and comparisons: see <see cref="RecordedVax"/>. The architecture's values come from <see cref="VaxModel"/>, which
/// shares nothing with the CPU.</item>
/// </list>
/// With any of these in the CPU, F and G numbers would be of no use to a program.
/// </remarks>
internal static class RecorderSlips
{
    private const int Ldf = 0x20, Stf = 0x24;

    /// <summary>What the architecture expects of a case.</summary>
    public static Expectation Correct(VectorCase vector, AlphaInstruction instruction, Expectation recorded)
    {
        if (instruction.Opcode is Ldf or Stf)
        {
            return Memory(vector, instruction, recorded);
        }

        if (instruction.Opcode is not (0x14 or 0x15))
        {
            return recorded;
        }

        FloatingOperation operation = FloatingDecoder.Decode(instruction.Word);
        if (operation == FloatingOperation.Itoff && vector.Input("ra") is { } integer)
        {
            return vector.Output("fc") == SlippedF((uint)integer) ? recorded.With(instruction.Rc, ManualF((uint)integer)) : recorded;
        }

        bool isVax = operation is FloatingOperation.Sqrtf or FloatingOperation.Sqrtg or (>= FloatingOperation.Addf and <= FloatingOperation.Cvtqg);
        return isVax ? Arithmetic(vector, instruction, operation, recorded) : recorded;
    }

    private static Expectation Arithmetic(VectorCase vector, AlphaInstruction instruction, FloatingOperation operation, Expectation recorded)
    {
        if (recorded.Signal == "SIGILL")
        {
            return recorded with { Signal = "SIGFPE" };
        }

        ulong a = vector.Input("fa") ?? 0, b = vector.Input("fb") ?? 0;
        if (recorded.Signal is not null || !RecordedVax.Gives(operation, a, b, vector.Output("fc") ?? 0))
        {
            return recorded;
        }

        var qualifiers = new FloatingQualifiers(instruction.Word);
        VaxModel.Result result = VaxModel.Compute(operation, a, b, chopped: qualifiers.VaxRounding == RoundingMode.Chopped);
        TrapSummary trap = result.Raised & ~qualifiers.Ignored & ~TrapSummary.Inexact;
        Expectation right = recorded.With(instruction.Rc, result.Image);
        return trap == TrapSummary.None ? right : right with { Signal = "SIGFPE", PcOffset = 4 };
    }

    private static Expectation Memory(VectorCase vector, AlphaInstruction instruction, Expectation recorded)
    {
        const uint AddressAsF = 0x0009_0000;
        int offset = (int)(vector.Input("off") ?? 0);
        uint memory = BitConverter.ToUInt32(recorded.Memory!, offset);
        if (instruction.Opcode == Ldf)
        {
            return vector.Output("fa") == SlippedF(memory) ? recorded.With(instruction.Ra, ManualF(memory)) : recorded;
        }

        if (memory != AddressAsF)
        {
            return recorded;
        }

        // STF: sign, exponent bit 7, then the register's low seven exponent bits and the fraction's first 23; the halves change places.
        ulong image = vector.Input("fa") ?? 0;
        uint right = (uint)(image >> 32 & 0xC000_0000) | (uint)(image >> 29 & 0x3FFF_FFFF);
        byte[] bytes = [.. recorded.Memory!];
        BitConverter.TryWriteBytes(bytes.AsSpan(offset), uint.RotateLeft(right, 16));
        return recorded with { Memory = bytes };
    }

    /// <summary>LDF by the manual, field by field.</summary>
    private static ulong ManualF(uint memory)
    {
        uint swapped = uint.RotateLeft(memory, 16), exponent = (swapped >> 23) & 0xFF;
        ulong wide = exponent == 0 ? 0 : exponent >= 0x80 ? 0x400 | (exponent & 0x7F) : 0x380 | exponent;
        return ((ulong)(swapped >> 31) << 63) | (wide << 52) | ((ulong)(swapped & 0x7F_FFFF) << 29);
    }

    /// <summary>What QEMU 7.2 makes of an F_floating longword.</summary>
    private static ulong SlippedF(uint memory)
    {
        const uint ExponentTop = 0x4000, TooWide = 0x3F_FFFF;
        ulong image = ((ulong)(memory & 0xC000) << 48) | ((ulong)(memory & TooWide) << 45) | ((ulong)(memory >> 16) << 29);
        return (memory & ExponentTop) == 0 ? image | (7UL << 59) : image;
    }
}
