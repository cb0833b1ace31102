using System.Globalization;
using Kmem.Engine;
using Kmem.Fuzz.Alpha;
using Kmem.Plugins.CpuAlpha;

namespace Kmem.CpuAlpha.Tests.Vectors;

/// <summary>Runs cases on a bench: each instruction word at a place of its own, so that it is translated once for all of its cases.</summary>
internal sealed unsafe class VectorRunner : IDisposable
{
    // A place is 32 words long with the instruction in its middle, so that short branches in both directions stay inside.
    private const int PlaceLength = 128, Middle = 64;
    private const ulong FallsThrough = AlphaBench.Code, Taken = AlphaBench.Code + 64, FirstPlace = AlphaBench.Code + 128;
    private const ulong Buffer = AlphaBench.Data + 0x1_0000;
    private const uint Nop = 0x47FF_041F;
    private const int Arithmetic = 1, Fault = 3, Unaligned = 4, OpDec = 4;
    private const ulong SoftwareCompletionBit = 1, InvalidOperation = 2;
    private const int Fpcr = AlphaSlots.Fpcr, Steps = 600;

    private readonly AlphaBench _bench;
    private readonly EngineMode _mode;
    private readonly bool _isUser;
    private readonly Dictionary<(uint Setup, uint Instruction), ulong> _places = [];
    private readonly ulong[] _before = new ulong[AlphaSlots.Count];

    public VectorRunner(EngineOptions options, bool isUser)
    {
        (_mode, _isUser) = (options.Mode, isUser);
        _bench = new AlphaBench(options);
        _bench.Load(FallsThrough, AlphaBench.BranchToSelf);
        _bench.Load(Taken, AlphaBench.BranchToSelf);
    }

    /// <summary>Runs a case.</summary>
    /// <returns>What differs, with the case's number; null where nothing does.</returns>
    public string? Run(VectorCase vector)
    {
        if (Place(vector, out bool isNew) is not { } place)
        {
            return $"{vector}: the harness has no room for its branch's target";
        }

        if (isNew && _mode == EngineMode.Translate)
        {
            // The first execution is interpreted.
            Execute(vector, place);
        }

        Execute(vector, place);
        if (_mode == EngineMode.Translate && !_bench.IsTranslated(place - Middle, _isUser))
        {
            return $"{vector}: was not translated";
        }

        return Judge(vector, place) is { } difference ? $"{vector}: {difference}" : null;
    }

    public void Dispose() => _bench.Dispose();

    /// <summary>Puts the instruction into memory, unless it is there.</summary>
    private ulong? Place(VectorCase vector, out bool isNew)
    {
        uint setup = vector.Setup ?? Nop;
        isNew = !_places.TryGetValue((setup, vector.Instruction), out ulong place);
        if (!isNew)
        {
            return place;
        }

        place = FirstPlace + ((ulong)_places.Count * PlaceLength) + Middle;
        var words = new uint[PlaceLength / 4];
        Array.Fill(words, Nop);
        (words[(Middle / 4) - 1], words[Middle / 4]) = (setup, vector.Instruction);
        words[(Middle / 4) + 1] = Branch(place + 4, FallsThrough);
        var instruction = new AlphaInstruction(vector.Instruction);
        if (instruction.Opcode >= 0x30)
        {
            long target = (Middle / 4) + 1 + (instruction.BranchDisplacement / 4);
            if (target < 0 || target >= words.Length || target is (Middle / 4) or (Middle / 4) + 1)
            {
                return null;
            }

            words[target] = Branch(place + 4 + (ulong)instruction.BranchDisplacement, Taken);
        }

        // A taken branch backwards would hit what comes before the instruction, so a program begins with a jump over that.
        words[0] = Branch(place - Middle, place - 4);
        _bench.Load(place - Middle, words);
        _places.Add((setup, vector.Instruction), place);
        return place;
    }

    private static uint Branch(ulong from, ulong to) => 0xC3E0_0000 | ((uint)((long)(to - from - 4) >> 2) & 0x1F_FFFF);

    private void Execute(VectorCase vector, ulong place)
    {
        var instruction = new AlphaInstruction(vector.Instruction);
        for (int i = 0; i < 64; i++)
        {
            _bench.Slot(i) = 0xA5A5_0000_0000_0000 + ((ulong)i * 0x0101_0101);
        }

        (_bench.Slot(31), _bench.Slot(63)) = (0, 0);
        Set(instruction.Rc, vector.Input("rc"));
        Set(instruction.Ra, vector.Input("ra"));
        SetFloating(instruction.Rc, vector.Input("fc"));
        SetFloating(instruction.Ra, vector.Input("fa"));
        SetFloating(instruction.Rb, vector.Input("fb"));
        _bench.Slot(Fpcr) = (vector.Input("fpcr") ?? 0x680E_8000_0000_0000) & Plugins.CpuAlpha.Floating.FloatingControl.Stored;
        _bench.Slot(AlphaSlots.LockFlag) = 0;
        if (vector.InputBytes is { } bytes)
        {
            bytes.CopyTo(_bench.Memory[(int)Buffer..]);
            Set(instruction.Rb, AlphaBench.AddressOf(Buffer, _isUser) + (ulong)vector.BaseOffset);
        }
        else if (!instruction.HasLiteral || vector.Class == "lda")
        {
            Set(instruction.Rb, vector.Input("rb"));
        }

        _bench.Start(place - Middle, _isUser);
        for (int i = 0; i < _before.Length; i++)
        {
            _before[i] = _bench.Slot(i);
        }

        _bench.Execution.Run(Steps);
    }

    private void Set(int register, ulong? value)
    {
        if (value is { } given && register != 31)
        {
            _bench.Slot(register) = given;
        }
    }

    private void SetFloating(int register, ulong? value)
    {
        if (value is { } given && register != 31)
        {
            _bench.Slot(AlphaSlots.F0 + register) = given;
        }
    }

    /// <summary>Acts as the operating system where it was entered, then compares.</summary>
    private string? Judge(VectorCase vector, ulong place)
    {
        var instruction = new AlphaInstruction(vector.Instruction);
        string? signal = null;
        int offset = 0;
        if (_bench.Execution.Stopped is { } stopped)
        {
            return $"the machine stopped: {stopped.Message}";
        }

        if (_bench.Entered() is { } entry)
        {
            offset = (int)(entry.Pc - AlphaBench.AddressOf(place, _isUser));
            switch (entry.Entry)
            {
                case Arithmetic:
                    signal = CompleteArithmetic(instruction, entry);
                    break;
                case Unaligned:
                    if (FixUp(instruction, entry, (int)(vector.Input("off") ?? 0)) is { } wrong)
                    {
                        return wrong;
                    }

                    break;
                case Fault when entry.A0 == OpDec:
                    signal = "SIGILL";
                    break;
                default:
                    return string.Create(CultureInfo.InvariantCulture, $"entered the system at {entry.Entry} with 0x{entry.A0:x} 0x{entry.A1:x} 0x{entry.A2:x}, frame pc {offset:+0;-0}");
            }

            if (signal is null && offset != 4)
            {
                return $"the frame's pc is at {offset:+0;-0} from the instruction, expected +4";
            }
        }

        Expectation expected = Expectation.Of(vector, AlphaBench.AddressOf(place, _isUser));
        string difference = Differences(vector, expected);
        if (signal != expected.Signal)
        {
            return $"{signal ?? "no signal"}, expected {expected.Signal ?? "no signal"}; {difference}";
        }

        if (signal is not null && offset != expected.PcOffset)
        {
            return $"the signal's pc is at {offset:+0;-0} from the instruction, expected {expected.PcOffset:+0;-0}";
        }

        return difference.Length == 0 ? null : difference;
    }

    private static bool IsVax(AlphaInstruction instruction) =>
        instruction.Opcode == 0x15 || (instruction.Opcode == 0x14 && (instruction.FloatingFunction & 0x3F) is 0x0A or 0x2A);

    private string? CompleteArithmetic(AlphaInstruction instruction, SystemEntry entry)
    {
        if ((entry.A0 & SoftwareCompletionBit) == 0 || IsVax(instruction))
        {
            return "SIGFPE";
        }

        ulong fpcr = _before[Fpcr];
        bool traps = SoftwareCompletion.Complete(instruction.Word, FloatingBefore(instruction.Ra), FloatingBefore(instruction.Rb), ref fpcr, out ulong result);
        SetFloating(instruction.Rc, result);
        _bench.Slot(Fpcr) = fpcr;
        return traps ? "SIGFPE" : null;
    }

    private ulong FloatingBefore(int register) => register == 31 ? 0 : _before[AlphaSlots.F0 + register];

    /// <summary>Does an unaligned access byte by byte, as an operating system does.</summary>
    private string? FixUp(AlphaInstruction instruction, SystemEntry entry, int offset)
    {
        ulong address = AlphaBench.AddressOf(Buffer, _isUser) + (ulong)offset;
        if (entry.A0 != address || entry.A1 != (ulong)instruction.Opcode || entry.A2 != (ulong)instruction.Ra)
        {
            return string.Create(CultureInfo.InvariantCulture, $"the unaligned trap says address 0x{entry.A0:x}, opcode 0x{entry.A1:x}, register {entry.A2}; expected 0x{address:x}, 0x{instruction.Opcode:x}, {instruction.Ra}");
        }

        Span<byte> memory = _bench.Memory[(int)(Buffer + (ulong)offset)..];
        ulong floating = FloatingBefore(instruction.Ra), integer = instruction.Ra == 31 ? 0 : _before[instruction.Ra];
        switch (instruction.Opcode)
        {
            case 0x0C: Set(instruction.Ra, BitConverter.ToUInt16(memory)); break;
            case 0x0D: BitConverter.TryWriteBytes(memory, (ushort)integer); break;
            case 0x20: SetFloating(instruction.Ra, Plugins.CpuAlpha.Floating.RegisterFormats.FromF(BitConverter.ToUInt32(memory))); break;
            case 0x21: SetFloating(instruction.Ra, Plugins.CpuAlpha.Floating.RegisterFormats.FromG(BitConverter.ToUInt64(memory))); break;
            case 0x22: SetFloating(instruction.Ra, Plugins.CpuAlpha.Floating.RegisterFormats.FromS(BitConverter.ToUInt32(memory))); break;
            case 0x23: SetFloating(instruction.Ra, BitConverter.ToUInt64(memory)); break;
            case 0x24: BitConverter.TryWriteBytes(memory, Plugins.CpuAlpha.Floating.RegisterFormats.ToF(floating)); break;
            case 0x25: BitConverter.TryWriteBytes(memory, Plugins.CpuAlpha.Floating.RegisterFormats.ToG(floating)); break;
            case 0x26: BitConverter.TryWriteBytes(memory, Plugins.CpuAlpha.Floating.RegisterFormats.ToS(floating)); break;
            case 0x27: BitConverter.TryWriteBytes(memory, floating); break;
            case 0x28: Set(instruction.Ra, (ulong)BitConverter.ToInt32(memory)); break;
            case 0x29: Set(instruction.Ra, BitConverter.ToUInt64(memory)); break;
            case 0x2C: BitConverter.TryWriteBytes(memory, (uint)integer); break;
            case 0x2D: BitConverter.TryWriteBytes(memory, integer); break;
            default: return "an unaligned trap of an instruction that can't be fixed up";
        }

        return null;
    }

    /// <summary>Every register and byte that is not as expected; all that the case does not name must be as before.</summary>
    private string Differences(VectorCase vector, Expectation expected)
    {
        var found = new List<string>();
        bool entered = _bench.Entered() is not null;
        int setup = vector.Setup is { } word ? new AlphaInstruction(word).Ra : -1;
        for (int i = 0; i <= Fpcr; i++)
        {
            // PALcode has changed these; they come back with the return from the trap.
            bool isSystem = entered && i is 16 or 17 or 18 or 29 or 30;
            ulong value = expected.Registers.TryGetValue(i, out ulong named) ? named : _before[i];
            if (!isSystem && i != setup && _bench.Slot(i) != value)
            {
                found.Add(string.Create(CultureInfo.InvariantCulture, $"{AlphaSlots.Name(i)} is {_bench.Slot(i):x16}, expected {value:x16}"));
            }
        }

        if (expected.Memory is { } bytes && !_bench.Memory.Slice((int)Buffer, bytes.Length).SequenceEqual(bytes))
        {
            found.Add($"buf is {Convert.ToHexString(_bench.Memory.Slice((int)Buffer, bytes.Length))}, expected {Convert.ToHexString(bytes)}");
        }

        if (!entered)
        {
            ulong end = AlphaBench.AddressOf(vector.Output("taken") == 1 ? Taken : FallsThrough, _isUser);
            if (_bench.State->Pc != end)
            {
                found.Add(string.Create(CultureInfo.InvariantCulture, $"pc is {_bench.State->Pc:x}, expected {end:x}"));
            }
        }

        return string.Join(", ", found);
    }
}
