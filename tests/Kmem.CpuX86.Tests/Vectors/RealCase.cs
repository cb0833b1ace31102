using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Kmem.Engine;
using Kmem.Plugins.CpuX86.Registers;
using Kmem.Testing;

namespace Kmem.CpuX86.Tests.Vectors;

/// <summary>A case of <c>vectors/x86-286</c>: one instruction of real mode and a HLT behind it; see the README beside the data.</summary>
internal sealed class RealCase
{
    private static readonly (string Name, int Slot)[] General =
    [
        ("ax", X86Slots.Rax), ("cx", X86Slots.Rcx), ("dx", X86Slots.Rdx), ("bx", X86Slots.Rbx), ("sp", X86Slots.Rsp), ("bp", X86Slots.Rbp), ("si", X86Slots.Rsi), ("di", X86Slots.Rdi),
    ];

    private static readonly string[] Segments = ["es", "cs", "ss", "ds"];

    private readonly JsonElement _line;

    private RealCase(JsonElement line) => _line = line;

    /// <summary>The folder of the data; null where it is absent.</summary>
    public static string? Folder
    {
        get
        {
            string[] places =
            [
                Path.Combine(UserCase.Folder, "x86-286"),
                Path.Combine(SolutionFolders.Root, "..", "shared", "vectors", "x86-286"),
                Path.Combine(SolutionFolders.Root, "..", "..", "shared", "vectors", "x86-286"),
            ];
            return Array.Find(places, p => Directory.Exists(p) && Directory.EnumerateFiles(p, "*.jsonl.gz").Any());
        }
    }

    /// <summary>Name of the file that it comes from: its opcode.</summary>
    public string Opcode => _line.GetProperty("op").GetString()!;

    /// <summary>Its identity.</summary>
    public string Hash => _line.GetProperty("hash").GetString()!;

    /// <summary>Machine code with the HLT.</summary>
    public byte[] Bytes => Convert.FromHexString(_line.GetProperty("bytes").GetString()!);

    /// <summary>The exception; null for none.</summary>
    public int? Exception => _line.TryGetProperty("exc", out JsonElement exception) && exception.ValueKind == JsonValueKind.Object ? exception.GetProperty("n").GetInt32() : null;

    /// <summary>All cases.</summary>
    public static IEnumerable<RealCase> ReadAll(string folder)
    {
        foreach (string file in Directory.EnumerateFiles(folder, "*.jsonl.gz").Order(StringComparer.Ordinal))
        {
            using var reader = new StreamReader(new GZipStream(File.OpenRead(file), CompressionMode.Decompress));
            while (reader.ReadLine() is { } line)
            {
                yield return new RealCase(JsonDocument.Parse(line).RootElement);
            }
        }
    }

    /// <summary>What a register holds before the instruction.</summary>
    public ulong Before(string name) => Register("in", name) ?? 0;

    /// <summary>A byte of memory before the instruction, where the case tells it.</summary>
    public byte? ByteBefore(ulong address)
    {
        foreach (JsonElement cell in Cells("in"))
        {
            if (cell[0].GetUInt64() == address)
            {
                return (byte)cell[1].GetUInt32();
            }
        }

        return null;
    }

    /// <summary>Runs it.</summary>
    /// <param name="bench">The machine.</param>
    /// <param name="mode">Its engine mode.</param>
    /// <param name="difference">How this CPU must differ from the recorded one; null where it must not.</param>
    /// <returns>What differs; null where nothing does.</returns>
    public string? Run(X86Bench bench, EngineMode mode, RealDifference? difference)
    {
        RealOutcome outcome = difference?.Outcome ?? Recorded(difference?.Flags ?? 0);
        for (int i = 0; i < (mode == EngineMode.Translate ? 3 : 1); i++)
        {
            Prepare(bench, outcome);
            for (int k = 0; k < 4 && bench.Execution.Stopped is null && !bench.Execution.IsWaiting; k++)
            {
                bench.Execution.Run(50);
            }
        }

        string text = Check(bench, outcome);
        foreach ((ulong address, _) in outcome.Setup.Concat(outcome.Memory.Select(m => (m.Address, m.Value))))
        {
            bench.Load(address, [0]);
        }

        bench.Load(outcome.End, [0]);
        return text.Length == 0 ? null : $"{Opcode}: {_line.GetProperty("name").GetString()} [{_line.GetProperty("bytes").GetString()}] {(Exception is { } e ? $"exception {e} " : "")}{text}";
    }

    /// <summary>Sets memory back to zero where the case has touched it.</summary>
    public void Clean(X86Bench bench)
    {
        foreach (string state in (string[])["in", "out"])
        {
            foreach (JsonElement cell in Cells(state))
            {
                bench.Load(cell[0].GetUInt64(), [0]);
            }
        }
    }

    private JsonElement.ArrayEnumerator Cells(string state) =>
        _line.GetProperty(state).TryGetProperty("m", out JsonElement cells) && cells.ValueKind == JsonValueKind.Array ? cells.EnumerateArray() : default;

    private ulong? Register(string state, string name) =>
        _line.GetProperty(state).TryGetProperty("r", out JsonElement registers) && registers.TryGetProperty(name, out JsonElement value) ? value.GetUInt64() : null;

    /// <summary>The end as it was recorded.</summary>
    /// <param name="flags">Flags that are not compared besides those that the case calls undefined.</param>
    private RealOutcome Recorded(ulong flags)
    {
        ulong undefined = flags | (_line.TryGetProperty("undef", out JsonElement mask) && mask.ValueKind == JsonValueKind.Number ? mask.GetUInt64() : 0);
        var outcome = new RealOutcome { Undefined = undefined };
        foreach (string name in RealOutcome.Names)
        {
            outcome.Registers[name] = Register("out", name) ?? Before(name);
        }

        // The flags word of an exception's frame; where the stack pointer is odd the case's own address for it is one byte off.
        ulong flagsAt = Exception is null ? ulong.MaxValue : (outcome.Registers["ss"] << 4) + ((outcome.Registers["sp"] + 4) & 0xFFFF);
        foreach (JsonElement cell in Cells("out"))
        {
            ulong address = cell[0].GetUInt64();
            outcome.Memory.Add((address, (byte)cell[1].GetUInt32(), address == flagsAt ? (byte)undefined : address == flagsAt + 1 ? (byte)((undefined >> 8) | 0xF0) : (byte)0));
        }

        return outcome;
    }

    private void Prepare(X86Bench bench, RealOutcome outcome)
    {
        bench.Cpu.Reset();
        bench.Execution.Restart();
        foreach ((string name, int slot) in General)
        {
            bench.Slot(slot) = Before(name);
        }

        bench.Slot(X86Slots.Attributes + X86Slots.Cs) = SegmentAttributes.RealData;
        for (int i = 0; i < Segments.Length; i++)
        {
            bench.Cpu.SetRealSegment(i, (ushort)Before(Segments[i]));
        }

        bench.Slot(X86Slots.IdtrLimit) = 0x3FF;
        bench.Cpu.SetEflags((Before("flags") & 0xFFF) | Eflags.Fixed);
        foreach (JsonElement cell in Cells("in"))
        {
            bench.Load(cell[0].GetUInt64(), [(byte)cell[1].GetUInt32()]);
        }

        foreach ((ulong address, byte value) in outcome.Setup)
        {
            bench.Load(address, [value]);
        }

        // Wherever the case ends, a HLT stands there.
        bench.Load(outcome.End, [0xF4]);
        bench.Cpu.UpdateContext();
        bench.Cpu.SetIp(Before("ip"));
    }

    private static string Check(X86Bench bench, RealOutcome outcome)
    {
        var text = new StringBuilder();
        foreach ((string name, int slot) in General)
        {
            Compare(name, bench.Slot(slot) & 0xFFFF, outcome.Registers[name]);
        }

        for (int i = 0; i < Segments.Length; i++)
        {
            Compare(Segments[i], bench.Slot(X86Slots.Selector + i), outcome.Registers[Segments[i]]);
        }

        Compare("ip", bench.Cpu.Ip & 0xFFFF, outcome.Registers["ip"]);
        ulong compared = 0x0FD5 & ~outcome.Undefined;
        Compare("flags", bench.Cpu.EflagsNow & compared, outcome.Registers["flags"] & compared);
        foreach ((ulong address, byte expected, byte ignored) in outcome.Memory)
        {
            byte value = bench.Memory[(int)address];
            if (((value ^ expected) & ~ignored & 0xFF) != 0)
            {
                text.Append(CultureInfo.InvariantCulture, $"[{address:x}] {value:x2} not {expected:x2}; ");
            }
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
}
