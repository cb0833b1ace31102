using Kmem.Abstractions;
using Kmem.Host.Recordings;
using Kmem.Machine;
using Xunit;

namespace Kmem.Corpus.Tests;

/// <summary>Single accesses of an Alpha that stop or log, each recorded in a boot of its own: here they end with a result instead.</summary>
[Trait("Category", "Corpus")]
public sealed class DangerTests
{
    [Fact]
    public void AccessesThatMachineCheckedEndWithAnErrorAndTheOthersWithTheirData()
    {
        var recording = new Recording(Path.Combine(Recording.Folder, "alpha", Directory.GetFiles(Path.Combine(Recording.Folder, "alpha"), "dp264-danger.jsonl*")[0]));
        using RunningMachine machine = recording.Build(out _);
        var attributes = new AccessAttributes(new BusMaster("cpu0", MasterKind.Cpu));
        int tried = 0;
        foreach (OperationLine line in recording.Lines.Select(OperationLine.Parse).Where(l => l.Operation is "mmap_load" or "mmap_store"))
        {
            ulong offset = line.Number("offset")!.Value;
            int width = (int)line.Number("length")!.Value;
            if (offset % (ulong)width != 0)
            {
                // The CPU traps before the bus sees anything.
                continue;
            }

            ulong value = 0;
            AccessResult result = line.Operation == "mmap_load"
                ? machine.MainSpace!.Read(offset, width, out value, attributes)
                : machine.MainSpace!.Write(offset, width, line.Number("value")!.Value, attributes);
            bool isChecked = line.Number("machine_checks") != 0;
            Assert.True(result == AccessResult.Ok != isChecked, $"{line.Raw("n")}: {line.Operation} of {width} bytes at 0x{offset:x} ends with {result}");
            Assert.True(isChecked || line.Operation != "mmap_load" || line.Number("register") == value, $"{line.Raw("n")}: 0x{value:x}");
            tried++;
        }

        Assert.InRange(tried, 20, 30);
    }
}
