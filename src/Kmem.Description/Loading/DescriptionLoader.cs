namespace Kmem.Description;

/// <summary>Reads a machine: text, includes, parameters, patches and variants become one tree, and the tree becomes records.</summary>
/// <remarks>No plugin code is loaded here, so this is safe on files from anywhere.</remarks>
public static class DescriptionLoader
{
    /// <summary>Loads the machine in a file.</summary>
    /// <param name="path">Path of the file.</param>
    /// <param name="options">The caller's decisions; null for none.</param>
    public static LoadResult Load(string path, LoadOptions? options = null)
    {
        var diagnostics = new DiagnosticBag();
        options ??= new LoadOptions();
        var assembler = new TreeAssembler(options, diagnostics);
        MappingNode? tree = assembler.Assemble(path);
        MachineDescription? machine = tree is null ? null : new MachineBinder(diagnostics).Bind(tree, assembler);
        return new LoadResult(machine, diagnostics);
    }

    /// <summary>Loads a machine from text, for tests and for standard input.</summary>
    public static LoadResult LoadText(string text, LoadOptions? options = null) =>
        Load("/machine.yaml", (options ?? new LoadOptions()) with { Files = new MemoryFileSource(text) });
}
