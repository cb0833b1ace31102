using Kmem.CpuX86.Tests.Vectors;
using Kmem.Engine;
using Kmem.Plugins.CpuX86.Registers;
using Xunit;

namespace Kmem.CpuX86.Tests.Floating;

/// <summary>How exceptions of the x87 and of SSE reach the operating system.</summary>
public sealed class FloatingExceptionTests
{
    private const int InvalidOpcode = 6, DeviceNotAvailable = 7, Breakpoint = 3, FloatingPoint = 16, SimdFloatingPoint = 19;

    // FLD1, FLDZ, FDIVP, then what waits or not, then a breakpoint.
    private static readonly byte[] DivideByZeroThenWait = [0xD9, 0xE8, 0xD9, 0xEE, 0xDE, 0xF9, 0x9B, 0xCC];
    private static readonly byte[] DivideByZeroThenStatus = [0xD9, 0xE8, 0xD9, 0xEE, 0xDE, 0xF9, 0xDF, 0xE0, 0xCC];
    private static readonly byte[] Emms = [0x0F, 0x77, 0xCC];
    private static readonly byte[] DivideSingles = [0x0F, 0x5E, 0xC1, 0xCC];

    [Theory]
    [InlineData(EngineMode.Interpret)]
    [InlineData(EngineMode.Translate)]
    public void WaitReportsAnUnmaskedException(EngineMode mode)
    {
        using var user = new UserBench(mode);
        Assert.Equal(FloatingPoint, Run(user, DivideByZeroThenWait, () => user.Bench.Slot(X86Slots.X87Control) = 0x37B));

        // The handler finds the instruction that waited, not the one that failed.
        Assert.Equal(UserBench.Program + 6, user.Frame(0));
        Assert.Equal(UserBench.Program + 4, user.Bench.Slot(X86Slots.X87InstructionPointer));
        Assert.Equal(0x6F9UL, user.Bench.Slot(X86Slots.X87Opcode));
    }

    [Fact]
    public void ControlInstructionsDoNotWait()
    {
        using var user = new UserBench(EngineMode.Interpret);
        Assert.Equal(Breakpoint, Run(user, DivideByZeroThenStatus, () => user.Bench.Slot(X86Slots.X87Control) = 0x37B));
        Assert.Equal(0x8084UL, user.Bench.Slot(X86Slots.Rax) & 0x80FF);
    }

    [Fact]
    public void MmxWaitsForTheX87AndNeedsTaskSwitchedClear()
    {
        using var user = new UserBench(EngineMode.Interpret);
        Assert.Equal(FloatingPoint, Run(user, Emms, () => user.Bench.Slot(X86Slots.X87Status) = 0x8084));
        Assert.Equal(DeviceNotAvailable, Run(user, Emms, () => user.Bench.Slot(X86Slots.Cr0) |= Cr0.Ts));
        Assert.Equal(InvalidOpcode, Run(user, Emms, () => user.Bench.Slot(X86Slots.Cr0) |= Cr0.Em));
    }

    [Fact]
    public void SseExceptionsNeedTheSystemsConsent()
    {
        using var user = new UserBench(EngineMode.Interpret);
        Assert.Equal(SimdFloatingPoint, Run(user, DivideSingles, Prepare));
        Assert.Equal(0x1F01UL, user.Bench.Slot(X86Slots.Mxcsr));
        Assert.Equal(InvalidOpcode, Run(user, DivideSingles, () =>
        {
            Prepare();
            user.Bench.Slot(X86Slots.Cr4) &= ~Cr4.Osxmmexcpt;
        }));

        // 0/0 in every lane, with the invalid operation unmasked.
        void Prepare() => user.Bench.Slot(X86Slots.Mxcsr) = 0x1F00;
    }

    private static int Run(UserBench user, byte[] program, Action prepare)
    {
        user.Bench.Load(UserBench.ProgramAt, program);
        int vector = -1;
        for (int i = 0; i < 3; i++)
        {
            user.Start();
            user.Bench.Slot(X86Slots.Eflags) = Eflags.If;
            prepare();
            vector = user.Run();
        }

        return vector;
    }
}
