using Kmem.Engine;
using Kmem.Fuzz.Alpha;
using Kmem.Plugins.CpuAlpha;
using Xunit;

namespace Kmem.CpuAlpha.Tests.Traps;

/// <summary>What the operating system is told of a trap, in both engine modes.</summary>
/// <remarks>Source: Alpha Architecture Reference Manual, part II-B, chapter 6.</remarks>
public sealed unsafe class TrapTests : IDisposable
{
    private const uint Nop = 0x47FF_041F, LdqR1R2 = 0xA422_0000, StqR1R2 = 0xB422_0000, AddtF1F2F3 = 0x5822_1403;
    private const int Arithmetic = 1, MemoryFault = 2, Fault = 3, Unaligned = 4, SystemCall = 5;

    private readonly List<AlphaBench> _benches = [];

    public void Dispose() => _benches.ForEach(b => b.Dispose());

    public static TheoryData<EngineMode> Modes() => [EngineMode.Interpret, EngineMode.Translate];

    /// <summary>Runs NOP, the instruction and a loop; in translate mode until the code is translated.</summary>
    private AlphaBench Run(EngineMode mode, uint word, bool isUser, Action<AlphaBench>? prepare = null)
    {
        var bench = new AlphaBench(new EngineOptions { Mode = mode, Verify = true });
        _benches.Add(bench);
        bench.Load(AlphaBench.Code, Nop, word, AlphaBench.BranchToSelf);
        for (int i = 0; i < 3; i++)
        {
            bench.Start(AlphaBench.Code, isUser);
            prepare?.Invoke(bench);
            bench.Execution.Run(300);
        }

        return bench;
    }

    private static void Check(AlphaBench bench, bool isUser, int entry, int offset, params ulong?[] arguments)
    {
        SystemEntry? entered = bench.Entered();
        Assert.NotNull(entered);
        Assert.Equal((entry, AlphaBench.AddressOf(AlphaBench.Code + 4, isUser) + (ulong)offset), (entered.Entry, entered.Pc));
        ulong[] found = [entered.A0, entered.A1, entered.A2];
        for (int i = 0; i < arguments.Length; i++)
        {
            Assert.True(arguments[i] is null || arguments[i] == found[i], $"a{i} is {found[i]:x}, expected {arguments[i]:x}");
        }
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void LoadFromAPageThatIsNotValid(EngineMode mode) =>
        Check(Run(mode, LdqR1R2, isUser: true, b => b.Slot(2) = 0x60_0000), isUser: true, MemoryFault, 0, 0x60_0000, 0, 0);

    [Theory]
    [MemberData(nameof(Modes))]
    public void StoreToKsegByAUser(EngineMode mode) =>
        Check(Run(mode, StqR1R2, isUser: true, b => b.Slot(2) = AlphaBench.Kseg), isUser: true, MemoryFault, 0, AlphaBench.Kseg, 1, 1);

    [Theory]
    [MemberData(nameof(Modes))]
    public void JumpToAPageThatIsNotValid(EngineMode mode)
    {
        // JMP (R2).
        AlphaBench bench = Run(mode, 0x6BE2_0000, isUser: true, b => b.Slot(2) = 0x60_0003);
        SystemEntry? entered = bench.Entered();
        Assert.Equal((MemoryFault, 0x60_0000UL, 0x60_0000UL, 0UL, ulong.MaxValue), (entered!.Entry, entered.Pc, entered.A0, entered.A1, entered.A2));
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void MisalignedComesBeforeTheTranslation(EngineMode mode) =>
        Check(Run(mode, StqR1R2, isUser: true, b => b.Slot(2) = 0x60_0004), isUser: true, Unaligned, 4, 0x60_0004, 0x2D, 1);

    [Theory]
    [InlineData(EngineMode.Interpret, 0xA822_0002)]
    [InlineData(EngineMode.Interpret, 0xBC22_0004)]
    [InlineData(EngineMode.Translate, 0xB822_0002)]
    [InlineData(EngineMode.Translate, 0xAC22_0004)]
    public void LockedAccessesMustBeAligned(EngineMode mode, uint word) =>
        Check(Run(mode, word, isUser: true, b => b.Slot(2) = AlphaBench.Data), isUser: true, Unaligned, 4, AlphaBench.Data + (word & 0xFFFF), word >> 26, 1);

    [Theory]
    [InlineData(0x0400_0000)]
    [InlineData(0x1C00_0000)]
    [InlineData(0x6400_0000)]
    [InlineData(0x7BE0_0000)]
    [InlineData(0x0000_0035)]
    [InlineData(0x0000_0099)]
    [InlineData(0x6000_1234)]
    [InlineData(0x73E2_1603)]
    [InlineData(0x5822_FFE3)]
    [InlineData(0x4022_0023)]
    public void IllegalInstruction(uint word)
    {
        foreach (EngineMode mode in (EngineMode[])[EngineMode.Interpret, EngineMode.Translate])
        {
            Check(Run(mode, word, isUser: true), isUser: true, Fault, 4, 4);
        }
    }

    [Theory]
    [InlineData(0x80, 0)]
    [InlineData(0x81, 1)]
    [InlineData(0xAA, 2)]
    public void Breakpoints(uint call, ulong code) => Check(Run(EngineMode.Translate, call, isUser: true), isUser: true, Fault, 4, code);

    [Fact]
    public void SystemCallKeepsItsArguments() =>
        Check(Run(EngineMode.Translate, 0x83, isUser: true, b => (b.Slot(16), b.Slot(17), b.Slot(18)) = (11, 22, 33)), isUser: true, SystemCall, 4, 11, 22, 33);

    [Theory]
    [InlineData(AddtF1F2F3)]
    [InlineData(0x8C22_0000)]
    [InlineData(0x9C22_0000)]
    [InlineData(0xC420_0001)]
    [InlineData(0x5C22_0403)]
    [InlineData(0x503F_0083)]
    [InlineData(0x703F_0E03)]
    public void FloatingPointOff(uint word)
    {
        foreach (EngineMode mode in (EngineMode[])[EngineMode.Interpret, EngineMode.Translate])
        {
            Check(Run(mode, word, isUser: true, b => b.Cpu.SetContext(AlphaContext.User)), isUser: true, Fault, 0, 3);
        }
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void IntegerOverflowNamesItsRegister(EngineMode mode) =>
        Check(Run(mode, 0x4022_0C03, isUser: false, b => (b.Slot(1), b.Slot(2)) = (long.MaxValue, 1)), isUser: false, Arithmetic, 4, 64, 1 << 3);

    [Theory]
    [MemberData(nameof(Modes))]
    public void DivisionByZeroNamesItsRegister(EngineMode mode) =>
        Check(Run(mode, 0x5822_1463, isUser: true, b => (b.Slot(33), b.Slot(34)) = (0x3FF0_0000_0000_0000, 0)), isUser: true, Arithmetic, 4, 4, 1UL << 35);

    [Theory]
    [MemberData(nameof(Modes))]
    public void OperandThatTrapsNamesNoRegister(EngineMode mode) =>
        Check(Run(mode, AddtF1F2F3, isUser: true, b => b.Slot(33) = 1), isUser: true, Arithmetic, 4, 2, 0);

    [Theory]
    [MemberData(nameof(Modes))]
    public void DenormalOperandGoesToSoftware(EngineMode mode) =>
        Check(Run(mode, 0x5822_B403, isUser: true, b => b.Slot(33) = 1), isUser: true, Arithmetic, 4, 3, 0);

    [Theory]
    [MemberData(nameof(Modes))]
    public void LockEndsWithATrapAndWithItsStore(EngineMode mode)
    {
        var bench = new AlphaBench(new EngineOptions { Mode = mode, Verify = true });
        _benches.Add(bench);

        // LDQ_L R1, then STQ_C R3 and STQ_C R4 to the same address; the second store has no lock any more.
        bench.Load(AlphaBench.Code, 0xAC22_0000, 0xBC62_0000, 0xBC82_0000, AlphaBench.BranchToSelf);
        for (int i = 0; i < 3; i++)
        {
            bench.Start(AlphaBench.Code, isUser: true);
            (bench.Slot(2), bench.Slot(3), bench.Slot(4)) = (AlphaBench.Data, 77, 88);
            bench.Execution.Run(300);
            Assert.Equal((1UL, 0UL, 77UL), (bench.Slot(3), bench.Slot(4), bench.Read(AlphaBench.Data)));
        }

        // LDQ_L, a trap of something else, STQ_C.
        bench.Load(AlphaBench.Code, 0xAC22_0000, 0x81, 0xBC62_0000, AlphaBench.BranchToSelf);
        bench.Load(AlphaBench.Entries + (64 * 3), AlphaBench.ReturnFromInterrupt);
        for (int i = 0; i < 3; i++)
        {
            bench.Start(AlphaBench.Code, isUser: true);
            (bench.Slot(2), bench.Slot(3)) = (AlphaBench.Data, 99);
            bench.Execution.Run(300);
            Assert.Equal((0UL, 77UL), (bench.Slot(3), bench.Read(AlphaBench.Data)));
        }
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void CycleCounterCountsInstructions(EngineMode mode)
    {
        var bench = new AlphaBench(new EngineOptions { Mode = mode, Verify = true });
        _benches.Add(bench);

        // RPCC R1, NOP, NOP, RPCC R2.
        bench.Load(AlphaBench.Code, 0x6020_C000, Nop, Nop, 0x6040_C000, AlphaBench.BranchToSelf);
        for (int i = 0; i < 3; i++)
        {
            bench.Start(AlphaBench.Code, isUser: true);
            bench.Slot(AlphaSlots.CycleOffset) = 5UL << 32;
            ulong begin = bench.Execution.Executed;
            bench.Execution.Run(300);
            Assert.Equal(((5UL << 32) | begin, (5UL << 32) | (begin + 3)), (bench.Slot(1), bench.Slot(2)));
        }
    }

    [Theory]
    [MemberData(nameof(Modes))]
    public void InterruptFlagIsSetAndCleared(EngineMode mode)
    {
        // RS R1, RS R2, RC R3, RC R4: what was before comes back.
        var bench = new AlphaBench(new EngineOptions { Mode = mode, Verify = true });
        _benches.Add(bench);
        bench.Load(AlphaBench.Code, 0x6020_F000, 0x6040_F000, 0x6060_E000, 0x6080_E000, AlphaBench.BranchToSelf);
        for (int i = 0; i < 3; i++)
        {
            bench.Start(AlphaBench.Code, isUser: true);
            bench.Execution.Run(300);
            Assert.Equal((0UL, 1UL, 1UL, 0UL), (bench.Slot(1), bench.Slot(2), bench.Slot(3), bench.Slot(4)));
        }
    }
}
