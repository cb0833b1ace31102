using Kmem.CpuX86.Tests.Vectors;
using Kmem.Engine;
using Kmem.Ir;
using Kmem.Plugins.CpuX86.Registers;
using Xunit;

namespace Kmem.CpuX86.Tests;

/// <summary>Several instructions in one block: what the passes make of them.</summary>
public sealed class ShortProgramTests
{
    [Theory]
    [InlineData(EngineMode.Interpret)]
    [InlineData(EngineMode.Translate)]
    public void ShiftsAndExclusiveOrsMakeTheNextRandomNumber(EngineMode mode)
    {
        // mov rdx,rax; shl rdx,13; xor rax,rdx; mov rdx,rax; shr rdx,7; xor rdx,rax; mov rax,rdx; shl rax,17; xor rax,rdx
        const ulong Seed = 88172645463325252;
        ulong expected = Seed;
        expected ^= expected << 13;
        expected ^= expected >> 7;
        expected ^= expected << 17;
        Assert.Equal(expected, Run(mode, "4889C248C1E20D4831D04889C248C1EA074831C24889D048C1E0114831D0", Seed, out string block).Rax + (block.Length == 0 ? 1UL : 0));
    }

    [Theory]
    [InlineData(EngineMode.Interpret)]
    [InlineData(EngineMode.Translate)]
    public void AChainOfCarriesRunsThroughSubtractionToo(EngineMode mode)
    {
        // add rax,rax; adc rdx,0; sub rax,1; sbb rdx,rdx
        (ulong rax, ulong rdx) = Run(mode, "4801C04883D2004883E8014819D2", 1UL << 63, out _);
        Assert.Equal((ulong.MaxValue, ulong.MaxValue), (rax, rdx));
    }

    private static unsafe (ulong Rax, ulong Rdx) Run(EngineMode mode, string code, ulong rax, out string text)
    {
        using var user = new UserBench(mode);
        user.Bench.Load(UserBench.ProgramAt, [.. Convert.FromHexString(code), 0xCC]);
        text = "";
        for (int i = 0; i < 3; i++)
        {
            user.Start();
            user.Bench.Cpu.SetEflags(Eflags.If | Eflags.Fixed);
            user.Bench.Slot(X86Slots.Rax) = rax;
            user.Bench.Cpu.UpdateContext();
            CodeBlock* block = user.Bench.Execution.Cache.Find(UserBench.Program, UserBench.ProgramAt, user.Bench.State->Context);
            text = block == null ? "" : Printer.Print(block->Pc, new ReadOnlySpan<MicroOp>(block->Operations, block->OperationCount).ToArray(), new ReadOnlySpan<InstructionMark>(block->Marks, block->Instructions).ToArray(), X86Slots.Count, X86Slots.Name);
            Assert.Equal(3, user.Run());
        }

        if (Environment.GetEnvironmentVariable("KMEM_VECTOR_REPORT") is { Length: > 0 } folder)
        {
            File.WriteAllText(Path.Combine(folder, "block.txt"), text);
        }

        return (user.Bench.Slot(X86Slots.Rax), user.Bench.Slot(X86Slots.Rdx));
    }
}
