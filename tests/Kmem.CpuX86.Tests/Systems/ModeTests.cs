using Iced.Intel;
using Kmem.Engine;
using Kmem.Plugins.CpuX86.Registers;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Kmem.CpuX86.Tests.Systems;

/// <summary>Ways from one mode into another, written as guests write them, and what control registers and MSRs refuse.</summary>
public sealed unsafe class ModeTests
{
    private const int Protection = 13;
    private const ulong Target = SystemBench.Code + 0x1000;

    /// <summary>Both back ends.</summary>
    public static TheoryData<EngineMode> Modes => new() { EngineMode.Interpret, EngineMode.Translate };

    [Theory]
    [MemberData(nameof(Modes))]
    public void FromRealModeToProtectedModeToUnrealMode(EngineMode mode)
    {
        using var system = new SystemBench(mode, isLong: false);
        X86Bench bench = system.Bench;
        bench.Cpu.Reset();
        bench.Execution.FlushTranslations();
        bench.Load(0x600, [0xFF, 0x00, 0x00, 0x10, 0x00, 0x00]);
        system.Assemble(
            a =>
            {
                a.cli();
                a.xor(ax, ax);
                a.mov(ds, ax);
                a.lgdt(__fword_ptr[0x600]);
                a.mov(eax, cr0);
                a.or(al, 1);
                a.mov(cr0, eax);
                a.mov(cx, SystemBench.Data0);
                a.mov(es, cx);
                a.and(al, 0xFE);
                a.mov(cr0, eax);
                a.mov(ebx, 0x50_0000);
                a.mov(__dword_ptr.es[ebx], 0x1234_5678);
                a.mov(ax, 0x6000);
                a.mov(es, ax);
                a.mov(__word_ptr.es[ebx - 0x50_0000], 0x4321);
                a.mov(__byte_ptr.es[ebx], 0x55);
                a.hlt();
            },
            0x700, 16);
        bench.Cpu.SetRealSegment(X86Slots.Cs, 0);
        bench.Slot(X86Slots.SegmentLimit + X86Slots.Cs) = 0xFFFF;
        bench.State->Pc = 0x700;
        Assert.Equal(SystemBench.Halted, system.Run());
        Assert.Equal(0x1234_5678UL, (uint)bench.Read(0x50_0000));
        Assert.Equal(0x4321, (ushort)bench.Read(0x6_0000));

        // The limit stays that of the descriptor although the base is real mode's.
        Assert.Equal(0x55, (byte)bench.Read(0x56_0000));
        Assert.Equal(0UL, bench.Slot(X86Slots.Cr0) & Cr0.Pe);
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void FromProtectedModeToLongModeAndBack(EngineMode mode)
    {
        using var system = new SystemBench(mode, isLong: true);
        X86Bench bench = system.Bench;
        bench.Slot(X86Slots.Cr0) = Cr0.Pe | Cr0.Et;
        (bench.Slot(X86Slots.Cr3), bench.Slot(X86Slots.Cr4), bench.Slot(X86Slots.Efer)) = (0, 0, 0);
        bench.Slot(X86Slots.Selector + X86Slots.Cs) = SystemBench.Code32;
        bench.Slot(X86Slots.Attributes + X86Slots.Cs) = 0xC0_9B00;
        bench.Execution.FlushTranslations();
        system.Assemble(
            a =>
            {
                a.mov(rbx, 0x1234_5678_9ABC_DEF0);
                a.mov(rax, rbx);
                a.push(SystemBench.Code32);
                a.push((int)Target + 0x800);
                a.db(0x48, 0xCB);
            },
            Target);
        system.Assemble(
            a =>
            {
                a.mov(eax, cr0);
                a.and(eax, 0x7FFF_FFFF);
                a.mov(cr0, eax);
                a.mov(ecx, 0xC000_0080);
                a.rdmsr();
                a.hlt();
            },
            Target + 0x800, 32);
        system.Assemble(
            a =>
            {
                a.mov(eax, cr4);
                a.or(eax, 0x20);
                a.mov(cr4, eax);
                a.mov(eax, (int)SystemBench.Directory);
                a.mov(cr3, eax);
                a.mov(ecx, 0xC000_0080);
                a.rdmsr();
                a.or(eax, 0x100);
                a.wrmsr();
                a.mov(eax, cr0);
                a.or(eax, unchecked((int)0x8000_0000));
                a.mov(cr0, eax);
                a.db(0xEA, 0x00, 0x10, 0x04, 0x00, (byte)SystemBench.Code64, 0);
            },
            SystemBench.Code, 32);
        bench.State->Pc = SystemBench.Code;
        Assert.Equal(SystemBench.Halted, system.Run());
        Assert.Equal(0x100UL, system.Register(X86Slots.Rax));
        Assert.Equal(0x9ABC_DEF0UL, system.Register(X86Slots.Rbx));
        Assert.Equal(0x11UL, bench.Slot(X86Slots.Cr0));
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void WhatControlRegistersRefuse(EngineMode mode)
    {
        using var system = new SystemBench(mode, isLong: true);
        (int Register, ulong Value)[] refused =
        [
            (0, 0x1_8000_0011), (0, 0x8000_0010), (0, 0xA000_0011), (0, 0x11), (4, 0x200), (4, 0x20 | (1UL << 31)), (3, 0x8000_0000_0000_4000), (3, 0x4000 | (1UL << 45)), (8, 16),
        ];
        foreach ((int register, ulong value) in refused)
        {
            system.Start();
            int found = system.Run(a =>
            {
                a.mov(rax, value);
                MovControl(a, register);
            });
            Assert.True((found, system.Frame(0)) == (Protection, 0), $"CR{register} = {value:x}: {found}");
            Assert.Equal(SystemBench.Code + 10, system.Frame(1));
        }

        // PCID is turned on with CR3's number at zero; then CR3 takes bit 63, and paging may not be turned off.
        system.Start();
        Assert.Equal(SystemBench.Halted, system.Run(a =>
        {
            a.mov(rax, cr4);
            a.or(rax, (int)Cr4.Pcide);
            a.mov(cr4, rax);
            a.mov(rax, 0x8000_0000_0000_4003);
            a.mov(cr3, rax);
            a.mov(rbx, cr3);
            a.hlt();
        }));
        Assert.Equal(0x4003UL, system.Register(X86Slots.Rbx));
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void InvpcidChecksItsDescriptor(EngineMode mode)
    {
        using var system = new SystemBench(mode, isLong: true);
        (ulong Type, ulong Low, ulong High, bool HasPcid, bool IsGood)[] cases =
        [
            (0, 0, 0x1000, false, true), (0, 1, 0x1000, false, false), (0, 1, 0x1000, true, true), (0, 1, 1UL << 60, true, false), (1, 0x1000, 0, true, false), (2, 0, 0, false, true), (3, 5, 0, false, true), (4, 0, 0, true, false),
        ];
        foreach ((ulong type, ulong low, ulong high, bool hasPcid, bool isGood) in cases)
        {
            system.Start();
            system.Bench.Slot(X86Slots.Cr4) |= hasPcid ? Cr4.Pcide : 0;
            system.Bench.Write(SystemBench.Data, low);
            system.Bench.Write(SystemBench.Data + 8, high);
            int found = system.Run(a =>
            {
                a.mov(rax, type);
                a.invpcid(rax, __xmmword_ptr[(int)SystemBench.Data]);
                a.hlt();
            });
            Assert.True(found == (isGood ? SystemBench.Halted : Protection), $"type {type}, {low:x}, {high:x}: {found}");
        }
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void ModelRegistersKeepWhatTheyTakeAndRefuseTheRest(EngineMode mode)
    {
        using var system = new SystemBench(mode, isLong: true);
        (uint Number, ulong Value, bool IsTaken)[] cases =
        [
            (0x174, 0x1234, true), (0x175, 0x1234_5678_9ABC, true), (0x277, 0x0707_0707, true), (0x277, 2, false), (0xC000_0100, 0x1234_5678_9ABC, true), (0xC000_0100, 1UL << 60, false), (0xC000_0101, 1UL << 60, false),
            (0xC000_0102, 1UL << 60, false), (0xC000_0082, 0x1234_5678_9ABC, true), (0xC000_0082, 1UL << 60, false), (0xC000_0084, uint.MaxValue, true), (0xC000_0080, 0xD01, true), (0xC000_0080, 0x1D01, false), (0xC000_0080, 1, false),
            (0x400, 0, false), (0x1234_5678, 0, false), (0x808, 0, false), (0x3B, 0x1000, true),
        ];
        foreach ((uint number, ulong value, bool isTaken) in cases)
        {
            system.Start();
            system.Bench.Slot(X86Slots.SegmentBase + X86Slots.Fs) = 0x7000;
            int found = system.Run(a =>
            {
                a.mov(ecx, number);
                a.mov(eax, (uint)value);
                a.mov(edx, (uint)(value >> 32));
                a.wrmsr();
                a.rdmsr();
                a.hlt();
            });
            Assert.True(found == (isTaken ? SystemBench.Halted : Protection), $"{number:x} = {value:x}: {found}");
            if (isTaken)
            {
                Assert.Equal(value, system.Register(X86Slots.Rax) | (system.Register(X86Slots.Rdx) << 32));
            }
            else
            {
                Assert.Equal(0x7000UL, system.Bench.Slot(X86Slots.SegmentBase + X86Slots.Fs));
            }
        }

        // A write of the time-stamp counter shows in its adjustment.
        system.Start();
        Assert.Equal(SystemBench.Halted, system.Run(a =>
        {
            a.mov(ecx, 0x3B);
            a.rdmsr();
            a.mov(esi, eax);
            a.mov(ecx, 0x10);
            a.xor(eax, eax);
            a.mov(edx, 0x100);
            a.wrmsr();
            a.mov(ecx, 0x3B);
            a.rdmsr();
            a.hlt();
        }));
        Assert.Equal(0UL, system.Register(X86Slots.Rsi));
        Assert.InRange(system.Register(X86Slots.Rdx), 0xFFUL, 0x100UL);
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void AModelHasNoRegistersOfFeaturesThatItDoesNotShow(EngineMode mode)
    {
        using var system = new SystemBench(mode, isLong: false, model: "pentium3");
        (uint Number, bool IsThere)[] cases =
        [
            (0x3B, false), (0x6E0, false), (0xC000_0080, false), (0xC000_0081, false), (0xC000_0082, false), (0xC000_0083, false), (0xC000_0084, false), (0xC000_0100, false), (0xC000_0101, false),
            (0xC000_0102, false), (0xC000_0103, false), (0x10, true), (0x174, true), (0x175, true), (0x277, true),
        ];
        foreach ((uint number, bool isThere) in cases)
        {
            foreach (bool isWrite in (bool[])[false, true])
            {
                system.Start();
                int found = system.Run(a =>
                {
                    a.mov(ecx, number);
                    a.xor(eax, eax);
                    a.xor(edx, edx);
                    if (isWrite)
                    {
                        a.wrmsr();
                    }
                    else
                    {
                        a.rdmsr();
                    }

                    a.hlt();
                });
                Assert.True(found == (isThere ? SystemBench.Halted : Protection), $"{number:x} {(isWrite ? "written" : "read")}: {found}");
            }
        }
    }

    [Theory]
    [InlineData(0xC1u)]
    [InlineData(0x186u)]
    [InlineData(0xC001_0004u)]
    public void PerformanceCountersKeepNothing(uint number)
    {
        // So a kernel that writes one and reads it back sees that there is none, and does not count by RDPMC.
        using var system = new SystemBench(EngineMode.Interpret, false, "pentium3");
        Assert.Equal(SystemBench.Halted, system.Run(a =>
        {
            a.mov(ecx, number);
            a.mov(eax, 0x1234);
            a.xor(edx, edx);
            a.wrmsr();
            a.rdmsr();
            a.hlt();
        }));
        Assert.Equal((0UL, 0UL), (system.Register(X86Slots.Rax), system.Register(X86Slots.Rdx)));
    }

    private static void MovControl(Assembler a, int register)
    {
        switch (register)
        {
            case 0:
                a.mov(cr0, rax);
                break;
            case 3:
                a.mov(cr3, rax);
                break;
            case 4:
                a.mov(cr4, rax);
                break;
            default:
                a.mov(cr8, rax);
                break;
        }
    }
}
