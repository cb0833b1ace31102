using System.Xml.Linq;
using Kmem.Testing;
using Xunit;

namespace Kmem.Machine.Tests;

/// <summary>Holds the project references to the table of the architecture.</summary>
public sealed class ProjectReferenceTests
{
    private static readonly Dictionary<string, string[]> Allowed = new(StringComparer.Ordinal)
    {
        ["Kmem.Abstractions"] = [],
        ["Kmem.Memory"] = ["Kmem.Abstractions"],
        ["Kmem.Ir"] = ["Kmem.Abstractions"],
        ["Kmem.Engine"] = ["Kmem.Abstractions", "Kmem.Memory", "Kmem.Ir"],
        ["Kmem.Description"] = ["Kmem.Abstractions"],
        ["Kmem.Machine"] = ["Kmem.Abstractions", "Kmem.Memory", "Kmem.Ir", "Kmem.Engine", "Kmem.Description"],
        ["Kmem.Host"] = ["Kmem.Abstractions"],
        ["Kmem.Debug"] = ["Kmem.Machine"],
        ["Kmem.Cli"] = ["Kmem.Machine", "Kmem.Host", "Kmem.Debug"],
        ["Kmem.Testing"] = ["Kmem.Machine", "Kmem.Host"],
    };

    private static readonly Dictionary<string, string[]> Packages = new(StringComparer.Ordinal)
    {
        ["Kmem.Description"] = ["YamlDotNet"],
        ["Kmem.Machine"] = ["McMaster.NETCore.Plugins"],
        ["Kmem.Host"] = ["Iced"],
        ["Kmem.Cli"] = ["Spectre.Console", "System.CommandLine"],
        ["Kmem.Testing"] = ["xunit.assert"],
    };

    private static readonly Dictionary<string, string[]> PluginPackages = new(StringComparer.Ordinal)
    {
        ["CpuX86"] = ["Iced"],
    };

    public static TheoryData<string> Sources => [.. Directory.EnumerateFiles(Path.Combine(SolutionFolders.Root, "src"), "*.csproj", SearchOption.AllDirectories).Select(f => Path.GetFileNameWithoutExtension(f)).Order(StringComparer.Ordinal)];

    public static TheoryData<string> Plugins => [.. Directory.EnumerateFiles(Path.Combine(SolutionFolders.Root, "plugins"), "*.csproj", SearchOption.AllDirectories).Select(f => Path.GetFileNameWithoutExtension(f)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Sources))]
    public void ASourceProjectKnowsOnlyWhatTheTableAllows(string project)
    {
        XDocument file = XDocument.Load(Path.Combine(SolutionFolders.Root, "src", project, project + ".csproj"));
        Assert.Subset(Allowed[project].ToHashSet(StringComparer.Ordinal), References(file, "ProjectReference"));
        Assert.Subset(Packages.GetValueOrDefault(project, []).ToHashSet(StringComparer.Ordinal), References(file, "PackageReference"));
    }

    [Theory]
    [MemberData(nameof(Plugins))]
    public void APluginKnowsTheContractAlone(string project)
    {
        XDocument file = XDocument.Load(Path.Combine(SolutionFolders.Root, "plugins", project, project + ".csproj"));
        bool isCpu = project.StartsWith("Cpu", StringComparison.Ordinal);
        Assert.Equal(isCpu ? ["Kmem.Ir"] : [], References(file, "ProjectReference"));
        Assert.Subset(PluginPackages.GetValueOrDefault(project, []).ToHashSet(StringComparer.Ordinal), References(file, "PackageReference"));
        XDocument shared = XDocument.Load(Path.Combine(SolutionFolders.Root, "plugins", "Directory.Build.props"));
        Assert.Equal(["Kmem.Abstractions"], References(shared, "ProjectReference"));
    }

    /// <summary>What a project needs at run time; analyzers stay at home.</summary>
    private static HashSet<string> References(XDocument file, string kind) =>
        [.. file.Descendants(kind).Where(r => r.Attribute("PrivateAssets")?.Value != "all").Select(r => Path.GetFileNameWithoutExtension(r.Attribute("Include")!.Value.Replace('\\', '/'))).Select(n => n.EndsWith(".csproj", StringComparison.Ordinal) ? n[..^7] : n).Select(Full)];

    /// <summary>A package's name may end in what looks like an extension.</summary>
    private static string Full(string name) => name switch { "Spectre" => "Spectre.Console", "System" => "System.CommandLine", "McMaster.NETCore" => "McMaster.NETCore.Plugins", "xunit" => "xunit.assert", _ => name };
}
