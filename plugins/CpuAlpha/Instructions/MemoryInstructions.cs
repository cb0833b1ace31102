using Kmem.Ir;
using Kmem.Plugins.CpuAlpha.Floating;

namespace Kmem.Plugins.CpuAlpha.Instructions;

/// <summary>Loads and stores of both register files.</summary>
/// <remarks>Source: Alpha Architecture Reference Manual, 4.2 "Memory Integer Load/Store Instructions", 4.8 "Memory Format Floating-Point Instructions".</remarks>
internal static unsafe class MemoryInstructions
{
    private static readonly PureKernel FromS = GuestKernels.Pure(&FromSOf, FromSOf);
    private static readonly PureKernel ToS = GuestKernels.Pure(&ToSOf, ToSOf);
    private static readonly PureKernel FromF = GuestKernels.Pure(&FromFOf, FromFOf);
    private static readonly PureKernel ToF = GuestKernels.Pure(&ToFOf, ToFOf);
    private static readonly PureKernel FromG = GuestKernels.Pure(&FromGOf, FromGOf);

    /// <summary>LDx: va &lt;- Rbv + SEXT(disp); Ra &lt;- (va).</summary>
    public static LiftMethod Load(Uop code) => x =>
    {
        // A load to R31 is a prefetch.
        if (x.Instruction.Ra != 31)
        {
            x.SetA(x.Ir.Load(code, x.Base, x.Instruction.Displacement));
        }
    };

    /// <summary>LDQ_U: the aligned quadword that holds the address.</summary>
    public static void LoadUnaligned(LiftContext x)
    {
        if (x.Instruction.Ra != 31)
        {
            x.SetA(x.Ir.Load(Uop.Load64, (x.Base + (ulong)x.Instruction.Displacement) & ~7UL));
        }
    }

    /// <summary>LDx_L: a load that remembers its address.</summary>
    public static LiftMethod LoadLocked(Uop code) => x =>
    {
        Val address = x.Base + (ulong)x.Instruction.Displacement;
        Val value = x.Ir.Load(code, address);
        x.Ir.SetRegister(AlphaSlots.LockAddress, address);
        x.Ir.SetRegister(AlphaSlots.LockFlag, x.Ir.Const(1));
        x.SetA(value);
    };

    /// <summary>STx: (Rbv + SEXT(disp)) &lt;- Rav.</summary>
    public static LiftMethod Store(Uop code) => x => x.Ir.Store(code, x.Base, x.Instruction.Displacement, x.A);

    /// <summary>STQ_U.</summary>
    public static void StoreUnaligned(LiftContext x) => x.Ir.Store(Uop.Store64, (x.Base + (ulong)x.Instruction.Displacement) & ~7UL, 0, x.A);

    /// <summary>STx_C: stores while the lock stands; Ra tells.</summary>
    public static LiftMethod StoreConditional(int width) => x =>
        x.Ir.Helper(AlphaHelpers.StoreConditional, x.Base + (ulong)x.Instruction.Displacement, (uint)AlphaSlots.Integer(x.Instruction.Ra, x.IsPalMode) | ((uint)width << 8));

    /// <summary>LDS, LDF, LDG, LDT: a load and the change to register format.</summary>
    public static LiftMethod LoadFloating(Uop code, FloatingFormat format) => x =>
    {
        if (!x.NeedsFloatingPoint() || x.Instruction.Ra == 31)
        {
            return;
        }

        Val memory = x.Ir.Load(code, x.Base, x.Instruction.Displacement);
        x.SetFloating(x.Instruction.Ra, format switch
        {
            FloatingFormat.S => x.Ir.Pure(FromS, memory, memory),
            FloatingFormat.F => x.Ir.Pure(FromF, memory, memory),
            FloatingFormat.G => x.Ir.Pure(FromG, memory, memory),
            _ => memory,
        });
    };

    /// <summary>STS, STF, STG, STT.</summary>
    public static LiftMethod StoreFloating(Uop code, FloatingFormat format) => x =>
    {
        if (!x.NeedsFloatingPoint())
        {
            return;
        }

        Val value = x.FloatingA;
        Val memory = format switch
        {
            FloatingFormat.S => x.Ir.Pure(ToS, value, value),
            FloatingFormat.F => x.Ir.Pure(ToF, value, value),
            FloatingFormat.G => x.Ir.Pure(FromG, value, value),
            _ => value,
        };
        x.Ir.Store(code, x.Base, x.Instruction.Displacement, memory);
    };

    private static ulong FromSOf(ulong a, ulong b) => RegisterFormats.FromS((uint)a);

    private static ulong ToSOf(ulong a, ulong b) => RegisterFormats.ToS(a);

    private static ulong FromFOf(ulong a, ulong b) => RegisterFormats.FromF((uint)a);

    private static ulong ToFOf(ulong a, ulong b) => RegisterFormats.ToF(a);

    /// <summary>G_floating has its words swapped in memory, in both directions alike.</summary>
    private static ulong FromGOf(ulong a, ulong b) => RegisterFormats.FromG(a);
}

/// <summary>Floating-point formats of memory.</summary>
internal enum FloatingFormat
{
    /// <summary>IEEE single.</summary>
    S,

    /// <summary>IEEE double.</summary>
    T,

    /// <summary>VAX F_floating.</summary>
    F,

    /// <summary>VAX G_floating.</summary>
    G,
}
