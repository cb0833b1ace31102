using Kmem.Description;
using Kmem.Machine;
using Kmem.Machine.Backends;
using Kmem.Machine.Plugins;
using Kmem.Testing;
using Xunit;

namespace Kmem.Boot.Tests;

/// <summary>Builds the machines of these tests from power-on.</summary>
internal static class BootMachine
{
    // One copy of the plugins for all tests: each copy has kernels and helpers of its own, for which there is a limit.
    private static readonly PluginCatalog Plugins = SolutionFolders.Plugins();
    private static readonly Lock Building = new();

    /// <summary>Builds a machine whose terminal is a buffer.</summary>
    /// <param name="file">File name in the folder of machines.</param>
    /// <param name="console">What stands at <c>stdio</c>.</param>
    /// <param name="parameters">Parameters, as <c>--set</c> takes them: name, value, name, value.</param>
    public static RunningMachine Build(string file, MemoryCharBackend console, params string[] parameters)
    {
        var load = new LoadOptions { Parameters = parameters.Chunk(2).ToDictionary(p => p[0], p => p[1], StringComparer.Ordinal) };
        var build = new BuildOptions { FromPowerOn = true, CharBackend = s => s == "stdio" ? console : BuildOptions.Quiet(s), BlockBackend = HostBackends.Block, HostNetwork = static () => new HostNetwork(static _ => { }) };
        lock (Building)
        {
            BuildResult result = MachineFactory.Load(Path.Combine(SolutionFolders.Machines, file), load, build, Plugins);
            Assert.True(result.Machine is not null, string.Join('\n', result.Diagnostics.Sorted));
            return result.Machine;
        }
    }
}
