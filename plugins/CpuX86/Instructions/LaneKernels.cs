using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Iced.Intel;
using Kmem.Ir;
using Kmem.Plugins.CpuX86.Vectors;

namespace Kmem.Plugins.CpuX86.Instructions;

/// <summary>Packed instructions whose result's halves follow from the operands' halves, as kernels on one half; the same operations as in <see cref="VectorOperations"/>.</summary>
internal static unsafe class LaneKernels
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    /// <summary>By mnemonic, of both halves alike.</summary>
    public static readonly Dictionary<Mnemonic, PureKernel> Halves = Create();

    /// <summary>Bytes 0 to 3 of both operands in turn.</summary>
    public static readonly PureKernel InterleaveLowBytes = GuestKernels.Pure(&LowBytes, LowBytes);

    /// <summary>Bytes 4 to 7 of both operands in turn.</summary>
    public static readonly PureKernel InterleaveHighBytes = GuestKernels.Pure(&HighBytes, HighBytes);

    /// <summary>Words 0 and 1 of both operands in turn.</summary>
    public static readonly PureKernel InterleaveLowWords = GuestKernels.Pure(&LowWords, LowWords);

    /// <summary>Words 2 and 3 of both operands in turn.</summary>
    public static readonly PureKernel InterleaveHighWords = GuestKernels.Pure(&HighWords, HighWords);

    /// <summary>The low doublewords of both operands.</summary>
    public static readonly PureKernel InterleaveLowDoublewords = GuestKernels.Pure(&LowDoublewords, LowDoublewords);

    /// <summary>The high doublewords of both operands.</summary>
    public static readonly PureKernel InterleaveHighDoublewords = GuestKernels.Pure(&HighDoublewords, HighDoublewords);

    /// <summary>The sign bits of 8 bytes of the first operand.</summary>
    public static readonly PureKernel ByteSigns = GuestKernels.Pure(&ByteSignsOf, ByteSignsOf);

    /// <summary>The sign bits of 2 doublewords of the first operand.</summary>
    public static readonly PureKernel DoublewordSigns = GuestKernels.Pure(&DoublewordSignsOf, DoublewordSignsOf);

    /// <summary>Ones in each byte, doubleword or quadword of the first operand whose sign bit is set.</summary>
    public static readonly PureKernel ByteMask = GuestKernels.Pure(&ByteMaskOf, ByteMaskOf), DoublewordMask = GuestKernels.Pure(&DoublewordMaskOf, DoublewordMaskOf), QuadwordMask = GuestKernels.Pure(&QuadwordMaskOf, QuadwordMaskOf);

    private static Dictionary<Mnemonic, PureKernel> Create() => new()
    {
        [Mnemonic.Paddb] = GuestKernels.Pure(&Paddb, Paddb),
        [Mnemonic.Paddw] = GuestKernels.Pure(&Paddw, Paddw),
        [Mnemonic.Paddd] = GuestKernels.Pure(&Paddd, Paddd),
        [Mnemonic.Paddq] = GuestKernels.Pure(&Paddq, Paddq),
        [Mnemonic.Psubb] = GuestKernels.Pure(&Psubb, Psubb),
        [Mnemonic.Psubw] = GuestKernels.Pure(&Psubw, Psubw),
        [Mnemonic.Psubd] = GuestKernels.Pure(&Psubd, Psubd),
        [Mnemonic.Psubq] = GuestKernels.Pure(&Psubq, Psubq),
        [Mnemonic.Pcmpeqb] = GuestKernels.Pure(&Pcmpeqb, Pcmpeqb),
        [Mnemonic.Pcmpeqw] = GuestKernels.Pure(&Pcmpeqw, Pcmpeqw),
        [Mnemonic.Pcmpeqd] = GuestKernels.Pure(&Pcmpeqd, Pcmpeqd),
        [Mnemonic.Pcmpgtb] = GuestKernels.Pure(&Pcmpgtb, Pcmpgtb),
        [Mnemonic.Pcmpgtw] = GuestKernels.Pure(&Pcmpgtw, Pcmpgtw),
        [Mnemonic.Pcmpgtd] = GuestKernels.Pure(&Pcmpgtd, Pcmpgtd),
        [Mnemonic.Pminub] = GuestKernels.Pure(&Pminub, Pminub),
        [Mnemonic.Pmaxub] = GuestKernels.Pure(&Pmaxub, Pmaxub),
        [Mnemonic.Pmullw] = GuestKernels.Pure(&Pmullw, Pmullw),
        [Mnemonic.Pmuludq] = GuestKernels.Pure(&Pmuludq, Pmuludq),
    };

    [MethodImpl(Inline)]
    private static Vector128<byte> Up(ulong x) => Vector128.CreateScalarUnsafe(x).AsByte();

    [MethodImpl(Inline)]
    private static ulong Down(Vector128<byte> x) => x.AsUInt64().ToScalar();

    [MethodImpl(Inline)]
    private static ulong Paddb(ulong a, ulong b) => Down(IntegerArithmetic.Paddb(Up(a), Up(b), 0));

    [MethodImpl(Inline)]
    private static ulong Paddw(ulong a, ulong b) => Down(IntegerArithmetic.Paddw(Up(a), Up(b), 0));

    [MethodImpl(Inline)]
    private static ulong Paddd(ulong a, ulong b) => Down(IntegerArithmetic.Paddd(Up(a), Up(b), 0));

    [MethodImpl(Inline)]
    private static ulong Paddq(ulong a, ulong b) => a + b;

    [MethodImpl(Inline)]
    private static ulong Psubb(ulong a, ulong b) => Down(IntegerArithmetic.Psubb(Up(a), Up(b), 0));

    [MethodImpl(Inline)]
    private static ulong Psubw(ulong a, ulong b) => Down(IntegerArithmetic.Psubw(Up(a), Up(b), 0));

    [MethodImpl(Inline)]
    private static ulong Psubd(ulong a, ulong b) => Down(IntegerArithmetic.Psubd(Up(a), Up(b), 0));

    [MethodImpl(Inline)]
    private static ulong Psubq(ulong a, ulong b) => a - b;

    [MethodImpl(Inline)]
    private static ulong Pcmpeqb(ulong a, ulong b) => Down(IntegerArithmetic.Pcmpeqb(Up(a), Up(b), 0));

    [MethodImpl(Inline)]
    private static ulong Pcmpeqw(ulong a, ulong b) => Down(IntegerArithmetic.Pcmpeqw(Up(a), Up(b), 0));

    [MethodImpl(Inline)]
    private static ulong Pcmpeqd(ulong a, ulong b) => Down(IntegerArithmetic.Pcmpeqd(Up(a), Up(b), 0));

    [MethodImpl(Inline)]
    private static ulong Pcmpgtb(ulong a, ulong b) => Down(IntegerArithmetic.Pcmpgtb(Up(a), Up(b), 0));

    [MethodImpl(Inline)]
    private static ulong Pcmpgtw(ulong a, ulong b) => Down(IntegerArithmetic.Pcmpgtw(Up(a), Up(b), 0));

    [MethodImpl(Inline)]
    private static ulong Pcmpgtd(ulong a, ulong b) => Down(IntegerArithmetic.Pcmpgtd(Up(a), Up(b), 0));

    [MethodImpl(Inline)]
    private static ulong Pminub(ulong a, ulong b) => Down(IntegerArithmetic.Pminub(Up(a), Up(b), 0));

    [MethodImpl(Inline)]
    private static ulong Pmaxub(ulong a, ulong b) => Down(IntegerArithmetic.Pmaxub(Up(a), Up(b), 0));

    [MethodImpl(Inline)]
    private static ulong Pmullw(ulong a, ulong b) => Down(IntegerArithmetic.Pmullw(Up(a), Up(b), 0));

    [MethodImpl(Inline)]
    private static ulong Pmuludq(ulong a, ulong b) => (ulong)(uint)a * (uint)b;

    [MethodImpl(Inline)]
    private static ulong LowBytes(ulong a, ulong b) => Down(Shuffles.Punpcklbw(Up(a), Up(b), 0));

    private static ulong HighBytes(ulong a, ulong b) => LowBytes(a >> 32, b >> 32);

    [MethodImpl(Inline)]
    private static ulong LowWords(ulong a, ulong b) => Down(Shuffles.Punpcklwd(Up(a), Up(b), 0));

    private static ulong HighWords(ulong a, ulong b) => LowWords(a >> 32, b >> 32);

    [MethodImpl(Inline)]
    private static ulong LowDoublewords(ulong a, ulong b) => (uint)a | (b << 32);

    [MethodImpl(Inline)]
    private static ulong HighDoublewords(ulong a, ulong b) => (a >> 32) | (b & ~(ulong)uint.MaxValue);

    // The product moves the eight sign bits, 8 apart, together into the last byte.
    [MethodImpl(Inline)]
    private static ulong ByteSignsOf(ulong a, ulong b) => ((a >> 7) & 0x0101010101010101) * 0x0102040810204080 >> 56;

    [MethodImpl(Inline)]
    private static ulong DoublewordSignsOf(ulong a, ulong b) => ((a >> 31) & 1) | ((a >> 62) & 2);

    [MethodImpl(Inline)]
    private static ulong ByteMaskOf(ulong a, ulong b) => ((a >> 7) & 0x0101010101010101) * 0xFF;

    [MethodImpl(Inline)]
    private static ulong DoublewordMaskOf(ulong a, ulong b) => ((a >> 31) & 0x0000000100000001) * 0xFFFFFFFF;

    [MethodImpl(Inline)]
    private static ulong QuadwordMaskOf(ulong a, ulong b) => (ulong)((long)a >> 63);
}
