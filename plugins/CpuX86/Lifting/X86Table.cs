using Iced.Intel;
using Kmem.Plugins.CpuX86.Instructions;

namespace Kmem.Plugins.CpuX86.Lifting;

/// <summary>The meaning of an instruction: writes micro-ops for it.</summary>
/// <param name="x">The instruction with its block.</param>
internal delegate void LiftMethod(LiftContext x);

/// <summary>Which method lifts which instruction: one line per mnemonic in the groups' <c>Register</c> methods; a line for a code goes before that for its mnemonic.</summary>
internal sealed class X86Table
{
    private static readonly X86Table Instance = Create();

    private readonly LiftMethod?[] _byMnemonic = new LiftMethod?[IcedConstants.MnemonicEnumCount];
    private readonly LiftMethod?[] _byCode = new LiftMethod?[IcedConstants.CodeEnumCount];

    /// <summary>Sets the method of all forms of an instruction.</summary>
    public void Add(Mnemonic mnemonic, LiftMethod method) => _byMnemonic[(int)mnemonic] = method;

    /// <summary>Sets the method of one form.</summary>
    public void Add(Code code, LiftMethod method) => _byCode[(int)code] = method;

    /// <summary>Sets the method of several instructions.</summary>
    public void Add(LiftMethod method, params ReadOnlySpan<Mnemonic> mnemonics)
    {
        foreach (Mnemonic mnemonic in mnemonics)
        {
            Add(mnemonic, method);
        }
    }

    /// <summary>The method of an instruction; null where there is none, which is an invalid opcode.</summary>
    public static LiftMethod? Find(in Instruction instruction) => Instance._byCode[(int)instruction.Code] ?? Instance._byMnemonic[(int)instruction.Mnemonic];

    private static X86Table Create()
    {
        var table = new X86Table();
        MoveInstructions.Register(table);
        ArithmeticInstructions.Register(table);
        ShiftInstructions.Register(table);
        BitInstructions.Register(table);
        BranchInstructions.Register(table);
        StackInstructions.Register(table);
        StringInstructions.Register(table);
        DecimalInstructions.Register(table);
        FlagInstructions.Register(table);
        SystemInstructions.Register(table);
        FloatingPointInstructions.Register(table);
        VectorInstructions.Register(table);
        VectorMoves.Register(table);
        MmxInstructions.Register(table);
        return table;
    }

    /// <summary>Sizes of Iced's enumerations.</summary>
    private static class IcedConstants
    {
        public static readonly int MnemonicEnumCount = (int)Enum.GetValues<Mnemonic>().Max() + 1;
        public static readonly int CodeEnumCount = (int)Enum.GetValues<Code>().Max() + 1;
    }
}
