using Iced.Intel;
using Kmem.Engine;
using Kmem.Plugins.CpuX86.Registers;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Kmem.CpuX86.Tests.Systems;

/// <summary>What is kept of translations, and what makes the CPU look again.</summary>
public sealed class TranslationTests
{
    private const ulong Present = 0x67, Global = 0x100, Large = 0x80, Old = SystemBench.Data, Other = SystemBench.Data + 0x1000, New = 0x6_0000, NewOther = 0x6_1000;

    /// <summary>The large page at 2 MiB, and its entry.</summary>
    private const ulong LargePage = 0x20_0000, LargeEntry = SystemBench.Directory + 0x2008;

    public static TheoryData<EngineMode> Modes => [EngineMode.Interpret, EngineMode.Translate, EngineMode.Both];

    [Theory]
    [MemberData(nameof(Modes))]
    public void OnlyGlobalPagesOutliveALoadOfCr3(EngineMode mode)
    {
        using var system = new SystemBench(mode, isLong: true);
        X86Bench bench = system.Bench;
        (bench.Slot(X86Slots.Cr4), bench.Slot(X86Slots.Rbx)) = (bench.Slot(X86Slots.Cr4) | Cr4.Pge, Old);
        system.Page(Old, Old | Present | Global);
        system.Page(Other, Other | Present);
        bench.Write(Old, 1);
        bench.Write(Other, 2);
        bench.Write(New, 3);
        bench.Write(NewOther, 4);
        int vector = system.Run(a =>
        {
            a.mov(rax, __qword_ptr[rbx]);
            a.mov(rax, __qword_ptr[rbx + 0x1000]);
            a.mov(__qword_ptr[(long)SystemBench.Entry(Old, true)], (int)(New | Present | Global));
            a.mov(__qword_ptr[(long)SystemBench.Entry(Other, true)], (int)(NewOther | Present));
            a.mov(rax, cr3);
            a.mov(cr3, rax);
            a.mov(rsi, __qword_ptr[rbx]);
            a.mov(rdi, __qword_ptr[rbx + 0x1000]);
            a.invlpg(__byte_ptr[rbx]);
            a.mov(rdx, __qword_ptr[rbx]);
            a.hlt();
        });
        Assert.Equal(SystemBench.Halted, vector);
        Assert.Equal((1UL, 4UL, 3UL), (bench.Slot(X86Slots.Rsi), bench.Slot(X86Slots.Rdi), bench.Slot(X86Slots.Rdx)));
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void InvalidatingAnyPartOfALargePageForgetsAllOfIt(EngineMode mode)
    {
        using var system = new SystemBench(mode, isLong: true);
        X86Bench bench = system.Bench;
        bench.Write(LargeEntry, LargePage | Present | Large);
        bench.Execution.FlushTranslations();
        for (ulong i = 1; i <= 8; i++)
        {
            bench.Write(0x40_3001 + (8 * i), 100 * i);
        }

        int vector = system.Run(a =>
        {
            Label first = a.CreateLabel(), second = a.CreateLabel();
            a.mov(ebx, (int)LargePage);
            a.mov(ecx, 8);
            a.Label(ref first);
            a.mov(__qword_ptr[rbx + (rcx * 8) + 0x3001], rcx);
            a.add(rsi, __qword_ptr[rbx + (rcx * 8) + 0x3001]);
            a.dec(ecx);
            a.jnz(first);
            a.mov(__qword_ptr[(long)LargeEntry], 0x40_0000 | (int)(Present | Large));
            a.invlpg(__byte_ptr[rbx + 0x1F_F000]);
            a.mov(ecx, 8);
            a.Label(ref second);
            a.add(rdi, __qword_ptr[rbx + (rcx * 8) + 0x3001]);
            a.dec(ecx);
            a.jnz(second);
            a.hlt();
        });
        Assert.Equal(SystemBench.Halted, vector);
        Assert.Equal((36UL, 3600UL), (bench.Slot(X86Slots.Rsi), bench.Slot(X86Slots.Rdi)));
        Assert.Equal(5UL, bench.Read(LargePage + 0x3001 + 40));
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void InvalidatingAPageThatWasNeverUsedCountsToo(EngineMode mode)
    {
        using var system = new SystemBench(mode, isLong: true);
        X86Bench bench = system.Bench;
        for (ulong i = 0; i < 3; i++)
        {
            bench.Write(LargeEntry + (8 * i), (LargePage + (i << 21)) | Present | Large);
        }

        bench.Execution.FlushTranslations();
        int vector = system.Run(a =>
        {
            Label again = a.CreateLabel();
            a.mov(ebx, (int)LargePage);
            a.mov(ecx, 50);
            a.Label(ref again);
            a.mov(__qword_ptr[rbx + (rcx * 8)], rcx);
            a.add(rsi, __qword_ptr[rbx + (rcx * 8)]);
            a.dec(ecx);
            a.jnz(again);
            a.mov(__qword_ptr[(long)LargeEntry + 8], 0x40_0000 | 0x65 | (int)Large);
            a.invlpg(__byte_ptr[rbx + 0x20_5000]);
            a.mov(rdi, __qword_ptr[rbx + 0x20_5000]);
            a.mov(__qword_ptr[rbx + 0x20_5008], rcx);
            a.hlt();
        });
        Assert.Equal(14, vector);
        Assert.Equal((3UL, LargePage + 0x20_5008), (system.Frame(0), bench.Slot(X86Slots.Cr2)));
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void WhatALargePageHoldsIsMarkedWhenItIsWritten(EngineMode mode)
    {
        using var system = new SystemBench(mode, isLong: true);
        X86Bench bench = system.Bench;
        bench.Write(LargeEntry, LargePage | (Present & ~0x60UL) | Large);
        bench.Write(LargeEntry + 8, 0x40_0000 | (Present & ~0x60UL) | Large);
        bench.Execution.FlushTranslations();
        int vector = system.Run(a =>
        {
            Label loop = a.CreateLabel();
            a.mov(ebx, (int)LargePage);
            a.mov(ecx, 8);
            a.Label(ref loop);
            a.mov(__qword_ptr[rbx + (rcx * 8)], rcx);
            a.add(rsi, __qword_ptr[rbx + 0x1F_FFFC]);
            a.dec(ecx);
            a.jnz(loop);
            a.hlt();
        });
        Assert.Equal(SystemBench.Halted, vector);

        // The second one was only read, at its first bytes.
        Assert.Equal((0x60UL, 0x20UL), (bench.Read(LargeEntry) & 0x60, bench.Read(LargeEntry + 8) & 0x60));
    }
}
