using Kmem.Abstractions;

namespace Kmem.Machine.Plugins;

/// <summary>A plugin that can't be used, and why.</summary>
/// <param name="Path">The DLL or folder.</param>
/// <param name="Message">What is wrong, with the file in it.</param>
public sealed record PluginFailure(string Path, string Message);

/// <summary>All plugin types that the program can use.</summary>
public sealed class PluginCatalog
{
    private readonly Dictionary<(PluginKind, string), PluginType> _types = [];
    private readonly List<PluginAssembly> _assemblies = [];
    private readonly List<PluginFailure> _failures = [];

    /// <summary>Every type, by kind and name.</summary>
    public IEnumerable<PluginType> Types => _types.Values.OrderBy(t => t.Kind).ThenBy(t => t.Name, StringComparer.Ordinal);

    /// <summary>The plugins in the order in which they were found.</summary>
    public IReadOnlyList<PluginAssembly> Assemblies => _assemblies;

    /// <summary>What could not be used; a machine does not start while this is not empty.</summary>
    public IReadOnlyList<PluginFailure> Failures => _failures;

    /// <summary>Folder of the plugins that come with the program: <c>KMEM_PLUGINS</c>, else <c>plugins</c> beside it.</summary>
    public static string DefaultFolder =>
        Environment.GetEnvironmentVariable("KMEM_PLUGINS") is { Length: > 0 } folder ? folder : Path.Combine(AppContext.BaseDirectory, "plugins");

    /// <summary>Scans a folder whose every sub-folder holds one plugin with the folder's name.</summary>
    public PluginCatalog AddFolder(string folder)
    {
        if (Directory.Exists(folder))
        {
            foreach (string plugin in Directory.EnumerateDirectories(folder).Order(StringComparer.Ordinal))
            {
                string dll = Path.Combine(plugin, Path.GetFileName(plugin) + ".dll");
                if (File.Exists(dll))
                {
                    AddAssembly(dll);
                }
            }
        }

        return this;
    }

    /// <summary>Scans one DLL.</summary>
    /// <returns>What is wrong with it, or null.</returns>
    public PluginFailure? AddAssembly(string path)
    {
        path = Path.GetFullPath(path);
        if (_assemblies.Exists(a => a.Path == path))
        {
            return null;
        }

        try
        {
            IReadOnlyList<PluginType> types = PluginScanner.Scan(path);
            if (types.Count > 0)
            {
                _assemblies.Add(types[0].Assembly);
            }

            foreach (PluginType type in types)
            {
                if (!_types.TryAdd((type.Kind, type.Name), type))
                {
                    PluginType first = _types[(type.Kind, type.Name)];
                    throw new PluginException(
                        $"{path}: {type.ClassName} is '{type.Name}', but {first.ClassName} in {first.Assembly.Path} has that name already.");
                }
            }

            return null;
        }
        catch (PluginException e)
        {
            var failure = new PluginFailure(path, e.Message);
            _failures.Add(failure);
            return failure;
        }
    }

    /// <summary>The type of a name, or null.</summary>
    public PluginType? Find(PluginKind kind, string name) => _types.GetValueOrDefault((kind, name));

    /// <summary>The names of a kind, for suggestions.</summary>
    public IEnumerable<string> Names(PluginKind kind) => _types.Keys.Where(k => k.Item1 == kind).Select(k => k.Item2).Order(StringComparer.Ordinal);
}
