namespace Kmem.Description;

/// <summary>Bounds that keep a hostile file from taking the host's memory or time.</summary>
public static class YamlLimits
{
    /// <summary>Bytes of one file.</summary>
    public const int FileBytes = 4 << 20;

    /// <summary>Depth of nesting.</summary>
    public const int Depth = 64;

    /// <summary>Nodes of a whole machine, copies of anchors and included files counted.</summary>
    public const int Nodes = 200_000;

    /// <summary>Files that include each other.</summary>
    public const int IncludeDepth = 16;

    /// <summary>Files of a whole machine.</summary>
    public const int Files = 128;

    /// <summary>Characters of one expanded scalar.</summary>
    public const int ScalarLength = 64 << 10;
}
