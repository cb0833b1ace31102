using Iced.Intel;
using Kmem.Engine;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Kmem.CpuX86.Tests.Systems;

/// <summary>Interrupts from one CPU to others: whom destinations and shorthands name, in what ways a message is delivered.</summary>
public sealed class InterprocessorTests
{
    private const uint ToLogical = 0x800, ToItself = 0x4_0000, ToAll = 0x8_0000, ToOthers = 0xC_0000, LowestPriority = 0x100, NonMaskable = 0x400;
    private const int Cpus = 4;

    /// <summary>A command, a destination, and the CPUs that are to get it; each CPU is in the logical destination 1 &lt;&lt; number.</summary>
    private static readonly (uint Command, uint Destination, int[] Gets)[] Flat =
    [
        (0, 2, [2]), (0, 0, [0]), (0, 9, []), (0, 0xFF, [0, 1, 2, 3]), (ToLogical, 0b1010, [1, 3]), (ToLogical, 0b0001, [0]), (ToLogical, 0xF0, []), (ToLogical, 0xFF, [0, 1, 2, 3]),
        (ToItself, 3, [0]), (ToAll, 0, [0, 1, 2, 3]), (ToOthers, 0, [1, 2, 3]), (ToOthers | ToLogical, 1, [1, 2, 3]),
        (LowestPriority | ToLogical, 0b1110, [2]), (LowestPriority | ToLogical, 0b1010, [3]), (LowestPriority, 1, [1]),
    ];

    /// <summary>CPUs 0 and 1 are in cluster 1, CPUs 2 and 3 in cluster 2.</summary>
    private static readonly (uint Command, uint Destination, int[] Gets)[] Clustered =
    [
        (ToLogical, 0x11, [0]), (ToLogical, 0x13, [0, 1]), (ToLogical, 0x23, [2, 3]), (ToLogical, 0x22, [3]), (ToLogical, 0x14, []), (ToLogical, 0x33, []), (ToLogical, 0xFF, [0, 1, 2, 3]), (0, 1, [1]),
    ];

    /// <summary>Both back ends.</summary>
    public static TheoryData<EngineMode> Modes => new() { EngineMode.Interpret, EngineMode.Translate };

    [Theory]
    [MemberData(nameof(Modes))]
    public void FlatDestinationsAndShorthands(EngineMode mode) => Deliver(mode, Flat, uint.MaxValue, n => 1u << (int)n);

    [Theory]
    [MemberData(nameof(Modes))]
    public void Clusters(EngineMode mode) => Deliver(mode, Clustered, 0x0FFF_FFFF, n => ((n / 2) + 1 << 4) | 1u << (int)(n % 2));

    [Theory]
    [MemberData(nameof(Modes))]
    public void ANonMaskableInterruptWakesAHalt(EngineMode mode)
    {
        using var machine = new SeveralCpus(mode, 3);
        machine.Run(
            a =>
            {
                SeveralCpus.StartOthers(a);
                SeveralCpus.Await(a, SeveralCpus.Data, 2);
                SeveralCpus.Send(a, NonMaskable, 2);
                SeveralCpus.Await(a, SeveralCpus.OtherData, 1);
                SeveralCpus.Send(a, NonMaskable | ToOthers);
                SeveralCpus.Await(a, SeveralCpus.OtherData, 3);
            },
            a =>
            {
                Label again = a.CreateLabel();
                SeveralCpus.Arrive(a, SeveralCpus.Data);
                a.Label(ref again);
                a.cli();
                a.hlt();
                SeveralCpus.Arrive(a, SeveralCpus.OtherData);
                a.jmp(again);
            });
        Assert.Equal([0u, 1, 2], machine.Interrupts(2));
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void X2Destinations(EngineMode mode)
    {
        const uint Base = 0x1B, Spurious = 0x80F, Command = 0x830, Self = 0x83F, Logical = 0x80D;

        // The handlers are those of the other mode, so requests only stand in the request register, which each CPU stores in the end.
        (uint Low, uint High, int[] Gets)[] cases = [(0x40, 1, [1]), (0x41, 0xFF, []), (0x42, uint.MaxValue, [0, 1, 2]), (0x43 | ToLogical, 0b101, [0, 2]), (0x44 | ToLogical, 0x1_0001, []), (0x45 | ToOthers, 0, [1, 2]), (0x46 | ToLogical, uint.MaxValue, [0, 1, 2])];
        using var machine = new SeveralCpus(mode, 3);
        machine.Run(
            a =>
            {
                Enter(a);
                Write(a, Command, 0xC_4500, 0);
                Write(a, Command, 0xC_4600 | SeveralCpus.Page, 0);
                SeveralCpus.Await(a, SeveralCpus.Data, 2);
                foreach ((uint low, uint high, _) in cases)
                {
                    Write(a, Command, low, high);
                }

                Write(a, Self, 0x5F, 0);
                SeveralCpus.Arrive(a, SeveralCpus.Data);
                Store(a);
            },
            a =>
            {
                Enter(a);
                SeveralCpus.Arrive(a, SeveralCpus.Data);
                SeveralCpus.Await(a, SeveralCpus.Data, 3);
                Store(a);
            });
        for (int cpu = 0; cpu < 3; cpu++)
        {
            uint requests = machine.Read(SeveralCpus.OtherData + ((uint)cpu * 8)), expected = cpu == 0 ? 1u << 31 : 0;
            expected |= cases.Where(c => c.Gets.Contains(cpu)).Aggregate(0u, (all, c) => all | 1u << (int)(c.Low & 31));
            Assert.True(expected == requests, $"cpu{cpu}: {requests:x}, not {expected:x}");
            Assert.Equal(1u << cpu, machine.Read(SeveralCpus.OtherData + ((uint)cpu * 8) + 4));
        }

        static void Enter(Assembler a)
        {
            a.mov(ecx, Base);
            a.rdmsr();
            a.or(eax, 0xC00);
            a.wrmsr();
            Write(a, Spurious, 0x1FF, 0);
        }

        static void Store(Assembler a)
        {
            a.mov(ecx, 0x822);
            a.rdmsr();
            a.mov(__dword_ptr[(ebp * 8) + SeveralCpus.OtherData], eax);
            a.mov(ecx, Logical);
            a.rdmsr();
            a.mov(__dword_ptr[(ebp * 8) + SeveralCpus.OtherData + 4], eax);
        }

        static void Write(Assembler a, uint number, uint low, uint high)
        {
            a.mov(ecx, number);
            a.mov(eax, low);
            a.mov(edx, high);
            a.wrmsr();
        }
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void IllegalVectorsAreReportedAtTheNextWriteOfTheErrorRegister(EngineMode mode)
    {
        const uint Errors = SeveralCpus.Apic + 0x280;
        using var machine = new SeveralCpus(mode, 2);
        machine.Run(
            a =>
            {
                SeveralCpus.Send(a, 5, 1);
                a.mov(eax, __dword_ptr[Errors]);
                a.mov(__dword_ptr[SeveralCpus.Data], eax);
                SeveralCpus.Set(a, Errors, 0);
                a.mov(eax, __dword_ptr[Errors]);
                a.mov(__dword_ptr[SeveralCpus.Data + 4], eax);
                SeveralCpus.Set(a, Errors, 0);
                a.mov(eax, __dword_ptr[Errors]);
                a.mov(__dword_ptr[SeveralCpus.Data + 8], eax);
            },
            _ => { });
        Assert.Equal((0u, 0x20u, 0u), (machine.Read(SeveralCpus.Data), machine.Read(SeveralCpus.Data + 4), machine.Read(SeveralCpus.Data + 8)));
    }

    /// <summary>CPU 0 sends; each case has a vector of its own. Task priorities are 0x10, 0x30, 0x10 and 0x20, of which the lowest priority is told by.</summary>
    private static void Deliver(EngineMode mode, (uint Command, uint Destination, int[] Gets)[] cases, uint format, Func<uint, uint> logical)
    {
        const uint FirstVector = 0x40;
        using var machine = new SeveralCpus(mode, Cpus);
        machine.Run(
            a =>
            {
                Prepare(a);
                SeveralCpus.StartOthers(a);
                SeveralCpus.Await(a, SeveralCpus.Data, Cpus - 1);
                a.sti();
                for (int i = 0; i < cases.Length; i++)
                {
                    SeveralCpus.Send(a, cases[i].Command | (FirstVector + (uint)i), cases[i].Destination);
                }

                // The last one tells the others to end.
                SeveralCpus.Send(a, ToOthers | 0xF0);
                SeveralCpus.Await(a, SeveralCpus.OtherData, Cpus - 1);
            },
            a =>
            {
                Prepare(a);
                SeveralCpus.Arrive(a, SeveralCpus.Data);
                Label again = a.CreateLabel();
                a.Label(ref again);
                a.sti();
                a.hlt();
                a.mov(eax, ebp);
                a.shl(eax, 12);
                a.cmp(__dword_ptr[eax + 0x5_0000 + (0xF0 * 4)], 0);
                a.je(again);
                SeveralCpus.Arrive(a, SeveralCpus.OtherData);
            });
        for (int i = 0; i < cases.Length; i++)
        {
            uint[] got = machine.Interrupts((int)FirstVector + i);
            Assert.True(got.SequenceEqual(Enumerable.Range(0, Cpus).Select(n => cases[i].Gets.Contains(n) ? 1u : 0)), $"{cases[i].Command:x} to {cases[i].Destination:x}: {string.Join(' ', got)}");
        }

        void Prepare(Assembler a)
        {
            for (uint n = 0; n < Cpus; n++)
            {
                Label other = a.CreateLabel();
                a.cmp(ebp, n);
                a.jne(other);
                SeveralCpus.Set(a, SeveralCpus.Logical, logical(n) << 24);
                SeveralCpus.Set(a, SeveralCpus.TaskPriority, n switch { 1 => 0x30u, 3 => 0x20, _ => 0x10 });
                a.Label(ref other);
                a.nop();
            }

            SeveralCpus.Set(a, SeveralCpus.Format, format);
        }
    }
}
