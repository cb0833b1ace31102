using Kmem.Description;
using Kmem.Machine.Plugins;
using Kmem.Testing;
using Xunit;

namespace Kmem.Machine.Tests;

/// <summary>Machines built from text.</summary>
internal static class Machines
{
    public static BuildResult Build(string text, PluginCatalog? catalog = null)
    {
        LoadResult loaded = DescriptionLoader.LoadText(text);
        return MachineFactory.Build(loaded.Machine!, loaded.Diagnostics, catalog: catalog ?? SolutionFolders.Plugins());
    }

    public static RunningMachine Good(string text)
    {
        BuildResult result = Build(text);
        Assert.True(result.Machine is not null, string.Join('\n', result.Diagnostics.Sorted));
        return result.Machine;
    }
}
