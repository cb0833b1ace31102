using System.Numerics;
using System.Runtime.Intrinsics.X86;
using Iced.Intel;
using Kmem.Ir;
using Kmem.Plugins.CpuX86.Lifting;
using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.Plugins.CpuX86.Instructions;

/// <summary>Bit tests, bit scans, counts, BMI1 and BMI2, CRC32.</summary>
/// <remarks>Source: Intel SDM volume 2, the pages of the instructions named.</remarks>
internal static unsafe class BitInstructions
{
    private static readonly PureKernel LeadingZeros = GuestKernels.Pure(&LeadingZerosOf, LeadingZerosOf);
    private static readonly PureKernel TrailingZeros = GuestKernels.Pure(&TrailingZerosOf, TrailingZerosOf);
    private static readonly PureKernel PopulationCount = GuestKernels.Pure(&PopulationCountOf, PopulationCountOf);
    private static readonly PureKernel Extract = GuestKernels.Pure(&ExtractOf, ExtractOf);
    private static readonly PureKernel ZeroHigh = GuestKernels.Pure3(&ZeroHighOf, ZeroHighOf);
    private static readonly PureKernel Deposit = GuestKernels.Pure(&DepositOf, DepositOf);
    private static readonly PureKernel Gather = GuestKernels.Pure(&GatherOf, GatherOf);
    private static readonly PureKernel Crc8 = GuestKernels.Pure(&Crc8Of, Crc8Of);
    private static readonly PureKernel Crc16 = GuestKernels.Pure(&Crc16Of, Crc16Of);
    private static readonly PureKernel Crc32 = GuestKernels.Pure(&Crc32Of, Crc32Of);
    private static readonly PureKernel Crc64 = GuestKernels.Pure(&Crc64Of, Crc64Of);

    /// <summary>Adds the group's lines.</summary>
    public static void Register(X86Table table)
    {
        table.Add(Mnemonic.Bt, x => TestBit(x, null));
        table.Add(Mnemonic.Bts, x => TestBit(x, Uop.Or));
        table.Add(Mnemonic.Btr, x => TestBit(x, Uop.AndNot));
        table.Add(Mnemonic.Btc, x => TestBit(x, Uop.Xor));
        table.Add(Mnemonic.Bsf, x => Scan(x, isForward: true));
        table.Add(Mnemonic.Bsr, x => Scan(x, isForward: false));
        table.Add(Mnemonic.Tzcnt, x => Count(x, isTrailing: true));
        table.Add(Mnemonic.Lzcnt, x => Count(x, isTrailing: false));
        table.Add(Mnemonic.Popcnt, Popcnt);
        table.Add(Mnemonic.Andn, Andn);
        table.Add(Mnemonic.Bextr, Bextr);
        table.Add(Mnemonic.Blsi, x => Lowest(x, (x, a) => a & (x.Const(0) - a), carriesAtZero: false));
        table.Add(Mnemonic.Blsmsk, x => Lowest(x, (_, a) => a ^ (a - 1), carriesAtZero: true));
        table.Add(Mnemonic.Blsr, x => Lowest(x, (_, a) => a & (a - 1), carriesAtZero: true));
        table.Add(Mnemonic.Bzhi, Bzhi);
        table.Add(Mnemonic.Pdep, x => x.Write(0, x.Ir.Pure(Deposit, x.ReadZext(1), x.ReadZext(2))));
        table.Add(Mnemonic.Pext, x => x.Write(0, x.Ir.Pure(Gather, x.ReadZext(1), x.ReadZext(2))));
        table.Add(Mnemonic.Crc32, x => x.Write(0, x.Ir.Pure(x.Width(1) switch { 1 => Crc8, 2 => Crc16, 4 => Crc32, _ => Crc64 }, x.Read(0), x.Read(1))));
    }

    /// <summary>BT, BTS, BTR, BTC: CF &lt;- bit; a register offset reaches beyond a memory operand on both sides.</summary>
    private static void TestBit(LiftContext x, Uop? change)
    {
        int width = x.Width(0), bits = 8 * width;
        Val offset = x.Read(1);
        Val bit = x.Copy(offset & (ulong)(bits - 1));
        if (x.IsMemory(0) && !offset.IsConstant)
        {
            x.MoveAddress((x.Sext(offset, width) >> BitOperations.Log2((uint)bits)) << BitOperations.Log2((uint)width), width, isWrite: change is not null);
        }

        Val a = x.Copy(x.Read(0));
        Val carry = (bit.IsConstant ? x.Zext(a, width) >>> (int)bit.Constant : x.Ir.Binary(Uop.Shr, a, bit)) & 1;
        carry = x.Copy(carry);
        if (change is { } code)
        {
            Val mask = bit.IsConstant ? x.Const(1UL << (int)bit.Constant) : x.Ir.Binary(Uop.Shl, x.Const(1), bit);
            x.Write(0, x.Ir.Binary(code, a, mask));
        }

        x.SetCarry(carry);
    }

    /// <summary>BSF, BSR: a source of zero leaves the destination as it was.</summary>
    private static void Scan(LiftContext x, bool isForward)
    {
        int width = x.Width(0);
        Val a = x.Copy(x.ReadZext(1));
        Val index = isForward ? x.Ir.Pure(TrailingZeros, a, a) : x.Const(63) - x.Ir.Pure(LeadingZeros, a, a);
        int slot = x.RegisterSlot(0);
        if (width == 2)
        {
            index = x.Ir.Binary(Uop.Insert16, x.Slot(slot), index);
        }

        x.Ir.Conditional(Uop.CmovNe, slot, a, index);
        x.SetFlags(FlagKind.Logic, width, a);
    }

    /// <summary>TZCNT, LZCNT: CF where the source is zero, ZF where the result is.</summary>
    private static void Count(LiftContext x, bool isTrailing)
    {
        int width = x.Width(0), bits = 8 * width;
        Val a = x.Copy(x.ReadZext(1));
        Val result = isTrailing
            ? x.Ir.Pure(TrailingZeros, width == 8 ? a : a | (1UL << bits), a)
            : x.Ir.Pure(LeadingZeros, a, a) - (ulong)(64 - bits);
        Val carry = x.Copy(x.Ir.Binary(Uop.SetEq, a, x.Const(0)));
        result = x.Copy(result);
        x.Write(0, result);
        x.SetFlags(FlagKind.Carry, width, result, carry);
    }

    private static void Popcnt(LiftContext x)
    {
        Val a = x.ReadZext(1), count = x.Copy(x.Ir.Pure(PopulationCount, a, a));
        x.Write(0, count);
        x.SetFlags(x.Ir.Binary(Uop.SetEq, count, x.Const(0)) << 6);
    }

    private static void Andn(LiftContext x)
    {
        Val result = x.Ir.Binary(Uop.AndNot, x.Read(2), x.Read(1));
        result = x.Copy(result);
        x.Write(0, result);
        x.SetFlags(FlagKind.Logic, x.Width(0), result);
    }

    private static void Bextr(LiftContext x)
    {
        Val result = x.Copy(x.Ir.Pure(Extract, x.ReadZext(1), x.Read(2)));
        x.Write(0, result);
        x.SetFlags(FlagKind.Logic, x.Width(0), result);
    }

    private static void Lowest(LiftContext x, Func<LiftContext, Val, Val> result, bool carriesAtZero)
    {
        int width = x.Width(0);
        Val a = x.Copy(x.ReadZext(1)), value = x.Copy(result(x, a));
        Val isZero = x.Ir.Binary(Uop.SetEq, a, x.Const(0));
        Val carry = x.Copy(carriesAtZero ? isZero : isZero ^ 1);
        x.Write(0, value);
        x.SetFlags(FlagKind.Carry, width, value, carry);
    }

    /// <summary>BZHI: CF where the index is beyond the operand.</summary>
    private static void Bzhi(LiftContext x)
    {
        int width = x.Width(0);
        Val a = x.ReadZext(1), index = x.Zext(x.Read(2), 1);
        Val carry = x.Copy(x.Ir.Binary(Uop.SetLtU, x.Const((ulong)(8 * width) - 1), index));
        Val result = x.Copy(x.Ir.Pure3(ZeroHigh, a, index, index));
        x.Write(0, result);
        x.SetFlags(FlagKind.Carry, width, result, carry);
    }

    private static ulong LeadingZerosOf(ulong a, ulong b) => (ulong)BitOperations.LeadingZeroCount(a);

    private static ulong TrailingZerosOf(ulong a, ulong b) => (ulong)BitOperations.TrailingZeroCount(a);

    private static ulong PopulationCountOf(ulong a, ulong b) => (ulong)BitOperations.PopCount(a);

    private static ulong ExtractOf(ulong a, ulong control)
    {
        int start = (byte)control, length = (byte)(control >> 8);
        ulong value = start > 63 ? 0 : a >> start;
        return length > 63 ? value : value & ((1UL << length) - 1);
    }

    private static ulong ZeroHighOf(ulong a, ulong index, ulong unused) => index > 63 ? a : a & ((1UL << (int)index) - 1);

    private static ulong DepositOf(ulong a, ulong mask)
    {
        if (Bmi2.X64.IsSupported)
        {
            return Bmi2.X64.ParallelBitDeposit(a, mask);
        }

        ulong result = 0;
        for (; mask != 0; mask &= mask - 1, a >>= 1)
        {
            result |= (a & 1) != 0 ? mask & (0 - mask) : 0;
        }

        return result;
    }

    private static ulong GatherOf(ulong a, ulong mask)
    {
        if (Bmi2.X64.IsSupported)
        {
            return Bmi2.X64.ParallelBitExtract(a, mask);
        }

        ulong result = 0;
        for (int i = 0; mask != 0; mask &= mask - 1, i++)
        {
            result |= (a & mask & (0 - mask)) != 0 ? 1UL << i : 0;
        }

        return result;
    }

    private static ulong Crc8Of(ulong a, ulong b) => BitOperations.Crc32C((uint)a, (byte)b);

    private static ulong Crc16Of(ulong a, ulong b) => BitOperations.Crc32C((uint)a, (ushort)b);

    private static ulong Crc32Of(ulong a, ulong b) => BitOperations.Crc32C((uint)a, (uint)b);

    private static ulong Crc64Of(ulong a, ulong b) => BitOperations.Crc32C((uint)a, b);
}
