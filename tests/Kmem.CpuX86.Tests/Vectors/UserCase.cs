using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Kmem.Engine;
using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.CpuX86.Tests.Vectors;

/// <summary>A case of <c>vectors/x86-64</c>: one instruction of a user program, or a short sequence; see the README beside the data.</summary>
internal sealed class UserCase
{
    private static readonly string[] Names = ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"];
    private static readonly string[] Faults = ["DE", "DB", "NMI", "BP", "OF", "BR", "UD", "NM", "DF", "-", "TS", "NP", "SS", "GP", "PF", "-", "MF", "AC", "MC", "XM"];
    private static readonly Lazy<UserCase[]> Lines = new(ReadAll);

    private readonly JsonElement _line;

    private UserCase(JsonElement line) => _line = line;

    /// <summary>The folder of the vectors: <c>KMEM_VECTORS</c>, or the copy in the tests' data.</summary>
    public static string Folder => Environment.GetEnvironmentVariable("KMEM_VECTORS") is { Length: > 0 } folder ? folder : Path.Combine(Testing.SolutionFolders.TestData, "vectors");

    /// <summary>All cases.</summary>
    public static UserCase[] All => Lines.Value;

    /// <summary>Name of the instruction's form.</summary>
    public string Form => _line.GetProperty("form").GetString()!;

    /// <summary>Whether it is one of the x87, or of MMX or SSE.</summary>
    public bool IsFloating => _line.GetProperty("in").TryGetProperty("fpu", out _) || _line.GetProperty("in").TryGetProperty("xmm", out _) || _line.GetProperty("out").TryGetProperty("xmm", out _);

    /// <summary>Machine code.</summary>
    public byte[] Bytes => Convert.FromHexString(_line.GetProperty("bytes").GetString()!);

    /// <summary>Runs it.</summary>
    /// <returns>What differs; null where nothing does.</returns>
    public string? Run(UserBench user, EngineMode mode)
    {
        for (int i = 0; i < (mode == EngineMode.Translate ? 2 : 0); i++)
        {
            Prepare(user);
            user.Run();
        }

        Prepare(user);
        int vector = user.Run();
        string text = Check(user, vector);
        return text.Length == 0 ? null : $"{Form}: {_line.GetProperty("asm").GetString()} [{_line.GetProperty("bytes").GetString()}] {text}";
    }

    /// <summary>The cases of a file.</summary>
    public static IEnumerable<UserCase> Read(string path)
    {
        using var reader = new StreamReader(new GZipStream(File.OpenRead(path), CompressionMode.Decompress));
        while (reader.ReadLine() is { } line)
        {
            yield return new UserCase(JsonDocument.Parse(line).RootElement);
        }
    }

    private static UserCase[] ReadAll() => [.. Directory.EnumerateFiles(Path.Combine(Folder, "x86-64"), "*.jsonl.gz").Order(StringComparer.Ordinal).SelectMany(Read)];

    private static ulong Hex(JsonElement text) => ulong.Parse(text.GetString()!, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    private void Prepare(UserBench user)
    {
        X86Bench bench = user.Bench;
        byte[] page = new byte[4096];
        Array.Fill(page, (byte)0xCC);
        Bytes.CopyTo(page, 0);
        if (!bench.Memory.Slice((int)UserBench.ProgramAt, 4096).SequenceEqual(page))
        {
            bench.Load(UserBench.ProgramAt, page);
        }

        bench.Memory.Slice((int)UserBench.ProgramAt + 4096, 8 * 4096).Clear();
        user.Start(_line.GetProperty("mode").GetInt32() == 32);
        JsonElement before = _line.GetProperty("in");
        if (before.TryGetProperty("gpr", out JsonElement registers))
        {
            foreach (JsonProperty register in registers.EnumerateObject())
            {
                bench.Slot(Array.IndexOf(Names, register.Name)) = Hex(register.Value);
            }
        }

        bench.Cpu.SetEflags(Hex(before.GetProperty("rfl")) | Eflags.If);
        SetVectors(bench, before);
        SetFloating(bench, before);
        if (before.TryGetProperty("mem", out JsonElement memory) && memory.ValueKind == JsonValueKind.Array)
        {
            Convert.FromHexString(memory[1].GetString()!).CopyTo(bench.Memory[(int)(Hex(memory[0]) - UserBench.Program + UserBench.ProgramAt)..]);
        }
    }

    private static void SetVectors(X86Bench bench, JsonElement state)
    {
        if (state.TryGetProperty("mxcsr", out JsonElement control))
        {
            bench.Slot(X86Slots.Mxcsr) = Hex(control);
        }

        if (!state.TryGetProperty("xmm", out JsonElement vectors))
        {
            return;
        }

        foreach (JsonProperty vector in vectors.EnumerateObject())
        {
            int number = int.Parse(vector.Name, CultureInfo.InvariantCulture);
            byte[] bytes = Convert.FromHexString(vector.Value.GetString()!);
            (bench.Slot(X86Slots.XmmLow + number), bench.Slot(X86Slots.XmmHigh + number)) = (BitConverter.ToUInt64(bytes), BitConverter.ToUInt64(bytes, 8));
        }
    }

    private static void SetFloating(X86Bench bench, JsonElement state)
    {
        if (!state.TryGetProperty("fpu", out JsonElement unit))
        {
            return;
        }

        ulong status = Hex(unit.GetProperty("sw"));
        (bench.Slot(X86Slots.X87Control), bench.Slot(X86Slots.X87Status), bench.Slot(X86Slots.X87Tags)) = (Hex(unit.GetProperty("cw")), status, Hex(unit.GetProperty("tag")));
        int i = 0, top = (int)(status >> 11) & 7;
        foreach (JsonElement register in unit.GetProperty("st").EnumerateArray())
        {
            if (register.ValueKind == JsonValueKind.String)
            {
                byte[] bytes = Convert.FromHexString(register.GetString()!);
                int number = (top + i) & 7;
                (bench.Slot(X86Slots.X87Significand + number), bench.Slot(X86Slots.X87Exponent + number)) = (BitConverter.ToUInt64(bytes), BitConverter.ToUInt16(bytes, 8));
            }

            i++;
        }
    }

    private string Check(UserBench user, int vector)
    {
        X86Bench bench = user.Bench;
        var text = new StringBuilder();
        JsonElement before = _line.GetProperty("in"), after = _line.GetProperty("out");
        string? fault = _line.TryGetProperty("fault", out JsonElement told) && told.ValueKind == JsonValueKind.String ? told.GetString() : null;
        string? found = vector == 3 ? null : vector < 0 ? "nothing" : Faults[vector];
        if (vector == 3 && fault is null or "BP")
        {
            found = fault;
        }

        if (found != fault)
        {
            return $"fault {found ?? "none"}, not {fault ?? "none"}";
        }

        bool hasError = vector is 8 or (>= 10 and <= 14) or 17;
        int frame = hasError ? 1 : 0;
        ulong rip = user.Frame(frame) - (vector == 3 ? 1UL : 0);
        Compare("rip", rip, after.TryGetProperty("rip", out JsonElement target) ? Hex(target) : UserBench.Program + (fault is null ? (ulong)Bytes.Length : 0));
        if (hasError && _line.TryGetProperty("err", out JsonElement error) && error.ValueKind == JsonValueKind.String)
        {
            Compare("err", user.Frame(0), Hex(error));
        }

        if (vector == 14 && _line.TryGetProperty("cr2", out JsonElement address) && address.ValueKind == JsonValueKind.String)
        {
            Compare("cr2", bench.Slot(X86Slots.Cr2), Hex(address));
        }

        ulong undefined = _line.TryGetProperty("undef", out JsonElement mask) && mask.ValueKind == JsonValueKind.String ? Hex(mask) : 0;
        const ulong Compared = 0x20_0CD5;
        ulong flags = after.TryGetProperty("rfl", out JsonElement changed) ? Hex(changed) : Hex(before.GetProperty("rfl"));
        Compare("rfl", user.Frame(frame + 2) & Compared & ~undefined, flags & Compared & ~undefined);
        CheckRegisters(user, frame, before, after, text);
        CheckVectors(bench, before, after, text);
        CheckFloating(bench, before, after, text);
        CheckMemory(bench, before, after, text);
        return text.ToString();

        void Compare(string name, ulong value, ulong expected)
        {
            if (value != expected)
            {
                text.Append(CultureInfo.InvariantCulture, $"{name} {value:x} not {expected:x}; ");
            }
        }
    }

    private void CheckRegisters(UserBench user, int frame, JsonElement before, JsonElement after, StringBuilder text)
    {
        bool hasUndefined = _line.TryGetProperty("undef_dst", out JsonElement undefined) && undefined.ValueKind == JsonValueKind.True;
        for (int i = 0; i < 16; i++)
        {
            ulong value = i == X86Slots.Rsp ? user.Frame(frame + 3) : user.Bench.Slot(i);
            ulong expected = Find(after, i) ?? Find(before, i) ?? 0;
            if (value != expected && !(hasUndefined && (uint)value == (uint)expected))
            {
                text.Append(CultureInfo.InvariantCulture, $"{Names[i]} {value:x} not {expected:x}; ");
            }
        }

        static ulong? Find(JsonElement state, int number) =>
            state.TryGetProperty("gpr", out JsonElement registers) && registers.TryGetProperty(Names[number], out JsonElement value) ? Hex(value) : null;
    }

    private static void CheckVectors(X86Bench bench, JsonElement before, JsonElement after, StringBuilder text)
    {
        ulong control = after.TryGetProperty("mxcsr", out JsonElement changed) ? Hex(changed) : before.TryGetProperty("mxcsr", out JsonElement given) ? Hex(given) : 0x1F80;
        if (bench.Slot(X86Slots.Mxcsr) != control)
        {
            text.Append(CultureInfo.InvariantCulture, $"mxcsr {bench.Slot(X86Slots.Mxcsr):x} not {control:x}; ");
        }

        for (int i = 0; i < 16; i++)
        {
            string name = i.ToString(CultureInfo.InvariantCulture);
            string? expected = after.TryGetProperty("xmm", out JsonElement vectors) && vectors.TryGetProperty(name, out JsonElement vector) ? vector.GetString()
                : before.TryGetProperty("xmm", out vectors) && vectors.TryGetProperty(name, out vector) ? vector.GetString() : new string('0', 32);
            byte[] bytes = [.. BitConverter.GetBytes(bench.Slot(X86Slots.XmmLow + i)), .. BitConverter.GetBytes(bench.Slot(X86Slots.XmmHigh + i))];
            if (!string.Equals(Convert.ToHexString(bytes), expected, StringComparison.OrdinalIgnoreCase))
            {
                text.Append(CultureInfo.InvariantCulture, $"xmm{i} {Convert.ToHexStringLower(bytes)} not {expected}; ");
            }
        }
    }

    private void CheckFloating(X86Bench bench, JsonElement before, JsonElement after, StringBuilder text)
    {
        if (!after.TryGetProperty("fpu", out JsonElement unit) && !before.TryGetProperty("fpu", out unit))
        {
            return;
        }

        ulong undefined = _line.TryGetProperty("undef_fsw", out JsonElement mask) && mask.ValueKind == JsonValueKind.String ? Hex(mask) : 0;
        ulong status = bench.Slot(X86Slots.X87Status);
        if ((status & ~undefined) != (Hex(unit.GetProperty("sw")) & ~undefined) || bench.Slot(X86Slots.X87Control) != Hex(unit.GetProperty("cw")) || bench.Slot(X86Slots.X87Tags) != Hex(unit.GetProperty("tag")))
        {
            text.Append(CultureInfo.InvariantCulture, $"sw {status:x} cw {bench.Slot(X86Slots.X87Control):x} tag {bench.Slot(X86Slots.X87Tags):x} not {unit.GetProperty("sw").GetString()} {unit.GetProperty("cw").GetString()} {unit.GetProperty("tag").GetString()}; ");
        }

        int i = 0, top = (int)(status >> 11) & 7;
        foreach (JsonElement register in unit.GetProperty("st").EnumerateArray())
        {
            if (register.ValueKind == JsonValueKind.String)
            {
                int number = (top + i) & 7;
                byte[] bytes = [.. BitConverter.GetBytes(bench.Slot(X86Slots.X87Significand + number)), .. BitConverter.GetBytes((ushort)bench.Slot(X86Slots.X87Exponent + number))];
                if (!string.Equals(Convert.ToHexString(bytes), register.GetString(), StringComparison.OrdinalIgnoreCase))
                {
                    text.Append(CultureInfo.InvariantCulture, $"st{i} {Convert.ToHexStringLower(bytes)} not {register.GetString()}; ");
                }
            }

            i++;
        }
    }

    private static void CheckMemory(X86Bench bench, JsonElement before, JsonElement after, StringBuilder text)
    {
        byte[] expected = new byte[8 * 4096];
        Put(before);
        Put(after);
        ReadOnlySpan<byte> memory = bench.Memory.Slice((int)UserBench.ProgramAt + 4096, expected.Length);
        int difference = memory.CommonPrefixLength(expected);
        if (difference < expected.Length)
        {
            text.Append(CultureInfo.InvariantCulture, $"memory at {UserBench.Program + 4096 + (ulong)difference:x} {memory[difference]:x2} not {expected[difference]:x2}; ");
        }

        void Put(JsonElement state)
        {
            if (state.TryGetProperty("mem", out JsonElement memory) && memory.ValueKind == JsonValueKind.Array)
            {
                Convert.FromHexString(memory[1].GetString()!).CopyTo(expected, (int)(Hex(memory[0]) - UserBench.Program - 4096));
            }
        }
    }
}
