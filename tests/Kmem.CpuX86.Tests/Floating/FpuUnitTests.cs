using System.Globalization;
using Kmem.Plugins.CpuX86.Floating;
using Kmem.Testing;
using Xunit;

namespace Kmem.CpuX86.Tests.Floating;

/// <summary>The x87 as a library against cases recorded on a processor, <c>tests/data/x86/x87.txt</c>.</summary>
public sealed unsafe class FpuUnitTests
{
    private const ulong ComparedFlags = 0x8D5;

    [Fact]
    public void RecordedCasesGiveTheSameRegistersStatusAndMemory()
    {
        string[] lines = [.. File.ReadLines(Path.Combine(SolutionFolders.TestData, "x86", "x87.txt")).Where(line => !line.StartsWith('#'))];
        string[] wrong = [.. lines.Where(line => !Holds(line))];
        Assert.True(lines.Length > 700, "the recording is not there");
        Assert.True(wrong.Length == 0, $"{wrong.Length} of {lines.Length} differ:\n{string.Join('\n', wrong.Take(10))}");
    }

    [Theory]
    [InlineData(true, 28, 12, 16, 20, 24)]
    [InlineData(false, 14, 6, 8, 10, 12)]
    public void ProtectedEnvironmentsKeepOffsetsAndSelectors(bool isWide, int length, int ip, int cs, int dp, int ds)
    {
        EnvironmentForm form = EnvironmentForm.Protected | (isWide ? EnvironmentForm.Wide : EnvironmentForm.None);
        FpuRegisters registers = Sample();
        byte* area = stackalloc byte[28];
        FpuEnvironment.Save(&registers, area, form);
        Assert.Equal(length, FpuEnvironment.Length(form));
        Assert.Equal(0x5678, *(ushort*)(area + ip));
        Assert.Equal(0x23, *(ushort*)(area + cs));
        Assert.Equal(0x9ABC, *(ushort*)(area + dp));
        Assert.Equal(0x2B, *(ushort*)(area + ds));
        Assert.Equal(0x37FUL, registers.Control);
    }

    [Fact]
    public void RealModeEnvironmentKeepsLinearAddressesAndTheOpcode()
    {
        FpuRegisters registers = Sample();
        byte* area = stackalloc byte[28];
        FpuEnvironment.Save(&registers, area, EnvironmentForm.None);

        // 0x23 * 16 + 0x5678 and 0x2B * 16 + 0x9ABC.
        Assert.Equal(0x58A8, *(ushort*)(area + 6));
        Assert.Equal(0x0123, *(ushort*)(area + 8));
        Assert.Equal(0x9D6C, *(ushort*)(area + 10));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void LoadedEnvironmentIsTheSavedOne(int number)
    {
        var form = (EnvironmentForm)number;
        FpuRegisters registers = Sample(), copy = default;
        byte* area = stackalloc byte[108];
        FpuEnvironment.Save(&registers, area, form);
        FpuEnvironment.SaveRegisters(&registers, area + FpuEnvironment.Length(form));
        FpuEnvironment.Load(&copy, area, form);
        FpuEnvironment.LoadRegisters(&copy, area + FpuEnvironment.Length(form));
        Assert.Equal(Sample().Control, copy.Control);
        Assert.Equal(registers.Tags, copy.Tags);
        for (int i = 0; i < 8; i++)
        {
            Assert.Equal(registers.Read(i), copy.Read(i));
        }
    }

    [Fact]
    public void FullTagsTellZeroSpecialValidAndEmpty()
    {
        FpuRegisters registers = default;
        registers.Initialize();
        registers.Write(0, Extended.One);
        registers.Write(1, Extended.Zero(negative: true));
        registers.Write(2, Extended.Infinity(negative: false));
        registers.Write(3, new Extended(1, 0));
        byte* area = stackalloc byte[28];
        FpuEnvironment.Save(&registers, area, EnvironmentForm.Wide | EnvironmentForm.Protected);

        // R7 to R0: empty, empty, empty, empty, special, special, zero, valid.
        Assert.Equal(0b11_11_11_11_10_10_01_00, *(ushort*)(area + 8));
    }

    [Fact]
    public void FldcwThatUnmasksAnOldExceptionMakesItPending()
    {
        FpuRegisters registers = default;
        registers.Initialize();
        registers.Status = (uint)FloatingFlags.ZeroDivide;
        FpuUnit.LoadControl(&registers, FpuRegisters.InitialControl & ~(ulong)FloatingFlags.ZeroDivide);
        Assert.True(registers.IsPending);
        FpuUnit.ClearExceptions(&registers);
        Assert.False(registers.IsPending);
    }

    private static FpuRegisters Sample()
    {
        FpuRegisters registers = default;
        registers.Initialize();
        registers.Control = 0x340 | (uint)(FloatingFlags.All & ~FloatingFlags.Invalid);
        registers.Status = 5 << 11;
        registers.Write(0, Extended.One);
        registers.Write(2, Extended.Indefinite);
        (registers.InstructionPointer, registers.InstructionSelector) = (0x5678, 0x23);
        (registers.DataPointer, registers.DataSelector, registers.Opcode) = (0x9ABC, 0x2B, 0x123);
        return registers;
    }

    private static bool Holds(string line)
    {
        string[] parts = line.Split(" | ");
        string[] given = parts[1].Split(' '), expected = parts[2].Split(' ');
        uint opcode = (uint)Hex(given[0]) & 0x7FF;
        ulong flags = Hex(given[4]), undefined = Hex(parts[3]);
        FpuRegisters registers = Parse(given[1], given[2], given[3], given[6]), wanted = Parse(expected[0], expected[1], expected[2], expected[5]);
        UInt128 memory = UInt128.Parse(given[5], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        ulong low = (ulong)memory;
        ushort high = (ushort)(memory >> 64);
        Execute(&registers, opcode, ref low, ref high, ref flags);
        bool isTranscendental = parts[0].StartsWith('T');
        for (int i = 0; i < 8; i++)
        {
            Extended is80 = registers.Read(i), wanted80 = wanted.Read(i);
            bool isClose = isTranscendental && is80.SignExponent == wanted80.SignExponent && Math.Abs((long)(is80.Significand - wanted80.Significand)) <= 1;
            if (((registers.Tags >> registers.Physical(i)) & 1) != 0 && is80 != wanted80 && !isClose)
            {
                return false;
            }
        }

        return registers.Control == wanted.Control && registers.Tags == wanted.Tags && ((registers.Status ^ wanted.Status) & ~undefined) == 0
            && ((flags ^ Hex(expected[3])) & ComparedFlags) == 0 && new UInt128(high, low) == UInt128.Parse(expected[4], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
    }

    private static void Execute(FpuRegisters* registers, uint opcode, ref ulong low, ref ushort high, ref ulong flags)
    {
        if ((opcode & 0xC0) == 0xC0)
        {
            // FCMOVcc: B, E, BE, U, then their opposites.
            bool holds = ((opcode >> 3) & 3) switch { 0 => (flags & 1) != 0, 1 => (flags & 0x40) != 0, 2 => (flags & 0x41) != 0, _ => (flags & 4) != 0 };
            if (FpuUnit.ExecuteRegister(registers, opcode, holds != (opcode >> 8 == 3), out uint result))
            {
                flags = (flags & ~ComparedFlags) | result;
            }

            return;
        }

        int width = FpuUnit.MemoryWidth(opcode);
        ulong mask = width >= 8 ? ulong.MaxValue : (1UL << (8 * width)) - 1;
        if (!FpuUnit.IsStore(opcode))
        {
            if ((opcode & 0x100) == 0)
            {
                FpuUnit.ExecuteArithmetic(registers, opcode, low & mask);
            }
            else
            {
                FpuUnit.ExecuteLoad(registers, opcode, low & mask, high);
            }
        }
        else if (FpuUnit.ExecuteStore(registers, opcode, out ulong storedLow, out ushort storedHigh))
        {
            low = (low & ~mask) | (storedLow & mask);
            high = width == 10 ? storedHigh : high;
        }
    }

    private static FpuRegisters Parse(string control, string status, string tags, string stack)
    {
        FpuRegisters registers = default;
        (registers.Control, registers.Status) = (Hex(control), Hex(status));
        string[] values = stack.Split(',');
        for (int i = 0; i < values.Length; i++)
        {
            if (values[i] is not ("-" or ""))
            {
                registers.Write(i, new Extended(Hex(values[i][4..]), (ushort)Hex(values[i][..4])));
            }
        }

        registers.Tags = Hex(tags);
        return registers;
    }

    private static ulong Hex(string text) => ulong.Parse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
