using System.Globalization;
using System.Text;

namespace Kmem.Machine.Loading;

/// <summary>Reads the symbols of a kernel from its <c>System.map</c>, plain or compressed with gzip.</summary>
/// <remarks>Source: nm(1), format bsd: address in hexadecimal, type, name.</remarks>
public static class SystemMap
{
    /// <summary>Reads a file; the first of two equal names counts.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">Limits; null for the defaults.</param>
    /// <exception cref="ImageException">The file can't be read, is too large, or a line is none of a System.map.</exception>
    public static SymbolTable Load(string path, ImageOptions? options = null)
    {
        options ??= new ImageOptions();
        return Parse(path, Encoding.UTF8.GetString(ImageFile.Read(path, Math.Min(options.MaxBytes, 1 << 28))), options);
    }

    /// <summary>Reads text.</summary>
    /// <param name="path">A name for messages.</param>
    /// <param name="text">The lines.</param>
    /// <param name="options">Limits; null for the defaults.</param>
    /// <exception cref="ImageException">A line is none of a System.map.</exception>
    public static SymbolTable Parse(string path, string text, ImageOptions? options = null)
    {
        int most = (options ?? new ImageOptions()).MaxSymbols, number = 0;
        var symbols = new List<ImageSymbol>();
        foreach (ReadOnlySpan<char> line in text.AsSpan().EnumerateLines())
        {
            number++;
            if (line.Trim().IsEmpty)
            {
                continue;
            }

            // Undefined symbols ("                 w name") have no address and are of no use.
            if (char.IsWhiteSpace(line[0]) && line.Trim().Length > 2 && line.Trim()[1] == ' ')
            {
                continue;
            }

            int first = line.IndexOf(' '), second = first < 0 ? -1 : line[(first + 1)..].IndexOf(' ');
            if (second != 1 || !ulong.TryParse(line[..first], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong address))
            {
                throw new ImageException($"{path}:{number}: this is no line of a System.map: an address, a letter and a name are needed");
            }

            if (symbols.Count == most)
            {
                throw ImageException.For(path, $"has more than {most} symbols");
            }

            // Symbols of modules are followed by the module in brackets.
            ReadOnlySpan<char> name = line[(first + 3)..].Trim();
            int end = name.IndexOfAny(' ', '\t');
            symbols.Add(new ImageSymbol((end < 0 ? name : name[..end]).ToString(), address));
        }

        return new SymbolTable(symbols);
    }
}
