using System.Numerics;
using Kmem.Ir;

namespace Kmem.Plugins.CpuAlpha.Instructions;

/// <summary>Byte manipulation, count and multimedia instructions as pure functions.</summary>
/// <remarks>Source: Alpha Architecture Reference Manual, 4.6 "Byte Manipulation", 4.4.9 to 4.4.11 (counts), 4.13 "Multimedia (Graphics and Video) Support".</remarks>
internal static unsafe class ByteKernels
{
    public static readonly PureKernel Cmpbge = GuestKernels.Pure(&CmpbgeOf, CmpbgeOf);
    public static readonly PureKernel Zap = GuestKernels.Pure(&ZapOf, ZapOf);
    public static readonly PureKernel Zapnot = GuestKernels.Pure(&ZapnotOf, ZapnotOf);
    public static readonly PureKernel Extbl = GuestKernels.Pure(&ExtblOf, ExtblOf);
    public static readonly PureKernel Extwl = GuestKernels.Pure(&ExtwlOf, ExtwlOf);
    public static readonly PureKernel Extll = GuestKernels.Pure(&ExtllOf, ExtllOf);
    public static readonly PureKernel Extql = GuestKernels.Pure(&ExtqlOf, ExtqlOf);
    public static readonly PureKernel Extwh = GuestKernels.Pure(&ExtwhOf, ExtwhOf);
    public static readonly PureKernel Extlh = GuestKernels.Pure(&ExtlhOf, ExtlhOf);
    public static readonly PureKernel Extqh = GuestKernels.Pure(&ExtqhOf, ExtqhOf);
    public static readonly PureKernel Insbl = GuestKernels.Pure(&InsblOf, InsblOf);
    public static readonly PureKernel Inswl = GuestKernels.Pure(&InswlOf, InswlOf);
    public static readonly PureKernel Insll = GuestKernels.Pure(&InsllOf, InsllOf);
    public static readonly PureKernel Insql = GuestKernels.Pure(&InsqlOf, InsqlOf);
    public static readonly PureKernel Inswh = GuestKernels.Pure(&InswhOf, InswhOf);
    public static readonly PureKernel Inslh = GuestKernels.Pure(&InslhOf, InslhOf);
    public static readonly PureKernel Insqh = GuestKernels.Pure(&InsqhOf, InsqhOf);
    public static readonly PureKernel Mskbl = GuestKernels.Pure(&MskblOf, MskblOf);
    public static readonly PureKernel Mskwl = GuestKernels.Pure(&MskwlOf, MskwlOf);
    public static readonly PureKernel Mskll = GuestKernels.Pure(&MskllOf, MskllOf);
    public static readonly PureKernel Mskql = GuestKernels.Pure(&MskqlOf, MskqlOf);
    public static readonly PureKernel Mskwh = GuestKernels.Pure(&MskwhOf, MskwhOf);
    public static readonly PureKernel Msklh = GuestKernels.Pure(&MsklhOf, MsklhOf);
    public static readonly PureKernel Mskqh = GuestKernels.Pure(&MskqhOf, MskqhOf);
    public static readonly PureKernel Ctpop = GuestKernels.Pure(&CtpopOf, CtpopOf);
    public static readonly PureKernel Ctlz = GuestKernels.Pure(&CtlzOf, CtlzOf);
    public static readonly PureKernel Cttz = GuestKernels.Pure(&CttzOf, CttzOf);
    public static readonly PureKernel Perr = GuestKernels.Pure(&PerrOf, PerrOf);
    public static readonly PureKernel Minub8 = GuestKernels.Pure(&Minub8Of, Minub8Of);
    public static readonly PureKernel Minsb8 = GuestKernels.Pure(&Minsb8Of, Minsb8Of);
    public static readonly PureKernel Minuw4 = GuestKernels.Pure(&Minuw4Of, Minuw4Of);
    public static readonly PureKernel Minsw4 = GuestKernels.Pure(&Minsw4Of, Minsw4Of);
    public static readonly PureKernel Maxub8 = GuestKernels.Pure(&Maxub8Of, Maxub8Of);
    public static readonly PureKernel Maxsb8 = GuestKernels.Pure(&Maxsb8Of, Maxsb8Of);
    public static readonly PureKernel Maxuw4 = GuestKernels.Pure(&Maxuw4Of, Maxuw4Of);
    public static readonly PureKernel Maxsw4 = GuestKernels.Pure(&Maxsw4Of, Maxsw4Of);
    public static readonly PureKernel Pklb = GuestKernels.Pure(&PklbOf, PklbOf);
    public static readonly PureKernel Pkwb = GuestKernels.Pure(&PkwbOf, PkwbOf);
    public static readonly PureKernel Unpkbl = GuestKernels.Pure(&UnpkblOf, UnpkblOf);
    public static readonly PureKernel Unpkbw = GuestKernels.Pure(&UnpkbwOf, UnpkbwOf);

    private const ulong Word = 0xFFFF, Long = 0xFFFF_FFFF;

    /// <summary>A mask of bytes from a mask of bits.</summary>
    public static ulong ByteMask(ulong bits)
    {
        ulong spread = ((bits & 0xFF) * 0x0101_0101_0101_0101) & 0x8040_2010_0804_0201;
        return ((((spread & 0x7F7F_7F7F_7F7F_7F7F) + 0x7F7F_7F7F_7F7F_7F7F) | spread) >>> 7 & 0x0101_0101_0101_0101) * 0xFF;
    }

    private static int Low(ulong b) => (int)(b & 7) * 8;

    private static ulong CmpbgeOf(ulong a, ulong b)
    {
        ulong result = 0;
        for (int i = 0; i < 8; i++)
        {
            result |= (byte)(a >> (8 * i)) >= (byte)(b >> (8 * i)) ? 1UL << i : 0;
        }

        return result;
    }

    private static ulong ZapOf(ulong a, ulong b) => a & ~ByteMask(b);

    private static ulong ZapnotOf(ulong a, ulong b) => a & ByteMask(b);

    private static ulong ExtblOf(ulong a, ulong b) => (a >> Low(b)) & 0xFF;

    private static ulong ExtwlOf(ulong a, ulong b) => (a >> Low(b)) & Word;

    private static ulong ExtllOf(ulong a, ulong b) => (a >> Low(b)) & Long;

    private static ulong ExtqlOf(ulong a, ulong b) => a >> Low(b);

    private static ulong ExtwhOf(ulong a, ulong b) => (a << (-Low(b) & 63)) & Word;

    private static ulong ExtlhOf(ulong a, ulong b) => (a << (-Low(b) & 63)) & Long;

    private static ulong ExtqhOf(ulong a, ulong b) => a << (-Low(b) & 63);

    private static ulong InsblOf(ulong a, ulong b) => (a & 0xFF) << Low(b);

    private static ulong InswlOf(ulong a, ulong b) => (a & Word) << Low(b);

    private static ulong InsllOf(ulong a, ulong b) => (a & Long) << Low(b);

    private static ulong InsqlOf(ulong a, ulong b) => a << Low(b);

    private static ulong InswhOf(ulong a, ulong b) => High(a & Word, b);

    private static ulong InslhOf(ulong a, ulong b) => High(a & Long, b);

    private static ulong InsqhOf(ulong a, ulong b) => High(a, b);

    /// <summary>What a field shifted to its place leaves in the next quadword.</summary>
    private static ulong High(ulong field, ulong b) => (b & 7) == 0 ? 0 : field >> (64 - Low(b));

    private static ulong MskblOf(ulong a, ulong b) => a & ~(0xFFUL << Low(b));

    private static ulong MskwlOf(ulong a, ulong b) => a & ~(Word << Low(b));

    private static ulong MskllOf(ulong a, ulong b) => a & ~(Long << Low(b));

    private static ulong MskqlOf(ulong a, ulong b) => a & ~(ulong.MaxValue << Low(b));

    private static ulong MskwhOf(ulong a, ulong b) => a & ~High(Word, b);

    private static ulong MsklhOf(ulong a, ulong b) => a & ~High(Long, b);

    private static ulong MskqhOf(ulong a, ulong b) => a & ~High(ulong.MaxValue, b);

    private static ulong CtpopOf(ulong a, ulong b) => (ulong)BitOperations.PopCount(b);

    private static ulong CtlzOf(ulong a, ulong b) => (ulong)BitOperations.LeadingZeroCount(b);

    private static ulong CttzOf(ulong a, ulong b) => (ulong)BitOperations.TrailingZeroCount(b);

    private static ulong PerrOf(ulong a, ulong b)
    {
        ulong sum = 0;
        for (int i = 0; i < 64; i += 8)
        {
            sum += (ulong)Math.Abs((byte)(a >> i) - (byte)(b >> i));
        }

        return sum;
    }

    private static ulong Minub8Of(ulong a, ulong b) => Bytes(a, b, static (x, y) => Math.Min((byte)x, (byte)y));

    private static ulong Minsb8Of(ulong a, ulong b) => Bytes(a, b, static (x, y) => Math.Min((sbyte)x, (sbyte)y));

    private static ulong Maxub8Of(ulong a, ulong b) => Bytes(a, b, static (x, y) => Math.Max((byte)x, (byte)y));

    private static ulong Maxsb8Of(ulong a, ulong b) => Bytes(a, b, static (x, y) => Math.Max((sbyte)x, (sbyte)y));

    private static ulong Minuw4Of(ulong a, ulong b) => Words(a, b, static (x, y) => Math.Min((ushort)x, (ushort)y));

    private static ulong Minsw4Of(ulong a, ulong b) => Words(a, b, static (x, y) => Math.Min((short)x, (short)y));

    private static ulong Maxuw4Of(ulong a, ulong b) => Words(a, b, static (x, y) => Math.Max((ushort)x, (ushort)y));

    private static ulong Maxsw4Of(ulong a, ulong b) => Words(a, b, static (x, y) => Math.Max((short)x, (short)y));

    private static ulong Bytes(ulong a, ulong b, Func<ulong, ulong, int> choose)
    {
        ulong result = 0;
        for (int i = 0; i < 64; i += 8)
        {
            result |= (ulong)(byte)choose(a >> i, b >> i) << i;
        }

        return result;
    }

    private static ulong Words(ulong a, ulong b, Func<ulong, ulong, int> choose)
    {
        ulong result = 0;
        for (int i = 0; i < 64; i += 16)
        {
            result |= (ulong)(ushort)choose(a >> i, b >> i) << i;
        }

        return result;
    }

    private static ulong PklbOf(ulong a, ulong b) => (b & 0xFF) | (b >> 24 & 0xFF00);

    private static ulong PkwbOf(ulong a, ulong b) => (b & 0xFF) | (b >> 8 & 0xFF00) | (b >> 16 & 0xFF_0000) | (b >> 24 & 0xFF00_0000);

    private static ulong UnpkblOf(ulong a, ulong b) => (b & 0xFF) | (b & 0xFF00) << 24;

    private static ulong UnpkbwOf(ulong a, ulong b) => (b & 0xFF) | (b & 0xFF00) << 8 | (b & 0xFF_0000) << 16 | (b & 0xFF00_0000) << 24;
}
