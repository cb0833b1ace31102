using System.Reflection;

namespace Kmem.Ir.Tests;

/// <summary>Every micro-op of the table, so that new ones are tested without a line here.</summary>
internal static class MicroOps
{
    public static readonly IReadOnlyList<ulong> Interesting =
    [
        0, 1, 2, 7, 31, 32, 63, 64, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0x1_0000_0000,
        0x0123_4567_89AB_CDEF, long.MaxValue, 1UL << 63, ulong.MaxValue - 1, ulong.MaxValue,
    ];

    public static IEnumerable<Uop> All => Enum.GetValues<Uop>().Where(u => u != Uop.Invalid);

    /// <summary>Those that compute a slot from slots and the immediate by a kernel, in whatever shape.</summary>
    public static IEnumerable<Uop> Computing => All.Where(u => UopTable.SetsD(u) && KernelOf(u) is { } kernel
        && kernel.ReturnType == typeof(ulong) && kernel.GetParameters().All(p => p.ParameterType == typeof(ulong)));

    /// <summary>The kernel; null where there is none.</summary>
    public static MethodInfo? KernelOf(Uop code)
    {
        try
        {
            return UopTable.KernelOf(code);
        }
        catch (ArgumentException)
        {
            return null;
        }
    }

    /// <summary>What the kernel gives for the operands that the micro-op has.</summary>
    public static ulong Evaluate(Uop code, ulong a, ulong b, ulong immediate)
    {
        MethodInfo kernel = UopTable.KernelOf(code);
        var operands = new List<ulong>();
        if (UopTable.ReadsA(code))
        {
            operands.Add(a);
        }

        if (UopTable.ReadsB(code))
        {
            operands.Add(b);
        }

        if (operands.Count < kernel.GetParameters().Length)
        {
            operands.Add(immediate);
        }

        return (ulong)kernel.Invoke(null, [.. operands.Cast<object>()])!;
    }
}
