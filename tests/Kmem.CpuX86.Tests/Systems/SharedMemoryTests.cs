using Iced.Intel;
using Kmem.Engine;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Kmem.CpuX86.Tests.Systems;

/// <summary>What several CPUs see of memory, code, page tables and time.</summary>
public sealed class SharedMemoryTests
{
    private const uint Counter = SeveralCpus.Data, Plain = SeveralCpus.Data + 0x40, Lock = SeveralCpus.Data + 0x80, Arrived = SeveralCpus.Data + 0xC0, Go = SeveralCpus.Data + 0x100, Left = SeveralCpus.Data + 0x140;

    /// <summary>Both back ends, and both in turn.</summary>
    public static TheoryData<EngineMode> Modes => new() { EngineMode.Interpret, EngineMode.Translate, EngineMode.Both };

    [Theory]
    [MemberData(nameof(Modes))]
    public void LockedInstructionsAreAtomic(EngineMode mode)
    {
        using var machine = new SeveralCpus(mode, 4);
        Hammer(machine, 20_000);
        Assert.Equal((3 * 80_000u, 80_000u), (machine.Read(Counter), machine.Read(Plain)));
    }

    [Fact]
    public void EveryRunIsTheSameRun()
    {
        var seen = new HashSet<string>();
        foreach (EngineMode mode in (EngineMode[])[EngineMode.Interpret, EngineMode.Interpret, EngineMode.Translate, EngineMode.Both])
        {
            using var machine = new SeveralCpus(mode, 4);
            Hammer(machine, 5_000);
            seen.Add($"{machine.Time} {machine.Runner.Executed} {string.Join(' ', Enumerable.Range(0, 4).Select(i => machine.Read(SeveralCpus.OtherData + ((uint)i * 4))))}");
        }

        Assert.Single(seen);
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void CodeThatAnotherCpuChangesIsExecutedAsItIsThen(EngineMode mode)
    {
        // MOV EAX, n; RET: the first CPU changes n and waits until the other one has got it, fifty times; the other one executes it all the time.
        const uint Function = 0x6_0000, Seen = SeveralCpus.OtherData;
        using var machine = new SeveralCpus(mode, 2);
        machine.Assemble(Function, a =>
        {
            a.mov(eax, 1);
            a.ret();
        });
        machine.Run(
            a =>
            {
                Label next = a.CreateLabel(), wait = a.CreateLabel(), got = a.CreateLabel();
                SeveralCpus.StartOthers(a);
                a.mov(esi, 1);
                a.Label(ref next);
                a.nop();
                a.Label(ref wait);
                a.cmp(__dword_ptr[Seen], esi);
                a.je(got);
                a.pause();
                a.jmp(wait);
                a.Label(ref got);
                a.inc(esi);
                a.mov(__dword_ptr[Function + 1], esi);
                a.cmp(esi, 50);
                a.jne(next);
            },
            a =>
            {
                Label again = a.CreateLabel();
                a.Label(ref again);
                a.mov(edx, Function);
                a.call(edx);
                a.cmp(eax, __dword_ptr[Seen]);
                a.mov(__dword_ptr[Seen], eax);
                a.inc(__dword_ptr[Seen + 4]);
                a.cmp(eax, 50);
                a.jne(again);
            });
        Assert.Equal(50u, machine.Read(Seen));
        Assert.True(machine.Read(Seen + 4) >= 50);
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void EachCpuHasItsOwnTranslations(EngineMode mode)
    {
        // Both map the page at 4 MiB to the frame of Counter; the first one maps it to the frame of OtherData and tells the other one by an interrupt to do INVLPG.
        const uint Directory = 0x6_1000, Table = 0x6_2000, Low = 0x6_3000, Page = 0x40_0000, Pte = Table, Vector = 0x50;
        using var machine = new SeveralCpus(mode, 2);
        machine.Write(Directory, [.. BitConverter.GetBytes(Low | 3), .. BitConverter.GetBytes(Table | 3)]);
        machine.Write(Directory + (0x3FB * 4), BitConverter.GetBytes(0xFEC0_0083));
        machine.Write(Pte, BitConverter.GetBytes(SeveralCpus.Data | 3));
        for (uint i = 0; i < 256; i++)
        {
            machine.Write(Low + (i * 4), BitConverter.GetBytes((i << 12) | 3));
        }

        machine.Write(SeveralCpus.Data, BitConverter.GetBytes(0x1111));
        machine.Write(SeveralCpus.OtherData, BitConverter.GetBytes(0x2222));
        machine.Run(
            a =>
            {
                UsePages(a);
                SeveralCpus.StartOthers(a);
                SeveralCpus.Await(a, Arrived, 1);
                a.mov(__dword_ptr[Pte], SeveralCpus.OtherData | 3);
                a.invlpg(__byte_ptr[Page]);
                a.mov(eax, __dword_ptr[Page]);
                a.mov(__dword_ptr[SeveralCpus.Data + 4], eax);
                SeveralCpus.Send(a, Vector, 1);
                SeveralCpus.Await(a, Arrived, 2);
            },
            a =>
            {
                UsePages(a);
                a.mov(eax, __dword_ptr[Page]);
                a.mov(__dword_ptr[SeveralCpus.Data + 8], eax);
                SeveralCpus.Arrive(a, Arrived);
                a.sti();
                a.hlt();
                a.invlpg(__byte_ptr[Page]);
                a.mov(eax, __dword_ptr[Page]);
                a.mov(__dword_ptr[SeveralCpus.Data + 12], eax);
                SeveralCpus.Arrive(a, Arrived);
            });
        Assert.Equal((0x2222u, 0x1111u, 0x2222u), (machine.Read(SeveralCpus.Data + 4), machine.Read(SeveralCpus.Data + 8), machine.Read(SeveralCpus.Data + 12)));

        static void UsePages(Assembler a)
        {
            a.mov(eax, cr4);
            a.or(eax, 0x10);
            a.mov(cr4, eax);
            a.mov(eax, Directory);
            a.mov(cr3, eax);
            a.mov(eax, cr0);
            a.or(eax, unchecked((int)0x8000_0000));
            a.mov(cr0, eax);
        }
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void TheTimeStampCountersAreOneClock(EngineMode mode)
    {
        // Under a lock, each CPU compares its counter with the last one that any of them has read, and counts the steps back.
        const uint Last = SeveralCpus.OtherData, Back = SeveralCpus.OtherData + 8;
        using var machine = new SeveralCpus(mode, 4);
        machine.Run(a => StartAnd(a, Body), a => WaitAnd(a, Body));
        Assert.Equal(0u, machine.Read(Back));
        Assert.True(machine.Read(Last) > 1000, $"{machine.Read(Last)}");

        static void Body(Assembler a)
        {
            Label again = a.CreateLabel(), fine = a.CreateLabel();
            a.mov(edi, 2000);
            a.Label(ref again);
            a.nop();
            Acquire(a);
            a.rdtsc();
            a.mov(ecx, eax);
            a.mov(ebx, edx);
            a.sub(ecx, __dword_ptr[Last]);
            a.sbb(ebx, __dword_ptr[Last + 4]);
            a.jnc(fine);
            a.inc(__dword_ptr[Back]);
            a.Label(ref fine);
            a.mov(__dword_ptr[Last], eax);
            a.mov(__dword_ptr[Last + 4], edx);
            a.mov(__dword_ptr[Lock], 0);
            a.dec(edi);
            a.jnz(again);
        }
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void WhoeverWaitsWithPauseGivesItsTurnAway(EngineMode mode)
    {
        // Two CPUs pass a number to and fro a thousand times. If each of them waited for a whole turn, that would take 100 ms.
        using var machine = new SeveralCpus(mode, 2);
        machine.Run(a => StartAnd(a, x => Pass(x, 0)), a => WaitAnd(a, x => Pass(x, 1)));
        Assert.Equal(2000u, machine.Read(Counter));
        Assert.True(machine.Time < 5_000_000, $"{machine.Time}");

        static void Pass(Assembler a, uint own)
        {
            Label again = a.CreateLabel(), mine = a.CreateLabel();
            a.mov(edi, 1000);
            a.Label(ref again);
            a.mov(eax, __dword_ptr[Counter]);
            a.and(eax, 1);
            a.cmp(eax, own);
            a.je(mine);
            a.pause();
            a.jmp(again);
            a.Label(ref mine);
            a.inc(__dword_ptr[Counter]);
            a.dec(edi);
            a.jnz(again);
        }
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void AnInterruptToAnotherCpuIsAnsweredSoon(EngineMode mode)
    {
        // A thousand interrupts, each waited for in a loop without PAUSE; the answering CPU is busy all the time.
        const uint Vector = 0x60, Handled = 0x5_0000 + 0x1000 + (Vector * 4);
        using var machine = new SeveralCpus(mode, 2);
        machine.Run(
            a => StartAnd(a, x =>
            {
                Label next = x.CreateLabel(), wait = x.CreateLabel();
                x.mov(edi, 1);
                x.Label(ref next);
                SeveralCpus.Send(x, Vector, 1);
                x.Label(ref wait);
                x.cmp(__dword_ptr[Handled], edi);
                x.jne(wait);
                x.inc(edi);
                x.cmp(edi, 1001);
                x.jne(next);
            }),
            a =>
            {
                Label busy = a.CreateLabel();
                a.sti();
                SeveralCpus.Arrive(a, Arrived);
                a.Label(ref busy);
                a.inc(__dword_ptr[Plain]);
                a.cmp(__dword_ptr[Handled], 1000);
                a.jne(busy);
                a.cli();
                SeveralCpus.Arrive(a, Left);
            });
        Assert.Equal([0u, 1000u], machine.Interrupts((int)Vector));
        Assert.True(machine.Time < 60_000_000, $"{machine.Time}");
    }

    /// <summary>All CPUs count: with locked instructions, and without under a lock; each notes its counter of time at its end.</summary>
    private static void Hammer(SeveralCpus machine, int rounds)
    {
        machine.Run(a => StartAnd(a, Body), a => WaitAnd(a, Body));

        void Body(Assembler a)
        {
            Label again = a.CreateLabel(), compare = a.CreateLabel();
            a.mov(edi, rounds);
            a.Label(ref again);
            a.@lock.inc(__dword_ptr[Counter]);
            a.mov(eax, 1);
            a.@lock.xadd(__dword_ptr[Counter], eax);
            a.mov(eax, __dword_ptr[Counter]);
            a.Label(ref compare);
            a.lea(edx, __dword_ptr[eax + 1]);
            a.@lock.cmpxchg(__dword_ptr[Counter], edx);
            a.jne(compare);
            Acquire(a);
            a.inc(__dword_ptr[Plain]);
            a.mov(__dword_ptr[Lock], 0);
            a.dec(edi);
            a.jnz(again);
            a.rdtsc();
            a.mov(__dword_ptr[(ebp * 4) + SeveralCpus.OtherData], eax);
        }
    }

    private static void StartAnd(Assembler a, Action<Assembler> body)
    {
        SeveralCpus.StartOthers(a);
        SeveralCpus.Arrive(a, Go);
        body(a);
    }

    private static void WaitAnd(Assembler a, Action<Assembler> body)
    {
        SeveralCpus.Await(a, Go, 1);
        body(a);
    }

    /// <summary>Takes the lock with XCHG.</summary>
    private static void Acquire(Assembler a)
    {
        Label again = a.CreateLabel(), taken = a.CreateLabel();
        a.Label(ref again);
        a.mov(eax, 1);
        a.xchg(__dword_ptr[Lock], eax);
        a.test(eax, eax);
        a.je(taken);
        a.pause();
        a.jmp(again);
        a.Label(ref taken);
        a.nop();
    }
}
