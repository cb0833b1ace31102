using Iced.Intel;
using Kmem.Engine;
using Kmem.Plugins.CpuX86.Registers;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Kmem.CpuX86.Tests.Systems;

/// <summary>A stack segment of 16 bits under 32-bit code: the stack moves by SP, the rest of ESP stays.</summary>
public sealed class StackTests
{
    /// <summary>Both back ends.</summary>
    public static TheoryData<EngineMode> Modes => new() { EngineMode.Interpret, EngineMode.Translate };

    [Theory]
    [MemberData(nameof(Modes))]
    public void OnlySpMoves(EngineMode mode)
    {
        (Action<Assembler> Program, ulong Stack, ulong Frame)[] cases =
        [
            (a => a.push(eax), 0x2_FFFC, 0x1_8000), (a => a.push(ax), 0x2_FFFE, 0x1_8000), (a => a.pushad(), 0x2_FFE0, 0x1_8000), (a => a.pop(eax), 0x2_0004, 0x1_8000),
            (a => a.db(0xE8, 0, 0, 0, 0), 0x2_FFFC, 0x1_8000), (a => a.leave(), 0x2_8004, 0x1111_2222), (a => a.enter(0x10, 0), 0x2_FFEC, 0x2_FFFC), (a => a.enter(0x10, 1), 0x2_FFE8, 0x2_FFFC),
            (a => a.db(0x66, 0xC8, 0x10, 0, 0), 0x2_FFEE, 0x1_FFFE), (a => a.db(0x66, 0xC9), 0x2_8002, 0x1_2222),
        ];
        using var system = new SystemBench(mode, isLong: false);
        for (int i = 0; i < cases.Length; i++)
        {
            system.Start();
            system.Bench.Write(SystemBench.Gdt + SystemBench.Free, 0x0000_9350_0000_FFFF);
            system.Bench.Write(0x50_8000, 0x1111_2222);
            int found = system.Run(a =>
            {
                a.mov(ecx, SystemBench.Free);
                a.mov(ss, ecx);
                a.mov(esp, 0x2_0000);
                a.mov(ebp, 0x1_8000);
                cases[i].Program(a);
                a.hlt();
            });
            Assert.Equal(SystemBench.Halted, found);
            Assert.True((cases[i].Stack, cases[i].Frame) == (system.Register(X86Slots.Rsp), system.Register(X86Slots.Rbp)), $"case {i}: {system.Register(X86Slots.Rsp):x}, {system.Register(X86Slots.Rbp):x}");
        }
    }
}
