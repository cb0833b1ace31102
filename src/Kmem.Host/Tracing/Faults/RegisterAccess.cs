using Iced.Intel;
using Kmem.Host.Tracing.Native;

namespace Kmem.Host.Tracing.Faults;

/// <summary>General registers by their x86 names and widths.</summary>
internal static class RegisterAccess
{
    /// <summary>Reads a general register of any width; segment bases for segment registers.</summary>
    public static ulong Get(in UserRegisters r, Register register)
    {
        switch (register)
        {
            case Register.None or Register.DS or Register.ES or Register.CS or Register.SS:
                return 0;
            case Register.FS:
                return r.FsBase;
            case Register.GS:
                return r.GsBase;
            case Register.RIP:
                return r.Rip;
        }

        ulong full = Full(r, register.GetFullRegister());
        return register.GetSize() switch
        {
            1 => IsHighByte(register) ? (byte)(full >> 8) : (byte)full,
            2 => (ushort)full,
            4 => (uint)full,
            _ => full,
        };
    }

    /// <summary>Writes a general register: 4 bytes clear the upper half, fewer keep the rest.</summary>
    public static void Set(ref UserRegisters r, Register register, ulong value)
    {
        Register full = register.GetFullRegister();
        ulong old = Full(r, full);
        ulong merged = register.GetSize() switch
        {
            1 when IsHighByte(register) => (old & ~0xFF00UL) | ((value & 0xFF) << 8),
            1 => (old & ~0xFFUL) | (value & 0xFF),
            2 => (old & ~0xFFFFUL) | (value & 0xFFFF),
            4 => (uint)value,
            _ => value,
        };
        switch (full)
        {
            case Register.RAX: r.Rax = merged; break;
            case Register.RCX: r.Rcx = merged; break;
            case Register.RDX: r.Rdx = merged; break;
            case Register.RBX: r.Rbx = merged; break;
            case Register.RSP: r.Rsp = merged; break;
            case Register.RBP: r.Rbp = merged; break;
            case Register.RSI: r.Rsi = merged; break;
            case Register.RDI: r.Rdi = merged; break;
            case Register.R8: r.R8 = merged; break;
            case Register.R9: r.R9 = merged; break;
            case Register.R10: r.R10 = merged; break;
            case Register.R11: r.R11 = merged; break;
            case Register.R12: r.R12 = merged; break;
            case Register.R13: r.R13 = merged; break;
            case Register.R14: r.R14 = merged; break;
            case Register.R15: r.R15 = merged; break;
        }
    }

    private static bool IsHighByte(Register register) => register is Register.AH or Register.BH or Register.CH or Register.DH;

    private static ulong Full(in UserRegisters r, Register register) => register switch
    {
        Register.RAX => r.Rax,
        Register.RCX => r.Rcx,
        Register.RDX => r.Rdx,
        Register.RBX => r.Rbx,
        Register.RSP => r.Rsp,
        Register.RBP => r.Rbp,
        Register.RSI => r.Rsi,
        Register.RDI => r.Rdi,
        Register.R8 => r.R8,
        Register.R9 => r.R9,
        Register.R10 => r.R10,
        Register.R11 => r.R11,
        Register.R12 => r.R12,
        Register.R13 => r.R13,
        Register.R14 => r.R14,
        Register.R15 => r.R15,
        _ => 0,
    };
}
