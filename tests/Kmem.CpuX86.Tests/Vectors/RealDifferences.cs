using Iced.Intel;

namespace Kmem.CpuX86.Tests.Vectors;

/// <summary>The reviewed list of what an 80286 does and a 386 or later does otherwise, by its manual.</summary>
/// <remarks>Source: Intel 386 DX Programmer's Reference Manual, 14.7 "Differences from 8086 Processor", 14.8 "Differences From 80286 Real-Address Mode"; Intel SDM volume 3, 22.</remarks>
internal static class RealDifferences
{
    private const int GeneralProtection = 13;

    private const string SplitPointer = "ed34a2cfb4c3ead3";

    /// <summary>Why a case is not for this CPU; null where it is.</summary>
    public static string? Explain(RealCase test)
    {
        byte[] bytes = test.Bytes;
        var decoder = Decoder.Create(16, bytes);
        decoder.Decode(out Instruction instruction);
        if (bytes.Length - 1 > 10)
        {
            return "an instruction of more than 10 bytes; the limit is 15 since the 386";
        }

        if (Array.Exists(bytes[..^1], b => b is >= 0x64 and <= 0x67) && instruction.Length > 0 && HasNewPrefix(bytes))
        {
            return "64h to 67h are prefixes since the 386";
        }

        if (bytes.AsSpan().IndexOf((byte)0xF0) is >= 0 and int at && IsPrefixed(bytes, at))
        {
            return "LOCK before an instruction that can't be locked is an invalid opcode since the 386, and it costs no exception where the 286 raises one";
        }

        if (test.Exception == GeneralProtection && IsStack(instruction))
        {
            return "beyond the stack segment's limit: exception 12 since the 386, 13 before";
        }

        if (test.Exception == GeneralProtection && instruction.IsStringInstruction)
        {
            return "a string instruction that faults leaves its registers as they were since the 386";
        }

        if (instruction.Mnemonic == Mnemonic.Mov && (instruction.Op0Register is Register.FS or Register.GS || instruction.Op1Register is Register.FS or Register.GS))
        {
            return "FS and GS are there since the 386";
        }

        if (test.Exception == 0)
        {
            return "which flags a divide error pushes is undefined, and other on the 386";
        }

        if (test.Hash == SplitPointer)
        {
            return "LDS of a pointer of which the second half lies beyond the segment: exception 13 since the 386";
        }

        return IsCoprocessor(bytes) || instruction.Mnemonic == Mnemonic.Wait
            ? "the recorded machine had no 80287" : null;
    }

    private static bool IsStack(in Instruction instruction)
    {
        for (int i = 0; i < instruction.OpCount; i++)
        {
            if (instruction.GetOpKind(i) == OpKind.Memory && instruction.MemorySegment == Register.SS)
            {
                return true;
            }
        }

        return instruction.IsStackInstruction || instruction.Mnemonic is Mnemonic.Enter or Mnemonic.Leave or Mnemonic.Ret or Mnemonic.Retf or Mnemonic.Call;
    }

    private static bool HasNewPrefix(byte[] bytes)
    {
        foreach (byte prefix in bytes)
        {
            if (prefix is >= 0x64 and <= 0x67)
            {
                return true;
            }

            if (prefix is not (0x26 or 0x2E or 0x36 or 0x3E or 0xF0 or 0xF2 or 0xF3))
            {
                return false;
            }
        }

        return false;
    }

    private static bool IsCoprocessor(byte[] bytes) => Array.Find(bytes, b => b is not (0x26 or 0x2E or 0x36 or 0x3E or 0xF0 or 0xF2 or 0xF3)) is >= 0xD8 and <= 0xDF;

    private static bool IsPrefixed(byte[] bytes, int at) => Array.TrueForAll(bytes[..at], b => b is 0x26 or 0x2E or 0x36 or 0x3E or 0xF2 or 0xF3);
}
