using Kmem.Engine;
using Kmem.Plugins.CpuX86.Registers;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Kmem.CpuX86.Tests.Systems;

/// <summary>Instructions that look at selectors without loading them: ARPL, VERR, VERW, LAR, LSL.</summary>
public sealed class SelectorTests
{
    /// <summary>Both back ends.</summary>
    public static TheoryData<EngineMode> Modes => new() { EngineMode.Interpret, EngineMode.Translate };

    [Theory]
    [MemberData(nameof(Modes))]
    public void ArplWritesMemoryOnlyWhereTheLevelChanges(EngineMode mode)
    {
        using var system = new SystemBench(mode, isLong: false);
        foreach ((ushort target, ushort source, bool isWritable, int vector, ushort result) in ((ushort, ushort, bool, int, ushort)[])
            [(0xFFF0, 2, true, SystemBench.Halted, 0xFFF2), (0xFFF2, 2, false, SystemBench.Halted, 0xFFF2), (0xFFF3, 1, false, SystemBench.Halted, 0xFFF3), (0xFFF0, 2, false, 13, 0xFFF0)])
        {
            system.Start();
            system.Bench.Write(SystemBench.Gdt + SystemBench.Free, isWritable ? 0x00CF_9300_0000_FFFFUL : 0x00CF_9100_0000_FFFFUL);
            system.Bench.Load(SystemBench.Data, BitConverter.GetBytes(target));
            int found = system.Run(a =>
            {
                a.mov(ax, SystemBench.Free);
                a.mov(fs, eax);
                a.mov(ebx, source);
                a.stc();
                a.arpl(__word_ptr.fs[(int)SystemBench.Data], bx);
                a.hlt();
            });
            Assert.Equal(vector, found);
            Assert.Equal(result, (ushort)system.Bench.Read(SystemBench.Data));
            if (found == SystemBench.Halted)
            {
                Assert.Equal(Eflags.Cf | (result != target ? Eflags.Zf : 0), system.Bench.Cpu.EflagsNow & (Eflags.Cf | Eflags.Zf));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void WhatDescriptorsAllow(EngineMode mode)
    {
        using var system = new SystemBench(mode, isLong: false);
        (ulong Descriptor, ushort Selector, bool IsReadable, bool IsWritable, bool HasRights, bool HasLimit)[] cases =
        [
            (0, 0, false, false, false, false), (0, 0x200, false, false, false, false),
            (0x00CF_F300_0000_FFFF, SystemBench.Free | 3, true, true, true, true), (0x00CF_9300_0000_FFFF, SystemBench.Free, false, false, false, false),
            (0x00CF_F100_0000_FFFF, SystemBench.Free, true, false, true, true), (0x00CF_F900_0000_FFFF, SystemBench.Free, false, false, true, true),
            (0x00CF_9F00_0000_FFFF, SystemBench.Free | 3, true, false, true, true), (0x0000_E900_0000_0067, SystemBench.Free, false, false, true, true),
            (0x0000_E200_0000_0067, SystemBench.Free, false, false, true, true), (0x0000_EC00_0000_0067, SystemBench.Free, false, false, true, false), (0x0000_EE00_0000_0067, SystemBench.Free, false, false, false, false),
        ];
        foreach ((ulong descriptor, ushort selector, bool isReadable, bool isWritable, bool hasRights, bool hasLimit) in cases)
        {
            system.Start();
            system.Bench.Write(SystemBench.Gdt + SystemBench.Free, descriptor);
            int found = system.RunUser(a =>
            {
                a.mov(edi, 0xDDDD);
                a.mov(esi, 0xEEEE);
                a.mov(ebx, selector);
                a.verr(bx);
                a.setz(al);
                a.verw(bx);
                a.setz(ah);
                a.lar(edi, ebx);
                a.setz(cl);
                a.lsl(esi, ebx);
                a.setz(ch);
                a.@int(0x40);
            });
            Assert.Equal(0x40, found);
            string at = $"{selector:x} of {descriptor:x}";
            Assert.True(((isReadable ? 1u : 0) | (isWritable ? 0x100u : 0)) == (system.Register(X86Slots.Rax) & 0xFFFF), at);
            Assert.True(((hasRights ? 1u : 0) | (hasLimit ? 0x100u : 0)) == (system.Register(X86Slots.Rcx) & 0xFFFF), at);
            Assert.True((hasRights ? (descriptor >> 32) & 0xF0_FF00 : 0xDDDD) == system.Register(X86Slots.Rdi), at);
            Assert.True(hasLimit || system.Register(X86Slots.Rsi) == 0xEEEE, at);
        }
    }
}
