using Iced.Intel;
using Kmem.Engine;
using Kmem.Plugins.CpuX86.Registers;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Kmem.CpuX86.Tests.Systems;

/// <summary>Transfers between privilege levels, tasks and modes.</summary>
public sealed class TransferTests
{
    private const int InvalidOpcode = 6, InvalidTss = 10, Protection = 13, PageFault = 14;
    private const ulong Data = SystemBench.Data, Target = SystemBench.Code + 0x1000;

    [Theory]
    [InlineData(EngineMode.Interpret, "max")]
    [InlineData(EngineMode.Translate, "x86-64-v2")]
    public unsafe void AFarJumpThroughMemoryTakesAnOffsetOf64Bits(EngineMode mode, string model)
    {
        using var system = new SystemBench(mode, isLong: true, model);
        system.Bench.Write(SystemBench.Data, SystemBench.Code + 0x100);
        system.Bench.Write(SystemBench.Data + 8, SystemBench.Code64);
        system.Bench.Load(SystemBench.Code + 0x100, [0xF4]);
        Assert.Equal(SystemBench.Halted, system.Run(a =>
        {
            a.mov(rax, (long)SystemBench.Data);
            a.db(0x48, 0xFF, 0x28);
        }));
        Assert.Equal(SystemBench.Code + 0x101, system.Bench.State->Pc);
    }

    [Theory]
    [InlineData(EngineMode.Interpret)]
    [InlineData(EngineMode.Translate)]
    public void ABranchToAnAddressThatIsNotCanonicalIsItsOwnFault(EngineMode mode)
    {
        using var system = new SystemBench(mode, isLong: true);
        foreach (ulong target in new ulong[] { 0x1111_1111_1111_1111UL, 0x8000_0000_0000, 0xFFFF_7FFF_FFFF_FFFF, 0x8000_0000_0000_0000 })
        {
            system.Start();
            ulong stack = system.Register(X86Slots.Rsp);
            Assert.Equal(Protection, system.Run(a =>
            {
                a.mov(rax, target);
                a.jmp(rax);
            }));
            Assert.Equal((0UL, SystemBench.Code + 10), (system.Frame(0), system.Frame(1)));

            // A call has pushed nothing, a return has taken nothing.
            system.Start();
            Assert.Equal(Protection, system.Run(a =>
            {
                a.mov(rax, target);
                a.call(rax);
            }));
            Assert.Equal((SystemBench.Code + 10, stack), (system.Frame(1), system.Frame(4)));
            system.Start();
            Assert.Equal(Protection, system.Run(a =>
            {
                a.mov(rax, target);
                a.push(rax);
                a.ret();
            }));
            Assert.Equal((SystemBench.Code + 11, stack - 8), (system.Frame(1), system.Frame(4)));
        }

        // The last and the first canonical addresses: the branch is done, and nothing is mapped there.
        foreach (ulong target in new ulong[] { 0x7FFF_FFFF_F000, 0xFFFF_8000_0000_0000 })
        {
            system.Start();
            Assert.Equal(PageFault, system.Run(a =>
            {
                a.mov(rax, target);
                a.jmp(rax);
            }));
            Assert.Equal(target, system.Frame(1));
        }
    }

    [Theory]
    [InlineData(EngineMode.Interpret)]
    [InlineData(EngineMode.Translate)]
    public void ACallGateCopiesArgumentsToTheInnerStackAndReturns(EngineMode mode)
    {
        using var system = new SystemBench(mode, isLong: false);
        system.Bench.Write(SystemBench.Gdt + SystemBench.Free, SystemBench.GateOf(Target, SystemBench.Code32, 0xEC, 2));
        system.Assemble(
            a =>
            {
                a.mov(eax, cs);
                a.mov(ebx, __dword_ptr[esp + 8]);
                a.mov(ecx, __dword_ptr[esp + 12]);
                a.mov(edx, __dword_ptr[esp + 16]);
                a.mov(esi, esp);
                a.retf(8);
            },
            Target);
        int found = system.RunUser(a =>
        {
            a.push(0x1111);
            a.push(0x2222);
            a.db(0x9A, 0, 0, 0, 0, (byte)SystemBench.Free | 3, 0);
            a.mov(edi, esp);
            a.@int(0x40);
        });
        Assert.Equal(0x40, found);
        Assert.Equal(SystemBench.Code32, system.Register(X86Slots.Rax));
        Assert.Equal(0x2222UL, system.Register(X86Slots.Rbx));
        Assert.Equal(0x1111UL, system.Register(X86Slots.Rcx));
        Assert.Equal(SystemBench.Stack3 - 8, system.Register(X86Slots.Rdx));
        Assert.Equal(SystemBench.Stack0 - 24, system.Register(X86Slots.Rsi));
        Assert.Equal(SystemBench.Stack3, system.Register(X86Slots.Rdi));
        Assert.Equal(SystemBench.UserCode32, system.Frame(1));

        // A gate of level 0 is not for level 3; a jump through one goes nowhere deeper.
        system.Start();
        system.Bench.Write(SystemBench.Gdt + SystemBench.Free, SystemBench.GateOf(Target, SystemBench.Code32, 0x8C));
        Assert.Equal(Protection, system.RunUser(a => a.db(0x9A, 0, 0, 0, 0, (byte)SystemBench.Free, 0)));
        Assert.Equal(SystemBench.Free, system.Frame(0));
        system.Start();
        system.Bench.Write(SystemBench.Gdt + SystemBench.Free, SystemBench.GateOf(Target, SystemBench.Code32, 0xEC));
        Assert.Equal(Protection, system.RunUser(a => a.db(0xEA, 0, 0, 0, 0, (byte)SystemBench.Free, 0)));
        Assert.Equal(SystemBench.Code32, system.Frame(0));
    }

    [Theory]
    [InlineData(EngineMode.Interpret)]
    [InlineData(EngineMode.Translate)]
    public void ReturnsToAnOuterLevelDropInnerSegments(EngineMode mode)
    {
        using var system = new SystemBench(mode, isLong: false);
        system.Assemble(
            a =>
            {
                a.mov(eax, ds);
                a.mov(ebx, es);
                a.@int(0x40);
            },
            Target);
        Assert.Equal(0x40, system.Run(a =>
        {
            a.mov(eax, SystemBench.UserData);
            a.mov(es, eax);
            a.push(SystemBench.UserData);
            a.push((int)SystemBench.Stack3);
            a.push(SystemBench.UserCode32);
            a.push((int)Target);
            a.retf();
        }));
        Assert.Equal(0UL, system.Register(X86Slots.Rax));
        Assert.Equal(SystemBench.UserData, system.Register(X86Slots.Rbx));
        Assert.Equal(SystemBench.UserCode32, system.Frame(1));
    }

    [Theory]
    [InlineData(EngineMode.Interpret, true)]
    [InlineData(EngineMode.Translate, true)]
    [InlineData(EngineMode.Interpret, false)]
    [InlineData(EngineMode.Translate, false)]
    public void TasksAreSwitchedAndReturnedFrom(EngineMode mode, bool isWide)
    {
        using var system = new SystemBench(mode, isLong: false);
        PrepareTask(system, isWide);
        system.Assemble(
            a =>
            {
                a.inc(__dword_ptr[(int)Data]);
                a.mov(__dword_ptr[(int)Data + 16], ebx);
                a.mov(eax, ebx);
                a.iretd();
                a.inc(__dword_ptr[(int)Data]);
                a.iretd();
            },
            Target);
        Assert.Equal(0x40, system.Run(a =>
        {
            a.mov(ebx, 0x1234);
            a.db(0x9A, 0xF4, 0xF4, 0xF4, 0xF4, (byte)SystemBench.Free, 0);
            a.mov(edx, __dword_ptr[(int)Data]);
            a.db(0x9A, 0xF4, 0xF4, 0xF4, 0xF4, (byte)SystemBench.Free, 0);
            a.mov(esi, __dword_ptr[(int)Data]);
            a.@int(0x40);
        }));
        Assert.Equal(1UL, system.Register(X86Slots.Rdx));
        Assert.Equal(2UL, system.Register(X86Slots.Rsi));
        Assert.Equal(0x1234UL, system.Register(X86Slots.Rbx));
        Assert.Equal(SystemBench.TssSelector, system.Bench.Slot(X86Slots.Selector + X86Slots.Tr));
        Assert.NotEqual(0UL, system.Bench.Slot(X86Slots.Cr0) & Cr0.Ts);

        // A task of 16 bits has ones in the upper halves.
        Assert.Equal(isWide ? 0 : 0xFFFF_0000U, (uint)system.Bench.Read(Data + 16));

        // The old task's TSS stayed busy, the other one is free again; its link names the caller.
        Assert.Equal(0x8BUL, (system.Bench.Read(SystemBench.Gdt + SystemBench.TssSelector) >> 40) & 0xFF);
        Assert.Equal(isWide ? 0x89UL : 0x81, (system.Bench.Read(SystemBench.Gdt + SystemBench.Free) >> 40) & 0xFF);
        Assert.Equal(SystemBench.TssSelector, (ushort)system.Bench.Read(SystemBench.OtherTss));
    }

    [Theory]
    [InlineData(EngineMode.Interpret)]
    [InlineData(EngineMode.Translate)]
    public void AnExceptionThroughATaskGatePushesItsCodeInTheNewTask(EngineMode mode)
    {
        using var system = new SystemBench(mode, isLong: false);
        PrepareTask(system, isWide: true);
        system.Gate(PageFault, 0, SystemBench.Free, 0x85);
        system.Page(Data + 0x1000, 0);
        system.Assemble(
            a =>
            {
                a.pop(eax);
                a.mov(__dword_ptr[(int)(SystemBench.Entry(Data + 0x1000, false) & uint.MaxValue)], (int)(Data + 0x1007));
                a.iretd();
            },
            Target);
        Assert.Equal(0x40, system.Run(a =>
        {
            a.mov(__dword_ptr[(int)Data + 0x1000], 77);
            a.mov(ebx, __dword_ptr[(int)Data + 0x1000]);
            a.@int(0x40);
        }));
        Assert.Equal(77UL, system.Register(X86Slots.Rbx));
        Assert.Equal(2UL, (uint)system.Bench.Read(SystemBench.OtherTss + 40));
    }

    [Theory]
    [InlineData(EngineMode.Interpret)]
    [InlineData(EngineMode.Translate)]
    public void ATaskWithABadSegmentFaultsInTheNewTask(EngineMode mode)
    {
        using var system = new SystemBench(mode, isLong: false);
        PrepareTask(system, isWide: true);
        system.Bench.Load(SystemBench.OtherTss + 84, [(byte)SystemBench.TssSelector, 0]);
        Assert.Equal(InvalidTss, system.Run(a => a.db(0xEA, 0, 0, 0, 0, (byte)SystemBench.Free, 0)));
        Assert.Equal(SystemBench.TssSelector, system.Frame(0));
        Assert.Equal(Target, system.Frame(1));
        Assert.Equal(SystemBench.Free, system.Bench.Slot(X86Slots.Selector + X86Slots.Tr));

        // A TSS that is too short is refused before anything changes.
        system.Start();
        system.Bench.Write(SystemBench.Gdt + SystemBench.Free, SystemBench.System(SystemBench.OtherTss, 0x66, 0x89));
        Assert.Equal(InvalidTss, system.Run(a => a.db(0xEA, 0, 0, 0, 0, (byte)SystemBench.Free, 0)));
        Assert.Equal(SystemBench.Free, system.Frame(0));
        Assert.Equal(SystemBench.Code, system.Frame(1));
    }

    [Theory]
    [InlineData(EngineMode.Interpret)]
    [InlineData(EngineMode.Translate)]
    public void Virtual8086ModeIsEnteredByIretAndLeftByExceptions(EngineMode mode)
    {
        using var system = new SystemBench(mode, isLong: false);

        // 4000:0 is linear 0x40000 + 0x1000 - 0x1000.
        system.Assemble(
            a =>
            {
                a.mov(ax, 0x5000);
                a.mov(ds, ax);
                a.mov(__word_ptr[0x10], 0x4321);
                a.pushf();
            },
            Target, 16);
        Assert.Equal(Protection, Enter(system, iopl: 0));
        Assert.Equal(0UL, system.Frame(0));
        Assert.Equal(0x1000UL + 11, system.Frame(1));
        Assert.Equal(0x4000UL, system.Frame(2));
        Assert.Equal(0x2_0000UL, system.Frame(3) & 0x2_0000);
        Assert.Equal(0x8000UL, system.Frame(4));
        Assert.Equal(0x3000UL, system.Frame(5));
        Assert.Equal(0x1111UL, system.Frame(6));
        Assert.Equal(0x5000UL, system.Frame(7));
        Assert.Equal(0x2222UL, system.Frame(8));
        Assert.Equal(0x3333UL, system.Frame(9));
        Assert.Equal(0x4321, (ushort)system.Bench.Read(0x5_0010));

        // With IOPL 3 flags may be pushed and interrupts called; a HLT never.
        system.Start();
        system.Assemble(
            a =>
            {
                a.pushf();
                a.cli();
                a.popf();
                a.hlt();
            },
            Target, 16);
        Assert.Equal(Protection, Enter(system, iopl: 3));
        Assert.Equal(0x1003UL, system.Frame(1));
        system.Start();
        system.Assemble(a => a.@int(0x40), Target, 16);
        Assert.Equal(0x40, Enter(system, iopl: 3));
        Assert.Equal(0x1002UL, system.Frame(0));
        system.Start();
        Assert.Equal(Protection, Enter(system, iopl: 0));

        // Ports go by the permission map alone.
        system.Start();
        system.Assemble(
            a =>
            {
                a.@in(al, 0x60);
                a.@in(al, 0x61);
            },
            Target, 16);
        system.Bench.Slot(X86Slots.SegmentLimit + X86Slots.Tr) = 0x68 + 0x20;
        system.Bench.Load(SystemBench.Tss + 0x68, new byte[0x21]);
        system.Bench.Load(SystemBench.Tss + 0x68 + 0xC, [2]);
        Assert.Equal(Protection, Enter(system, iopl: 3));
        Assert.Equal(0x1002UL, system.Frame(1));
    }

    [Theory]
    [InlineData(EngineMode.Interpret)]
    [InlineData(EngineMode.Translate)]
    public void LongModeStacksAndCompatibilityCode(EngineMode mode)
    {
        using var system = new SystemBench(mode, isLong: true);

        // An interrupt stack, whatever the level; the frame is aligned.
        system.Bench.Write(SystemBench.Tss + 0x24, SystemBench.Stack0 - 0x403);
        system.Gate(InvalidOpcode, SystemBench.Handler(InvalidOpcode), SystemBench.Code64, 0x8E, stack: 1);
        Assert.Equal(InvalidOpcode, system.Run(a => a.ud2()));
        Assert.Equal(SystemBench.Stack0 - 0x410 - 40, system.Register(X86Slots.Rsp));
        Assert.Equal(SystemBench.Stack0 - 0x800, system.Frame(3));

        // Compatibility mode at level 3 comes and goes by IRET and interrupts; upper halves of registers don't live there.
        system.Start();
        system.Assemble(
            a =>
            {
                a.mov(eax, 0x1234);
                a.inc(eax);
                a.@int(0x40);
            },
            Target, 32);
        Assert.Equal(0x40, system.Run(a =>
        {
            a.push(SystemBench.UserData);
            a.push((int)SystemBench.Stack3);
            a.push(0x202);
            a.push(SystemBench.UserCode32);
            a.push((int)Target);
            a.iretq();
        }));
        Assert.Equal(0x1235UL, system.Register(X86Slots.Rax));
        Assert.Equal(SystemBench.UserCode32, system.Frame(1));
        Assert.Equal(Target + 8, system.Frame(0));
        Assert.Equal(SystemBench.Stack0 - 40, system.Register(X86Slots.Rsp));
        Assert.Equal(0UL, system.Bench.Slot(X86Slots.Selector + X86Slots.Ss));

        // IRET to an address that is not canonical faults before it leaves.
        system.Start();
        Assert.Equal(Protection, system.Run(a =>
        {
            a.push(SystemBench.UserData);
            a.push((int)SystemBench.Stack3);
            a.push(0x202);
            a.push(SystemBench.UserCode64);
            a.mov(rax, 0x1000_0000_0000_0000);
            a.push(rax);
            a.iretq();
        }));
        Assert.Equal(SystemBench.Code64, system.Frame(2));

        // So does an access, as #SS through the stack pointer.
        system.Start();
        Assert.Equal(12, system.Run(a =>
        {
            a.mov(rsp, rsp);
            a.mov(rbp, 0x8000_0000_0000_0000);
            a.mov(rax, __[rbp]);
        }));
        system.Start();
        Assert.Equal(Protection, system.Run(a =>
        {
            a.mov(rbx, 0x8000_0000_0000_0000);
            a.mov(rax, __[rbx]);
        }));
        system.Start();
        Assert.Equal(Protection, system.Run(a =>
        {
            a.mov(rbx, 0x8000_0000_0000_0000);
            a.jmp(rbx);
        }));
    }

    [Theory]
    [InlineData(EngineMode.Interpret)]
    [InlineData(EngineMode.Translate)]
    public void FastCalls(EngineMode mode)
    {
        using var system = new SystemBench(mode, isLong: true);
        system.Bench.Cpu.Msrs[0xC000_0081] = ((ulong)(SystemBench.UserCode32 - 3) << 48) | ((ulong)SystemBench.Code32 << 32);
        system.Bench.Cpu.Msrs[0xC000_0082] = Target;
        system.Bench.Cpu.Msrs[0xC000_0084] = Eflags.Tf | Eflags.If | Eflags.Df;
        Assert.Equal(SystemBench.Halted, Call());
        Assert.Equal(SystemBench.Code + 6, system.Register(X86Slots.Rcx));
        Assert.Equal(Eflags.Df | Eflags.Fixed, system.Register(X86Slots.R11) & (Eflags.Df | Eflags.Fixed));
        Assert.Equal(0UL, system.Bench.Cpu.EflagsNow & Eflags.Df);
        Assert.Equal(SystemBench.Code32, system.Bench.Slot(X86Slots.Selector + X86Slots.Cs));
        Assert.Equal(SystemBench.Data0, system.Bench.Slot(X86Slots.Selector + X86Slots.Ss));

        // Without EFER.SCE there is no such instruction.
        system.Start();
        system.Bench.Slot(X86Slots.Efer) &= ~Efer.Sce;
        Assert.Equal(InvalidOpcode, system.RunUser(a => a.syscall()));

        system.Start();
        (system.Bench.Cpu.Msrs[0x174], system.Bench.Cpu.Msrs[0x175], system.Bench.Cpu.Msrs[0x176]) = (SystemBench.Code32, SystemBench.Stack0 - 64, Target);
        Assert.Equal(SystemBench.Halted, system.RunUser(a => a.sysenter()));
        Assert.Equal(SystemBench.Stack0 - 64, system.Register(X86Slots.Rsp));
        system.Start();
        system.Bench.Cpu.Msrs[0x174] = 0;
        Assert.Equal(Protection, system.RunUser(a => a.sysenter()));

        int Call()
        {
            system.Assemble(a => a.hlt(), Target);
            return system.RunUser(a =>
            {
                a.std();
                a.xor(eax, eax);
                a.nop();
                a.syscall();
            });
        }
    }

    private static void PrepareTask(SystemBench system, bool isWide)
    {
        for (ulong i = 0; i < 0x68; i += 8)
        {
            system.Bench.Write(SystemBench.OtherTss + i, 0);
        }

        // The processor never stores CR3 into a TSS: the old task's must have it to be returned to.
        system.Bench.Load(SystemBench.Tss + 28, BitConverter.GetBytes((uint)SystemBench.Directory));
        system.Bench.Write(Data, 0);
        system.Bench.Write(SystemBench.Gdt + SystemBench.Free, SystemBench.System(SystemBench.OtherTss, isWide ? 0x67UL : 0x2B, isWide ? 0x89UL : 0x81));
        if (isWide)
        {
            Word(28, SystemBench.Directory);
            Word(32, Target);
            Word(36, 2);
            Word(56, SystemBench.Stack0 - 0x1000);
            foreach (ulong segment in (ulong[])[72, 80, 84, 88, 92])
            {
                Word(segment, SystemBench.Data0);
            }

            Word(76, SystemBench.Code32);
            return;
        }

        // Sixteen bits of the program counter: the code is in a segment of its own.
        system.Bench.Write(SystemBench.Gdt + SystemBench.Free + 8, 0x0040_9B00_0000_FFFF | ((Target & 0xFF_FFFF) << 16));
        Narrow(16, 2);
        Narrow(26, 0x8000);
        Narrow(34, SystemBench.Data0);
        Narrow(36, SystemBench.Free + 8);
        Narrow(38, SystemBench.Data0);
        Narrow(40, SystemBench.Data0);

        void Word(ulong offset, ulong value) => system.Bench.Load(SystemBench.OtherTss + offset, BitConverter.GetBytes((uint)value));
        void Narrow(ulong offset, ulong value) => system.Bench.Load(SystemBench.OtherTss + offset, BitConverter.GetBytes((ushort)value));
    }

    /// <summary>Enters virtual-8086 mode at 4000:1000 with the stack 3000:8000.</summary>
    private static int Enter(SystemBench system, int iopl) => system.Run(a =>
    {
        foreach (int word in (int[])[0x3333, 0x2222, 0x5000, 0x1111, 0x3000, 0x8000, (int)Eflags.Vm | 2 | (iopl << 12), 0x4000, 0x1000])
        {
            a.push(word);
        }

        a.iretd();
    });
}
