namespace Kmem.Description;

/// <summary>Where machine files come from: the disk, or memory in tests.</summary>
public interface IFileSource
{
    /// <summary>Whether there is a file at an absolute path.</summary>
    bool Exists(string path);

    /// <summary>Length of a file in bytes; 0 when there is none.</summary>
    long LengthOf(string path);

    /// <summary>Reads at most <paramref name="limit"/> bytes of a file.</summary>
    /// <exception cref="IOException">The file can't be read.</exception>
    byte[] Read(string path, int limit);
}

/// <summary>Machine files on the disk.</summary>
public sealed class DiskFileSource : IFileSource
{
    /// <inheritdoc/>
    public bool Exists(string path) => File.Exists(path);

    /// <inheritdoc/>
    public long LengthOf(string path)
    {
        try
        {
            return File.Exists(path) ? new FileInfo(path).Length : 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }

    /// <inheritdoc/>
    public byte[] Read(string path, int limit)
    {
        try
        {
            using FileStream stream = File.OpenRead(path);
            byte[] buffer = new byte[Math.Min(limit, 64 * 1024)];
            using var all = new MemoryStream();

            // A pipe or a device has no length worth trusting, so the limit is kept while reading.
            for (int read = stream.Read(buffer); read > 0 && all.Length < limit; read = stream.Read(buffer))
            {
                all.Write(buffer, 0, (int)Math.Min(read, limit - all.Length));
            }

            return all.ToArray();
        }
        catch (Exception e) when (e is UnauthorizedAccessException or NotSupportedException or System.Security.SecurityException)
        {
            throw new IOException(e.Message, e);
        }
    }
}

/// <summary>Machine files in memory.</summary>
/// <param name="files">Contents by absolute path.</param>
public sealed class MemoryFileSource(IReadOnlyDictionary<string, byte[]> files) : IFileSource
{
    /// <summary>One file of text, at <c>/machine.yaml</c>.</summary>
    public MemoryFileSource(string text)
        : this(new Dictionary<string, byte[]>(StringComparer.Ordinal) { ["/machine.yaml"] = System.Text.Encoding.UTF8.GetBytes(text) })
    {
    }

    /// <inheritdoc/>
    public bool Exists(string path) => files.ContainsKey(path);

    /// <inheritdoc/>
    public long LengthOf(string path) => files.TryGetValue(path, out byte[]? content) ? content.Length : 0;

    /// <inheritdoc/>
    public byte[] Read(string path, int limit) =>
        files.TryGetValue(path, out byte[]? content) ? content[..Math.Min(limit, content.Length)] : throw new FileNotFoundException($"There is no file '{path}'.");
}
