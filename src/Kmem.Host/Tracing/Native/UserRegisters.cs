using System.Runtime.InteropServices;

namespace Kmem.Host.Tracing.Native;

/// <summary>The registers of a thread as PTRACE_GETREGS gives them: struct user_regs_struct of x86-64.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct UserRegisters
{
    public ulong R15, R14, R13, R12, Rbp, Rbx, R11, R10, R9, R8, Rax, Rcx, Rdx, Rsi, Rdi, OrigRax, Rip, Cs, Eflags, Rsp, Ss, FsBase, GsBase, Ds, Es, Fs, Gs;

    /// <summary>Argument 0..5 of a system call.</summary>
    public ulong Argument(int index)
    {
        return index switch { 0 => Rdi, 1 => Rsi, 2 => Rdx, 3 => R10, 4 => R8, _ => R9 };
    }

    /// <summary>Sets argument 0..5 of a system call.</summary>
    public void SetArgument(int index, ulong value)
    {
        switch (index)
        {
            case 0: Rdi = value; break;
            case 1: Rsi = value; break;
            case 2: Rdx = value; break;
            case 3: R10 = value; break;
            case 4: R8 = value; break;
            default: R9 = value; break;
        }
    }
}
