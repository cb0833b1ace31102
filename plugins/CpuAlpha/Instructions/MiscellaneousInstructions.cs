using Kmem.Ir;

namespace Kmem.Plugins.CpuAlpha.Instructions;

/// <summary>Barriers, counters, and the ways into PALcode.</summary>
/// <remarks>Source: Alpha Architecture Reference Manual, 4.11 "Miscellaneous Instructions".</remarks>
internal static class MiscellaneousInstructions
{
    /// <summary>Opcode 18: TRAPB, EXCB, MB, WMB, FETCH, FETCH_M, RPCC, RC, ECB, RS, WH64.</summary>
    public static void Lift(LiftContext x)
    {
        switch (x.Instruction.Word & 0xFFFF)
        {
            // RPCC: Ra <- cycle counter with the process's offset in the high half. One instruction is one cycle.
            case 0xC000:
                Val cycles = x.Ir.Count() & 0xFFFF_FFFF;
                x.SetA(cycles | x.Ir.Register(AlphaSlots.CycleOffset));
                break;

            // RC: Ra <- intr_flag; intr_flag <- 0. RS: the same, and it becomes 1.
            case 0xE000 or 0xF000:
                if (x.Instruction.Ra != 31)
                {
                    x.SetA(x.Ir.Register(AlphaSlots.InterruptFlag));
                }

                x.Ir.SetRegister(AlphaSlots.InterruptFlag, x.Ir.Const((x.Instruction.Word & 0x1000) != 0 ? 1u : 0));
                break;

            // TRAPB, EXCB, MB, WMB, FETCH, FETCH_M, ECB, WH64, WH64EN. Execution is in order and traps are precise: barriers and hints have nothing left to do.
            case 0x0000 or 0x0400 or 0x4000 or 0x4400 or 0x8000 or 0xA000 or 0xE800 or 0xF800 or 0xFC00:
                break;
            default:
                x.Illegal();
                break;
        }
    }

    /// <summary>CALL_PAL.</summary>
    public static void CallPal(LiftContext x) => x.Cpu.Palcode.LiftCall(x, x.Instruction.PalFunction);

    /// <summary>The instructions that are PALcode's own: HW_MFPR, HW_LD, HW_MTPR, HW_RET, HW_ST.</summary>
    public static void Hardware(LiftContext x)
    {
        if (x.IsPalMode)
        {
            x.Cpu.Palcode.LiftHardware(x);
        }
        else
        {
            x.Illegal();
        }
    }
}
