using Kmem.Abstractions;
using Kmem.Host.Recordings;
using Kmem.Machine;
using Kmem.Memory;
using Xunit;
using Xunit.Abstractions;

namespace Kmem.Corpus.Tests;

/// <summary>Every line of every recording, replayed on the machine that <c>kmem import</c> makes of its facts.</summary>
[Trait("Category", "Corpus")]
public sealed class ReplayTests(ITestOutputHelper output)
{
    private const double MostExceptions = 0.02;

    public static TheoryData<string> Recordings => [.. Recording.All.Select(r => Path.GetRelativePath(Recording.Folder, r.Path))];

    [Theory]
    [MemberData(nameof(Recordings))]
    public void EveryLineAnswersAsRecorded(string path)
    {
        var recording = new Recording(Path.Combine(Recording.Folder, path));
        ReviewedExceptions reviewed = ReviewedExceptions.Read();
        using RunningMachine machine = recording.Build(out IKernel kernel);
        var runner = new OperationRunner(kernel, machine.MainSpace, KernelRam.End(machine));
        var bytes = new ComparableBytes(machine);
        var wrong = new List<string>();
        int lines = 0, excepted = 0, compared = 0;
        foreach (string text in recording.Lines)
        {
            OperationLine recorded = OperationLine.Parse(text), ours = OperationLine.Parse(runner.Run(text)!);
            lines++;
            if (ours.Raw("error") is { } error)
            {
                wrong.Add($"{text}\n  error {error}");
                continue;
            }

            bool isException = false;
            foreach (string field in (string[])["result", "errno", "signal", "pos_after", "revents", "seek_errno", "seek_result", "rdev", "blksize", "st_size", "st_blksize"])
            {
                if (recorded.Raw(field) is { } expected && ours.Raw(field) != expected && !IsTypeless(recorded, field))
                {
                    bool isCovered = reviewed.Covers(recorded.Operation, field);
                    isException |= isCovered;
                    if (!isCovered)
                    {
                        wrong.Add($"{text}\n  {field}: ours {ours.Raw(field) ?? "(none)"}");
                    }
                }
            }

            excepted += isException ? 1 : 0;
            compared += Compare(recorded, ours, bytes, wrong);
            bytes.Note(recorded);
        }

        output.WriteLine($"{recording.Name}: {lines} lines, {lines - excepted} match in result and errno, {excepted} reviewed exceptions, {compared} bytes of data compared");
        Assert.True(wrong.Count == 0, $"{wrong.Count} differences:\n{string.Join('\n', wrong.Take(20))}");
        Assert.True(excepted <= lines * MostExceptions, $"{excepted} of {lines} lines are exceptions");
        Assert.True(lines > 0);
    }

    [Fact]
    public void ThereIsAReasonForEachException() =>
        Assert.All(ReviewedExceptions.Read().Entries, e => Assert.True(e.Category.Length > 0 && e.Reason.Length > 20));

    [Fact]
    public void TheFolderHoldsRecordings() => Assert.NotEmpty(Recording.All);

    /// <summary>What a volatile line reports beside its result differs from boot to boot.</summary>
    private static bool IsTypeless(OperationLine line, string field) => field != "result" && line.Raw("volatile") is not null;

    private static int Compare(OperationLine recorded, OperationLine ours, ComparableBytes known, List<string> wrong)
    {
        bool reads = recorded.Operation is "pread" or "read" or "lseek+read" or "mmap" or "mmap_load";
        if (!reads || recorded.Raw("volatile") is not null || recorded.Raw("data_is_prefix") is not null || recorded.Bytes("data") is not { } expected || recorded.Number("offset") is not { } offset)
        {
            return 0;
        }

        byte[]? actual = ours.Bytes("data");
        if (actual is null)
        {
            // A machine check leaves nothing to compare: the recorder's register leak is not architecture.
            return 0;
        }

        offset += recorded.Number("delta") ?? 0;
        int compared = 0;
        for (int i = 0; i < Math.Min(expected.Length, actual.Length); i++)
        {
            if (!known.IsComparable(recorded, offset + (ulong)i))
            {
                continue;
            }

            compared++;
            if (expected[i] != actual[i])
            {
                wrong.Add($"{recorded.Raw("n")} {recorded.Device} {recorded.Operation} 0x{offset:x}: byte {i} is {actual[i]:x2}, recorded {expected[i]:x2} ({recorded.Text("where") ?? recorded.Text("note")})");
                break;
            }
        }

        return compared;
    }
}
