using System.Collections.Concurrent;
using System.Text.Json;
using Kmem.Engine;
using Xunit;

namespace Kmem.Boot.Tests;

/// <summary>Real kernels judge the machine: what Linux answers here is what Linux answered on the recorded machine.</summary>
[Trait("Category", "Boot")]
public sealed class RecordingTests
{
    // Both say how far the recorded boot had come: 0x61 shows counter 2, and it was recorded with cycle= in one of the kernels, which leaves that
    // counter alone; IIC0 counts the ticks since power-on.
    private static readonly string[] Reviewed = ["0x61", "0x801a0000380"];

    private static readonly ConcurrentDictionary<string, Lazy<byte[]>> Consoles = new(StringComparer.Ordinal);

    [GuestTheory]
    [InlineData("min")]
    [InlineData("dp264")]
    public void EveryLineIsAsRecordedWithNativePalcode(string kernel) => Check(kernel, "native");

    [PalImageTheory]
    [InlineData("min")]
    [InlineData("dp264")]
    public void EveryLineIsAsRecordedWithThePalcodeImage(string kernel) => Check(kernel, GuestFiles.PalImage);

    [GuestFact]
    public void TwoRunsAreTheSameRun() => Assert.Equal(Console("min", "native", EngineMode.Both), Boot("min", "native", EngineMode.Both));

    [GuestFact]
    public void TheInterpreterAloneRunsTheSameRun() => Assert.Equal(Console("min", "native", EngineMode.Both), Boot("min", "native", EngineMode.Interpret));

    [PalImageTheory]
    [InlineData("native")]
    [InlineData(GuestFiles.PalImage)]
    public void TheGenericKernelGivesTheSameResults(string pal)
    {
        using AlphaRun run = AlphaRun.Kernel("generic", GuestFiles.RecordingInitrd, "console=ttyS0 panic=1 kmem.set=safe", EngineMode.Both, "pal", pal);
        CompareResults(RecordedLines.Recorded("dp264-safe.jsonl"), RecordedLines.Printed(run.Text));
    }

    [GuestTheory]
    [InlineData("64MiB", "0x4000000")]
    [InlineData("512MiB", "0x20000000")]
    public void KernelsFindTheMemoryThatThereIs(string ram, string top)
    {
        using AlphaRun run = AlphaRun.Kernel("min", GuestFiles.RecordingInitrd, "console=ttyS0 panic=1 kmem.set=safe", EngineMode.Both, "ram", ram);
        List<JsonElement> lines = RecordedLines.Printed(run.Text);
        Assert.Equal(top, RecordedLines.Text(lines[0], "offset"));
        CompareResults(RecordedLines.Recorded("min-safe.jsonl"), lines);
    }

    private static void Check(string kernel, string pal)
    {
        List<JsonElement> ours = RecordedLines.Printed(System.Text.Encoding.Latin1.GetString(Console(kernel, pal, EngineMode.Both)));
        List<JsonElement> recorded = [.. RecordedLines.Recorded(kernel + "-safe.jsonl"), .. RecordedLines.Recorded(kernel + "-pci.jsonl")];
        List<string> wrong = RecordedLines.Compare(recorded, ours, isNative: pal == "native", Reviewed);
        Assert.True(wrong.Count == 0, $"{wrong.Count} differences:\n{string.Join('\n', wrong.Take(20))}");
        Assert.True(ours.Count > 600);
    }

    /// <summary>Another kernel or another size of memory answers with other data, but with the same results.</summary>
    private static void CompareResults(List<JsonElement> recorded, List<JsonElement> ours)
    {
        Assert.Equal(recorded.Count, ours.Count);
        foreach ((JsonElement theirs, JsonElement line) in recorded.Zip(ours))
        {
            foreach (string field in (string[])["op", "dev", "length", "result", "errno", "signal"])
            {
                Assert.True(RecordedLines.Text(theirs, field) == RecordedLines.Text(line, field), $"{theirs.GetRawText()}\n{line.GetRawText()}");
            }
        }
    }

    private static byte[] Console(string kernel, string pal, EngineMode mode) =>
        Consoles.GetOrAdd($"{kernel} {pal} {mode}", _ => new Lazy<byte[]>(() => Boot(kernel, pal, mode))).Value;

    private static byte[] Boot(string kernel, string pal, EngineMode mode)
    {
        using AlphaRun run = AlphaRun.Kernel(kernel, GuestFiles.RecordingInitrd, "console=ttyS0 panic=1 kmem.set=all", mode, "pal", pal);
        return run.Console;
    }
}
