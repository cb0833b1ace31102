using System.Numerics;
using Iced.Intel;

namespace Kmem.Host.Tracing.Faults;

/// <summary>The results and flags of the two-operand arithmetic instructions.</summary>
/// <remarks>Source: Intel SDM volume 1, 3.4.3.1 "Status Flags"; AF after a logical instruction is undefined and here 0.</remarks>
internal static class ArithmeticFlags
{
    private const ulong Carry = 1, Parity = 4, Adjust = 0x10, Zero = 0x40, Sign = 0x80, Overflow = 0x800;

    /// <summary>Computes a result of <paramref name="width"/> bytes and puts its flags into <paramref name="flags"/>.</summary>
    public static ulong Compute(Mnemonic mnemonic, ulong left, ulong right, int width, ref ulong flags)
    {
        ulong mask = ulong.MaxValue >> (64 - (8 * width)), top = 1UL << ((8 * width) - 1);
        ulong result, carry = 0, adjust = 0, overflow = 0;
        switch (mnemonic)
        {
            case Mnemonic.And or Mnemonic.Test:
                result = left & right;
                break;
            case Mnemonic.Or:
                result = left | right;
                break;
            case Mnemonic.Xor:
                result = left ^ right;
                break;
            case Mnemonic.Add:
                result = (left + right) & mask;
                carry = result < left ? Carry : 0;
                adjust = (left ^ right ^ result) & Adjust;
                overflow = ((left ^ result) & (right ^ result) & top) != 0 ? Overflow : 0;
                break;
            default:
                result = (left - right) & mask;
                carry = left < right ? Carry : 0;
                adjust = (left ^ right ^ result) & Adjust;
                overflow = ((left ^ right) & (left ^ result) & top) != 0 ? Overflow : 0;
                break;
        }

        flags = (flags & ~(Carry | Parity | Adjust | Zero | Sign | Overflow)) | carry | adjust | overflow
            | (result == 0 ? Zero : 0) | ((result & top) != 0 ? Sign : 0) | ((BitOperations.PopCount(result & 0xFF) & 1) == 0 ? Parity : 0);
        return result;
    }
}
