using Iced.Intel;
using Kmem.Engine;
using Kmem.Plugins.CpuX86.Registers;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Kmem.CpuX86.Tests.Systems;

/// <summary>Exceptions of protected and long mode: their vectors, error codes and frames.</summary>
public sealed class FaultTests
{
    private const int DivideError = 0, Overflow = 4, Bound = 5, InvalidOpcode = 6, DoubleFault = 8, InvalidTss = 10, NotPresent = 11, Stack = 12, Protection = 13, PageFault = 14, Alignment = 17;
    private const ulong Data = SystemBench.Data;

    /// <summary>Both back ends, in 32- and 64-bit code.</summary>
    public static TheoryData<EngineMode, bool> Both => new() { { EngineMode.Interpret, false }, { EngineMode.Translate, false }, { EngineMode.Interpret, true }, { EngineMode.Translate, true } };

    [Theory]
    [MemberData(nameof(Both))]
    public void ExceptionsWithoutACode(EngineMode mode, bool isLong)
    {
        using var system = new SystemBench(mode, isLong);
        Assert.Equal(DivideError, system.Run(a =>
        {
            a.xor(ecx, ecx);
            a.div(ecx);
        }));
        Assert.Equal(SystemBench.Code + 2, system.Frame(0));
        system.Start();
        Assert.Equal(InvalidOpcode, system.Run(a => a.ud2()));
        system.Start();
        Assert.Equal(3, system.Run(a => a.int3()));
        Assert.Equal(SystemBench.Code + 1, system.Frame(0));
        system.Start();
        Assert.Equal(0x80, system.RunUser(a => a.@int(0x80)));
        Assert.Equal(SystemBench.Code + 2, system.Frame(0));
        Assert.Equal(isLong ? SystemBench.UserCode64 : (ulong)SystemBench.UserCode32, system.Frame(1));
        Assert.Equal(SystemBench.Stack3, system.Frame(3));
        Assert.Equal(SystemBench.UserData, (ushort)system.Frame(4));
        if (!isLong)
        {
            system.Start();
            Assert.Equal(Overflow, system.Run(a =>
            {
                a.mov(al, 0x7F);
                a.inc(al);
                a.into();
            }));
            system.Start();
            system.Bench.Write(Data, 0x10UL << 32);
            Assert.Equal(Bound, system.Run(a =>
            {
                a.mov(eax, 0x11);
                a.bound(eax, __qword_ptr[(int)Data]);
            }));
        }
    }

    [Theory]
    [MemberData(nameof(Both))]
    public void WhatOnlyLevel0MayDo(EngineMode mode, bool isLong)
    {
        using var system = new SystemBench(mode, isLong);
        Action<Assembler>[] programs =
        [
            a => a.hlt(), a => a.cli(), a => a.sti(), a => a.clts(), a => a.rdmsr(), a => a.wrmsr(), a => a.invd(), a => a.wbinvd(), a => a.@in(al, 0x60), a => a.@out(0x60, al),
            a => a.lgdt(__[(int)Data]), a => a.lidt(__[(int)Data]), a => a.lldt(ax), a => a.ltr(ax), a => a.lmsw(ax), a => a.invlpg(__byte_ptr[(int)Data]), a => a.@int(0x21),
            a =>
            {
                if (isLong)
                {
                    a.mov(rax, cr0);
                }
                else
                {
                    a.mov(eax, cr0);
                }
            },
            a =>
            {
                if (isLong)
                {
                    a.mov(dr7, rax);
                }
                else
                {
                    a.mov(dr7, eax);
                }
            },
        ];
        for (int i = 0; i < programs.Length; i++)
        {
            system.Start();
            system.Gate(0x21, SystemBench.Handler(0x21), isLong ? SystemBench.Code64 : SystemBench.Code32, 0x8E);
            Assert.True(system.RunUser(programs[i]) == Protection, $"program {i}");
            Assert.Equal(i == 16 ? (0x21UL * 8) + 2 : 0, system.Frame(0));
            Assert.Equal(SystemBench.Code, system.Frame(1));
        }
    }

    [Theory]
    [MemberData(nameof(Both))]
    public void SelectorsAndTheirErrorCodes(EngineMode mode, bool isLong)
    {
        using var system = new SystemBench(mode, isLong);
        (ulong Descriptor, ushort Selector, int Vector, ulong Error, bool IsStack)[] cases =
        [
            (0, 0x1F8, Protection, 0x1F8, false),
            (0, 0x04C, Protection, 0x04C, false),
            (0x00CF_1300_0000_FFFF, SystemBench.Free, NotPresent, SystemBench.Free, false),
            (0x00CF_1300_0000_FFFF, SystemBench.Free, Stack, SystemBench.Free, true),
            (0x00CF_9900_0000_FFFF, SystemBench.Free, Protection, SystemBench.Free, false),
            (0x00CF_9100_0000_FFFF, SystemBench.Free, Protection, SystemBench.Free, true),
            (0x00CF_F300_0000_FFFF, SystemBench.Free, Protection, SystemBench.Free, true),
            (0x00CF_9300_0000_FFFF, SystemBench.Free | 3, Protection, SystemBench.Free, false),
        ];
        foreach ((ulong descriptor, ushort selector, int vector, ulong error, bool isStack) in cases)
        {
            system.Start();
            system.Bench.Write(SystemBench.Gdt + SystemBench.Free, descriptor);
            int found = system.Run(a =>
            {
                a.mov(ax, selector);
                if (isStack)
                {
                    a.mov(ss, eax);
                }
                else
                {
                    a.mov(fs, eax);
                }
            });
            Assert.True((found, system.Frame(0)) == (vector, error), $"selector {selector:x} of {descriptor:x}: vector {found}, error {system.Frame(0):x}");
        }

        // The accessed bit is set by a load that succeeds.
        system.Start();
        system.Bench.Write(SystemBench.Gdt + SystemBench.Free, 0x00CF_9200_0000_FFFF);
        Assert.Equal(SystemBench.Halted, system.Run(a =>
        {
            a.mov(ax, SystemBench.Free);
            a.mov(gs, eax);
            a.hlt();
        }));
        Assert.Equal(0x00CF_9300_0000_FFFFUL, system.Bench.Read(SystemBench.Gdt + SystemBench.Free));
    }

    [Theory]
    [InlineData(EngineMode.Interpret)]
    [InlineData(EngineMode.Translate)]
    public void LimitsAndTypesOfSegments(EngineMode mode)
    {
        using var system = new SystemBench(mode, isLong: false);
        (ulong Descriptor, uint Offset, bool IsWrite, bool IsAllowed)[] cases =
        [
            (0x0040_9300_0000_0FFF, 0xFFC, true, true), (0x0040_9300_0000_0FFF, 0xFFD, true, false), (0x0040_9300_0000_0FFF, uint.MaxValue - 1, false, false),
            (0x0040_9100_0000_0FFF, 0xFFC, false, true), (0x0040_9100_0000_0FFF, 0xFFC, true, false),
            (0x0040_9700_0000_0FFF, 0xFFF, false, false), (0x0040_9700_0000_0FFF, 0x1000, true, true), (0x0000_9700_0000_0FFF, 0xFFFD, false, false), (0x0000_9700_0000_0FFF, 0xFFFC, false, true),
            (0x0040_9B00_0000_0FFF, 0xFFC, false, true), (0x0040_9B00_0000_0FFF, 0xFFC, true, false), (0x00C0_9300_0000_0001, 0x1FFC, true, true), (0x00C0_9300_0000_0001, 0x1FFD, true, false),
        ];
        foreach ((ulong descriptor, uint offset, bool isWrite, bool isAllowed) in cases)
        {
            system.Start();
            system.Bench.Write(SystemBench.Gdt + SystemBench.Free, descriptor);
            int found = system.Run(a =>
            {
                a.mov(ax, SystemBench.Free);
                a.mov(fs, eax);
                a.mov(ebx, offset);
                if (isWrite)
                {
                    a.mov(__dword_ptr.fs[ebx], 0);
                }
                else
                {
                    a.mov(ecx, __dword_ptr.fs[ebx]);
                }

                a.hlt();
            });
            Assert.True(found == (isAllowed ? SystemBench.Halted : Protection), $"{descriptor:x} at {offset:x}: {found}");
        }

        // Code that may only be executed is not read, a null segment not at all; both are looked at only by the access.
        foreach (ushort selector in (ushort[])[0, 3])
        {
            system.Start();
            Assert.Equal(Protection, system.Run(a =>
            {
                a.mov(ax, selector);
                a.mov(es, eax);
                a.mov(ecx, __dword_ptr.es[(int)Data]);
            }));
            Assert.Equal(0UL, system.Frame(0));
        }
    }

    [Theory]
    [MemberData(nameof(Both))]
    public void PageFaultsAndAccessedBits(EngineMode mode, bool isLong)
    {
        using var system = new SystemBench(mode, isLong);
        (ulong Entry, bool IsUser, char Access, int Error, ulong Bits)[] cases =
        [
            (Data, false, 'r', 0, 0), (Data, false, 'w', 2, 0), (Data, true, 'r', 4, 0), (Data, true, 'w', 6, 0),
            (Data | 7, false, 'r', -1, 0x20), (Data | 7, true, 'w', -1, 0x60), (Data | 3, true, 'r', 5, 0), (Data | 3, true, 'w', 7, 0), (Data | 5, true, 'r', -1, 0x20),
            (Data | 5, true, 'w', 7, 0), (Data | 5, false, 'w', 3, 0), (Data | 1, false, 'r', -1, 0x20), (Data | 7, true, 'm', -1, 0x60), (Data | 5, true, 'm', 7, 0), (Data, true, 'm', 6, 0),
        ];
        foreach ((ulong entry, bool isUser, char access, int error, ulong bits) in cases)
        {
            system.Start();
            system.Page(Data, entry);
            void Program(Assembler a)
            {
                switch (access)
                {
                    case 'r':
                        a.mov(eax, __dword_ptr[(int)Data + 0x123]);
                        break;
                    case 'w':
                        a.mov(__dword_ptr[(int)Data + 0x123], eax);
                        break;
                    default:
                        a.add(__dword_ptr[(int)Data + 0x123], eax);
                        break;
                }

                a.@int(0x40);
            }

            int found = isUser ? system.RunUser(Program) : system.Run(Program);
            string at = $"{entry:x} {access} {isUser}: vector {found}";
            Assert.True(found == (error < 0 ? 0x40 : PageFault), at);
            if (error >= 0)
            {
                Assert.True(system.Frame(0) == (ulong)error, $"{at}: error {system.Frame(0)}");
                Assert.Equal(Data + 0x123, system.Bench.Slot(X86Slots.Cr2));
                Assert.Equal(SystemBench.Code, system.Frame(1));
            }

            // Whether a change that is refused counts as an access is the processor's own affair.
            Assert.True((access == 'm' && error >= 0) || (system.PageNow(Data) & 0x60) == bits, $"{at}: entry {system.PageNow(Data):x}");
        }

        // Without CR0.WP level 0 writes everywhere.
        system.Start();
        system.Bench.Slot(X86Slots.Cr0) &= ~Cr0.Wp;
        system.Page(Data, Data | 5);
        Assert.Equal(0x40, system.Run(a =>
        {
            a.mov(__dword_ptr[(int)Data], eax);
            a.@int(0x40);
        }));
    }

    [Theory]
    [InlineData(EngineMode.Interpret)]
    [InlineData(EngineMode.Translate)]
    public void AnAccessThatIsRefusedMarksNoEntry(EngineMode mode)
    {
        using var system = new SystemBench(mode, isLong: false);
        const ulong Table = 0x70_0000, Frame = 0x71_0000, Entry = SystemBench.Directory + 0x800;
        foreach ((ulong page, bool isUser, int error) in ((ulong, bool, int)[])[(Frame, false, 0), (Frame | 3, true, 5), (Frame | 3, false, -1)])
        {
            system.Start();
            system.Bench.Write(Entry, Table | 7);
            system.Bench.Write(Table, page);
            void Program(Assembler a)
            {
                a.mov(eax, __dword_ptr[0x8000_0000]);
                a.@int(0x40);
            }

            Assert.Equal(error < 0 ? 0x40 : PageFault, isUser ? system.RunUser(Program) : system.Run(Program));
            ulong bits = error < 0 ? 0x20UL : 0;
            Assert.Equal((bits, bits), (system.Bench.Read(Entry) & 0x20, system.Bench.Read(Table) & 0x60));
        }
    }

    [Theory]
    [InlineData(EngineMode.Interpret)]
    [InlineData(EngineMode.Translate)]
    public void ProtectionOfNewerProcessors(EngineMode mode)
    {
        using var system = new SystemBench(mode, isLong: true);
        const ulong NoExecute = 1UL << 63, Page = Data + 0x1000;
        (ulong Entry, bool IsUser, char Access, ulong Control, bool Ac, int Error)[] cases =
        [
            (Page | 7 | NoExecute, false, 'x', 0, false, 0x11), (Page | 7 | NoExecute, true, 'x', 0, false, 0x15), (Page | 3, true, 'x', 0, false, 0x15), (Page, false, 'x', 0, false, 0x10),
            (Page | 7, false, 'x', Cr4.Smep, false, 0x11), (Page | 3, false, 'x', Cr4.Smep, false, -1), (Page | 7, true, 'x', Cr4.Smep, false, -1),
            (Page | 7, false, 'r', Cr4.Smap, false, 1), (Page | 7, false, 'w', Cr4.Smap, false, 3), (Page | 7, false, 'w', Cr4.Smap, true, -1), (Page | 7, false, 'x', Cr4.Smap, false, -1), (Page | 3, false, 'w', Cr4.Smap, false, -1),
            (Page | 7 | (1UL << 45), false, 'r', 0, false, 9), (Page | 7 | (1UL << 45), true, 'w', 0, false, 0xF),
        ];
        foreach ((ulong entry, bool isUser, char access, ulong control, bool ac, int error) in cases)
        {
            system.Start();

            // Code, tables and handlers belong to level 0 where SMEP and SMAP forbid it the user's.
            if (control != 0)
            {
                for (ulong page = 0; page < (isUser ? SystemBench.Stack0 : Data); page += 0x1000)
                {
                    system.Page(page, page | 3);
                }
            }

            system.Bench.Slot(X86Slots.Cr4) |= control;
            system.Bench.Load(Page, [0xCD, 0x40]);
            system.Page(Page, entry);
            void Program(Assembler a)
            {
                if (ac)
                {
                    a.stac();
                }

                a.mov(rbx, Page);
                switch (access)
                {
                    case 'x':
                        a.jmp(rbx);
                        break;
                    case 'r':
                        a.mov(eax, __[rbx]);
                        break;
                    default:
                        a.mov(__[rbx], eax);
                        break;
                }

                a.@int(0x40);
            }

            int found = isUser ? system.RunUser(Program) : system.Run(Program);
            Assert.True(found == (error < 0 ? 0x40 : PageFault) && (error < 0 || system.Frame(0) == (ulong)error), $"{entry:x} {access} {isUser} {control:x}: vector {found}, error {system.Frame(0):x}");
            for (ulong page = 0; page < Data; page += 0x1000)
            {
                system.Page(page, page | 7);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Both))]
    public void FaultsOfADelivery(EngineMode mode, bool isLong)
    {
        using var system = new SystemBench(mode, isLong);
        ushort code = isLong ? SystemBench.Code64 : SystemBench.Code32;

        // A gate that is not there: #NP with the IDT bit; for an exception with the external bit too.
        system.Gate(0x50, SystemBench.Handler(0x50), code, 0x6E);
        Assert.Equal(NotPresent, system.Run(a => a.@int(0x50)));
        Assert.Equal((0x50UL * 8) + 2, system.Frame(0));
        system.Start();
        system.Gate(InvalidOpcode, SystemBench.Handler(InvalidOpcode), code, 0x6E);
        Assert.Equal(NotPresent, system.Run(a => a.ud2()));
        Assert.Equal((6UL * 8) + 3, system.Frame(0));
        Assert.Equal(SystemBench.Code, system.Frame(1));

        // A bad gate of a contributory exception: #DF.
        system.Start();
        system.Gate(DivideError, SystemBench.Handler(DivideError), SystemBench.Data0, 0x8E);
        Assert.Equal(DoubleFault, system.Run(a =>
        {
            a.xor(ecx, ecx);
            a.div(ecx);
        }));
        Assert.Equal(0UL, system.Frame(0));

        // Without a gate for that one the CPU shuts down.
        system.Start();
        system.Gate(DoubleFault, 0, 0, 0);
        Assert.Equal(SystemBench.RunsOn, system.Run(a =>
        {
            a.xor(ecx, ecx);
            a.div(ecx);
        }));
        Assert.Contains("triple fault", system.Bench.Execution.Stopped!.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Both))]
    public void AlignmentChecksAtLevel3(EngineMode mode, bool isLong)
    {
        using var system = new SystemBench(mode, isLong);
        foreach ((int offset, bool isOn, bool isUser) in ((int, bool, bool)[])[(1, true, true), (4, true, true), (1, false, true), (1, true, false)])
        {
            system.Start();
            system.Bench.Slot(X86Slots.Cr0) |= isOn ? Cr0.Am : 0;
            void Program(Assembler a)
            {
                if (isLong)
                {
                    a.pushfq();
                    a.or(__dword_ptr[rsp], (int)Eflags.Ac);
                    a.popfq();
                }
                else
                {
                    a.pushfd();
                    a.or(__dword_ptr[esp], (int)Eflags.Ac);
                    a.popfd();
                }

                a.mov(eax, __dword_ptr[(int)Data + offset]);
                a.@int(0x40);
            }

            bool faults = offset == 1 && isOn && isUser;
            Assert.Equal(faults ? Alignment : 0x40, isUser ? system.RunUser(Program) : system.Run(Program));
            Assert.True(!faults || system.Frame(0) == 0);
        }
    }
}
