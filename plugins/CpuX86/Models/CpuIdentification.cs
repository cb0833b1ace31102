using System.Text;
using Iced.Intel;
using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.Plugins.CpuX86.Models;

/// <summary>CPUID.</summary>
/// <remarks>Source: Intel SDM volume 2, CPUID, tables 3-8 to 3-11; AMD APM volume 3, appendix E.</remarks>
internal static unsafe class CpuIdentification
{
    /// <summary>EAX, EBX, ECX and EDX of a leaf.</summary>
    public static (uint A, uint B, uint C, uint D) Leaf(X86Cpu cpu, uint leaf, uint subleaf)
    {
        X86Model model = cpu.CpuModel;
        uint highest = model.Has(CpuidFeature.SSE4_2) ? 0xBu : model.Has(CpuidFeature.SSE3) ? 4u : model.Has(CpuidFeature.CMOV) ? 2u : 1u;
        uint highestExtended = model.Has(CpuidFeature.X64) ? 0x8000_0008u : 0;
        if (leaf >= 0x8000_0000 ? leaf > highestExtended : leaf > highest)
        {
            leaf = highest;
        }

        return leaf switch
        {
            0 => (highest, Letters(model.Vendor, 0), Letters(model.Vendor, 8), Letters(model.Vendor, 4)),
            1 => (model.Signature, ((uint)cpu.Options.Number << 24) | (IsSeveral(cpu) ? (uint)cpu.Options.Count << 16 : 0) | (model.Has(CpuidFeature.CLFSH) ? 0x800u : 0), Features1C(cpu), Features1D(cpu)),
            2 => (1, 0, 0, 0x002C_307D),
            4 => Cache(cpu, subleaf),
            7 when subleaf == 0 => (0, Features7B(model), model.IsMax ? 1u << 2 : 0, 0),
            0xB => Topology(cpu, subleaf),
            0x8000_0000 => (highestExtended, Letters(model.Vendor, 0), Letters(model.Vendor, 8), Letters(model.Vendor, 4)),
            0x8000_0001 => (model.Signature, 0, ExtendedC(cpu), ExtendedD(model, Features1D(cpu))),
            0x8000_0002 or 0x8000_0003 or 0x8000_0004 => Brand(model, (int)(leaf - 0x8000_0002) * 16),
            0x8000_0005 => (0x01FF_01FF, 0x01FF_01FF, 0x4002_0140, 0x4002_0140),
            0x8000_0006 => (0, 0x4200_4200, 0x0200_8140, 0),
            0x8000_0007 => (0, 0, 0, 0x100),
            0x8000_0008 => ((uint)model.PhysicalBits | (48 << 8), 0, IsSeveral(cpu) ? (uint)(cpu.Options.Count - 1) | (CoreBits(cpu) << 12) : 0, 0),
            _ => (0, 0, 0, 0),
        };
    }

    /// <summary>Whether CPUID tells of several CPUs: cores of one package, which have one thread each.</summary>
    private static bool IsSeveral(X86Cpu cpu) => cpu.Options.Count > 1 && cpu.Interrupts.Apic is not null;

    /// <summary>Low bits of an APIC identifier that tell the cores of a package apart.</summary>
    private static uint CoreBits(X86Cpu cpu) => IsSeveral(cpu) ? (uint)(32 - System.Numerics.BitOperations.LeadingZeroCount((uint)cpu.Options.Count - 1)) : 0;

    /// <summary>Leaf 4: data and instructions at level 1, both at level 2, each of the core alone; they are those of leaves 80000005h and 80000006h.</summary>
    private static (uint A, uint B, uint C, uint D) Cache(X86Cpu cpu, uint subleaf)
    {
        const uint Data = 1, Instructions = 2, Unified = 3, Line = 64, Initialized = 1 << 8;
        (uint kind, uint level, uint ways, uint kilobytes) = subleaf switch { 0 => (Data, 1u, 2u, 64u), 1 => (Instructions, 1u, 2u, 64u), 2 => (Unified, 2u, 16u, 512u), _ => (0u, 0u, 0u, 0u) };
        uint cores = Math.Min(1u << (int)CoreBits(cpu), 64) - 1;
        return kind == 0 ? (0, 0, 0, 0) : (kind | (level << 5) | Initialized | (cores << 26), (Line - 1) | ((ways - 1) << 22), (kilobytes * 1024 / Line / ways) - 1, 0u);
    }

    /// <summary>Leaf 0Bh: threads of a core, then cores of a package.</summary>
    private static (uint A, uint B, uint C, uint D) Topology(X86Cpu cpu, uint subleaf)
    {
        const uint Thread = 1 << 8, Core = 2 << 8;
        uint number = (uint)cpu.Options.Number;
        return subleaf switch
        {
            0 => (0, 1, Thread, number),
            1 => (CoreBits(cpu), IsSeveral(cpu) ? (uint)cpu.Options.Count : 1, 1 | Core, number),
            _ => (0, 0, subleaf & 0xFF, number),
        };
    }

    private static uint Letters(string text, int at) => BitConverter.ToUInt32(Encoding.ASCII.GetBytes(text), at);

    private static (uint A, uint B, uint C, uint D) Brand(X86Model model, int at)
    {
        byte[] text = new byte[48];
        Encoding.ASCII.GetBytes(model.Brand, text);
        return (BitConverter.ToUInt32(text, at), BitConverter.ToUInt32(text, at + 4), BitConverter.ToUInt32(text, at + 8), BitConverter.ToUInt32(text, at + 12));
    }

    private static uint Bit(X86Model model, CpuidFeature feature, int bit) => model.Has(feature) ? 1u << bit : 0;

    private static uint Features1D(X86Cpu cpu)
    {
        X86Model model = cpu.CpuModel;
        uint paging = Bit(model, CpuidFeature.CX8, 2) | Bit(model, CpuidFeature.CX8, 3) | Bit(model, CpuidFeature.CMOV, 6) | Bit(model, CpuidFeature.CMOV, 13) | Bit(model, CpuidFeature.CMOV, 17);
        uint several = IsSeveral(cpu) ? 1u << 28 : 0;
        uint machine = Bit(model, CpuidFeature.CX8, 7) | Bit(model, CpuidFeature.CMOV, 14) | Bit(model, CpuidFeature.CMOV, 12) | Bit(model, CpuidFeature.FXSR, 16);
        uint apic = cpu.Interrupts.Apic is { IsEnabled: true } ? 1u << 9 : 0;
        return Bit(model, CpuidFeature.FPU, 0) | Bit(model, CpuidFeature.TSC, 4) | Bit(model, CpuidFeature.MSR, 5) | Bit(model, CpuidFeature.CX8, 8) | Bit(model, CpuidFeature.SEP, 11) | Bit(model, CpuidFeature.CMOV, 15)
            | Bit(model, CpuidFeature.CLFSH, 19) | Bit(model, CpuidFeature.MMX, 23) | Bit(model, CpuidFeature.FXSR, 24) | Bit(model, CpuidFeature.SSE, 25) | Bit(model, CpuidFeature.SSE2, 26) | paging | machine | apic | several;
    }

    private static uint Features1C(X86Cpu cpu)
    {
        X86Model model = cpu.CpuModel;
        uint apic = cpu.Interrupts.Apic is not null && model.Has(CpuidFeature.SSE4_2) ? (1u << 21) | (1u << 24) : 0;
        return Bit(model, CpuidFeature.SSE3, 0) | Bit(model, CpuidFeature.PCLMULQDQ, 1) | Bit(model, CpuidFeature.SSSE3, 9) | Bit(model, CpuidFeature.CMPXCHG16B, 13) | Bit(model, CpuidFeature.INVPCID, 17)
            | Bit(model, CpuidFeature.SSE4_1, 19) | Bit(model, CpuidFeature.SSE4_2, 20) | Bit(model, CpuidFeature.MOVBE, 22) | Bit(model, CpuidFeature.POPCNT, 23) | Bit(model, CpuidFeature.AES, 25)
            | Bit(model, CpuidFeature.SSE4_2, 31) | apic;
    }

    private static uint Features7B(X86Model model) =>
        Bit(model, CpuidFeature.FSGSBASE, 0) | Bit(model, CpuidFeature.SMAP, 1) | Bit(model, CpuidFeature.BMI1, 3) | Bit(model, CpuidFeature.SMAP, 7) | Bit(model, CpuidFeature.BMI2, 8) | (1u << 9) | Bit(model, CpuidFeature.INVPCID, 10)
        | Bit(model, CpuidFeature.ADX, 19) | Bit(model, CpuidFeature.SMAP, 20);

    private static uint ExtendedD(X86Model model, uint basic) =>
        (basic & 0x0183_F3FF) | Bit(model, CpuidFeature.SYSCALL, 11) | Bit(model, CpuidFeature.X64, 20) | Bit(model, CpuidFeature.X64, 26) | Bit(model, CpuidFeature.RDTSCP, 27) | Bit(model, CpuidFeature.X64, 29);

    private static uint ExtendedC(X86Cpu cpu) => ExtendedC(cpu.CpuModel) | (IsSeveral(cpu) ? 2u : 0);

    private static uint ExtendedC(X86Model model) => Bit(model, CpuidFeature.X64, 0) | Bit(model, CpuidFeature.LZCNT, 5) | Bit(model, CpuidFeature.PREFETCHW, 8);
}
