using Kmem.Abstractions;

namespace Kmem.Machine.Backends;

/// <summary>What a block backend's text says: a file, and where writes go.</summary>
/// <param name="Path">The file; null for no disk.</param>
/// <param name="IsReadOnly">True for <c>PATH,readonly</c>.</param>
/// <param name="HasOverlay">True for <c>PATH,overlay</c> and <c>PATH,overlay=FILE</c>.</param>
/// <param name="Overlay">The file of the overlay; null for one in memory.</param>
public sealed record BlockSpecification(string? Path, bool IsReadOnly = false, bool HasOverlay = false, string? Overlay = null)
{
    /// <summary>The forms of a specification, for messages.</summary>
    public const string Forms = "PATH, PATH,readonly, PATH,overlay, PATH,overlay=FILE and none";

    private const string ReadOnlyWord = ",readonly", OverlayWord = ",overlay", OverlayFile = ",overlay=";

    /// <summary>Reads a text.</summary>
    public static BlockSpecification Parse(string text)
    {
        if (text is "" or "none" or "null")
        {
            return new BlockSpecification(Path: null);
        }

        int overlay = text.LastIndexOf(OverlayFile, StringComparison.Ordinal);
        return text.EndsWith(ReadOnlyWord, StringComparison.Ordinal) ? new BlockSpecification(text[..^ReadOnlyWord.Length], IsReadOnly: true)
            : text.EndsWith(OverlayWord, StringComparison.Ordinal) ? new BlockSpecification(text[..^OverlayWord.Length], HasOverlay: true)
            : overlay >= 0 ? new BlockSpecification(text[..overlay], HasOverlay: true, Overlay: text[(overlay + OverlayFile.Length)..])
            : new BlockSpecification(text);
    }

    /// <summary>The same with other paths.</summary>
    public BlockSpecification Resolve(Func<string, string> absolute) =>
        this with { Path = Path is { Length: > 0 } ? absolute(Path) : Path, Overlay = Overlay is { Length: > 0 } ? absolute(Overlay) : Overlay };

    /// <summary>Opens the disk for a machine that runs; null for no disk.</summary>
    /// <exception cref="MachineException">The host can't give it.</exception>
    public IBlockBackend? Open()
    {
        if (Path is null)
        {
            return null;
        }

        if (Path.Length == 0 || Overlay is { Length: 0 })
        {
            throw new MachineException($"'{this}' names no file; there are {Forms}");
        }

        if (!HasOverlay)
        {
            return new FileBlockBackend(Path, IsReadOnly ? BlockSharing.Readers : BlockSharing.Alone);
        }

        var below = new FileBlockBackend(Path, BlockSharing.Readers);
        try
        {
            return new OverlayBlockBackend(below, Overlay is null ? new MemoryOverlay() : new FileOverlay(Overlay, Path, below.Length));
        }
        catch (MachineException)
        {
            below.Dispose();
            throw;
        }
    }

    /// <summary>Opens the disk for a machine that is only looked at: it is read, never locked, and writes stay in memory.</summary>
    /// <exception cref="MachineException">The host can't give it.</exception>
    public IBlockBackend? OpenQuietly() => Path switch
    {
        null => null,
        "" => Open(),
        _ when IsReadOnly => new FileBlockBackend(Path, BlockSharing.Anybody),
        _ => new OverlayBlockBackend(new FileBlockBackend(Path, BlockSharing.Anybody), new MemoryOverlay()),
    };

    /// <inheritdoc/>
    public override string ToString() => Path is null ? "none" : Path + (IsReadOnly ? ReadOnlyWord : Overlay is not null ? OverlayFile + Overlay : HasOverlay ? OverlayWord : "");
}
