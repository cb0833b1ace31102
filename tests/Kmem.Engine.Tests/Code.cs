using Kmem.Ir;

namespace Kmem.Engine.Tests;

/// <summary>Instructions for tests.</summary>
internal static unsafe class Code
{
    private static readonly HelperFunction CallLambda = GuestKernels.Helper(&CallLambdaOf, CallLambdaOf);
    private static readonly HelperFunction LeaveLambda = GuestKernels.Helper(&LeaveLambdaOf, LeaveLambdaOf);
    private static readonly List<Action<TestCpu>> Lambdas = [];
    private static readonly Lock Gate = new();

    public static Instruction Set(int d, ulong value) => (ir, _) => ir.SetRegister(d, ir.Const(value));

    public static Instruction Add(int d, int a, long value) => (ir, _) => ir.SetRegister(d, ir.Register(a) + (ulong)value);

    public static Instruction Load(int d, int a, long displacement = 0) => (ir, _) => ir.SetRegister(d, ir.Load(Uop.Load64, ir.Register(a), displacement));

    public static Instruction Store(int a, int b, long displacement = 0) => (ir, _) => ir.Store(Uop.Store64, ir.Register(a), displacement, ir.Register(b));

    public static Instruction Store32(int a, int b, long displacement = 0) => (ir, _) => ir.Store(Uop.Store32, ir.Register(a), displacement, ir.Register(b));

    public static Instruction Count(int d) => (ir, _) => ir.SetRegister(d, ir.Count());

    public static Instruction Jump(ulong target) => (ir, _) => ir.Jump(target);

    public static Instruction JumpTo(int a) => (ir, _) => ir.JumpTo(ir.Register(a));

    public static Instruction BranchNotZero(int a, ulong target) => (ir, pc) => ir.Branch(Uop.BranchNe, ir.Register(a), target, pc + 4);

    /// <summary>Calls a lambda in the middle of a block.</summary>
    public static Instruction Call(Action<TestCpu> lambda)
    {
        uint number = Note(lambda);
        return (ir, _) => ir.Helper(CallLambda, ir.Const(0), number);
    }

    /// <summary>Ends the block with a lambda, as an instruction that changes the mode does, and goes on behind it.</summary>
    public static Instruction Leave(Action<TestCpu> lambda)
    {
        uint number = Note(lambda);
        return (ir, pc) => ir.ExitHelper(LeaveLambda, ir.Const(pc + 4), number);
    }

    private static uint Note(Action<TestCpu> lambda)
    {
        lock (Gate)
        {
            Lambdas.Add(lambda);
            return (uint)Lambdas.Count - 1;
        }
    }

    private static TestCpu Of(CpuState* state) => (TestCpu)((IExecutionOwner)state->Managed!).Processor;

    private static int CallLambdaOf(CpuState* state, ulong a, ulong number)
    {
        Lambdas[(int)number](Of(state));
        return 0;
    }

    private static int LeaveLambdaOf(CpuState* state, ulong next, ulong number)
    {
        state->Pc = next;
        Lambdas[(int)number](Of(state));
        state->Attention = 1;
        return (int)ExitReason.Indirect;
    }
}
