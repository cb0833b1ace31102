using Iced.Intel;
using Kmem.Abstractions;
using Kmem.Engine;
using Kmem.Plugins.CpuX86.Registers;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Kmem.CpuX86.Tests.Systems;

/// <summary>System management mode: what its handler sees, and that RSM brings back everything.</summary>
public sealed unsafe class ManagementModeTests
{
    private const ulong Base = 0x3_0000, Handler = Base + 0x8000, OtherBase = 0x6_0000;

    /// <summary>Offsets in the save area from SMBASE, with and without long mode.</summary>
    private const int WideRax = 0xFFF8, WideHalt = 0xFEC9, WideBase = 0xFF00, WideCr0 = 0xFF58, NarrowEax = 0xFFD0, NarrowHalt = 0xFF02, NarrowBase = 0xFEF8;

    private const int InvalidOpcode = 6;

    /// <summary>Both back ends.</summary>
    public static TheoryData<EngineMode> Modes => new() { EngineMode.Interpret, EngineMode.Translate };

    /// <summary>Both back ends, with and without long mode.</summary>
    public static TheoryData<EngineMode, bool> ModesAndWidths => new() { { EngineMode.Interpret, true }, { EngineMode.Interpret, false }, { EngineMode.Translate, true }, { EngineMode.Translate, false } };

    [Theory]
    [MemberData(nameof(ModesAndWidths))]
    public void TheHandlerRunsInFlatRealModeAndRsmBringsAllBack(EngineMode mode, bool isLong)
    {
        using SystemBench system = Create(mode, isLong);
        X86Bench bench = system.Bench;
        Handle(system, a =>
        {
            a.mov(bx, cs);
            a.mov(__word_ptr.cs[0x9000], bx);
            a.mov(ebx, cr0);
            a.mov(__dword_ptr.cs[0x9004], ebx);
            a.mov(eax, 0x70_0000);
            a.mov(__dword_ptr[eax], 0x4D53_0001);
            a.mov(__dword_ptr.cs[isLong ? WideRax : NarrowEax], 5);
            a.rsm();
        });
        Loop(system, isLong);
        bench.Execution.Run(300);
        bench.Slot(X86Slots.Dr0 + 7) = 0x10400;
        ulong[] before = Registers(bench);
        bench.Drive("smi", true);
        bench.Drive("smi", false);
        bench.Execution.Run(1);
        Assert.True(bench.Output("smiact"), bench.Execution.Report() + bench.Execution.Stopped?.Message);
        Assert.Equal(Handler, bench.State->Pc & ~0x1FUL);
        Assert.Equal(SystemBench.Halted, system.Run());
        Assert.False(bench.Output("smiact"));
        ulong[] after = Registers(bench);
        Assert.Equal(5UL, after[X86Slots.Rax]);
        after[X86Slots.Rax] = before[X86Slots.Rax];
        Assert.Equal(before, after);
        Assert.Equal(0x3000, (ushort)bench.Read(Base + 0x9000));
        Assert.Equal(0UL, (uint)bench.Read(Base + 0x9004) & (Cr0.Pe | Cr0.Pg));
        Assert.Equal(0x4D53_0001UL, (uint)bench.Read(0x70_0000));
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void RsmOutsideIsUndefined(EngineMode mode)
    {
        using SystemBench system = Create(mode, isLong: true);
        Assert.Equal(InvalidOpcode, system.Run(a => a.rsm()));
    }

    [Theory]
    [MemberData(nameof(ModesAndWidths))]
    public void AHaltedCpuHaltsAgainUnlessTheHandlerSaysOtherwise(EngineMode mode, bool isLong)
    {
        using SystemBench system = Create(mode, isLong);
        X86Bench bench = system.Bench;
        Handle(system, a =>
        {
            a.inc(__dword_ptr.cs[0x9000]);
            a.cmp(__dword_ptr.cs[0x9000], 2);
            Label stays = a.CreateLabel();
            a.jne(stays);
            a.mov(__byte_ptr.cs[isLong ? WideHalt : NarrowHalt], 0);
            a.Label(ref stays);
            a.rsm();
        });
        system.Assemble(a =>
        {
            a.sti();
            a.hlt();
            a.mov(esi, 0x77);
            a.cli();
            a.hlt();
        });
        bench.State->Pc = SystemBench.Code;
        bench.Execution.Run(100);
        Assert.True(bench.Execution.IsWaiting, bench.Execution.Report() + bench.Execution.Stopped?.Message);
        Interrupt(bench);
        Assert.True(bench.Execution.IsWaiting, bench.Execution.Report() + bench.Execution.Stopped?.Message);
        Assert.Equal(1u, (uint)bench.Read(Base + 0x9000));
        Assert.Equal(0UL, bench.Slot(X86Slots.Rsi));
        Interrupt(bench);
        Assert.Equal(2u, (uint)bench.Read(Base + 0x9000));
        Assert.Equal(0x77UL, bench.Slot(X86Slots.Rsi));
    }

    [Theory]
    [MemberData(nameof(ModesAndWidths))]
    public void TheBaseMovesAndAnotherInterruptWaitsForRsm(EngineMode mode, bool isLong)
    {
        using SystemBench system = Create(mode, isLong);
        X86Bench bench = system.Bench;
        Handle(system, a =>
        {
            a.mov(__dword_ptr.cs[isLong ? WideBase : NarrowBase], (uint)OtherBase);
            for (int i = 0; i < 50; i++)
            {
                a.nop();
            }

            a.rsm();
        });
        system.Assemble(
            a =>
            {
                a.mov(bx, cs);
                a.mov(__word_ptr.cs[0x9000], bx);
                a.mov(__dword_ptr.cs[isLong ? WideRax : NarrowEax], 5);
                a.rsm();
            },
            OtherBase + 0x8000, 16);
        Loop(system, isLong);
        bench.Execution.Run(300);
        Pulse(bench);
        bench.Execution.Run(10);
        Assert.True(bench.Output("smiact"));

        // Both wait: the second SMI until RSM, the NMI for ever, as its handler would halt.
        Pulse(bench);
        bench.Drive("nmi", true);
        bench.Execution.Run(20);
        Assert.Equal(Handler, bench.State->Pc & ~0xFFUL);
        Assert.Equal(2, system.Run());
        Assert.Equal(0x6000, (ushort)bench.Read(OtherBase + 0x9000));
        Assert.Equal(5UL, bench.Slot(X86Slots.Rax));
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void AStateThatNoCpuCanBeInShutsItDown(EngineMode mode)
    {
        using SystemBench system = Create(mode, isLong: true);
        Handle(system, a =>
        {
            a.mov(__dword_ptr.cs[WideCr0], (uint)Cr0.Pg);
            a.rsm();
        });
        Loop(system, isLong: true);
        system.Bench.Execution.Run(300);
        Pulse(system.Bench);
        _ = system.Run();
        Assert.Contains("RSM found a state", system.Bench.Execution.Stopped!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void TheModeIsSavedAndRestored()
    {
        using SystemBench system = Create(EngineMode.Interpret, isLong: true);
        X86Bench bench = system.Bench;
        Handle(system, a =>
        {
            a.nop();
            a.mov(__dword_ptr.cs[WideRax], 5);
            a.rsm();
        });
        Loop(system, isLong: true);
        bench.Execution.Run(300);
        Pulse(bench);
        bench.Execution.Run(1);
        var writer = new StateWriter();
        bench.Cpu.Save(writer);
        bench.Cpu.Reset();
        Assert.False(bench.Output("smiact"));
        bench.Cpu.Load(new StateReader("cpu0", writer.Fields));
        Assert.True(bench.Output("smiact"));
        Assert.Equal(SystemBench.Halted, system.Run());
        Assert.Equal(5UL, bench.Slot(X86Slots.Rax));
    }

    private static SystemBench Create(EngineMode mode, bool isLong) => new(mode, isLong, isLong ? "max" : "pentium3");

    private static void Handle(SystemBench system, Action<Assembler> handler) => system.Assemble(handler, Handler, 16);

    /// <summary>A program that counts until somebody sets RAX to 5.</summary>
    private static void Loop(SystemBench system, bool isLong)
    {
        system.Assemble(a =>
        {
            Label again = a.CreateLabel();
            a.mov(ebx, 0x1234_5678);
            a.mov(edi, 0x8765_4321);
            if (isLong)
            {
                a.mov(r15, 0x1122_3344_5566_7788);
            }

            a.Label(ref again);
            a.inc(__dword_ptr[(long)SystemBench.Data]);
            a.cmp(eax, 5);
            a.jne(again);
            a.hlt();
        });
        system.Bench.State->Pc = SystemBench.Code;
    }

    private static void Pulse(X86Bench bench)
    {
        bench.Drive("smi", true);
        bench.Drive("smi", false);
    }

    private static void Interrupt(X86Bench bench)
    {
        Pulse(bench);
        bench.Execution.Wake();
        bench.Execution.Run(200);
    }

    /// <summary>Everything that software sees but the instruction pointer and the flags.</summary>
    private static ulong[] Registers(X86Bench bench)
    {
        var all = new ReadOnlySpan<ulong>(bench.State->Slots, X86Slots.XmmLow).ToArray();
        (all[X86Slots.FlagA], all[X86Slots.FlagB], all[X86Slots.FlagKind]) = (0, 0, 0);
        return all;
    }
}
