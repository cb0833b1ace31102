using System.Reflection;
using Kmem.Abstractions;
using McMaster.NETCore.Plugins;

namespace Kmem.Machine.Plugins;

/// <summary>One plugin DLL: scanned without running its code, loaded into a context of its own on first use.</summary>
/// <param name="path">Absolute path of the DLL.</param>
/// <param name="name">Simple name of the assembly.</param>
/// <param name="version">Its version.</param>
/// <param name="contract">Contract version that it says it was written for.</param>
public sealed class PluginAssembly(string path, string name, string version, int contract)
{
    private Assembly? _loaded;

    /// <summary>Absolute path of the DLL.</summary>
    public string Path { get; } = path;

    /// <summary>Simple name of the assembly.</summary>
    public string Name { get; } = name;

    /// <summary>Version of the assembly.</summary>
    public string Version { get; } = version;

    /// <summary>Version of the plugin contract that it was written for.</summary>
    public int Contract { get; } = contract;

    /// <summary>True once its code is in the process.</summary>
    public bool IsLoaded => _loaded is not null;

    /// <summary>Loads the code; the contract assembly is the program's own.</summary>
    /// <exception cref="PluginException">The DLL or something that it needs can't be loaded.</exception>
    public Assembly Load()
    {
        if (_loaded is not null)
        {
            return _loaded;
        }

        try
        {
            PluginLoader loader = PluginLoader.CreateFromAssemblyFile(
                Path,
                config =>
                {
                    config.PreferSharedTypes = false;
                    config.SharedAssemblies.Add(typeof(Device).Assembly.GetName());
                    config.SharedAssemblies.Add(typeof(Ir.IProcessor).Assembly.GetName());
                });
            Assembly assembly = loader.LoadDefaultAssembly();

            // Touching every type now turns a missing dependency into a report instead of a crash in the middle of a run.
            _ = assembly.GetTypes();
            return _loaded = assembly;
        }
        catch (ReflectionTypeLoadException e)
        {
            string missing = string.Join("; ", e.LoaderExceptions.Select(x => x?.Message).Distinct(StringComparer.Ordinal));
            throw new PluginException($"{Path}: {missing}", e);
        }
        catch (Exception e) when (e is IOException or BadImageFormatException or FileLoadException or InvalidOperationException or ArgumentException)
        {
            throw new PluginException($"{Path}: {e.Message}", e);
        }
    }
}
