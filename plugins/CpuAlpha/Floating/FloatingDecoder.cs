namespace Kmem.Plugins.CpuAlpha.Floating;

/// <summary>Which operation an instruction word of the opcodes 14 to 17 asks for, and whether its qualifiers exist.</summary>
/// <remarks>Source: Alpha Architecture Reference Manual, appendix C, "IEEE Floating-Point Instructions", "VAX Floating-Point Instructions" and
/// "Independent Floating-Point Instructions". FCMOV, MT_FPCR and MF_FPCR need more than two operands and the FPCR, and belong to the CPU.</remarks>
internal static class FloatingDecoder
{
    private const int FirstOpcode = 0x14;
    private const int Functions = 1 << 11;
    private const int TrapShift = 8;
    private const int RoundingShift = 6;

    // The numbers of TRP and RND that a kind of instruction has.
    private static readonly int[] IeeeTraps = [0, 1, 5, 7];
    private static readonly int[] IeeeIntegerTraps = [0, 7];
    private static readonly int[] IeeeCompareTraps = [0, 5];
    private static readonly int[] VaxTraps = [0, 1, 4, 5];
    private static readonly int[] VaxCompareTraps = [0, 4];
    private static readonly int[] QuadwordToLongwordTraps = [0, 1, 5];
    private static readonly int[] NoTraps = [0];
    private static readonly int[] IeeeRoundings = [0, 1, 2, 3];
    private static readonly int[] VaxRoundings = [0, 2];
    private static readonly int[] NormalRounding = [2];
    private static readonly int[] NoRounding = [0];

    private static readonly FloatingOperation[] Table = Build();

    /// <summary>The operation of an instruction, <see cref="FloatingOperation.Illegal"/> where there is none.</summary>
    /// <param name="instruction">The instruction word; its opcode is 14 to 17, hexadecimal.</param>
    public static FloatingOperation Decode(uint instruction)
    {
        uint index = (((instruction >> 26) - FirstOpcode) * Functions) + ((instruction >> 5) & (Functions - 1));
        return index < (uint)Table.Length ? Table[index] : FloatingOperation.Illegal;
    }

    private static FloatingOperation[] Build()
    {
        var table = new FloatingOperation[4 * Functions];

        void Row(int opcode, int function, FloatingOperation operation, int[] traps, int[] roundings)
        {
            foreach (int trap in traps)
            {
                foreach (int rounding in roundings)
                {
                    table[((opcode - FirstOpcode) * Functions) | (trap << TrapShift) | (rounding << RoundingShift) | function] = operation;
                }
            }
        }

        Row(0x14, 0x04, FloatingOperation.Itofs, NoTraps, NoRounding);
        Row(0x14, 0x14, FloatingOperation.Itoff, NoTraps, NoRounding);
        Row(0x14, 0x24, FloatingOperation.Itoft, NoTraps, NoRounding);
        Row(0x14, 0x0A, FloatingOperation.Sqrtf, VaxTraps, VaxRoundings);
        Row(0x14, 0x0B, FloatingOperation.Sqrts, IeeeTraps, IeeeRoundings);
        Row(0x14, 0x2A, FloatingOperation.Sqrtg, VaxTraps, VaxRoundings);
        Row(0x14, 0x2B, FloatingOperation.Sqrtt, IeeeTraps, IeeeRoundings);

        Row(0x15, 0x00, FloatingOperation.Addf, VaxTraps, VaxRoundings);
        Row(0x15, 0x01, FloatingOperation.Subf, VaxTraps, VaxRoundings);
        Row(0x15, 0x02, FloatingOperation.Mulf, VaxTraps, VaxRoundings);
        Row(0x15, 0x03, FloatingOperation.Divf, VaxTraps, VaxRoundings);
        Row(0x15, 0x1E, FloatingOperation.Cvtdg, VaxTraps, VaxRoundings);
        Row(0x15, 0x20, FloatingOperation.Addg, VaxTraps, VaxRoundings);
        Row(0x15, 0x21, FloatingOperation.Subg, VaxTraps, VaxRoundings);
        Row(0x15, 0x22, FloatingOperation.Mulg, VaxTraps, VaxRoundings);
        Row(0x15, 0x23, FloatingOperation.Divg, VaxTraps, VaxRoundings);
        Row(0x15, 0x25, FloatingOperation.Cmpgeq, VaxCompareTraps, NormalRounding);
        Row(0x15, 0x26, FloatingOperation.Cmpglt, VaxCompareTraps, NormalRounding);
        Row(0x15, 0x27, FloatingOperation.Cmpgle, VaxCompareTraps, NormalRounding);
        Row(0x15, 0x2C, FloatingOperation.Cvtgf, VaxTraps, VaxRoundings);
        Row(0x15, 0x2D, FloatingOperation.Cvtgd, VaxTraps, VaxRoundings);
        Row(0x15, 0x2F, FloatingOperation.Cvtgq, VaxTraps, VaxRoundings);
        Row(0x15, 0x3C, FloatingOperation.Cvtqf, NoTraps, VaxRoundings);
        Row(0x15, 0x3E, FloatingOperation.Cvtqg, NoTraps, VaxRoundings);

        Row(0x16, 0x00, FloatingOperation.Adds, IeeeTraps, IeeeRoundings);
        Row(0x16, 0x01, FloatingOperation.Subs, IeeeTraps, IeeeRoundings);
        Row(0x16, 0x02, FloatingOperation.Muls, IeeeTraps, IeeeRoundings);
        Row(0x16, 0x03, FloatingOperation.Divs, IeeeTraps, IeeeRoundings);
        Row(0x16, 0x20, FloatingOperation.Addt, IeeeTraps, IeeeRoundings);
        Row(0x16, 0x21, FloatingOperation.Subt, IeeeTraps, IeeeRoundings);
        Row(0x16, 0x22, FloatingOperation.Mult, IeeeTraps, IeeeRoundings);
        Row(0x16, 0x23, FloatingOperation.Divt, IeeeTraps, IeeeRoundings);
        Row(0x16, 0x24, FloatingOperation.Cmptun, IeeeCompareTraps, NormalRounding);
        Row(0x16, 0x25, FloatingOperation.Cmpteq, IeeeCompareTraps, NormalRounding);
        Row(0x16, 0x26, FloatingOperation.Cmptlt, IeeeCompareTraps, NormalRounding);
        Row(0x16, 0x27, FloatingOperation.Cmptle, IeeeCompareTraps, NormalRounding);
        Row(0x16, 0x2C, FloatingOperation.Cvtst, [2, 6], NormalRounding);
        Row(0x16, 0x2C, FloatingOperation.Cvtts, IeeeTraps, IeeeRoundings);
        Row(0x16, 0x2F, FloatingOperation.Cvttq, IeeeTraps, IeeeRoundings);
        Row(0x16, 0x3C, FloatingOperation.Cvtqs, IeeeIntegerTraps, IeeeRoundings);
        Row(0x16, 0x3E, FloatingOperation.Cvtqt, IeeeIntegerTraps, IeeeRoundings);

        Row(0x17, 0x10, FloatingOperation.Cvtlq, NoTraps, NoRounding);
        Row(0x17, 0x20, FloatingOperation.Cpys, NoTraps, NoRounding);
        Row(0x17, 0x21, FloatingOperation.Cpysn, NoTraps, NoRounding);
        Row(0x17, 0x22, FloatingOperation.Cpyse, NoTraps, NoRounding);
        Row(0x17, 0x30, FloatingOperation.Cvtql, QuadwordToLongwordTraps, NoRounding);
        return table;
    }
}
