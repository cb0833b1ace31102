namespace Kmem.Plugins.CpuX86.Floating;

/// <summary>Form in which FSTENV, FLDENV, FSAVE and FRSTOR keep the environment.</summary>
[Flags]
internal enum EnvironmentForm
{
    /// <summary>16 bits, real mode or virtual-8086 mode.</summary>
    None = 0,

    /// <summary>Fields of 32 bits.</summary>
    Wide = 1,

    /// <summary>Protected mode: pointers with selectors.</summary>
    Protected = 2,
}

/// <summary>Images of the x87's registers in memory.</summary>
/// <remarks>Source: Intel SDM vol. 1, 8.1.10 (figures 8-9 to 8-12) and 10.5.1 (FXSAVE area).</remarks>
internal static unsafe class FpuEnvironment
{
    /// <summary>Length in bytes of an FXSAVE area.</summary>
    public const int ExtendedLength = 512;

    /// <summary>Bits of MXCSR that exist, as FXSAVE reports them.</summary>
    public const uint ControlMask = 0xFFFF;

    /// <summary>Length in bytes of an environment.</summary>
    public static int Length(EnvironmentForm form) => (form & EnvironmentForm.Wide) != 0 ? 28 : 14;

    /// <summary>FNSTENV: writes the environment; afterwards all exceptions are masked.</summary>
    public static void Save(FpuRegisters* r, byte* area, EnvironmentForm form)
    {
        ulong ip = r->InstructionPointer, dp = r->DataPointer;
        uint opcode = (uint)r->Opcode & 0x7FF;
        bool isProtected = (form & EnvironmentForm.Protected) != 0;
        if (!isProtected)
        {
            ip = (uint)ip + ((uint)(ushort)r->InstructionSelector << 4);
            dp = (uint)dp + ((uint)(ushort)r->DataSelector << 4);
        }

        if ((form & EnvironmentForm.Wide) != 0)
        {
            uint* words = (uint*)area;
            words[0] = (uint)r->Control | 0xFFFF_0000;
            words[1] = (uint)r->Status | 0xFFFF_0000;
            words[2] = FullTags(r) | 0xFFFF_0000;
            words[3] = isProtected ? (uint)ip : (ushort)ip;
            words[4] = isProtected ? (ushort)r->InstructionSelector | (opcode << 16) : ((uint)(ip >> 16) << 12) | opcode;
            words[5] = isProtected ? (uint)dp : (ushort)dp;
            words[6] = isProtected ? (ushort)r->DataSelector | 0xFFFF_0000 : (uint)(dp >> 16) << 12;
        }
        else
        {
            ushort* words = (ushort*)area;
            words[0] = (ushort)r->Control;
            words[1] = (ushort)r->Status;
            words[2] = FullTags(r);
            words[3] = (ushort)ip;
            words[4] = isProtected ? (ushort)r->InstructionSelector : (ushort)(((ip >> 16) << 12) | opcode);
            words[5] = (ushort)dp;
            words[6] = isProtected ? (ushort)r->DataSelector : (ushort)((dp >> 16) << 12);
        }

        r->Control |= (uint)FloatingFlags.All;
        r->Summarize();
    }

    /// <summary>FLDENV.</summary>
    public static void Load(FpuRegisters* r, byte* area, EnvironmentForm form)
    {
        bool isProtected = (form & EnvironmentForm.Protected) != 0;
        ushort tags;
        if ((form & EnvironmentForm.Wide) != 0)
        {
            uint* words = (uint*)area;
            (r->Control, r->Status, tags) = (FpuUnit.NormalizeControl(words[0]), (ushort)words[1], (ushort)words[2]);
            r->InstructionPointer = isProtected ? words[3] : (ushort)words[3] | ((words[4] << 4) & 0xFFFF_0000);
            r->InstructionSelector = isProtected ? (ushort)words[4] : 0UL;
            r->Opcode = (isProtected ? words[4] >> 16 : words[4]) & 0x7FF;
            r->DataPointer = isProtected ? words[5] : (ushort)words[5] | ((words[6] << 4) & 0xFFFF_0000);
            r->DataSelector = isProtected ? (ushort)words[6] : 0UL;
        }
        else
        {
            ushort* words = (ushort*)area;
            (r->Control, r->Status, tags) = (FpuUnit.NormalizeControl(words[0]), words[1], words[2]);
            r->InstructionPointer = words[3] | (isProtected ? 0 : (uint)(words[4] & 0xF000) << 4);
            r->InstructionSelector = isProtected ? words[4] : 0UL;
            r->Opcode = isProtected ? r->Opcode : words[4] & 0x7FFU;
            r->DataPointer = words[5] | (isProtected ? 0 : (uint)(words[6] & 0xF000) << 4);
            r->DataSelector = isProtected ? words[6] : 0UL;
        }

        r->Tags = 0;
        for (int i = 0; i < 8; i++)
        {
            r->Tags |= ((tags >> (2 * i)) & 3) != 3 ? 1UL << i : 0;
        }

        r->Summarize();
    }

    /// <summary>FNSAVE's or FRSTOR's registers: ST(0) to ST(7), 10 bytes each.</summary>
    public static void SaveRegisters(FpuRegisters* r, byte* area)
    {
        for (int i = 0; i < 8; i++)
        {
            Extended value = r->Read(i);
            *(ulong*)(area + (10 * i)) = value.Significand;
            *(ushort*)(area + (10 * i) + 8) = value.SignExponent;
        }
    }

    /// <summary>The other way; tags are left alone.</summary>
    public static void LoadRegisters(FpuRegisters* r, byte* area)
    {
        for (int i = 0; i < 8; i++)
        {
            int register = r->Physical(i);
            r->Significands[register] = *(ulong*)(area + (10 * i));
            r->SignExponents[register] = *(ushort*)(area + (10 * i) + 8);
        }
    }

    /// <summary>The x87's part of FXSAVE, bytes 0 to 23 and 32 to 159.</summary>
    /// <param name="r">The registers.</param>
    /// <param name="area">The area.</param>
    /// <param name="isWide">Whether pointers have 64 bits and no selectors (REX.W).</param>
    public static void SaveExtended(FpuRegisters* r, byte* area, bool isWide)
    {
        *(ushort*)area = (ushort)r->Control;
        *(ushort*)(area + 2) = (ushort)r->Status;
        *(ushort*)(area + 4) = (byte)r->Tags;
        *(ushort*)(area + 6) = (ushort)(r->Opcode & 0x7FF);
        *(ulong*)(area + 8) = isWide ? r->InstructionPointer : (uint)r->InstructionPointer | ((ulong)(ushort)r->InstructionSelector << 32);
        *(ulong*)(area + 16) = isWide ? r->DataPointer : (uint)r->DataPointer | ((ulong)(ushort)r->DataSelector << 32);
        for (int i = 0; i < 8; i++)
        {
            Extended value = r->Read(i);
            *(ulong*)(area + 32 + (16 * i)) = value.Significand;
            *(ulong*)(area + 40 + (16 * i)) = value.SignExponent;
        }
    }

    /// <summary>The x87's part of FXRSTOR.</summary>
    public static void LoadExtended(FpuRegisters* r, byte* area, bool isWide)
    {
        r->Control = FpuUnit.NormalizeControl(*(ushort*)area);
        r->Status = *(ushort*)(area + 2);
        r->Tags = area[4];
        r->Opcode = *(ushort*)(area + 6) & 0x7FFU;
        ulong ip = *(ulong*)(area + 8), dp = *(ulong*)(area + 16);
        r->InstructionPointer = isWide ? ip : (uint)ip;
        r->InstructionSelector = isWide ? 0UL : (ushort)(ip >> 32);
        r->DataPointer = isWide ? dp : (uint)dp;
        r->DataSelector = isWide ? 0UL : (ushort)(dp >> 32);
        for (int i = 0; i < 8; i++)
        {
            int register = r->Physical(i);
            r->Significands[register] = *(ulong*)(area + 32 + (16 * i));
            r->SignExponents[register] = *(ushort*)(area + 40 + (16 * i));
        }

        r->Summarize();
    }

    /// <summary>The tag word with two bits a register: 0 valid, 1 zero, 2 anything else, 3 empty.</summary>
    private static ushort FullTags(FpuRegisters* r)
    {
        int tags = 0;
        for (int i = 0; i < 8; i++)
        {
            int tag = 3;
            if (((r->Tags >> i) & 1) != 0)
            {
                int exponent = (int)r->SignExponents[i] & Extended.MaximumExponent;
                ulong significand = r->Significands[i];
                tag = exponent == 0 && significand == 0 ? 1 : exponent is 0 or Extended.MaximumExponent || (significand & Extended.IntegerBit) == 0 ? 2 : 0;
            }

            tags |= tag << (2 * i);
        }

        return (ushort)tags;
    }
}
