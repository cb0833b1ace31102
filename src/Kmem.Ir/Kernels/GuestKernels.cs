using System.Reflection;
using System.Runtime.InteropServices;

namespace Kmem.Ir;

/// <summary>A kernel that a CPU brings: a pure function of two slots, or of three.</summary>
public sealed class PureKernel
{
    internal PureKernel(int number, MethodInfo method) => (Number, Method) = (number, method);

    /// <summary>Its number in the table.</summary>
    public int Number { get; }

    /// <summary>The method.</summary>
    public MethodInfo Method { get; }
}

/// <summary>A floating-point kernel that a CPU brings: a value, and whether that value is all there is to say.</summary>
/// <remarks>Where the guard says no, the interpreter calls the helper with the instruction word; translated code leaves the instruction to it.</remarks>
public sealed class GuardedKernel
{
    internal GuardedKernel(int number, MethodInfo value, MethodInfo guard, int controlSlot) => (Number, Value, Guard, ControlSlot) = (number, value, guard, controlSlot);

    /// <summary>Its number in the table.</summary>
    public int Number { get; }

    /// <summary><c>double Value(double a, double b)</c>.</summary>
    public MethodInfo Value { get; }

    /// <summary><c>bool Guard(double a, double b, double result, ulong control)</c>.</summary>
    public MethodInfo Guard { get; }

    /// <summary>Slot of the control register that the guard looks at.</summary>
    public int ControlSlot { get; }
}

/// <summary>A function of a CPU that does what no micro-op does: on a slot's value and an immediate; 0, or the reason to leave the block.</summary>
public sealed class HelperFunction
{
    internal HelperFunction(int number, MethodInfo method) => (Number, Method) = (number, method);

    /// <summary>Its number in the table.</summary>
    public int Number { get; }

    /// <summary><c>int Helper(CpuState* state, ulong a, ulong immediate)</c>.</summary>
    public MethodInfo Method { get; }
}

/// <summary>Numbers for what CPUs bring: micro-ops name functions by them, the interpreter finds pointers and the translator methods.</summary>
public static unsafe class GuestKernels
{
    private const int Capacity = 1024;

    private static readonly Lock Gate = new();
    private static readonly List<PureKernel> Pures = [];
    private static readonly List<PureKernel> Pure3s = [];
    private static readonly List<GuardedKernel> Guardeds = [];
    private static readonly List<HelperFunction> Helpers = [];

    /// <summary>Pointers of pure kernels by number.</summary>
    internal static readonly delegate*<ulong, ulong, ulong>* PurePointers = (delegate*<ulong, ulong, ulong>*)NativeMemory.AllocZeroed(Capacity, (nuint)sizeof(nint));

    /// <summary>Pointers of pure kernels on three slots by number.</summary>
    internal static readonly delegate*<ulong, ulong, ulong, ulong>* Pure3Pointers = (delegate*<ulong, ulong, ulong, ulong>*)NativeMemory.AllocZeroed(Capacity, (nuint)sizeof(nint));

    /// <summary>Pointers of guarded kernels by number.</summary>
    internal static readonly GuardedPointers* GuardedPointers = (GuardedPointers*)NativeMemory.AllocZeroed(Capacity, (nuint)sizeof(GuardedPointers));

    /// <summary>Pointers of helpers by number.</summary>
    internal static readonly delegate*<CpuState*, ulong, ulong, int>* HelperPointers = (delegate*<CpuState*, ulong, ulong, int>*)NativeMemory.AllocZeroed(Capacity, (nuint)sizeof(nint));

    /// <summary>Registers a pure kernel.</summary>
    public static PureKernel Pure(delegate*<ulong, ulong, ulong> pointer, Func<ulong, ulong, ulong> method)
    {
        lock (Gate)
        {
            var kernel = new PureKernel(Next(Pures.Count), method.Method);
            PurePointers[kernel.Number] = pointer;
            Pures.Add(kernel);
            return kernel;
        }
    }

    /// <summary>Registers a pure kernel on three slots.</summary>
    public static PureKernel Pure3(delegate*<ulong, ulong, ulong, ulong> pointer, Func<ulong, ulong, ulong, ulong> method)
    {
        lock (Gate)
        {
            var kernel = new PureKernel(Next(Pure3s.Count), method.Method);
            Pure3Pointers[kernel.Number] = pointer;
            Pure3s.Add(kernel);
            return kernel;
        }
    }

    /// <summary>Registers a guarded kernel.</summary>
    public static GuardedKernel Guarded(delegate*<double, double, double> value, Func<double, double, double> valueMethod, delegate*<double, double, double, ulong, bool> guard, Func<double, double, double, ulong, bool> guardMethod, delegate*<CpuState*, ulong, int> helper, int controlSlot)
    {
        lock (Gate)
        {
            var kernel = new GuardedKernel(Next(Guardeds.Count), valueMethod.Method, guardMethod.Method, controlSlot);
            GuardedPointers[kernel.Number] = new GuardedPointers { Value = value, Guard = guard, Helper = helper, ControlSlot = controlSlot };
            Guardeds.Add(kernel);
            return kernel;
        }
    }

    /// <summary>Registers a helper.</summary>
    public static HelperFunction Helper(delegate*<CpuState*, ulong, ulong, int> pointer, HelperMethod method)
    {
        lock (Gate)
        {
            var helper = new HelperFunction(Next(Helpers.Count), method.Method);
            HelperPointers[helper.Number] = pointer;
            Helpers.Add(helper);
            return helper;
        }
    }

    /// <summary>The pure kernel of a number.</summary>
    public static PureKernel PureAt(int number) => Pures[number];

    /// <summary>The pure kernel on three slots of a number.</summary>
    public static PureKernel Pure3At(int number) => Pure3s[number];

    /// <summary>The guarded kernel of a number.</summary>
    public static GuardedKernel GuardedAt(int number) => Guardeds[number];

    /// <summary>The helper of a number.</summary>
    public static HelperFunction HelperAt(int number) => Helpers[number];

    private static int Next(int count) => count < Capacity ? count : throw new InvalidOperationException($"There is room for {Capacity} functions of CPUs.");
}

/// <summary>The form of a helper.</summary>
/// <param name="state">The CPU.</param>
/// <param name="a">Value of a slot.</param>
/// <param name="immediate">Immediate operand.</param>
/// <returns>0, or the <see cref="ExitReason"/> to leave the block for; <see cref="CpuState"/> holds the rest.</returns>
public unsafe delegate int HelperMethod(CpuState* state, ulong a, ulong immediate);

/// <summary>Pointers of a guarded kernel.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct GuardedPointers
{
    /// <summary>The value.</summary>
    public delegate*<double, double, double> Value;

    /// <summary>Whether the value is all.</summary>
    public delegate*<double, double, double, ulong, bool> Guard;

    /// <summary>Does the whole instruction.</summary>
    public delegate*<CpuState*, ulong, int> Helper;

    /// <summary>Slot of the control register.</summary>
    public long ControlSlot;
}
