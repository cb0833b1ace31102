namespace Kmem.Fuzz.Alpha;

/// <summary>A random program: instructions, and registers and data to begin with.</summary>
/// <param name="Words">Instructions.</param>
/// <param name="Registers">R0 to R31, then F0 to F31.</param>
/// <param name="FloatingControl">FPCR.</param>
/// <param name="IsUser">Whether it runs in user mode.</param>
internal sealed record AlphaProgram(uint[] Words, ulong[] Registers, ulong FloatingControl, bool IsUser);

/// <summary>Makes random programs out of every kind of instruction, with loops, faults of all kinds, registers of a device, and stores into their own code.</summary>
/// <remarks>R20 to R24 keep bases: R20 data, R21 data at an odd address, R22 the pages that fault and the device's registers, R23 the code, R24 instructions as data.</remarks>
internal sealed class AlphaGenerator(int seed)
{
    private static readonly (int Opcode, int[] Functions)[] Integers =
    [
        (0x10, [0x00, 0x02, 0x09, 0x0B, 0x0F, 0x12, 0x1B, 0x1D, 0x20, 0x22, 0x29, 0x2B, 0x2D, 0x32, 0x3B, 0x3D, 0x40, 0x49, 0x4D, 0x60, 0x69, 0x6D]),
        (0x11, [0x00, 0x08, 0x14, 0x16, 0x20, 0x24, 0x26, 0x28, 0x40, 0x44, 0x46, 0x48, 0x61, 0x64, 0x66]),
        (0x12, [0x02, 0x06, 0x0B, 0x12, 0x16, 0x1B, 0x22, 0x26, 0x2B, 0x30, 0x31, 0x32, 0x34, 0x36, 0x39, 0x3B, 0x3C, 0x52, 0x57, 0x5A, 0x62, 0x67, 0x6A, 0x72, 0x77, 0x7A]),
        (0x13, [0x00, 0x20, 0x30, 0x40, 0x60]),
        (0x1C, [0x00, 0x01, 0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3A, 0x3B, 0x3C, 0x3D, 0x3E, 0x3F, 0x70, 0x78]),
    ];

    private static readonly int[] Loads = [0x0A, 0x0B, 0x0C, 0x28, 0x29, 0x20, 0x21, 0x22, 0x23], Stores = [0x0D, 0x0E, 0x0F, 0x2C, 0x2D, 0x24, 0x25, 0x26, 0x27];
    private static readonly int[] FloatingOperations = [0x00, 0x01, 0x02, 0x03, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x2C, 0x2F, 0x3C, 0x3E];
    private static readonly uint[] Miscellaneous = [0x0000, 0x0400, 0x4000, 0x4400, 0x8000, 0xA000, 0xC000, 0xC000, 0xE000, 0xE800, 0xF000, 0xF800];
    private static readonly uint[] UserCalls = [0x80, 0x81, 0x83, 0x86, 0x9E, 0x9F, 0xAA, 0x35], KernelCalls = [0x86, 0x9E, 0x9F, 0x36, 0x3A, 0x35, 0x10, 0x80, 0x33];

    private readonly Random _random = new(seed);
    private int _length;

    /// <summary>Makes the program.</summary>
    public AlphaProgram Next()
    {
        _length = _random.Next(4, 70);
        bool isUser = _random.Next(3) != 0;
        var words = new uint[_length + 1];
        for (int i = 0; i < _length; i++)
        {
            words[i] = Instruction(i, isUser);
        }

        words[_length] = Branch(0x30, 31, -_length - 1);
        var registers = new ulong[64];
        for (int i = 0; i < 64; i++)
        {
            registers[i] = i < 32 ? Integer() : Floating();
        }

        ulong data = AlphaBench.AddressOf(AlphaBench.Data, isUser), code = AlphaBench.AddressOf(AlphaBench.Code, isUser);
        (registers[20], registers[21], registers[22], registers[23], registers[24]) = (data + 0x4000, data + 0x4000 + (ulong)_random.Next(16), AlphaFuzz.FaultingPages, code, data + 0x1_0000);
        (registers[31], registers[63]) = (0, 0);
        ulong control = _random.Next(3) == 0 ? 0x680E_8000_0000_0000 : (ulong)_random.NextInt64() << 47 | (_random.Next(2) == 0 ? 2UL << 58 : 0);
        return new AlphaProgram(words, registers, control, isUser);
    }

    private uint Instruction(int place, bool isUser)
    {
        int kind = _random.Next(100);
        return kind switch
        {
            < 27 => IntegerOperate(),
            < 31 => Memory(_random.Next(2) == 0 ? 0x08 : 0x09, Target(), _random.Next(32), _random.Next(65536)),
            < 45 => Access(Loads),
            < 57 => Access(Stores),
            < 72 => FloatingOperate(),
            < 74 => FormatFree(),
            < 84 => ConditionalBranch(place),
            < 86 => Branch(_random.Next(2) == 0 ? 0x30 : 0x34, _random.Next(2) == 0 ? 26 : Target(), Distance(place)),
            < 87 => 0x1Au << 26 | (uint)Target() << 21 | 26u << 16 | (uint)_random.Next(4) << 14,
            < 90 => Memory(_random.Next(2) == 0 ? 0x2A : 0x2B, Target(), 20, _random.Next(8) * 8),
            < 93 => Memory(_random.Next(2) == 0 ? 0x2E : 0x2F, Target(), 20, _random.Next(8) * 8),
            < 95 => 0x18u << 26 | (uint)Target() << 21 | 20u << 16 | Miscellaneous[_random.Next(Miscellaneous.Length)],
            < 97 => isUser ? UserCalls[_random.Next(UserCalls.Length)] : KernelCalls[_random.Next(KernelCalls.Length)],
            < 98 => Memory(0x28, Target(), 24, _random.Next(64) * 4),
            < 99 => Memory(0x2C, _random.Next(20), 23, _random.Next(_length) * 4),
            _ => (uint)_random.NextInt64(),
        };
    }

    private uint IntegerOperate()
    {
        (int opcode, int[] functions) = Integers[_random.Next(Integers.Length)];
        uint word = (uint)opcode << 26 | (uint)_random.Next(32) << 21 | (uint)functions[_random.Next(functions.Length)] << 5 | (uint)Target();
        return word | (_random.Next(3) == 0 ? (uint)_random.Next(256) << 13 | 0x1000 : (uint)_random.Next(32) << 16);
    }

    private uint FloatingOperate()
    {
        int opcode = _random.Next(12) switch { 0 => 0x14, 1 => 0x15, _ => 0x16 };
        int function = _random.Next(3) switch
        {
            // The qualifiers that compilers use most.
            0 => 0x080,
            1 => (_random.Next(4) == 0 ? 0x7C0 : 0x580) & 0x7C0,
            _ => _random.Next(32) << 6,
        };
        function |= opcode == 0x14 ? (_random.Next(2) == 0 ? 0x0B : 0x2B) : FloatingOperations[_random.Next(FloatingOperations.Length)];
        return (uint)opcode << 26 | (uint)_random.Next(32) << 21 | (uint)_random.Next(32) << 16 | (uint)function << 5 | (uint)_random.Next(32);
    }

    private uint FormatFree()
    {
        int[] functions = [0x010, 0x020, 0x021, 0x022, 0x024, 0x025, 0x02A, 0x02B, 0x02C, 0x02D, 0x02E, 0x02F, 0x030, 0x130, 0x530];
        return 0x17u << 26 | (uint)_random.Next(32) << 21 | (uint)_random.Next(32) << 16 | (uint)functions[_random.Next(functions.Length)] << 5 | (uint)_random.Next(32);
    }

    private uint Access(int[] opcodes)
    {
        int opcode = opcodes[_random.Next(opcodes.Length)];
        int displacement = _random.Next(10) == 0 ? _random.Next(0x1000) : _random.Next(64) * 8;
        return _random.Next(24) switch
        {
            0 => Memory(opcode, Target(), 22, _random.Next(0x8000) & (_random.Next(8) == 0 ? -1 : ~7)),
            1 => Memory(opcode, Target(), 22, _random.Next(8) * 8),
            2 or 3 => Memory(opcode, Target(), 21, displacement),
            4 => Memory(opcode, Target(), _random.Next(32), _random.Next(65536)),
            _ => Memory(opcode, Target(), 20, displacement),
        };
    }

    private uint ConditionalBranch(int place)
    {
        int opcode = _random.Next(5) == 0 ? new[] { 0x31, 0x32, 0x33, 0x35, 0x36, 0x37 }[_random.Next(6)] : 0x38 + _random.Next(8);
        return Branch(opcode, _random.Next(32), Distance(place));
    }

    private int Distance(int place) => _random.Next(_length + 1) - place - 1;

    /// <summary>A register that is no base and not the stack pointer.</summary>
    private int Target() => _random.Next(28) is var r && r < 20 ? r : r + 5 is var high and not 30 ? Math.Min(high, 31) : 31;

    private ulong Integer() => _random.Next(6) switch
    {
        0 => 0,
        1 => (ulong)_random.Next(256),
        2 => 1UL << _random.Next(64),
        3 => ulong.MaxValue << _random.Next(64),
        _ => (ulong)_random.NextInt64() << 1 ^ (ulong)_random.NextInt64(),
    };

    private ulong Floating() => _random.Next(8) switch
    {
        0 => BitConverter.DoubleToUInt64Bits(_random.Next(-1000, 1000)),
        1 => BitConverter.DoubleToUInt64Bits(_random.Next(-1000, 1000) / 8.0),
        2 => BitConverter.DoubleToUInt64Bits((float)(_random.NextDouble() * Math.Pow(2, _random.Next(-120, 120)))),
        3 => BitConverter.DoubleToUInt64Bits(_random.NextDouble() * Math.Pow(2, _random.Next(-1000, 1000))),
        4 => (ulong)_random.Next(3) << 52,
        5 => Integer(),
        6 => (0x7FFUL << 52) | (ulong)_random.Next(3) << 50 | (ulong)_random.Next(2) << 63,
        _ => BitConverter.DoubleToUInt64Bits(_random.NextDouble()),
    };

    private static uint Memory(int opcode, int a, int b, int displacement) => (uint)opcode << 26 | (uint)a << 21 | (uint)b << 16 | (uint)(displacement & 0xFFFF);

    private static uint Branch(int opcode, int a, int distance) => (uint)opcode << 26 | (uint)a << 21 | (uint)(distance & 0x1F_FFFF);
}
