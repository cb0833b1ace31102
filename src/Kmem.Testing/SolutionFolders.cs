using Kmem.Machine.Plugins;

namespace Kmem.Testing;

/// <summary>Where the solution's files lie when a test runs from its build output.</summary>
public static class SolutionFolders
{
    /// <summary>The folder of <c>Kmem.sln</c>.</summary>
    /// <exception cref="DirectoryNotFoundException">The test does not run from within the solution.</exception>
    public static string Root { get; } = FindRoot();

    /// <summary>The machines that come with Kmem.</summary>
    public static string Machines => Path.Combine(Root, "machines");

    /// <summary>Data of tests.</summary>
    public static string TestData => Path.Combine(Root, "tests", "data");

    /// <summary>The folder of the program as built in the configuration of the running test.</summary>
    public static string Program
    {
        get
        {
            // .../artifacts/bin/PROJECT/CONFIGURATION/
            string configuration = Path.GetFileName(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar));
            return Path.Combine(Root, "artifacts", "bin", "Kmem.Cli", configuration);
        }
    }

    /// <summary>The plugins of the solution.</summary>
    public static PluginCatalog Plugins() => new PluginCatalog().AddFolder(Path.Combine(Program, "plugins"));

    private static string FindRoot()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Kmem.sln")))
            {
                return folder.FullName;
            }
        }

        throw new DirectoryNotFoundException($"There is no Kmem.sln above {AppContext.BaseDirectory}.");
    }
}
