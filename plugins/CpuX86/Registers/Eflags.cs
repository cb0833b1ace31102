namespace Kmem.Plugins.CpuX86.Registers;

/// <summary>Bits of EFLAGS.</summary>
/// <remarks>Source: Intel SDM volume 1, 3.4.3 "EFLAGS Register".</remarks>
internal static class Eflags
{
    public const ulong Cf = 0x1, Fixed = 0x2, Pf = 0x4, Af = 0x10, Zf = 0x40, Sf = 0x80, Tf = 0x100, If = 0x200, Df = 0x400, Of = 0x800;
    public const ulong Iopl = 0x3000, Nt = 0x4000, Rf = 0x1_0000, Vm = 0x2_0000, Ac = 0x4_0000, Vif = 0x8_0000, Vip = 0x10_0000, Id = 0x20_0000;

    /// <summary>The flags that arithmetic sets.</summary>
    public const ulong Arithmetic = Cf | Pf | Af | Zf | Sf | Of;
}
