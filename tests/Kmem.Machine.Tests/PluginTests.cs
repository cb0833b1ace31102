using System.Diagnostics;
using Kmem.Abstractions;
using Kmem.Description;
using Kmem.Machine.Plugins;
using Kmem.Testing;
using Xunit;

namespace Kmem.Machine.Tests;

/// <summary>Plugins built in a folder of their own, against the contract assembly alone.</summary>
public sealed class PluginTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("kmem-plugin").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void APluginFromOutsideTheRepositoryLoadsAndARebuiltOneToo()
    {
        string dll = Compile("Acme.Counter", Counter(step: 1));
        Assert.Equal([5UL, 6UL], ReadTwice(dll));

        // A rebuilt version stands in a new program, where nothing of the first is loaded; here a new folder does the same.
        string again = Compile("Acme.Counter2", Counter(step: 10));
        Assert.Equal([5UL, 15UL], ReadTwice(again));
    }

    [Fact]
    public void APluginOfAnotherContractIsRefused() =>
        Refused(Compile("Acme.Old", Counter(step: 1).Replace("PluginContractAttribute.Current", "99", StringComparison.Ordinal)), "version 99 of the plugin contract");

    [Fact]
    public void APluginWithoutAContractIsRefused() =>
        Refused(Compile("Acme.None", Counter(step: 1).Replace("[assembly: PluginContract(PluginContractAttribute.Current)]", "", StringComparison.Ordinal)), "does not say for which contract");

    [Fact]
    public void TwoDevicesOfOneNameAreRefusedWithBothFiles()
    {
        string first = Compile("Acme.First", Counter(step: 1)), second = Compile("Acme.Second", Counter(step: 2));
        PluginCatalog catalog = SolutionFolders.Plugins();
        Assert.Null(catalog.AddAssembly(first));
        PluginFailure failure = catalog.AddAssembly(second)!;
        Assert.Contains(first, failure.Message, StringComparison.Ordinal);
        Assert.Contains(second, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void APluginThatThrowsIsReportedByFileAndType()
    {
        string dll = Compile("Acme.Thrower", Counter(step: 1).Replace("Registers = new", "throw new System.InvalidOperationException(\"broken on purpose\"); Registers = new", StringComparison.Ordinal), "CS0162");
        BuildResult result = Machine(dll);
        Assert.Null(result.Machine);
        Diagnostic error = Assert.Single(result.Diagnostics.Sorted);
        Assert.Equal(DiagnosticCodes.Plugin, error.Code);
        Assert.Contains("Acme.Counter", error.Message, StringComparison.Ordinal);
        Assert.Contains("broken on purpose", error.Message, StringComparison.Ordinal);
        Assert.Contains(dll, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AMissingDependencyIsReported()
    {
        string library = Compile("Acme.Library", "namespace Acme; public class Base { }");
        string dll = Compile("Acme.Needy", Counter(step: 1) + "namespace Acme { public sealed class Needs : Base { } }", reference: library);
        File.Delete(Path.Combine(Path.GetDirectoryName(dll)!, "Acme.Library.dll"));
        BuildResult result = Machine(dll);
        Assert.Contains("Acme.Library", Assert.Single(result.Diagnostics.Sorted).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("MZ")]
    [InlineData("this is no library at all")]
    public void JunkIsReported(string content)
    {
        string path = Path.Combine(_folder, "junk.dll");
        File.WriteAllText(path, content);
        Refused(path, "usable .NET assembly");
    }

    [Fact]
    public void ATruncatedPluginIsReported()
    {
        string path = Path.Combine(_folder, "short.dll");
        byte[] whole = File.ReadAllBytes(typeof(Device).Assembly.Location);
        for (int length = 64; length < whole.Length; length += whole.Length / 40)
        {
            File.WriteAllBytes(path, whole[..length]);
            Assert.NotNull(new PluginCatalog().AddAssembly(path));
        }
    }

    private static void Refused(string path, string reason)
    {
        PluginFailure failure = new PluginCatalog().AddAssembly(path)!;
        Assert.Contains(path, failure.Message, StringComparison.Ordinal);
        Assert.Contains(reason, failure.Message, StringComparison.Ordinal);
    }

    private static string Counter(int step) => $$"""
        using Kmem.Abstractions;
        [assembly: PluginContract(PluginContractAttribute.Current)]
        namespace Acme
        {
            public sealed record CounterOptions(uint Start = 5);

            [Device("acme.counter")]
            public sealed class Counter : Device, IHasRegisters
            {
                private uint _count;
                public Counter(CounterOptions options) { Registers = new RegisterMap(4).Add(0, "COUNT", () => options.Start + (_count += {{step}}) - {{step}}, peek: () => options.Start + _count); }
                public RegisterMap Registers { get; }
            }
        }

        """;

    private static BuildResult Machine(string dll) => Machines.Build($"""
        kmem: 1
        plugins:
          - assembly: {dll}
        """ + """

        spaces: {phys: {type: bus.flat, width: 32}}
        devices: {c: {type: acme.counter, map: [{space: phys, at: 0x100}]}}
        """);

    private static ulong[] ReadTwice(string dll)
    {
        BuildResult result = Machine(dll);
        Assert.True(result.Machine is not null, string.Join('\n', result.Diagnostics.Sorted));
        using RunningMachine machine = result.Machine;
        var cpu = new AccessAttributes(new BusMaster("cpu", MasterKind.Cpu));
        machine.Spaces["phys"].Read(0x100, 4, out ulong first, cpu);
        machine.Spaces["phys"].Read(0x100, 4, out ulong second, cpu);
        return [first, second];
    }

    private string Compile(string name, string source, string suppress = "", string? reference = null)
    {
        string folder = Directory.CreateDirectory(Path.Combine(_folder, name)).FullName;
        string extra = reference is null ? "" : $"<Reference Include=\"Acme.Library\" HintPath=\"{reference}\" />";
        File.WriteAllText(Path.Combine(folder, "Plugin.cs"), source);
        File.WriteAllText(Path.Combine(folder, name + ".csproj"), $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup><TargetFramework>net10.0</TargetFramework><EnableDynamicLoading>true</EnableDynamicLoading><Nullable>enable</Nullable><NoWarn>{suppress}</NoWarn></PropertyGroup>
              <ItemGroup><Reference Include="Kmem.Abstractions" HintPath="{Path.Combine(SolutionFolders.Program, "Kmem.Abstractions.dll")}" Private="false" />{extra}</ItemGroup>
            </Project>
            """);
        string output = Path.Combine(folder, "out");
        using Process build = Process.Start(new ProcessStartInfo("dotnet", ["build", "-c", "Release", "-o", output, "-v", "quiet", "-nologo", Path.Combine(folder, name + ".csproj")])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        string text = build.StandardOutput.ReadToEnd();
        build.WaitForExit();
        Assert.True(build.ExitCode == 0, text);
        return Path.Combine(output, name + ".dll");
    }
}
