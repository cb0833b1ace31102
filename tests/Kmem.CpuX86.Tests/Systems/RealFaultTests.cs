using Kmem.Engine;
using Kmem.Plugins.CpuX86.Registers;
using Xunit;

namespace Kmem.CpuX86.Tests.Systems;

/// <summary>Exceptions of real mode at the ends of segments.</summary>
/// <remarks>Source: Intel SDM volume 2, "Real-Address Mode Exceptions" of the instructions named.</remarks>
public sealed class RealFaultTests
{
    private const int StackFault = 12, Protection = 13;

    /// <summary>Both back ends.</summary>
    public static TheoryData<EngineMode> Modes => new() { EngineMode.Interpret, EngineMode.Translate };

    [Theory]
    [MemberData(nameof(Modes))]
    public void AStackThatPushaWouldSplitIsARefusalBeforeAnyPush(EngineMode mode)
    {
        using var real = new RealBench(mode);
        for (ushort sp = 0; sp < 40; sp++)
        {
            foreach (bool isWide in (bool[])[false, true])
            {
                // 1, 3 and 5 end in a shutdown; a wide push may be split at other places too.
                bool isRefused = sp is 7 or 9 or 11 or 13 or 15;
                if (sp is 1 or 3 or 5 || (isWide && !isRefused && sp < 32 && sp % 4 != 0))
                {
                    continue;
                }

                real.Start();
                real.Bench.Slot(X86Slots.Rsp) = sp;
                real.Bench.Slot(X86Slots.Rax) = 0x1234;
                real.Bench.Load((RealBench.Stack << 4) + 1, [0x77, 0x77]);
                int vector = isWide ? real.Run(0x66, 0x60) : real.Run(0x60);
                Assert.True(vector == (isRefused ? Protection : RealBench.None), $"SP {sp}: {vector}");
                Assert.Equal((ushort)(sp - (isRefused ? 6 : isWide ? 32 : 16)), real[X86Slots.Rsp]);
                if (sp is 15 or 13)
                {
                    Assert.Equal(0x7777, real.Word(RealBench.Stack, 1));
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void AFrameOfLeaveBeyondTheSegmentIsNoStackFault(EngineMode mode)
    {
        using var real = new RealBench(mode);
        real.Bench.Slot(X86Slots.Rbp) = 0xFFFF;
        Assert.Equal(Protection, real.Run(0xC9));
        Assert.Equal((0xFFFF, 0xFFA), (real[X86Slots.Rbp], real[X86Slots.Rsp]));

        real.Start();
        real.Bench.Slot(X86Slots.Rsp) = 0xFFFF;
        Assert.Equal(StackFault, real.Run(0x58));
        real.Start();
        real.Bench.Slot(X86Slots.Rbp) = 0xFFFF;
        Assert.Equal(StackFault, real.Run(0x8B, 0x46, 0x00));
    }

    [Theory]
    [InlineData("486", 6, 6)]
    [InlineData("pentium3", RealBench.None, 6)]
    [InlineData("x86-64-v2", RealBench.None, RealBench.None)]
    [InlineData("max", RealBench.None, RealBench.None)]
    public void HintsThatAModelDoesNotKnowAreNops(string model, int hint, int prefetch)
    {
        // NOP, CLDEMOTE, PREFETCHIT1, PREFETCHIT0, PREFETCHWT1, ENDBR32; PREFETCHW.
        using var real = new RealBench(EngineMode.Interpret, model);
        foreach (byte[] bytes in (byte[][])[[0x0F, 0x1F, 0x00], [0x0F, 0x1C, 0x04], [0x0F, 0x18, 0x31], [0x0F, 0x18, 0x39], [0x0F, 0x0D, 0x17], [0xF3, 0x0F, 0x1E, 0xFB]])
        {
            real.Start();
            Assert.True(hint == real.Run(bytes), Convert.ToHexString(bytes));
        }

        real.Start();
        Assert.Equal(prefetch, real.Run(0x0F, 0x0D, 0x0F));
    }
}
