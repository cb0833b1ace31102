namespace Kmem.Description;

/// <summary>The names that an expression may use.</summary>
internal interface IExpressionScope
{
    /// <summary>The value of a name, or null when it is unknown.</summary>
    Value? Find(string name);

    /// <summary>All names, for suggestions.</summary>
    IEnumerable<string> Names { get; }

    /// <summary>Length of a file in bytes, its path relative to the machine file.</summary>
    long FileSize(string path);

    /// <summary>A variable of the environment.</summary>
    string Environment(string name);
}
