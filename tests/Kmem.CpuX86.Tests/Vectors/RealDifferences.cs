using Iced.Intel;

namespace Kmem.CpuX86.Tests.Vectors;

/// <summary>The reviewed list of what an 80286 does and a 386 or later does otherwise, by its manual; README.md beside it has the counts.</summary>
/// <remarks>Source: Intel 386 DX Programmer's Reference Manual, 14.7 "Differences from 8086 Processor", 14.8 "Differences From 80286 Real-Address Mode" and the pages of the instructions named; Intel SDM volume 2, and volume 3, 20.1.4 and 22.</remarks>
internal static class RealDifferences
{
    private const int InvalidOpcode = 6;
    private const int CoprocessorOverrun = 9;
    private const int StackFault = 12;
    private const int GeneralProtection = 13;

    private const ulong SignZeroParity = 0xC4;

    /// <summary>How a case must end on this CPU otherwise than recorded; null where it must not.</summary>
    public static RealDifference? Find(RealCase test)
    {
        byte[] bytes = test.Bytes;
        Instruction instruction = Decode(bytes, DecoderOptions.NoInvalidCheck);
        if (Array.Exists(Prefixes(bytes), b => b is >= 0x64 and <= 0x67))
        {
            return new RealDifference("left out: 64h to 67h are prefixes since the 386", IsLeftOut: true);
        }

        if (Prefixes(bytes).Contains((byte)0xF0) && Decode(bytes, DecoderOptions.None).IsInvalid && test.Exception != InvalidOpcode)
        {
            return Fault(test, "LOCK before what can't be locked: #UD since the 386, before any other exception", InvalidOpcode);
        }

        if (bytes.Length - 1 > 10)
        {
            return new RealDifference("left out: more than 10 bytes are exception 13 on the 286 only; the limit is 15 bytes since the 386", IsLeftOut: true);
        }

        if (instruction.Mnemonic == Mnemonic.Mov && (instruction.Op0Register is Register.FS or Register.GS || instruction.Op1Register is Register.FS or Register.GS))
        {
            return new RealDifference("left out: FS and GS, #UD on the 286, are there since the 386", IsLeftOut: true);
        }

        if (IsCoprocessorStore(bytes, instruction))
        {
            return new RealDifference("left out: a coprocessor stores; the recorded machine had none", IsLeftOut: true);
        }

        if (test.Exception == 0 && instruction.Mnemonic == Mnemonic.Aam)
        {
            return new RealDifference("AAM 0: the 286 sets SF, ZF and PF before #DE; they are undefined without a result", Flags: SignZeroParity);
        }

        return test.Exception switch
        {
            GeneralProtection => FindLimit(test, instruction),
            CoprocessorOverrun when Crossing(test, instruction) is { } vector =>
                Fault(test, "a coprocessor operand beyond offset FFFFh: exception 9 on the 286, 12 or 13 since the 386", vector),
            null when Crossing(test, instruction) is { } vector =>
                Fault(test, "a pointer of two words beyond offset FFFFh: the 286 wraps the second, exception 12 or 13 since the 386", vector),
            _ => null,
        };
    }

    private static RealDifference? FindLimit(RealCase test, in Instruction instruction)
    {
        if (instruction.IsStringInstruction)
        {
            return FindString(test, instruction);
        }

        const string Reason = "beyond the stack segment's limit: exception 12 since the 386, 13 before";

        // What is popped is read before the place for it is looked at; what is pushed from memory is read before the stack is.
        bool splits = SplitsStack(test, instruction);
        if (splits && instruction.Mnemonic == Mnemonic.Pop)
        {
            return Fault(test, Reason, StackFault);
        }

        if (Crossing(test, instruction) is { } vector)
        {
            return vector == StackFault ? Fault(test, Reason, vector)
                : instruction.Mnemonic == Mnemonic.Pop ? Fault(test, "POP into memory beyond offset FFFFh: the 286 has moved SP, an instruction that faults leaves it since the 386", vector) : null;
        }

        // PUSHA and LEAVE of real mode are exception 13 on all of them.
        return splits && instruction.Mnemonic is not (Mnemonic.Pusha or Mnemonic.Leave) ? Fault(test, Reason, StackFault) : null;
    }

    /// <summary>The exception of a memory operand that reaches beyond its segment; null where it does not.</summary>
    private static int? Crossing(RealCase test, Instruction instruction)
    {
        for (int i = 0; i < instruction.OpCount; i++)
        {
            if (instruction.GetOpKind(i) == OpKind.Memory && instruction.Mnemonic is not (Mnemonic.Lea or Mnemonic.Nop))
            {
                ulong offset = instruction.GetVirtualAddress(i, 0, (register, _, _) => register.IsSegmentRegister() ? 0 : test.Before(register.ToString().ToLowerInvariant())) & 0xFFFF;
                return offset + (uint)Size(instruction) > 0x10000 ? instruction.MemorySegment == Register.SS ? StackFault : GeneralProtection : null;
            }
        }

        return null;
    }

    private static int Size(in Instruction instruction) => instruction.MemorySize.GetSize();

    /// <summary>Whether one of the words that an instruction pushes or pops is split by the end of the stack segment.</summary>
    private static bool SplitsStack(RealCase test, in Instruction instruction)
    {
        int bytes = instruction.Mnemonic switch
        {
            Mnemonic.Ret => 2,
            Mnemonic.Retf => 4,
            _ => instruction.StackPointerIncrement,
        };
        ulong sp = test.Before("sp");
        bool splits = bytes > 0 ? 0xFFFF - sp < (ulong)bytes : bytes < 0 && sp + 1 <= (ulong)-bytes;
        return splits && (sp & 1) != 0;
    }

    /// <summary>A string instruction that faults: CX, SI and DI are those of the element that does.</summary>
    private static RealDifference FindString(RealCase test, in Instruction instruction)
    {
        bool usesSource = instruction.Mnemonic is Mnemonic.Movsw or Mnemonic.Lodsw or Mnemonic.Cmpsw or Mnemonic.Outsw;
        bool usesTarget = instruction.Mnemonic is Mnemonic.Movsw or Mnemonic.Stosw or Mnemonic.Cmpsw or Mnemonic.Scasw or Mnemonic.Insw;
        bool isRepeated = instruction.HasRepPrefix || instruction.HasRepnePrefix;
        ulong step = (test.Before("flags") & 0x400) != 0 ? 0xFFFEUL : 2, si = test.Before("si"), di = test.Before("di"), cx = test.Before("cx");
        for (ulong left = isRepeated ? cx : 0; !(usesSource && si == 0xFFFF) && !(usesTarget && di == 0xFFFF) && left > 1; left--)
        {
            (si, di, cx) = (usesSource ? (si + step) & 0xFFFF : si, usesTarget ? (di + step) & 0xFFFF : di, cx - 1);
        }

        bool isStack = usesSource && si == 0xFFFF && instruction.MemorySegment == Register.SS;
        RealDifference fault = Fault(test, "a string instruction beyond offset FFFFh: CX, SI and DI are those of the element since the 386", isStack ? StackFault : GeneralProtection);
        if (fault.Outcome is { } outcome)
        {
            (outcome.Registers["si"], outcome.Registers["di"], outcome.Registers["cx"]) = (si, di, cx);
        }

        return fault;
    }

    private static RealDifference Fault(RealCase test, string reason, int vector) =>
        RealOutcome.Fault(test, vector) is { } outcome ? new RealDifference(reason, outcome) : new RealDifference("left out: no room for another exception's vector or frame", IsLeftOut: true);

    private static Instruction Decode(byte[] bytes, DecoderOptions options)
    {
        var decoder = Decoder.Create(16, bytes, options);
        decoder.Decode(out Instruction instruction);
        return instruction;
    }

    private static byte[] Prefixes(byte[] bytes) => [.. bytes.TakeWhile(b => b is 0x26 or 0x2E or 0x36 or 0x3E or (>= 0x64 and <= 0x67) or 0xF0 or 0xF2 or 0xF3)];

    private static bool IsCoprocessorStore(byte[] bytes, in Instruction instruction) =>
        bytes[Prefixes(bytes).Length] is >= 0xD8 and <= 0xDF
        && (new InstructionInfoFactory().GetInfo(instruction).GetUsedMemory().Any(m => m.Access is not (OpAccess.Read or OpAccess.NoMemAccess)) || instruction.Op0Register == Register.AX);
}
