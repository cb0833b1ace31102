using System.IO.Compression;
using Kmem.Abstractions;
using Kmem.Description;
using Kmem.Description.Import;
using Kmem.Host.Recordings;
using Kmem.Machine;
using Kmem.Testing;
using Xunit;

namespace Kmem.Corpus.Tests;

/// <summary>A recording on disk with the facts beside it.</summary>
public sealed record Recording(string Path)
{
    public string Name => System.IO.Path.GetFileName(Path).Replace(".gz", "", StringComparison.Ordinal).Replace(".jsonl", "", StringComparison.Ordinal);

    /// <summary>The folder of recordings: KMEM_CORPUS, else the copy in tests/data.</summary>
    public static string Folder => Environment.GetEnvironmentVariable("KMEM_CORPUS") is { Length: > 0 } folder ? folder : System.IO.Path.Combine(SolutionFolders.TestData, "corpus");

    /// <summary>Every recording of the folder but those of operations that stop a machine.</summary>
    public static IEnumerable<Recording> All => Directory.EnumerateFiles(Folder, "*.jsonl*", SearchOption.AllDirectories)
        .Order(StringComparer.Ordinal).Select(f => new Recording(f)).Where(r => !r.Name.EndsWith("-danger", StringComparison.Ordinal));

    public IEnumerable<string> Lines => ReadLines(Path);

    public RunningMachine Build(out IKernel kernel)
    {
        string folder = System.IO.Path.GetDirectoryName(Path)!;
        string? facts = new[] { Name + ".facts.txt", "facts.txt" }.SelectMany(f => new[] { f, f + ".gz" }).Select(f => System.IO.Path.Combine(folder, f)).FirstOrDefault(File.Exists);
        MachineFacts? read = null;
        if (facts is not null)
        {
            using var reader = new StringReader(string.Join('\n', ReadLines(facts)));
            read = MachineFacts.Read(reader);
        }

        string text = MachineImport.Write(Name, read, RecordingHead.Read(Lines));
        string file = System.IO.Path.Combine(Directory.CreateTempSubdirectory("kmem-import").FullName, "machine.yaml");
        File.WriteAllText(file, text);
        BuildResult result = MachineFactory.Load(file, new LoadOptions { SearchPath = [SolutionFolders.Machines] }, catalog: SolutionFolders.Plugins());
        Assert.True(result.Machine is not null, string.Join('\n', result.Diagnostics.Sorted));
        var diagnostics = new DiagnosticBag();
        kernel = result.Machine.CreateKernel("recorded", diagnostics)!;
        Assert.True(kernel is not null, string.Join('\n', diagnostics.Sorted));
        return result.Machine;
    }

    public override string ToString() => Name;

    private static IEnumerable<string> ReadLines(string path)
    {
        using Stream file = File.OpenRead(path);
        using Stream stream = path.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(file, CompressionMode.Decompress) : file;
        using var reader = new StreamReader(stream);
        while (reader.ReadLine() is { } line)
        {
            yield return line;
        }
    }
}
