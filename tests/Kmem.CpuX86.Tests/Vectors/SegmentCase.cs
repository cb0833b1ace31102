using System.Globalization;
using System.Text;
using Iced.Intel;
using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.CpuX86.Tests.Vectors;

/// <summary>A case of <c>vectors/x86-16</c>: one instruction in 16-bit segments; see the README beside the data.</summary>
internal sealed class SegmentCase
{
    private const int Protection = 13, Room = 0x1_0000, First = 0x1_0000;
    private const ulong Compared = 0xCD5;

    private readonly uint[] _before, _after;
    private readonly List<(int Offset, byte Value)> _changes = [];

    private SegmentCase(string line)
    {
        Line = line;
        string[] halves = line.Split(" | "), end = halves[1].Split(' ');
        int space = halves[0].IndexOf(' ', StringComparison.Ordinal);
        Bytes = Convert.FromHexString(halves[0][..space]);
        Trap = int.Parse(end[0], CultureInfo.InvariantCulture);
        _before = [.. halves[0][(space + 1)..].Split(' ').Select(Parse)];
        _after = [.. end[1..11].Select(Parse)];
        foreach (string change in end[11..])
        {
            string[] parts = change.Split(':');
            _changes.Add(((int)Parse(parts[0]), (byte)Parse(parts[1])));
        }
    }

    /// <summary>The case as it is written.</summary>
    public string Line { get; }

    /// <summary>Machine code.</summary>
    public byte[] Bytes { get; }

    /// <summary>The exception; 13 too where the instruction is done.</summary>
    public int Trap { get; }

    private bool IsDone => Trap == Protection && _after[0] != _before[0];

    /// <summary>All cases of a file.</summary>
    public static IEnumerable<SegmentCase> ReadAll(string file) => File.ReadLines(file).Select(l => new SegmentCase(l));

    /// <summary>What the four segments hold before each case.</summary>
    public static byte[] Segments()
    {
        var bytes = new byte[4 * Room];
        for (int segment = 0; segment < 4; segment++)
        {
            uint x = (uint)segment;
            for (int i = 0; i < Room; i++)
            {
                x = unchecked((x * 1103515245) + 12345);
                bytes[(segment * Room) + i] = segment == 0 ? (byte)0xF4 : (byte)(x >> 16);
            }
        }

        return bytes;
    }

    /// <summary>Runs it in real mode.</summary>
    /// <param name="bench">The machine; exceptions end at a HLT of their own at 50h:number.</param>
    /// <param name="segments">What <see cref="Segments"/> gave.</param>
    /// <returns>What differs; null where nothing does.</returns>
    public string? Run(X86Bench bench, byte[] segments)
    {
        // The third time it is translated, where the engine does that.
        for (int i = 0; i < 3; i++)
        {
            Prepare(bench, segments);
            for (int k = 0; k < 100 && bench.Execution.Stopped is null && !bench.Execution.IsWaiting; k++)
            {
                bench.Execution.Run(1000);
            }
        }

        string text = Check(bench, segments);
        return text.Length == 0 ? null : $"{Line}: {text}";
    }

    private void Prepare(X86Bench bench, byte[] segments)
    {
        bench.Cpu.Reset();
        bench.Execution.Restart();
        bench.Load(First, segments);
        bench.Slot(X86Slots.Attributes + X86Slots.Cs) = SegmentAttributes.RealData;
        (int Segment, ushort Selector)[] selectors = [(X86Slots.Cs, 0x1000), (X86Slots.Ds, 0x2000), (X86Slots.Gs, 0x2000), (X86Slots.Es, 0x3000), (X86Slots.Fs, 0x3000), (X86Slots.Ss, 0x4000)];
        foreach ((int segment, ushort selector) in selectors)
        {
            bench.Cpu.SetRealSegment(segment, selector);
        }

        for (uint i = 0; i < 32; i++)
        {
            bench.Load(i * 4, [(byte)i, 0, 0x50, 0]);
            bench.Load(0x500 + i, [0xF4]);
        }

        bench.Slot(X86Slots.IdtrLimit) = 0x3FF;
        for (int i = 0; i < 8; i++)
        {
            bench.Slot(i) = _before[1 + i];
        }

        bench.Load(First + _before[0], Bytes);
        bench.Cpu.SetEflags(_before[9]);
        bench.Cpu.UpdateContext();
        bench.Cpu.SetIp(_before[0]);
    }

    private static uint Parse(string text) => uint.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    private string Check(X86Bench bench, byte[] segments)
    {
        if (!IsDone && (_before[5] & 0xFFFF) is 1 or 3 or 5)
        {
            // There is no room for an exception's frame.
            return bench.Execution.IsWaiting ? "no shutdown" : "";
        }

        var text = new StringBuilder();
        byte[] memory = [.. segments];
        Bytes.CopyTo(memory, (int)_before[0]);
        _changes.ForEach(c => memory[c.Offset] = c.Value);
        ulong undefined = Undefined(), flags = bench.Cpu.EflagsNow, sp = _after[5];
        if (!IsDone)
        {
            sp = (sp & 0xFFFF_0000) | ((sp - 6) & 0xFFFF);
            int[] frame = [.. Enumerable.Range(0, 6).Select(i => (3 * Room) + (int)((sp + (ulong)i) & 0xFFFF))];
            Span<byte> now = bench.Memory.Slice(First, memory.Length);
            flags = now[frame[4]] | ((ulong)now[frame[5]] << 8);
            (memory[frame[0]], memory[frame[1]], memory[frame[2]], memory[frame[3]], memory[frame[4]], memory[frame[5]]) = ((byte)_after[0], (byte)(_after[0] >> 8), 0, 0x10, now[frame[4]], now[frame[5]]);
        }

        Compare("cs", bench.Slot(X86Slots.Selector + X86Slots.Cs), IsDone ? 0x1000UL : 0x50);
        Compare("ip", bench.Cpu.Ip, (IsDone ? _after[0] : (uint)Trap) + 1);
        Compare("flags", flags & Compared & ~undefined, _after[9] & Compared & ~undefined);
        for (int i = 0; i < 8; i++)
        {
            Compare(X86Slots.Name(i)!, bench.Slot(i), i == X86Slots.Rsp ? sp : _after[1 + i]);
        }

        int at = bench.Memory.Slice(First, memory.Length).CommonPrefixLength(memory);
        if (at < memory.Length)
        {
            Compare(string.Create(CultureInfo.InvariantCulture, $"[{at:x}]"), bench.Memory[First + at], memory[at]);
        }

        return text.ToString();

        void Compare(string name, ulong value, ulong expected)
        {
            if (value != expected)
            {
                text.Append(CultureInfo.InvariantCulture, $"{name} {value:x} not {expected:x}; ");
            }
        }
    }

    /// <summary>Flags that the manual leaves undefined.</summary>
    private ulong Undefined()
    {
        var decoder = Iced.Intel.Decoder.Create(16, Bytes);
        decoder.Decode(out Instruction instruction);
        ulong undefined = 0;
        (RflagsBits Bit, ulong Flag)[] bits =
        [
            (RflagsBits.CF, Eflags.Cf), (RflagsBits.PF, Eflags.Pf), (RflagsBits.AF, Eflags.Af), (RflagsBits.ZF, Eflags.Zf), (RflagsBits.SF, Eflags.Sf), (RflagsBits.OF, Eflags.Of),
        ];
        foreach ((RflagsBits bit, ulong flag) in bits)
        {
            undefined |= (instruction.RflagsUndefined & bit) != 0 ? flag : 0;
        }

        int last = instruction.OpCount - 1;
        bool isShift = instruction.Mnemonic is Mnemonic.Shl or Mnemonic.Sal or Mnemonic.Shr or Mnemonic.Sar, isDouble = instruction.Mnemonic is Mnemonic.Shld or Mnemonic.Shrd;
        bool isRotation = instruction.Mnemonic is Mnemonic.Rol or Mnemonic.Ror or Mnemonic.Rcl or Mnemonic.Rcr;
        if (!isShift && !isDouble && !isRotation)
        {
            return undefined;
        }

        int width = 8 * (instruction.Op0Kind == OpKind.Register ? instruction.Op0Register.GetSize() : instruction.MemorySize.GetSize());
        int count = (int)(instruction.GetOpKind(last) == OpKind.Register ? _before[2] : instruction.GetImmediate(last)) & 31;
        return count == 0 ? 0
            : (count > 1 ? Eflags.Of : 0) | (isRotation ? 0 : Eflags.Af) | (isShift && instruction.Mnemonic != Mnemonic.Sar && count >= width ? Eflags.Cf : 0) | (isDouble && count > width ? Compared : 0);
    }
}
