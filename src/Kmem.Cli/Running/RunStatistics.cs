using System.Diagnostics;
using System.Globalization;
using Kmem.Engine;
using Kmem.Machine.Running;

namespace Kmem.Cli.Running;

/// <summary>What <c>--stats</c> says.</summary>
internal static class RunStatistics
{
    /// <summary>The figures of a run as lines for people.</summary>
    /// <param name="runner">The run.</param>
    /// <param name="guest">Guest time in ns.</param>
    /// <param name="host">Host time.</param>
    public static string Text(MachineRunner runner, long guest, TimeSpan host)
    {
        double guestSeconds = guest / 1e9, hostSeconds = host.TotalSeconds, processor = Process.GetCurrentProcess().TotalProcessorTime.TotalSeconds;
        using var text = new StringWriter(CultureInfo.InvariantCulture);
        text.WriteLine(string.Create(CultureInfo.InvariantCulture, $"guest time  {guestSeconds,12:F3} s"));
        text.WriteLine(string.Create(CultureInfo.InvariantCulture, $"host time   {hostSeconds,12:F3} s    guest time ran {guestSeconds / hostSeconds:0.00} times as fast; {processor:F2} s of processor time, loading and translating included"));
        for (int i = 0; i < runner.Cpus.Count; i++)
        {
            CpuExecution cpu = runner.Cpus[i];
            text.WriteLine(string.Create(CultureInfo.InvariantCulture, $"cpu{i}        {cpu.Executed,14:N0} instructions and cycles asleep, {cpu.Executed / hostSeconds / 1e6:N0} million a second"));
            text.WriteLine(string.Create(CultureInfo.InvariantCulture, $"            {cpu.Cache.Allocated,14:N0} blocks decoded, {cpu.Cache.Regions.Count():N0} regions translated, {cpu.SideExits:N0} times back to the interpreter"));
        }

        return text.ToString();
    }
}
