using Kmem.Ir;
using Xunit;

namespace Kmem.Engine.Tests;

/// <summary>Random micro-ops through both back ends: every one of the table that computes, loads, stores or branches.</summary>
public sealed unsafe class RandomBlockTests
{
    private static readonly Uop[] Codes = [.. Enum.GetValues<Uop>().Where(u => UopTable.ShapeOf(u) is not (UopShape.None or UopShape.Pure or UopShape.Pure3 or UopShape.Limit or UopShape.Guarded or UopShape.Helper or UopShape.ExitHelper or UopShape.Stop or UopShape.JumpTo or UopShape.Count))];

    [Theory]
    [InlineData("translate")]
    [InlineData("translate, calls")]
    public void BackEndsAgree(string mode)
    {
        for (int seed = 0; seed < 24; seed++)
        {
            using var left = new EngineBench(Modes.Named["interpret"]);
            using var right = new EngineBench(Modes.Named[mode]);
            (left.Cpu.Cost, right.Cpu.Cost) = (seed % 7, seed % 7);
            Prepare(left, seed);
            Prepare(right, seed);
            var random = new Random(seed);
            for (int slice = 0; slice < 40; slice++)
            {
                int length = random.Next(1, 120);
                left.Execution.Run(length);
                right.Execution.Run(length);
                for (int i = 0; i < TestCpu.RegisterCount; i++)
                {
                    Assert.True(left.Slot(i) == right.Slot(i), $"seed {seed}, slice {slice}: r{i} is {left.Slot(i):x} and {right.Slot(i):x}");
                }

                Assert.True(left.State->Pc == right.State->Pc && left.Execution.Executed == right.Execution.Executed, $"seed {seed}, slice {slice}: pc {left.State->Pc:x} and {right.State->Pc:x}, executed {left.Execution.Executed} and {right.Execution.Executed}");
                Assert.Equal(left.Cpu.Faults, right.Cpu.Faults);
            }

            for (ulong at = 0x8000; at < 0xA000; at += 8)
            {
                Assert.True(left.Memory(at) == right.Memory(at), $"seed {seed}: memory at {at:x}");
            }
        }
    }

    private static void Prepare(EngineBench bench, int seed)
    {
        var random = new Random(~seed);
        int length = random.Next(2, 40);
        for (int i = 0; i < length; i++)
        {
            Uop code = Codes[random.Next(Codes.Length)];
            (int d, int a, int b) = (random.Next(24), random.Next(24), random.Next(24));
            ulong immediate = (ulong)random.NextInt64() >> random.Next(64), target = 0x1000 + (4 * (ulong)random.Next(length));
            bench.Program(0x1000 + (4 * (ulong)i), (ir, pc) => Write(ir, pc, code, d, a, b, immediate, target));
        }

        bench.Program(0x1000 + (4 * (ulong)length), Code.Jump(0x1000));
        bench.Program(TestCpu.FaultHandler, Code.Add(24, 24, 1), Code.JumpTo(25));
        for (int i = 0; i < 24; i++)
        {
            bench.Slot(i) = (ulong)random.NextInt64() >> random.Next(64);
        }

        // Every other program reaches its data through the window.
        ulong data = seed % 2 == 0 ? 0x8000 : TestCpu.Window + 0x8000;
        bench.Cpu.SetMode(seed % 2);
        (bench.Slot(25), bench.Slot(30)) = (0x1000, data);
        for (ulong at = 0x8000; at < 0xA000; at += 8)
        {
            bench.Memory(at) = (ulong)random.NextInt64();
        }

        bench.State->Pc = 0x1000;
    }

    private static void Write(Builder ir, ulong pc, Uop code, int d, int a, int b, ulong immediate, ulong target)
    {
        switch (UopTable.ShapeOf(code))
        {
            case UopShape.Nothing:
                ir.Nothing();
                break;
            case UopShape.Constant:
                ir.SetRegister(d, ir.Const(immediate));
                break;
            case UopShape.Unary:
                ir.SetRegister(d, ir.Unary(code, ir.Register(a)));
                break;
            case UopShape.Binary:
                ir.SetRegister(d, ir.Binary(code, ir.Register(a), ir.Register(b)));
                break;
            case UopShape.BinaryImmediate:
                ir.SetRegister(d, ir.Binary(UopTable.WithoutImmediate(code), ir.Register(a), ir.Const(immediate)));
                break;
            case UopShape.Ternary:
                ir.SetRegister(d, ir.Ternary(code, ir.Register(a), ir.Register(b), immediate));
                break;
            case UopShape.Conditional:
                ir.Conditional(code, d, ir.Register(a), ir.Register(b));
                break;
            case UopShape.Load:
                // Mostly memory, at times registers, an odd address, or nothing.
                ir.SetRegister(d, ir.Load(code, Address(ir, a, immediate), (long)(immediate & 8)));
                break;
            case UopShape.Store:
                ir.Store(code, Address(ir, a, immediate), (long)(immediate & 8), ir.Register(b));
                break;
            case UopShape.Jump:
                ir.Jump(target);
                break;
            case UopShape.Branch:
                ir.Branch(code, ir.Register(a), target, pc + 4);
                break;
            case UopShape.BranchIf:
                ir.BranchIf(code, ir.Register(a), ir.Register(b), target, pc + 4);
                break;
            case UopShape.BranchIfImmediate:
                ir.BranchIf((Uop)((int)Uop.BranchIfEq + (code - Uop.BranchIfEqI)), ir.Register(a), ir.Const(immediate), target, pc + 4);
                break;
            case UopShape.Probe:
                ir.Probe(Address(ir, a, immediate), (long)(immediate & 8));
                break;
            default:
                throw new NotSupportedException($"{code} has a shape that this test does not know.");
        }
    }

    private static Val Address(Builder ir, int register, ulong immediate) => (immediate >> 8 & 15) switch
    {
        0 => ir.Const(EngineBench.Device + (immediate & 0x38)),
        1 => ir.Register(30) + (immediate & 7),
        2 => ir.Register(30) + 0x7000_0000,
        3 => ir.Const(0x50_0000),
        _ => ir.Register(30) + (ir.Register(register) & 0xFF8),
    };
}
