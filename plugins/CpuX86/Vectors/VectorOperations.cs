using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Iced.Intel;
using Kmem.Plugins.CpuX86.Floating;

namespace Kmem.Plugins.CpuX86.Vectors;

/// <summary>Which method carries out which instruction, by Iced's number of the mnemonic.</summary>
internal static unsafe class VectorOperations
{
    private const int Capacity = 8192;

    /// <summary>Operations on integers and moves of lanes: destination, source, immediate.</summary>
    public static readonly delegate*<Vector128<byte>, Vector128<byte>, uint, Vector128<byte>>* Integers =
        (delegate*<Vector128<byte>, Vector128<byte>, uint, Vector128<byte>>*)NativeMemory.AllocZeroed(Capacity, (nuint)sizeof(nint));

    /// <summary>Operations with MXCSR: destination, source, immediate, context.</summary>
    public static readonly delegate*<Vector128<byte>, Vector128<byte>, uint, ref FloatingContext, Vector128<byte>>* Floats =
        (delegate*<Vector128<byte>, Vector128<byte>, uint, ref FloatingContext, Vector128<byte>>*)NativeMemory.AllocZeroed(Capacity, (nuint)sizeof(nint));

    static VectorOperations()
    {
        AddIntegers();
        AddShuffles();
        AddFloats();
    }

    private static void AddIntegers()
    {
        Add(Mnemonic.Paddb, &IntegerArithmetic.Paddb);
        Add(Mnemonic.Paddw, &IntegerArithmetic.Paddw);
        Add(Mnemonic.Paddd, &IntegerArithmetic.Paddd);
        Add(Mnemonic.Paddq, &IntegerArithmetic.Paddq);
        Add(Mnemonic.Psubb, &IntegerArithmetic.Psubb);
        Add(Mnemonic.Psubw, &IntegerArithmetic.Psubw);
        Add(Mnemonic.Psubd, &IntegerArithmetic.Psubd);
        Add(Mnemonic.Psubq, &IntegerArithmetic.Psubq);
        Add(Mnemonic.Paddsb, &IntegerArithmetic.Paddsb);
        Add(Mnemonic.Paddsw, &IntegerArithmetic.Paddsw);
        Add(Mnemonic.Paddusb, &IntegerArithmetic.Paddusb);
        Add(Mnemonic.Paddusw, &IntegerArithmetic.Paddusw);
        Add(Mnemonic.Psubsb, &IntegerArithmetic.Psubsb);
        Add(Mnemonic.Psubsw, &IntegerArithmetic.Psubsw);
        Add(Mnemonic.Psubusb, &IntegerArithmetic.Psubusb);
        Add(Mnemonic.Psubusw, &IntegerArithmetic.Psubusw);
        Add(Mnemonic.Pmullw, &IntegerArithmetic.Pmullw);
        Add(Mnemonic.Pmulld, &IntegerArithmetic.Pmulld);
        Add(Mnemonic.Pmulhw, &IntegerArithmetic.Pmulhw);
        Add(Mnemonic.Pmulhuw, &IntegerArithmetic.Pmulhuw);
        Add(Mnemonic.Pmulhrsw, &IntegerArithmetic.Pmulhrsw);
        Add(Mnemonic.Pmuludq, &IntegerArithmetic.Pmuludq);
        Add(Mnemonic.Pmuldq, &IntegerArithmetic.Pmuldq);
        Add(Mnemonic.Pmaddwd, &IntegerArithmetic.Pmaddwd);
        Add(Mnemonic.Pmaddubsw, &IntegerArithmetic.Pmaddubsw);
        Add(Mnemonic.Psadbw, &IntegerArithmetic.Psadbw);
        Add(Mnemonic.Pavgb, &IntegerArithmetic.Pavgb);
        Add(Mnemonic.Pavgw, &IntegerArithmetic.Pavgw);
        Add(Mnemonic.Pminub, &IntegerArithmetic.Pminub);
        Add(Mnemonic.Pminsb, &IntegerArithmetic.Pminsb);
        Add(Mnemonic.Pminuw, &IntegerArithmetic.Pminuw);
        Add(Mnemonic.Pminsw, &IntegerArithmetic.Pminsw);
        Add(Mnemonic.Pminud, &IntegerArithmetic.Pminud);
        Add(Mnemonic.Pminsd, &IntegerArithmetic.Pminsd);
        Add(Mnemonic.Pmaxub, &IntegerArithmetic.Pmaxub);
        Add(Mnemonic.Pmaxsb, &IntegerArithmetic.Pmaxsb);
        Add(Mnemonic.Pmaxuw, &IntegerArithmetic.Pmaxuw);
        Add(Mnemonic.Pmaxsw, &IntegerArithmetic.Pmaxsw);
        Add(Mnemonic.Pmaxud, &IntegerArithmetic.Pmaxud);
        Add(Mnemonic.Pmaxsd, &IntegerArithmetic.Pmaxsd);
        Add(Mnemonic.Pcmpeqb, &IntegerArithmetic.Pcmpeqb);
        Add(Mnemonic.Pcmpeqw, &IntegerArithmetic.Pcmpeqw);
        Add(Mnemonic.Pcmpeqd, &IntegerArithmetic.Pcmpeqd);
        Add(Mnemonic.Pcmpeqq, &IntegerArithmetic.Pcmpeqq);
        Add(Mnemonic.Pcmpgtb, &IntegerArithmetic.Pcmpgtb);
        Add(Mnemonic.Pcmpgtw, &IntegerArithmetic.Pcmpgtw);
        Add(Mnemonic.Pcmpgtd, &IntegerArithmetic.Pcmpgtd);
        Add(Mnemonic.Pcmpgtq, &IntegerArithmetic.Pcmpgtq);
        Add(&IntegerArithmetic.Pand, Mnemonic.Pand, Mnemonic.Andps, Mnemonic.Andpd);
        Add(&IntegerArithmetic.Pandn, Mnemonic.Pandn, Mnemonic.Andnps, Mnemonic.Andnpd);
        Add(&IntegerArithmetic.Por, Mnemonic.Por, Mnemonic.Orps, Mnemonic.Orpd);
        Add(&IntegerArithmetic.Pxor, Mnemonic.Pxor, Mnemonic.Xorps, Mnemonic.Xorpd);
        Add(Mnemonic.Pabsb, &IntegerArithmetic.Pabsb);
        Add(Mnemonic.Pabsw, &IntegerArithmetic.Pabsw);
        Add(Mnemonic.Pabsd, &IntegerArithmetic.Pabsd);
        Add(Mnemonic.Psignb, &IntegerArithmetic.Psignb);
        Add(Mnemonic.Psignw, &IntegerArithmetic.Psignw);
        Add(Mnemonic.Psignd, &IntegerArithmetic.Psignd);
        Add(Mnemonic.Phaddw, &IntegerArithmetic.Phaddw);
        Add(Mnemonic.Phaddd, &IntegerArithmetic.Phaddd);
        Add(Mnemonic.Phaddsw, &IntegerArithmetic.Phaddsw);
        Add(Mnemonic.Phsubw, &IntegerArithmetic.Phsubw);
        Add(Mnemonic.Phsubd, &IntegerArithmetic.Phsubd);
        Add(Mnemonic.Phsubsw, &IntegerArithmetic.Phsubsw);
        Add(Mnemonic.Phminposuw, &IntegerArithmetic.Phminposuw);
        Add(Mnemonic.Mpsadbw, &IntegerArithmetic.Mpsadbw);
        Add(Mnemonic.Psllw, &Shifts.Psllw);
        Add(Mnemonic.Pslld, &Shifts.Pslld);
        Add(Mnemonic.Psllq, &Shifts.Psllq);
        Add(Mnemonic.Psrlw, &Shifts.Psrlw);
        Add(Mnemonic.Psrld, &Shifts.Psrld);
        Add(Mnemonic.Psrlq, &Shifts.Psrlq);
        Add(Mnemonic.Psraw, &Shifts.Psraw);
        Add(Mnemonic.Psrad, &Shifts.Psrad);
        Add(Mnemonic.Aesenc, &Cryptography.Aesenc);
        Add(Mnemonic.Aesenclast, &Cryptography.Aesenclast);
        Add(Mnemonic.Aesdec, &Cryptography.Aesdec);
        Add(Mnemonic.Aesdeclast, &Cryptography.Aesdeclast);
        Add(Mnemonic.Aesimc, &Cryptography.Aesimc);
        Add(Mnemonic.Aeskeygenassist, &Cryptography.Aeskeygenassist);
        Add(Mnemonic.Pclmulqdq, &Cryptography.Pclmulqdq);
    }

    private static void AddShuffles()
    {
        Add(Mnemonic.Packsswb, &Shuffles.Packsswb);
        Add(Mnemonic.Packssdw, &Shuffles.Packssdw);
        Add(Mnemonic.Packuswb, &Shuffles.Packuswb);
        Add(Mnemonic.Packusdw, &Shuffles.Packusdw);
        Add(Mnemonic.Punpcklbw, &Shuffles.Punpcklbw);
        Add(Mnemonic.Punpckhbw, &Shuffles.Punpckhbw);
        Add(Mnemonic.Punpcklwd, &Shuffles.Punpcklwd);
        Add(Mnemonic.Punpckhwd, &Shuffles.Punpckhwd);
        Add(&Shuffles.Punpckldq, Mnemonic.Punpckldq, Mnemonic.Unpcklps);
        Add(&Shuffles.Punpckhdq, Mnemonic.Punpckhdq, Mnemonic.Unpckhps);
        Add(&Shuffles.Punpcklqdq, Mnemonic.Punpcklqdq, Mnemonic.Unpcklpd);
        Add(&Shuffles.Punpckhqdq, Mnemonic.Punpckhqdq, Mnemonic.Unpckhpd);
        Add(Mnemonic.Pshufb, &Shuffles.Pshufb);
        Add(Mnemonic.Pshufd, &Shuffles.Pshufd);
        Add(&Shuffles.Pshuflw, Mnemonic.Pshuflw, Mnemonic.Pshufw);
        Add(Mnemonic.Pshufhw, &Shuffles.Pshufhw);
        Add(Mnemonic.Shufps, &Shuffles.Shufps);
        Add(Mnemonic.Shufpd, &Shuffles.Shufpd);
        Add(Mnemonic.Palignr, &Shuffles.Palignr);
        Add(Mnemonic.Pslldq, &Shuffles.Pslldq);
        Add(Mnemonic.Psrldq, &Shuffles.Psrldq);
        Add(Mnemonic.Pblendw, &Shuffles.Pblendw);
        Add(Mnemonic.Blendps, &Shuffles.Blendps);
        Add(Mnemonic.Blendpd, &Shuffles.Blendpd);
        Add(Mnemonic.Insertps, &Shuffles.Insertps);
        Add(Mnemonic.Pinsrb, &Shuffles.Pinsrb);
        Add(Mnemonic.Pinsrw, &Shuffles.Pinsrw);
        Add(Mnemonic.Pinsrd, &Shuffles.Pinsrd);
        Add(Mnemonic.Pinsrq, &Shuffles.Pinsrq);
        Add(Mnemonic.Movshdup, &Shuffles.Movshdup);
        Add(Mnemonic.Movsldup, &Shuffles.Movsldup);
        Add(Mnemonic.Movddup, &Shuffles.Movddup);
        Add(Mnemonic.Movhlps, &Shuffles.Movhlps);
        Add(Mnemonic.Movlhps, &Shuffles.Movlhps);
        Add(Mnemonic.Pmovsxbw, &Shuffles.Pmovsxbw);
        Add(Mnemonic.Pmovsxbd, &Shuffles.Pmovsxbd);
        Add(Mnemonic.Pmovsxbq, &Shuffles.Pmovsxbq);
        Add(Mnemonic.Pmovsxwd, &Shuffles.Pmovsxwd);
        Add(Mnemonic.Pmovsxwq, &Shuffles.Pmovsxwq);
        Add(Mnemonic.Pmovsxdq, &Shuffles.Pmovsxdq);
        Add(Mnemonic.Pmovzxbw, &Shuffles.Pmovzxbw);
        Add(Mnemonic.Pmovzxbd, &Shuffles.Pmovzxbd);
        Add(Mnemonic.Pmovzxbq, &Shuffles.Pmovzxbq);
        Add(Mnemonic.Pmovzxwd, &Shuffles.Pmovzxwd);
        Add(Mnemonic.Pmovzxwq, &Shuffles.Pmovzxwq);
        Add(Mnemonic.Pmovzxdq, &Shuffles.Pmovzxdq);
    }

    private static void AddFloats()
    {
        Add(Mnemonic.Addps, &PackedFloats.Addps);
        Add(Mnemonic.Addss, &PackedFloats.Addss);
        Add(Mnemonic.Addpd, &PackedFloats.Addpd);
        Add(Mnemonic.Addsd, &PackedFloats.Addsd);
        Add(Mnemonic.Subps, &PackedFloats.Subps);
        Add(Mnemonic.Subss, &PackedFloats.Subss);
        Add(Mnemonic.Subpd, &PackedFloats.Subpd);
        Add(Mnemonic.Subsd, &PackedFloats.Subsd);
        Add(Mnemonic.Mulps, &PackedFloats.Mulps);
        Add(Mnemonic.Mulss, &PackedFloats.Mulss);
        Add(Mnemonic.Mulpd, &PackedFloats.Mulpd);
        Add(Mnemonic.Mulsd, &PackedFloats.Mulsd);
        Add(Mnemonic.Divps, &PackedFloats.Divps);
        Add(Mnemonic.Divss, &PackedFloats.Divss);
        Add(Mnemonic.Divpd, &PackedFloats.Divpd);
        Add(Mnemonic.Divsd, &PackedFloats.Divsd);
        Add(Mnemonic.Minps, &PackedFloats.Minps);
        Add(Mnemonic.Minss, &PackedFloats.Minss);
        Add(Mnemonic.Minpd, &PackedFloats.Minpd);
        Add(Mnemonic.Minsd, &PackedFloats.Minsd);
        Add(Mnemonic.Maxps, &PackedFloats.Maxps);
        Add(Mnemonic.Maxss, &PackedFloats.Maxss);
        Add(Mnemonic.Maxpd, &PackedFloats.Maxpd);
        Add(Mnemonic.Maxsd, &PackedFloats.Maxsd);
        Add(Mnemonic.Sqrtps, &PackedFloats.Sqrtps);
        Add(Mnemonic.Sqrtss, &PackedFloats.Sqrtss);
        Add(Mnemonic.Sqrtpd, &PackedFloats.Sqrtpd);
        Add(Mnemonic.Sqrtsd, &PackedFloats.Sqrtsd);
        Add(Mnemonic.Cmpps, &PackedFloats.Cmpps);
        Add(Mnemonic.Cmpss, &PackedFloats.Cmpss);
        Add(Mnemonic.Cmppd, &PackedFloats.Cmppd);
        Add(Mnemonic.Cmpsd, &PackedFloats.Cmpsd);
        Add(Mnemonic.Roundps, &PackedFloats.Roundps);
        Add(Mnemonic.Roundss, &PackedFloats.Roundss);
        Add(Mnemonic.Roundpd, &PackedFloats.Roundpd);
        Add(Mnemonic.Roundsd, &PackedFloats.Roundsd);
        Add(Mnemonic.Rcpps, &PackedFloats.Rcpps);
        Add(Mnemonic.Rcpss, &PackedFloats.Rcpss);
        Add(Mnemonic.Rsqrtps, &PackedFloats.Rsqrtps);
        Add(Mnemonic.Rsqrtss, &PackedFloats.Rsqrtss);
        Add(Mnemonic.Addsubps, &PackedFloats.Addsubps);
        Add(Mnemonic.Addsubpd, &PackedFloats.Addsubpd);
        Add(Mnemonic.Haddps, &PackedFloats.Haddps);
        Add(Mnemonic.Haddpd, &PackedFloats.Haddpd);
        Add(Mnemonic.Hsubps, &PackedFloats.Hsubps);
        Add(Mnemonic.Hsubpd, &PackedFloats.Hsubpd);
        Add(Mnemonic.Dpps, &PackedFloats.Dpps);
        Add(Mnemonic.Dppd, &PackedFloats.Dppd);
        Add(&PackedConversions.Cvtdq2pd, Mnemonic.Cvtdq2pd, Mnemonic.Cvtpi2pd);
        Add(Mnemonic.Cvtdq2ps, &PackedConversions.Cvtdq2ps);
        Add(Mnemonic.Cvtps2dq, &PackedConversions.Cvtps2dq);
        Add(Mnemonic.Cvttps2dq, &PackedConversions.Cvttps2dq);
        Add(&PackedConversions.Cvtpd2dq, Mnemonic.Cvtpd2dq, Mnemonic.Cvtpd2pi);
        Add(&PackedConversions.Cvttpd2dq, Mnemonic.Cvttpd2dq, Mnemonic.Cvttpd2pi);
        Add(Mnemonic.Cvtpd2ps, &PackedConversions.Cvtpd2ps);
        Add(Mnemonic.Cvtps2pd, &PackedConversions.Cvtps2pd);
        Add(Mnemonic.Cvtsd2ss, &PackedConversions.Cvtsd2ss);
        Add(Mnemonic.Cvtss2sd, &PackedConversions.Cvtss2sd);
        Add(Mnemonic.Cvtpi2ps, &PackedConversions.Cvtpi2ps);
        Add(Mnemonic.Cvtps2pi, &PackedConversions.Cvtps2pi);
        Add(Mnemonic.Cvttps2pi, &PackedConversions.Cvttps2pi);
    }

    private static void Add(Mnemonic mnemonic, delegate*<Vector128<byte>, Vector128<byte>, uint, Vector128<byte>> method) => Integers[(int)mnemonic] = method;

    private static void Add(delegate*<Vector128<byte>, Vector128<byte>, uint, Vector128<byte>> method, params ReadOnlySpan<Mnemonic> mnemonics)
    {
        foreach (Mnemonic mnemonic in mnemonics)
        {
            Integers[(int)mnemonic] = method;
        }
    }

    private static void Add(Mnemonic mnemonic, delegate*<Vector128<byte>, Vector128<byte>, uint, ref FloatingContext, Vector128<byte>> method) => Floats[(int)mnemonic] = method;

    private static void Add(delegate*<Vector128<byte>, Vector128<byte>, uint, ref FloatingContext, Vector128<byte>> method, params ReadOnlySpan<Mnemonic> mnemonics)
    {
        foreach (Mnemonic mnemonic in mnemonics)
        {
            Floats[(int)mnemonic] = method;
        }
    }
}
