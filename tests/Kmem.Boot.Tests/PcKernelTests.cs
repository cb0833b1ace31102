using System.Text.Json;
using Kmem.Ir;
using Kmem.Machine.Running;
using Xunit;

namespace Kmem.Boot.Tests;

/// <summary>Real kernels judge the PC: what Linux answers here is what it answered on the recorded machine, and Debian's kernel can be worked with.</summary>
[Trait("Category", "Boot")]
public sealed class PcKernelTests
{
    // What lies in memory is that of whoever filled it: SeaBIOS on the recorded machine, the loader here.
    private static readonly string[] Content = ["src", "data", "data_sha256", "data_head", "data_tail", "fill", "dest_first8", "dest_last8", "before", "after"];
    private static readonly string[] Head = ["kernel", "variant", "config"];

    [PcGuestFact]
    public void EveryAnswerIsAsRecorded() => Compare("strict-y", PcGuestFiles.StrictKernel, "probe_cfg=strict-y:1:0", least: 1000);

    [PcGuestFact]
    public void EveryAnswerOfTheOpenKernelIsAsRecorded() => Compare("strict-n", PcGuestFiles.OpenKernel, "probe_cfg=strict-n:0:0", least: 1000);

    [StockKernelFact]
    public void EveryAnswerUnderLockdownIsAsRecorded() => Compare("debian-lockdown", PcGuestFiles.StockKernel!, "lockdown=integrity probe_cfg=debian-lockdown:1:1", least: 50);

    [StockKernelFact]
    public void DebiansKernelAnswersInAShellAndPowersOff()
    {
        using var run = new PcKernelRun("pc-i440fx.yaml", PcGuestFiles.StockKernel!, PcGuestFiles.ShellInitrd, "console=ttyS0 quiet");
        run.Answer("KMEM-SHELL-READY 6.", "");
        run.Answer("# ", "echo $((6*7))-$(uname -m)\n");
        run.Answer("42-x86_64", "poweroff -f\n");
        run.PowersOff();
    }

    [StockKernelFact]
    public void DebiansKernelWorksWithTwoCpus()
    {
        using var run = new PcKernelRun("pc-i440fx.yaml", PcGuestFiles.StockKernel!, PcGuestFiles.ShellInitrd, "console=ttyS0 quiet", "cpus", "2");
        run.Answer("KMEM-SHELL-READY 6.", "");
        run.Answer("# ", "echo cpus-$(nproc)-$(grep -c ^processor /proc/cpuinfo)\n");

        // Both work at once, one is taken away and comes back, and the clock is still the one that both share.
        run.Answer("cpus-2-2", "for c in 1 2; do taskset $c sha256sum /bin/busybox & done; wait; echo both-$((40+2))\n");
        run.Answer("both-42", "cd /sys/devices/system; echo 0 >cpu/cpu1/online; echo left-$(nproc)\n");
        run.Answer("left-1", "echo 1 >cpu/cpu1/online; echo back-$(nproc)-$(cat clocksource/clocksource0/current_clocksource)\n");
        run.Answer("back-2-tsc", "poweroff -f\n");
        MachineStop stop = run.Finish();
        Assert.True(stop is { Kind: StopKind.PowerOff, ExitCode: 0 }, $"{stop.Kind}: {stop.Message}\n{run.Tail}");
        string[] sums = [.. run.Text.Split('\n').Where(l => l.Contains("  /bin/busybox", StringComparison.Ordinal)).Select(l => l.Split(' ')[0])];
        Assert.True(sums.Length == 2 && sums[0] == sums[1] && sums[0].Length == 64, string.Join(' ', sums));
    }

    private static void Compare(string name, string kernel, string commandLine, int least)
    {
        using var run = new PcKernelRun("pc-i440fx.yaml", kernel, PcGuestFiles.ProbeInitrd, "console=ttyS0 quiet loglevel=1 panic=-1 " + commandLine);
        MachineStop stop = run.Finish();
        Assert.True(stop.Kind is StopKind.Reset, $"{stop.Kind}: {stop.Message}\n{run.Tail}");
        List<JsonElement> recorded = PcGuestFiles.Recorded(name), ours = PcGuestFiles.Lines(run.Text);
        Assert.Equal(recorded.Count, ours.Count);
        List<string> wrong = [.. recorded.Zip(ours).SelectMany(p => Differences(p.First, p.Second))];
        Assert.True(wrong.Count == 0, $"{wrong.Count} differences:\n{string.Join('\n', wrong.Take(20))}");
        Assert.True(recorded.Count > least);
    }

    private static IEnumerable<string> Differences(JsonElement recorded, JsonElement ours)
    {
        // A timer of 1 ms decides how far the transfer gets, and whether that is as far as the end of what may be read; the recording lists the result as volatile.
        string[] timing = RecordedLines.Text(recorded, "op") == "pread_signal" ? ["result", "errno", "short", "page_multiple", "signals"] : [];
        return recorded.EnumerateObject().Concat(ours.EnumerateObject()).Select(p => p.Name).Distinct(StringComparer.Ordinal).Except(Content).Except(Head).Except(timing)
            .Where(f => RecordedLines.Text(recorded, f) != RecordedLines.Text(ours, f))
            .Select(f => $"{recorded.GetRawText()}\n  {f}: ours {RecordedLines.Text(ours, f) ?? "(none)"}");
    }
}
