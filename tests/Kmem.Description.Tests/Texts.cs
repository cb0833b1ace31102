namespace Kmem.Description.Tests;

/// <summary>Machines given as text.</summary>
internal static class Texts
{
    public static LoadResult Load(string text, LoadOptions? options = null) => DescriptionLoader.LoadText(text, options);

    public static MachineDescription Machine(string text, LoadOptions? options = null)
    {
        LoadResult result = Load(text, options);
        return result.Diagnostics.HasErrors ? throw new InvalidOperationException(string.Join('\n', result.Diagnostics.Sorted)) : result.Machine!;
    }

    /// <summary>Several files; the first is the machine.</summary>
    public static LoadResult LoadFiles(LoadOptions? options, params (string Path, string Text)[] files)
    {
        var source = new MemoryFileSource(files.ToDictionary(f => f.Path, f => System.Text.Encoding.UTF8.GetBytes(f.Text), StringComparer.Ordinal));
        return DescriptionLoader.Load(files[0].Path, (options ?? new LoadOptions()) with { Files = source });
    }

    public static LoadOptions Set(string name, string value) => new() { Parameters = new Dictionary<string, string>(StringComparer.Ordinal) { [name] = value } };
}
