using System.IO.Compression;
using System.Text.Json;
using Kmem.Testing;
using Xunit;
using Xunit.Abstractions;

namespace Kmem.Exec.Tests;

/// <summary>The recording program itself, compiled for the host, run on machines equal to the recorded ones: it must see what it saw there.</summary>
public sealed class RecordedCallsTests(ITestOutputHelper output)
{
    private const double MostExceptions = 0.03;

    private static readonly HashSet<string> NotAsked = new(StringComparer.Ordinal)
    {
        "kernel", "config", "variant", "n", "result", "errno", "data", "data_sha256", "data_head", "data_tail", "fill", "pos_before", "pos_after", "result_hex", "seek_errno", "seek_result", "revents", "r", "w", "x",
        "mode", "rdev", "size", "blksize", "blocks", "nlink", "value_read", "value", "before", "after", "byte1", "private_after", "shared_after", "pread", "map", "signal", "signals", "seen_through_va", "short", "page_multiple",
        "dest_first8", "dest_last8", "note", "phys_known", "data_is_prefix",
    };

    /// <summary>What memory and registers held, which firmware and a running kernel had put there; all other answers are compared.</summary>
    private static readonly HashSet<string> Contents = new(StringComparer.Ordinal) { "kernel", "config", "variant", "n", "data", "data_sha256", "data_head", "data_tail", "fill", "dest_first8", "dest_last8", "value", "before", "after" };

    private static string Source => Path.Combine(Path.GetDirectoryName(SolutionFolders.Root)!, "shared", "guests", "x86", "probe.c");

    public static TheoryData<string> Recordings => new("strict-y", "strict-n", "debian", "debian-lockdown", "debian-3600m");

    [RecordingTheory]
    [MemberData(nameof(Recordings))]
    public void TheRecordingProgramSeesWhatItSaw(string name)
    {
        string folder = Path.Combine(SolutionFolders.TestData, "corpus", "x86"), work = Directory.CreateTempSubdirectory("kmem-probe").FullName;
        string recording = Path.Combine(work, "recording.jsonl"), machine = Path.Combine(work, "machine.yaml"), probe = ClientProgram.Compile(Source, "-DNODES=\"/dev\"", "-I" + Path.GetDirectoryName(Source));
        using (var packed = new GZipStream(File.OpenRead(Path.Combine(folder, name + ".jsonl.gz")), CompressionMode.Decompress))
        using (FileStream plain = File.Create(recording))
        {
            packed.CopyTo(plain);
        }

        string facts = new[] { ".facts.txt", ".facts.txt.gz" }.Select(e => Path.Combine(folder, name + e)).First(File.Exists);
        ClientRun import = ClientProgram.Run(Path.Combine(SolutionFolders.Program, "kmem"), "import", facts, "--recording", recording, "--name", "recorded", "-o", machine);
        Assert.True(import.ExitCode == 0, import.Output);

        // Where its buffers lie decides which lengths reach the end of the address space: 16 GiB below it, as in the recordings more than
        // 2 GiB and less than 1 TiB, and not at random.
        ClientRun run = ClientProgram.Exec(machine, asNobody: false, [], "sh", "-c", "ulimit -s 16777216; exec setarch -R \"$0\"", probe);

        List<JsonElement> recorded = Lines(File.ReadAllText(recording)), seen = Lines(run.Output);
        int exceptions = 0, at = 0;
        var differences = new List<string>();
        foreach (JsonElement line in recorded)
        {
            string key = Key(line);
            int found = seen.FindIndex(at, s => Key(s) == key);
            bool isNear = found >= 0 && found - at < 24;
            at = isNear ? found + 1 : at;
            if (isNear && Answers(line) == Answers(seen[found]))
            {
                continue;
            }

            if (IsException(line))
            {
                exceptions++;
            }
            else
            {
                differences.Add($"{key}: recorded {Answers(line)}, {(isNear ? $"seen {Answers(seen[found])}" : "not asked")}");
            }
        }

        output.WriteLine($"{name}: {recorded.Count} lines, {exceptions} reviewed exceptions");
        Assert.True(differences.Count == 0, string.Join(Environment.NewLine, differences.Take(10)));
        Assert.True(exceptions <= recorded.Count * MostExceptions, $"{exceptions} exceptions");
        Assert.True(recorded.Count > 40);
        Directory.Delete(work, recursive: true);
    }

    private static List<JsonElement> Lines(string text) => [.. text.Split('\n').Where(l => l.StartsWith('{')).Select(l => JsonDocument.Parse(l).RootElement)];

    private static string Key(JsonElement line) => string.Join(',', line.EnumerateObject().Where(p => !NotAsked.Contains(p.Name)).Select(p => $"{p.Name}={p.Value}"));

    private static string Answers(JsonElement line) => string.Join(',', line.EnumerateObject().Where(p => !Contents.Contains(p.Name)).Select(p => $"{p.Name}={p.Value}").Order(StringComparer.Ordinal));

    private static string Text(JsonElement line, string name) => line.TryGetProperty(name, out JsonElement value) ? value.ToString() : "";

    private static bool IsException(JsonElement line)
    {
        using JsonDocument rules = JsonDocument.Parse(File.ReadAllText(Path.Combine(SolutionFolders.TestData, "corpus", "exec-exceptions.json")));
        return rules.RootElement.EnumerateArray().Any(rule => rule.EnumerateObject().Where(p => p.Name is not ("category" or "reason")).All(p => Text(line, p.Name).StartsWith(p.Value.ToString(), StringComparison.Ordinal)));
    }

    private sealed class RecordingTheoryAttribute : TheoryAttribute
    {
        public RecordingTheoryAttribute() =>
            Skip = ClientProgram.Obstacle ?? (!ClientProgram.Has("gcc") ? "there is no 'gcc' here" : !ClientProgram.Has("setarch") ? "there is no 'setarch' here" : !File.Exists(Source) ? "the recording program is not beside this clone (../shared/guests/x86/probe.c)"
                : !Environment.IsPrivilegedProcess ? "the recording program changes its user, which root alone can do" : null);
    }
}
