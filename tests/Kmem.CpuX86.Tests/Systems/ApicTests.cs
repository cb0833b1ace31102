using Iced.Intel;
using Kmem.Engine;
using Kmem.Plugins.CpuX86.Registers;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Kmem.CpuX86.Tests.Systems;

/// <summary>The local APIC as programs see it: priorities, interrupts to itself, its timer, its two ways of access.</summary>
public sealed unsafe class ApicTests
{
    private const int Protection = 13;
    private const uint Base = 0x1B, TaskPriority = 0x808, ProcessorPriority = 0x80A, EndOfInterrupt = 0x80B, Spurious = 0x80F, InService = 0x810, Requests = 0x820, Command = 0x830, Timer = 0x832, Initial = 0x838, Current = 0x839, Divide = 0x83E, SelfInterrupt = 0x83F, Deadline = 0x6E0;

    /// <summary>Both back ends.</summary>
    public static TheoryData<EngineMode> Modes => new() { EngineMode.Interpret, EngineMode.Translate };

    [Theory]
    [MemberData(nameof(Modes))]
    public void TheHighestRequestComesFirstAndHoldsBackItsClass(EngineMode mode)
    {
        using var system = Create(mode);
        Assert.Equal(0x85, system.Run(a =>
        {
            Enable(a);
            Write(a, SelfInterrupt, 0x41);
            Write(a, SelfInterrupt, 0x85);
            Write(a, SelfInterrupt, 0x81);
            a.sti();
            a.nop();
            a.hlt();
        }));

        // In its handler neither of the others comes, even with interrupts on: one is of its class, one is lower.
        Assert.Equal(SystemBench.Halted, Continue(system, a =>
        {
            a.sti();
            a.nop();
            a.cli();
            Read(a, ProcessorPriority);
            a.mov(esi, eax);
            Read(a, InService + 4);
            a.mov(edi, eax);
            Read(a, Requests + 2);
            a.hlt();
        }));
        Assert.Equal(0x80UL, system.Register(X86Slots.Rsi));
        Assert.Equal(1UL << 5, system.Register(X86Slots.Rdi));
        Assert.Equal(1UL << 1, system.Register(X86Slots.Rax));

        // Its end lets the next one in; a task priority of class 4 holds back the last.
        Assert.Equal(0x81, Continue(system, a =>
        {
            Write(a, EndOfInterrupt, 0);
            a.sti();
            a.nop();
        }));
        Assert.Equal(SystemBench.Halted, Continue(system, a =>
        {
            Write(a, EndOfInterrupt, 0);
            a.mov(eax, 4);
            a.mov(cr8, rax);
            a.sti();
            a.nop();
            a.cli();
            Read(a, TaskPriority);
            a.hlt();
        }));
        Assert.Equal(0x40UL, system.Register(X86Slots.Rax));
        Assert.Equal(0x41, Continue(system, a =>
        {
            a.xor(eax, eax);
            a.mov(cr8, rax);
            a.sti();
            a.nop();
        }));
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void InterruptsToItselfByCommandAndNmi(EngineMode mode)
    {
        using var system = Create(mode);

        // Shorthand self, then a physical destination, then NMI, which needs no interrupt flag.
        foreach ((uint low, uint high, int vector) in ((uint, uint, int)[])[(0x4_4071, 0, 0x71), (0x4072, 0, 0x72), (0x4073, uint.MaxValue, 0x73), (0x4074, 5, SystemBench.Halted), (0x4400, 0, 2)])
        {
            system.Start();
            int found = system.Run(a =>
            {
                Enable(a);
                a.sti();
                a.mov(ecx, Command);
                a.mov(eax, low);
                a.mov(edx, high);
                a.wrmsr();
                a.nop();
                a.cli();
                a.hlt();
            });
            Assert.True(found == vector, $"{low:x} to {high:x}: {found}");
        }
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void TheTimerInItsModes(EngineMode mode)
    {
        using var system = Create(mode);
        Assert.Equal(SystemBench.Halted, system.Run(a =>
        {
            Enable(a);
            Write(a, Divide, 0xB);
            Write(a, Timer, 0x60);
            Write(a, Initial, 1000);
            a.hlt();
        }));
        Advance(system, 400);
        Assert.Equal(SystemBench.Halted, Continue(system, ReadCurrent));
        Assert.Equal(600UL, system.Register(X86Slots.Rax));

        // Another mode goes on from where the count is.
        Assert.Equal(SystemBench.Halted, Continue(system, a =>
        {
            Write(a, Timer, 0x2_0060);
            ReadCurrent(a);
        }));
        Assert.Equal(600UL, system.Register(X86Slots.Rax));
        Advance(system, 600);
        Assert.Equal(0x60, Continue(system, Wait));
        Advance(system, 700);
        Assert.Equal(SystemBench.Halted, Continue(system, a =>
        {
            Write(a, EndOfInterrupt, 0);
            Write(a, Timer, 0x60);
            ReadCurrent(a);
        }));
        Assert.Equal(300UL, system.Register(X86Slots.Rax));
        Advance(system, 300);
        Assert.Equal(0x60, Continue(system, Wait));
        Advance(system, 5000);
        Assert.Equal(SystemBench.Halted, Continue(system, a =>
        {
            Write(a, EndOfInterrupt, 0);
            a.sti();
            a.nop();
            a.cli();
            ReadCurrent(a);
        }));
        Assert.Equal(0UL, system.Register(X86Slots.Rax));
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void ACountThatHasEndedStaysAtZeroInAnotherMode(EngineMode mode)
    {
        using var system = Create(mode);
        Assert.Equal(SystemBench.Halted, system.Run(a =>
        {
            Enable(a);
            Write(a, Divide, 0xB);
            Write(a, Timer, 0x60);
            Write(a, Initial, 1000);
            a.hlt();
        }));
        Advance(system, 1000);
        Assert.Equal(0x60, Continue(system, Wait));
        Assert.Equal(SystemBench.Halted, Continue(system, a =>
        {
            Write(a, EndOfInterrupt, 0);
            Write(a, Timer, 0x2_0060);
            Write(a, Divide, 0);
            ReadCurrent(a);
        }));
        Assert.Equal(0UL, system.Register(X86Slots.Rax));
        Advance(system, 5000);
        Assert.Equal(SystemBench.Halted, Continue(system, Wait));

        // An initial count starts it again; another divisor lets it go on from where it is.
        Assert.Equal(SystemBench.Halted, Continue(system, a =>
        {
            Write(a, Initial, 1000);
            a.hlt();
        }));
        Advance(system, 800);
        Assert.Equal(SystemBench.Halted, Continue(system, a =>
        {
            Write(a, Divide, 0xB);
            ReadCurrent(a);
        }));
        Assert.Equal(600UL, system.Register(X86Slots.Rax));
        Advance(system, 599);
        Assert.Equal(SystemBench.Halted, Continue(system, Wait));
        Advance(system, 1);
        Assert.Equal(0x60, Continue(system, Wait));
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void TheDeadlineOfTheTimeStampCounter(EngineMode mode)
    {
        using var system = Create(mode);

        // Outside of its mode a write does nothing; one of the past fires at once and clears the register.
        Assert.Equal(SystemBench.Halted, system.Run(a =>
        {
            Enable(a);
            Write(a, Timer, 0x60);
            Write(a, Deadline, 1);
            Read(a, Deadline);
            a.mov(esi, eax);
            Write(a, Timer, 0x4_0060);
            Write(a, Deadline, 1);
            a.hlt();
        }));
        Assert.Equal(0UL, system.Register(X86Slots.Rsi));
        Advance(system, 2);
        Assert.Equal(0x60, Continue(system, Wait));
        Assert.Equal(SystemBench.Halted, Continue(system, a =>
        {
            Read(a, Deadline);
            a.hlt();
        }));
        Assert.Equal(0UL, system.Register(X86Slots.Rax));
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void WaysBetweenItsModes(EngineMode mode)
    {
        using var system = Create(mode);
        const ulong Bootstrap = 0x100, On = 0x800, X2 = 0x400, At = 0xFEE0_0000;
        (ulong First, ulong Second, bool IsAllowed)[] cases =
        [
            (At | Bootstrap | On, At | Bootstrap | On | X2, true), (At | Bootstrap | On | X2, At | Bootstrap | On, false), (At | Bootstrap | On | X2, At | Bootstrap | X2, false),
            (At | Bootstrap | On | X2, At | Bootstrap, true), (At | Bootstrap, At | Bootstrap | On | X2, false), (At | Bootstrap, At | Bootstrap | On, true),
            (At | Bootstrap | On, At | Bootstrap | On | 1, false), (At | Bootstrap | On, (1UL << 40) | At | Bootstrap | On, false),
        ];
        foreach ((ulong first, ulong second, bool isAllowed) in cases)
        {
            system.Start();
            int found = system.Run(a =>
            {
                Write(a, Base, first);
                Write(a, Base, second);
                Read(a, Base);
                a.hlt();
            });
            Assert.True(found == (isAllowed ? SystemBench.Halted : Protection), $"{first:x} to {second:x}: {found}");
        }

        // Registers that are not to be read or written, and values that no register takes.
        foreach ((uint number, ulong? value) in ((uint, ulong?)[])[(0x801, null), (EndOfInterrupt, null), (SelfInterrupt, null), (0x80E, null), (0x831, null), (0x802, 0), (Current, 0), (InService, 0), (EndOfInterrupt, 1), (TaskPriority, 0x100), (0x80D, 0)])
        {
            system.Start();
            Assert.True(Protection == system.Run(a =>
            {
                Enable(a);
                if (value is { } written)
                {
                    Write(a, number, written);
                }
                else
                {
                    Read(a, number);
                }
            }), $"{number:x} {value}");
        }
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void RegistersInMemory(EngineMode mode)
    {
        using var system = new SystemBench(mode, isLong: false, hasApic: true);
        system.Bench.Slot(X86Slots.Cr0) &= ~Cr0.Pg;
        system.Bench.Execution.FlushTranslations();
        Assert.Equal(0x61, system.Run(a =>
        {
            a.mov(ebx, 0xFEE0_0000);
            a.mov(__dword_ptr[ebx + 0xF0], 0x1FF);
            a.mov(__dword_ptr[ebx + 0x300], 0x4_4061);
            a.mov(esi, __dword_ptr[ebx + 0x30]);
            a.sti();
            a.nop();
            a.hlt();
        }));
        Assert.Equal(0x14UL, system.Register(X86Slots.Rsi) & 0xFF);

        // While it is off, nobody is there, and CPUID does not know it.
        system.Start();
        system.Bench.Slot(X86Slots.Cr0) &= ~Cr0.Pg;
        system.Bench.Execution.FlushTranslations();
        Assert.Equal(SystemBench.Halted, system.Run(a =>
        {
            Write(a, Base, 0xFEE0_0100);
            a.mov(esi, __dword_ptr[0xFEE0_0030]);
            a.mov(eax, 1);
            a.cpuid();
            a.hlt();
        }));
        Assert.Equal(uint.MaxValue, system.Register(X86Slots.Rsi));
        Assert.Equal(0UL, system.Register(X86Slots.Rdx) & 0x200);
    }

    private static SystemBench Create(EngineMode mode) => new(mode, isLong: true, hasApic: true);

    private static int Continue(SystemBench system, Action<Assembler> program)
    {
        system.Bench.State->Pc = system.Assemble(program);
        return system.Run();
    }

    private static void Advance(SystemBench system, long nanoseconds) => system.Bench.Time.Advance(nanoseconds);

    private static void Enable(Assembler a)
    {
        Write(a, Base, 0xFEE0_0D00);
        Write(a, Spurious, 0x1FF);
    }

    private static void Wait(Assembler a)
    {
        a.sti();
        a.nop();
        a.cli();
        a.hlt();
    }

    private static void ReadCurrent(Assembler a)
    {
        Read(a, Current);
        a.hlt();
    }

    private static void Write(Assembler a, uint number, ulong value)
    {
        a.mov(ecx, number);
        a.mov(eax, (uint)value);
        a.mov(edx, (uint)(value >> 32));
        a.wrmsr();
    }

    private static void Read(Assembler a, uint number)
    {
        a.mov(ecx, number);
        a.rdmsr();
    }
}
