using Iced.Intel;

namespace Kmem.Plugins.CpuX86.Lifting;

/// <summary>Which slot holds a general register.</summary>
internal static class GeneralRegisters
{
    private static readonly byte[] Slots = Create();

    /// <summary>The slot of a general register of any width.</summary>
    public static int SlotOf(Register register) => Slots[(int)register];

    /// <summary>Whether a register is AH, CH, DH or BH.</summary>
    public static bool IsHighByte(Register register) => register is >= Register.AH and <= Register.BH;

    private static byte[] Create()
    {
        byte[] slots = new byte[256];
        for (int i = 0; i < 4; i++)
        {
            slots[(int)Register.AL + i] = (byte)i;
            slots[(int)Register.AH + i] = (byte)i;
        }

        for (int i = 0; i < 12; i++)
        {
            slots[(int)Register.SPL + i] = (byte)(4 + i);
        }

        for (int i = 0; i < 16; i++)
        {
            slots[(int)Register.AX + i] = (byte)i;
            slots[(int)Register.EAX + i] = (byte)i;
            slots[(int)Register.RAX + i] = (byte)i;
        }

        return slots;
    }
}
