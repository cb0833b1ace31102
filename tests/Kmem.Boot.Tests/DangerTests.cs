using System.Text.Json;
using System.Text.RegularExpressions;
using Kmem.Engine;
using Xunit;

namespace Kmem.Boot.Tests;

/// <summary>Accesses that make a real kernel log a machine check, one in each boot.</summary>
[Trait("Category", "Boot")]
public sealed partial class DangerTests
{
    [GuestTheory]
    [InlineData(3)]    // a store past the end of memory
    [InlineData(5)]    // a byte of the TIGbus, which is absent
    [InlineData(20)]   // an unaligned word of a device: no machine check, but an unaligned trap
    public void ADangerousOperationIsLoggedAsRecorded(int number) => Check(number, "native");

    [PalImageTheory]
    [InlineData(15)]   // a quadword from the interrupt acknowledge window
    public void SoItIsWithThePalcodeImage(int number) => Check(number, GuestFiles.PalImage);

    private static void Check(int number, string pal)
    {
        using AlphaRun run = AlphaRun.Kernel("min", GuestFiles.RecordingInitrd, $"console=ttyS0 panic=1 kmem.op={number}", EngineMode.Both, "pal", pal);
        JsonElement recorded = RecordedLines.Recorded("dp264-danger.jsonl").First(l => RecordedLines.Text(l, "n") == $"{number}");
        JsonElement line = Assert.Single(RecordedLines.Printed(run.Text));
        foreach (string field in (string[])["op", "dev", "offset", "length", "result", "errno", "signal", "register", "data"])
        {
            Assert.True(RecordedLines.Text(recorded, field) == RecordedLines.Text(line, field), $"{field}\n{recorded.GetRawText()}\n{line.GetRawText()}");
        }

        string[] logged = [.. MachineCheck().Matches(run.Text).Select(m => m.Groups["check"].Value)];
        Assert.Equal(recorded.GetProperty("console").EnumerateArray().Select(e => e.GetString()), logged);
        Assert.Equal(recorded.GetProperty("machine_checks").GetInt32(), logged.Length);
    }

    [GeneratedRegex(@"machine check: (?<check>vector=\S+ pc=\S+ code=\S+)", RegexOptions.ExplicitCapture, 10_000)]
    private static partial Regex MachineCheck();
}
