using Iced.Intel;
using Kmem.Engine;
using Kmem.Plugins.CpuX86.Registers;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Kmem.CpuX86.Tests.Systems;

/// <summary>User-mode instruction prevention: SGDT, SIDT, SLDT, SMSW and STR outside of level 0.</summary>
public sealed class PreventionTests
{
    private const int Protection = 13, Ended = 0x40;

    /// <summary>The five instructions in both back ends.</summary>
    public static TheoryData<EngineMode, bool, string> Cases
    {
        get
        {
            var data = new TheoryData<EngineMode, bool, string>();
            foreach (EngineMode mode in new[] { EngineMode.Interpret, EngineMode.Translate })
            {
                foreach (string name in new[] { "sgdt", "sidt", "sldt", "smsw", "str" })
                {
                    data.Add(mode, false, name);
                    data.Add(mode, true, name);
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void AnInstructionIsPreventedAtLevel3Only(EngineMode mode, bool isLong, string name)
    {
        using var system = new SystemBench(mode, isLong);
        Assert.Equal(Ended, system.RunUser(Program));
        system.Start();
        system.Bench.Slot(X86Slots.Cr4) |= Cr4.Umip;
        Assert.Equal(Protection, system.RunUser(Program));
        Assert.Equal((0UL, SystemBench.Code), (system.Frame(0), system.Frame(1)));
        system.Start();
        system.Bench.Slot(X86Slots.Cr4) |= Cr4.Umip;
        Assert.Equal(Ended, system.Run(Program));

        void Program(Assembler a)
        {
            switch (name)
            {
                case "sgdt":
                    a.sgdt(__[SystemBench.Data]);
                    break;
                case "sidt":
                    a.sidt(__[SystemBench.Data]);
                    break;
                case "sldt":
                    a.sldt(ax);
                    break;
                case "smsw":
                    a.smsw(eax);
                    break;
                default:
                    a.str(__word_ptr[SystemBench.Data]);
                    break;
            }

            a.@int(Ended);
        }
    }

    [Fact]
    public void TheNewestModelTellsOfItAndOlderOnesHaveNoBit()
    {
        foreach (string model in new[] { "max", "x86-64-v2" })
        {
            using var system = new SystemBench(EngineMode.Interpret, isLong: true, model);
            int expected = model == "max" ? Ended : Protection;
            Assert.Equal(expected, system.Run(a =>
            {
                a.mov(eax, 7);
                a.xor(ecx, ecx);
                a.cpuid();
                a.mov(rax, cr4);
                a.bts(rax, 11);
                a.mov(cr4, rax);
                a.@int(Ended);
            }));
            Assert.Equal(model == "max" ? 1UL : 0, (system.Register(X86Slots.Rcx) >> 2) & 1);
        }
    }
}
