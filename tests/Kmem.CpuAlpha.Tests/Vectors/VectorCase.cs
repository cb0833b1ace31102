using System.Globalization;
using System.IO.Compression;
using System.Text.Json;

namespace Kmem.CpuAlpha.Tests.Vectors;

/// <summary>A case of <c>vectors/alpha</c>: an instruction alone, with registers and memory before and after; see the README beside the data.</summary>
internal sealed class VectorCase
{
    private static readonly Lazy<IReadOnlyDictionary<string, VectorCase[]>> Files = new(ReadAll);

    private readonly JsonElement _in;
    private readonly JsonElement _out;

    private VectorCase(JsonElement line)
    {
        Id = line.GetProperty("id").GetInt32();
        Class = line.GetProperty("class").GetString()!;
        Mnemonic = line.GetProperty("mnemonic").GetString()!;
        Instruction = (uint)Number(line.GetProperty("insn"));
        Setup = line.TryGetProperty("setup_insn", out JsonElement setup) && setup.ValueKind == JsonValueKind.String ? (uint)Number(setup) : null;
        (_in, _out) = (line.GetProperty("in"), line.GetProperty("out"));
        if (line.GetProperty("trap") is { ValueKind: JsonValueKind.Object } trap)
        {
            Signal = trap.GetProperty("signal").GetString();
            PcOffset = (int)trap.GetProperty("pc_off").GetDouble();
        }
    }

    /// <summary>The folder of the vectors: <c>KMEM_VECTORS</c>, or the copy in the tests' data.</summary>
    public static string Folder => Environment.GetEnvironmentVariable("KMEM_VECTORS") is { Length: > 0 } folder ? folder : Path.Combine(Testing.SolutionFolders.TestData, "vectors");

    /// <summary>All cases by class, in the order of the files.</summary>
    public static IReadOnlyDictionary<string, VectorCase[]> All => Files.Value;

    public int Id { get; }

    public string Class { get; }

    public string Mnemonic { get; }

    public uint Instruction { get; }

    /// <summary>The instruction to be run just before; null for none.</summary>
    public uint? Setup { get; }

    /// <summary>The signal that the operating system sends; null where the program goes on.</summary>
    public string? Signal { get; }

    /// <summary>The saved program counter of a signal, from the instruction, in bytes.</summary>
    public int PcOffset { get; }

    public bool IsMemory => _in.TryGetProperty("buf", out _);

    public ulong? Input(string name) => Value(_in, name);

    public ulong? Output(string name) => Value(_out, name);

    public byte[]? InputBytes => Bytes(_in);

    public byte[]? OutputBytes => Bytes(_out);

    /// <summary>Distance of the base register from the buffer, in bytes.</summary>
    public long BaseOffset => long.Parse(_in.GetProperty("rb").GetString()!["buf".Length..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"case {Id} {Mnemonic} ({Instruction:x8})");

    private static ulong? Value(JsonElement group, string name) => group.TryGetProperty(name, out JsonElement value) ? Number(value) : null;

    private static byte[]? Bytes(JsonElement group) => group.TryGetProperty("buf", out JsonElement value) ? Convert.FromHexString(value.GetString()!) : null;

    private static ulong Number(JsonElement value) => value.ValueKind == JsonValueKind.Number
        ? (ulong)value.GetInt64()
        : ulong.Parse(value.GetString()!.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    private static Dictionary<string, VectorCase[]> ReadAll()
    {
        string folder = Path.Combine(Folder, "alpha");
        if (!Directory.Exists(folder))
        {
            return [];
        }

        var cases = new List<VectorCase>();
        foreach (string path in Directory.EnumerateFiles(folder, "*.jsonl*").Order(StringComparer.Ordinal))
        {
            using Stream file = File.OpenRead(path);
            using Stream content = path.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(file, CompressionMode.Decompress) : file;
            using var reader = new StreamReader(content);
            while (reader.ReadLine() is { } line)
            {
                if (line.Length > 0)
                {
                    cases.Add(new VectorCase(JsonDocument.Parse(line).RootElement));
                }
            }
        }

        return cases.GroupBy(c => c.Class, StringComparer.Ordinal).ToDictionary(g => g.Key, g => g.ToArray(), StringComparer.Ordinal);
    }
}
