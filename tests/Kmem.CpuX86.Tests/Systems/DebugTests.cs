using Iced.Intel;
using Kmem.Engine;
using Kmem.Plugins.CpuX86.Registers;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Kmem.CpuX86.Tests.Systems;

/// <summary>Single steps, breakpoints, INT1, and what holds them back.</summary>
public sealed class DebugTests
{
    private const int Debug = 1;
    private const ulong Base = SystemBench.Code, Data = SystemBench.Data, BreakStatus = 0xFFFF_0FF0;

    /// <summary>Both back ends.</summary>
    public static TheoryData<EngineMode> Modes => new() { EngineMode.Interpret, EngineMode.Translate };

    [Theory]
    [MemberData(nameof(Modes))]
    public void ASingleStepComesAfterTheNextInstruction(EngineMode mode)
    {
        using var system = new SystemBench(mode, isLong: true);
        Assert.Equal(Debug, system.Run(a =>
        {
            SetTrap(a);
            a.nop();
            a.nop();
        }));
        Assert.Equal(Base + 10, system.Frame(0));
        Assert.Equal(BreakStatus | 0x4000, system.Bench.Slot(X86Slots.Dr0 + 6));
        Assert.NotEqual(0UL, system.Frame(2) & Eflags.Tf);

        // Not after MOV SS but after the instruction behind it; STI holds back nothing; HLT does not sleep.
        system.Start();
        Assert.Equal(Debug, system.Run(a =>
        {
            a.mov(ebx, ss);
            SetTrap(a);
            a.mov(ss, ebx);
            a.nop();
            a.nop();
        }));
        Assert.Equal(Base + 2 + 9 + 3, system.Frame(0));
        system.Start();
        Assert.Equal(Debug, system.Run(a =>
        {
            SetTrap(a);
            a.sti();
            a.nop();
        }));
        Assert.Equal(Base + 10, system.Frame(0));
        system.Start();
        Assert.Equal(Debug, system.Run(a =>
        {
            SetTrap(a);
            a.hlt();
        }));
        Assert.Equal(Base + 10, system.Frame(0));

        // INT n takes the flag away before the trap; a fault has no trap.
        system.Start();
        Assert.Equal(0x40, system.Run(a =>
        {
            SetTrap(a);
            a.@int(0x40);
        }));
        system.Start();
        Assert.Equal(6, system.Run(a =>
        {
            SetTrap(a);
            a.ud2();
        }));
        Assert.Equal(BreakStatus, system.Bench.Slot(X86Slots.Dr0 + 6));
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void EachElementOfARepeatedInstructionIsAStep(EngineMode mode)
    {
        using var system = new SystemBench(mode, isLong: true);
        Assert.Equal(Debug, system.Run(a =>
        {
            a.mov(ecx, 5);
            a.mov(edi, (int)Data);
            SetTrap(a);
            a.rep.stosb();
        }));
        Assert.Equal(4UL, system.Register(X86Slots.Rcx));
        Assert.Equal(Base + 10 + 9, system.Frame(0));
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void BreakpointsOfExecutionAreFaultsAndRfPassesThem(EngineMode mode)
    {
        using var system = new SystemBench(mode, isLong: true);
        (system.Bench.Slot(X86Slots.Dr0 + 2), system.Bench.Slot(X86Slots.Dr0 + 6), system.Bench.Slot(X86Slots.Dr0 + 7)) = (Base + 5, BreakStatus | 0x4001, 0x420);
        system.Assemble(
            a =>
            {
                a.inc(ecx);
                a.or(__dword_ptr[rsp + 16], (int)Eflags.Rf);
                a.iretq();
            },
            SystemBench.Handler(0x80));
        system.Gate(Debug, SystemBench.Handler(0x80), SystemBench.Code64, 0x8E);
        Assert.Equal(0x40, system.Run(a =>
        {
            a.mov(eax, 1);
            a.inc(eax);
            a.@int(0x40);
        }));
        Assert.Equal(1UL, system.Register(X86Slots.Rcx));
        Assert.Equal(2UL, system.Register(X86Slots.Rax));

        // Bits of other breakpoints go away, the rest is only ever added to.
        Assert.Equal(BreakStatus | 0x4004, system.Bench.Slot(X86Slots.Dr0 + 6));
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void BreakpointsOfDataAreTraps(EngineMode mode)
    {
        using var system = new SystemBench(mode, isLong: true);
        foreach ((ulong control, int offset, bool isWrite, bool hits) in ((ulong, int, bool, bool)[])
            [(0x00D0_0408, 0, true, true), (0x00D0_0408, 3, true, true), (0x00D0_0408, 4, true, false), (0x00D0_0408, -3, true, true), (0x00D0_0408, -4, true, false), (0x00D0_0408, 0, false, false), (0x00F0_0408, 0, false, true), (0x00D0_0400, 0, true, false)])
        {
            system.Start();
            (system.Bench.Slot(X86Slots.Dr0 + 1), system.Bench.Slot(X86Slots.Dr0 + 7)) = (Data + 0x20, control);
            int found = system.Run(a =>
            {
                a.mov(ebx, (int)Data + 0x20 + offset);
                if (isWrite)
                {
                    a.mov(__dword_ptr[rbx], eax);
                }
                else
                {
                    a.mov(eax, __dword_ptr[rbx]);
                }

                a.nop();
                a.@int(0x40);
            });
            Assert.True(found == (hits ? Debug : 0x40), $"{control:x} {offset} {isWrite}: {found}");
            if (hits)
            {
                Assert.Equal(Base + 7, system.Frame(0));
                Assert.Equal(BreakStatus | 2, system.Bench.Slot(X86Slots.Dr0 + 6));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void ABreakpointOfMovSsWaitsForTheNextInstruction(EngineMode mode)
    {
        using var system = new SystemBench(mode, isLong: true);
        system.Bench.Write(Data + 0x20, SystemBench.Data0);

        // One exception with INT1, after it; with INT n one more, before the handler's first instruction.
        foreach ((bool isInt1, bool isInt, ulong at) in ((bool, bool, ulong)[])[(true, false, Base + 8), (false, true, SystemBench.Handler(0x40)), (false, false, Base + 8)])
        {
            system.Start();
            (system.Bench.Slot(X86Slots.Dr0 + 1), system.Bench.Slot(X86Slots.Dr0 + 7)) = (Data + 0x20, 0x0070_0408);
            int found = system.Run(a =>
            {
                a.mov(ss, __word_ptr[(int)Data + 0x20]);
                if (isInt1)
                {
                    a.db(0xF1);
                }
                else if (isInt)
                {
                    a.@int(0x40);
                }
                else
                {
                    a.nop();
                }

                a.nop();
                a.hlt();
            });
            Assert.Equal(Debug, found);
            Assert.Equal(at, system.Frame(0));
            Assert.Equal(isInt1 ? BreakStatus : BreakStatus | 2, system.Bench.Slot(X86Slots.Dr0 + 6));
        }
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void Int1AndTheGuardOfDebugRegisters(EngineMode mode)
    {
        using var system = new SystemBench(mode, isLong: true);
        Assert.Equal(Debug, system.Run(a => a.db(0xF1)));
        Assert.Equal(Base + 1, system.Frame(0));
        Assert.Equal(BreakStatus, system.Bench.Slot(X86Slots.Dr0 + 6));

        // DR7.GD is a fault of the access and falls with it.
        system.Start();
        system.Bench.Slot(X86Slots.Dr0 + 7) = 0x2400;
        Assert.Equal(Debug, system.Run(a => a.mov(rax, dr0)));
        Assert.Equal(Base, system.Frame(0));
        Assert.Equal(BreakStatus | 0x2000, system.Bench.Slot(X86Slots.Dr0 + 6));
        Assert.Equal(0x400UL, system.Bench.Slot(X86Slots.Dr0 + 7));

        // DR4 is DR6, until CR4.DE.
        system.Start();
        Assert.Equal(SystemBench.Halted, system.Run(a =>
        {
            a.db(0x0F, 0x21, 0xE0);
            a.hlt();
        }));
        Assert.Equal(BreakStatus, system.Register(X86Slots.Rax));
        system.Start();
        system.Bench.Slot(X86Slots.Cr4) |= Cr4.De;
        Assert.Equal(6, system.Run(a => a.db(0x0F, 0x21, 0xE0)));
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void TheResumeFlagCountsForOneInstruction(EngineMode mode)
    {
        using var system = new SystemBench(mode, isLong: false);
        Assert.Equal(0x40, system.Run(a =>
        {
            ReturnWithResume(a);
            a.nop();
            a.@int(0x40);
        }));
        Assert.Equal(0UL, system.Frame(2) & Eflags.Rf);

        // An interrupt before that instruction has done its work would still push the flag: here it is the instruction itself.
        system.Start();
        Assert.Equal(6, system.Run(a =>
        {
            ReturnWithResume(a);
            a.ud2();
        }));
        Assert.Equal(Base + 13, system.Frame(0));
        Assert.NotEqual(0UL, system.Frame(2) & Eflags.Rf);

        // It holds back the breakpoint of the instruction that it is for, and none that is set later.
        system.Start();
        SetBreakpoint(system, Base + 13);
        Assert.Equal(0x40, system.Run(a =>
        {
            ReturnWithResume(a);
            a.nop();
            a.@int(0x40);
        }));
        system.Start();
        system.Bench.Slot(X86Slots.Dr0) = Base + 13 + 8;
        Assert.Equal(Debug, system.Run(a =>
        {
            ReturnWithResume(a);
            a.mov(eax, 1);
            a.mov(dr7, eax);
            a.nop();
        }));
        Assert.Equal(Base + 13 + 8, system.Frame(0));
        Assert.Equal(BreakStatus | 1, system.Bench.Slot(X86Slots.Dr0 + 6));
    }

    private static void SetBreakpoint(SystemBench system, ulong address)
    {
        system.Bench.Slot(X86Slots.Dr0) = address;
        system.Bench.Slot(X86Slots.Dr0 + 7) = 0x401;
    }

    /// <summary>An IRETD to the instruction behind it, with RF in the flags: thirteen bytes.</summary>
    private static void ReturnWithResume(Assembler a)
    {
        a.push((int)Eflags.Rf | 2);
        a.push(SystemBench.Code32);
        a.push((int)Base + 13);
        a.iretd();
    }

    /// <summary>Sets TF in nine bytes.</summary>
    private static void SetTrap(Assembler a)
    {
        a.pushfq();
        a.or(__dword_ptr[rsp], (int)Eflags.Tf);
        a.popfq();
    }
}
