using System.Text;

namespace Kmem.Boot.Tests.Media;

/// <summary>The modules of a kernel's unpacked package, which brings no list of what needs what: that is read out of the modules.</summary>
/// <param name="folder">The folder <c>lib/modules/VERSION</c>.</param>
internal sealed class KernelModules(string folder)
{
    private readonly Dictionary<string, string> _files = Directory.EnumerateFiles(folder, "*.ko", SearchOption.AllDirectories)
        .ToDictionary(f => Name(Path.GetFileNameWithoutExtension(f)), f => f, StringComparer.Ordinal);

    /// <summary>The modules of a kernel file in <c>boot</c> of an unpacked package; null where the package has none.</summary>
    public static KernelModules? Of(string kernel)
    {
        string version = Path.GetFileName(kernel)["vmlinuz-".Length..], folder = Path.Combine(Path.GetDirectoryName(kernel)!, "..", "lib", "modules", version, "kernel");
        return Directory.Exists(folder) ? new KernelModules(folder) : null;
    }

    /// <summary>Files of modules and of all that they need, in the order in which they can be loaded.</summary>
    public IReadOnlyList<string> With(params string[] names)
    {
        List<string> order = [];
        foreach (string name in names)
        {
            Add(Name(name), order);
        }

        return order;
    }

    private void Add(string name, List<string> order)
    {
        string file = _files[name];
        if (order.Contains(file))
        {
            return;
        }

        foreach (string needed in Needed(file))
        {
            Add(Name(needed), order);
        }

        order.Add(file);
    }

    /// <summary>What stands behind <c>depends=</c> among a module's texts, each of which ends with a zero.</summary>
    private static string[] Needed(string file)
    {
        ReadOnlySpan<byte> bytes = File.ReadAllBytes(file), key = "\0depends="u8;
        int at = bytes.IndexOf(key);
        ReadOnlySpan<byte> rest = at < 0 ? [] : bytes[(at + key.Length)..];
        return Encoding.ASCII.GetString(at < 0 ? [] : rest[..rest.IndexOf((byte)0)]).Split(',', StringSplitOptions.RemoveEmptyEntries);
    }

    private static string Name(string text) => text.Replace('-', '_');
}
