using System.Globalization;
using Iced.Intel;
using Kmem.Abstractions;

namespace Kmem.Plugins.CpuX86.Models;

/// <summary>A CPU model: which instructions exist and what CPUID tells of them.</summary>
/// <remarks>Source: Intel SDM volume 2, CPUID; AMD APM volume 3, appendix E.</remarks>
internal sealed class X86Model
{
    private static readonly CpuidFeature[] Base486 =
    [
        CpuidFeature.INTEL8086, CpuidFeature.INTEL186, CpuidFeature.INTEL286, CpuidFeature.INTEL386, CpuidFeature.INTEL486,
        CpuidFeature.FPU, CpuidFeature.FPU287, CpuidFeature.FPU387, CpuidFeature.CPUID, CpuidFeature.SMM,
    ];

    private static readonly CpuidFeature[] Pentium3 =
    [
        .. Base486, CpuidFeature.CX8, CpuidFeature.TSC, CpuidFeature.MSR, CpuidFeature.CMOV, CpuidFeature.MMX, CpuidFeature.FXSR, CpuidFeature.SSE, CpuidFeature.SEP,
        CpuidFeature.RDPMC, CpuidFeature.MULTIBYTENOP,
    ];

    private static readonly CpuidFeature[] X8664 =
    [
        .. Pentium3, CpuidFeature.X64, CpuidFeature.SSE2, CpuidFeature.SYSCALL, CpuidFeature.CLFSH, CpuidFeature.PAUSE, CpuidFeature.PREFETCHW,
    ];

    private static readonly CpuidFeature[] X8664V2 =
    [
        .. X8664, CpuidFeature.SSE3, CpuidFeature.SSSE3, CpuidFeature.SSE4_1, CpuidFeature.SSE4_2, CpuidFeature.POPCNT, CpuidFeature.CMPXCHG16B, CpuidFeature.RDTSCP,
    ];

    private static readonly CpuidFeature[] Everything =
    [
        .. X8664V2, CpuidFeature.BMI1, CpuidFeature.BMI2, CpuidFeature.ADX, CpuidFeature.LZCNT, CpuidFeature.MOVBE, CpuidFeature.AES, CpuidFeature.PCLMULQDQ,
        CpuidFeature.FSGSBASE, CpuidFeature.INVPCID, CpuidFeature.SMAP, CpuidFeature.CET_IBT,
    ];

    private readonly HashSet<CpuidFeature> _features;
    private readonly byte[] _known = new byte[(int)Enum.GetValues<Code>().Max() + 1];

    private X86Model(string name, uint signature, string vendor, string brand, CpuidFeature[] features)
    {
        (Name, Signature, Vendor, Brand) = (name, signature, vendor, brand);
        _features = [.. features];

        // Asked for on every walk of page tables and on every decoded instruction.
        PhysicalBits = Has(CpuidFeature.X64) ? 40 : Has(CpuidFeature.CMOV) ? 36 : 32;
        IsAmd = vendor == "AuthenticAMD";
        IsMax = Has(CpuidFeature.SMAP);
    }

    /// <summary>Its name in descriptions.</summary>
    public string Name { get; }

    /// <summary>Family, model and stepping as CPUID leaf 1 has them.</summary>
    public uint Signature { get; }

    /// <summary>Twelve letters.</summary>
    public string Vendor { get; }

    /// <summary>The brand string; empty where leaves 80000002h to 80000004h don't exist.</summary>
    public string Brand { get; }

    /// <summary>Bits of a physical address.</summary>
    public int PhysicalBits { get; }

    /// <summary>What decoders must not know.</summary>
    public DecoderOptions DecoderOptions =>
        (Has(CpuidFeature.LZCNT) ? 0 : DecoderOptions.NoMPFX_0FBD) | (Has(CpuidFeature.BMI1) ? 0 : DecoderOptions.NoMPFX_0FBC) | (IsAmd ? DecoderOptions.AMD : 0) | DecoderOptions.NoWbnoinvd;

    /// <summary>Whether encodings that Intel and AMD take differently are AMD's: near branches with 16-bit operands in 64-bit code, REX.W before far pointers, PREFETCH of a register.</summary>
    public bool IsAmd { get; }

    /// <summary>Whether there is SMAP, SMEP, PCID, UMIP and what else came with the newest processors here.</summary>
    public bool IsMax { get; }

    /// <summary>Finds a model by its name.</summary>
    /// <exception cref="MachineException">There is no such model.</exception>
    public static X86Model Find(string name) => name switch
    {
        "486" => new X86Model(name, 0x480, "GenuineIntel", "", Base486),
        "pentium3" => new X86Model(name, 0x673, "GenuineIntel", "", Pentium3),
        "x86-64" => new X86Model(name, 0x60FB1, "AuthenticAMD", "Kmem x86-64", X8664),
        "x86-64-v2" => new X86Model(name, 0x60FB1, "AuthenticAMD", "Kmem x86-64-v2", X8664V2),
        "max" => new X86Model(name, 0x60FB1, "AuthenticAMD", "Kmem max", Everything),
        _ => throw new MachineException(string.Create(CultureInfo.InvariantCulture, $"there is no x86 model '{name}'; known are 486, pentium3, x86-64, x86-64-v2 and max")),
    };

    /// <summary>Whether the model has a feature.</summary>
    public bool Has(CpuidFeature feature) => _features.Contains(feature);

    /// <summary>Whether a feature only gives a meaning to what has been a NOP with an operand since the P6: 0F0D and 0F18 to 0F1F.</summary>
    /// <remarks>Source: Intel SDM volume 2, "CLDEMOTE", "PREFETCHh", "ENDBR32", and appendix A, table A-3.</remarks>
    private static bool IsHint(CpuidFeature feature) =>
        feature is CpuidFeature.MULTIBYTENOP or CpuidFeature.CET_IBT or CpuidFeature.CLDEMOTE or CpuidFeature.PREFETCHITI or CpuidFeature.PREFETCHWT1;

    /// <summary>Whether the model has an instruction.</summary>
    public bool Has(Code code)
    {
        ref byte known = ref _known[(int)code];
        if (known == 0)
        {
            bool has = true;
            foreach (CpuidFeature feature in code.CpuidFeatures())
            {
                // What is told of these is not about their being there.
                has &= Has(feature) || feature is CpuidFeature.INTEL286_ONLY or CpuidFeature.INTEL8086_ONLY or CpuidFeature.INTEL386_ONLY or CpuidFeature.PAUSE
                    || (Has(CpuidFeature.CMOV) && IsHint(feature));
            }

            known = has ? (byte)1 : (byte)2;
        }

        return known == 1;
    }
}
