using Iced.Intel;
using Kmem.Engine;
using Kmem.Ir;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Kmem.CpuX86.Tests.Systems;

/// <summary>INIT and start-up messages: how CPUs begin, and how one that runs is brought back to its beginning.</summary>
public sealed class StartUpTests
{
    private const uint ApicBase = 0x1B, InitAll = 0xC_4500, InitOne = 0x4500, InitEnd = 0x8500, StartOne = 0x4600;

    /// <summary>Both back ends.</summary>
    public static TheoryData<EngineMode> Modes => new() { EngineMode.Interpret, EngineMode.Translate };

    [Theory]
    [MemberData(nameof(Modes))]
    public void TheOthersWaitForTheirStartUpMessageAndKnowWhoTheyAre(EngineMode mode)
    {
        using var machine = new SeveralCpus(mode, 4);
        machine.Run(
            a =>
            {
                StoreBase(a);
                a.mov(ecx, 100_000);
                Label wait = a.CreateLabel();
                a.Label(ref wait);
                a.dec(ecx);
                a.jnz(wait);
                a.mov(eax, __dword_ptr[SeveralCpus.Data]);
                a.mov(__dword_ptr[SeveralCpus.Data + 4], eax);
                SeveralCpus.StartOthers(a);
                SeveralCpus.Await(a, SeveralCpus.Data, 3);
            },
            a =>
            {
                StoreBase(a);
                SeveralCpus.Arrive(a, SeveralCpus.Data);
            });
        Assert.Equal((3u, 0u), (machine.Read(SeveralCpus.Data), machine.Read(SeveralCpus.Data + 4)));
        Assert.Equal([0xFEE0_0900u, 0xFEE0_0800u, 0xFEE0_0800u, 0xFEE0_0800u], Enumerable.Range(0, 4).Select(i => machine.Read(SeveralCpus.OtherData + ((uint)i * 4))));

        static void StoreBase(Assembler a)
        {
            a.mov(ecx, ApicBase);
            a.rdmsr();
            a.mov(__dword_ptr[(ebp * 4) + SeveralCpus.OtherData], eax);
        }
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void InitStopsACpuThatRunsAndAnotherMessageStartsItAgain(EngineMode mode)
    {
        // The other CPU counts its beginnings and then counts on and on. A start-up message alone and the end of INIT change nothing; INIT stops it.
        using var machine = new SeveralCpus(mode, 2);
        machine.Run(
            a =>
            {
                SeveralCpus.StartOthers(a);
                SeveralCpus.Await(a, SeveralCpus.Data, 1);
                SeveralCpus.Send(a, StartOne | SeveralCpus.Page, 1);
                SeveralCpus.Send(a, InitEnd, 1);
                Sleep(a);
                a.mov(eax, __dword_ptr[SeveralCpus.Data]);
                a.mov(__dword_ptr[SeveralCpus.OtherData], eax);
                SeveralCpus.Send(a, InitOne, 1);
                Sleep(a);
                a.mov(esi, __dword_ptr[SeveralCpus.Data + 4]);
                Sleep(a);
                a.sub(esi, __dword_ptr[SeveralCpus.Data + 4]);
                a.mov(__dword_ptr[SeveralCpus.OtherData + 4], esi);
                SeveralCpus.Send(a, StartOne | SeveralCpus.Page, 1);
                SeveralCpus.Await(a, SeveralCpus.Data, 2);
                a.mov(__dword_ptr[SeveralCpus.Data + 8], 1);
            },
            a =>
            {
                SeveralCpus.Arrive(a, SeveralCpus.Data);
                Label again = a.CreateLabel();
                a.Label(ref again);
                a.inc(__dword_ptr[SeveralCpus.Data + 4]);
                a.cmp(__dword_ptr[SeveralCpus.Data + 8], 0);
                a.je(again);
            });
        Assert.Equal((2u, 1u, 0u), (machine.Read(SeveralCpus.Data), machine.Read(SeveralCpus.OtherData), machine.Read(SeveralCpus.OtherData + 4)));
        Assert.True(machine.Read(SeveralCpus.Data + 4) > 1000, $"{machine.Read(SeveralCpus.Data + 4)}");
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void InitOfTheFirstCpuLeadsToTheResetVectorAndKeepsFloatingPointAndModelRegisters(EngineMode mode)
    {
        const uint SysenterCs = 0x174, Control = 0x0C7F;
        using var machine = new SeveralCpus(mode, 2);
        machine.Run(
            a =>
            {
                Label second = a.CreateLabel();
                a.inc(__dword_ptr[SeveralCpus.Data]);
                a.cmp(__dword_ptr[SeveralCpus.Data], 1);
                a.jne(second);
                a.mov(__word_ptr[SeveralCpus.Data + 4], Control);
                a.fldcw(__word_ptr[SeveralCpus.Data + 4]);
                a.mov(ecx, SysenterCs);
                a.mov(eax, 0x1234);
                a.xor(edx, edx);
                a.wrmsr();
                a.mov(eax, cr2);
                a.mov(eax, 0x5555);
                a.mov(cr2, eax);
                SeveralCpus.Send(a, InitOne, 0);
                a.mov(__dword_ptr[SeveralCpus.Data], 100);
                a.Label(ref second);
                a.fnstcw(__word_ptr[SeveralCpus.OtherData]);
                a.mov(ecx, SysenterCs);
                a.rdmsr();
                a.mov(__dword_ptr[SeveralCpus.OtherData + 4], eax);
                a.mov(eax, cr2);
                a.mov(__dword_ptr[SeveralCpus.OtherData + 8], eax);
                a.mov(eax, __dword_ptr[SeveralCpus.Spurious]);
                a.mov(__dword_ptr[SeveralCpus.OtherData + 12], eax);
            },
            _ => { });
        Assert.Equal((2u, Control, 0x1234u, 0u), (machine.Read(SeveralCpus.Data), machine.Read(SeveralCpus.OtherData) & 0xFFFF, machine.Read(SeveralCpus.OtherData + 4), machine.Read(SeveralCpus.OtherData + 8)));
    }

    [Fact]
    public void AllHaltedCpusEndTheRunAndATripleFaultNamesItsCpu()
    {
        using (var machine = new SeveralCpus(EngineMode.Both, 3))
        {
            MachineStop stop = machine.Run(_ => { }, _ => { });
            Assert.True(stop.Kind == StopKind.Crash && stop.Message.Contains("all CPUs halted", StringComparison.Ordinal), $"{stop}");
        }

        using (var machine = new SeveralCpus(EngineMode.Both, 3))
        {
            MachineStop stop = machine.Run(
                a =>
                {
                    SeveralCpus.Send(a, InitOne, 2);
                    SeveralCpus.Send(a, StartOne | SeveralCpus.Page, 2);
                    SeveralCpus.Await(a, SeveralCpus.Data, 1);
                },
                a =>
                {
                    a.lidt(__dword_ptr[SeveralCpus.OtherData]);
                    a.ud2();
                });
            Assert.True(stop.Kind == StopKind.Crash && stop.Message.StartsWith("cpu2: triple fault", StringComparison.Ordinal), $"{stop}");
        }
    }

    [Fact]
    public void ALoopWithInterruptsOffIsNoEndWhileAnotherCpuLives()
    {
        using var machine = new SeveralCpus(EngineMode.Both, 2);
        MachineStop stop = machine.Run(
            a =>
            {
                SeveralCpus.StartOthers(a);
                SeveralCpus.Await(a, SeveralCpus.Data, 1);
                Sleep(a, 3_000_000);
                SeveralCpus.Send(a, InitAll);
            },
            a =>
            {
                SeveralCpus.Arrive(a, SeveralCpus.Data);
                Label forever = a.CreateLabel();
                a.Label(ref forever);
                a.jmp(forever);
            });
        Assert.Contains("all CPUs halted", stop.Message, StringComparison.Ordinal);
        Assert.True(machine.Time > 6_000_000, $"{machine.Time}");

        // When the first one has halted instead, nobody is left to end the loop.
        using var lost = new SeveralCpus(EngineMode.Both, 2);
        stop = lost.Run(SeveralCpus.StartOthers, a =>
        {
            Label forever = a.CreateLabel();
            a.Label(ref forever);
            a.jmp(forever);
        });
        Assert.Contains("cpu1: a loop without end", stop.Message, StringComparison.Ordinal);
    }

    private static void Sleep(Assembler a, int rounds = 200_000)
    {
        Label again = a.CreateLabel();
        a.mov(ecx, rounds);
        a.Label(ref again);
        a.dec(ecx);
        a.jnz(again);
    }
}
