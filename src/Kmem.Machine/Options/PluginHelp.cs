namespace Kmem.Machine.Options;

/// <summary>Sentences about plugin classes from their XML documentation.</summary>
public static class PluginHelp
{
    /// <summary>The summary of a class, or empty.</summary>
    public static string Summary(Type type) => XmlSummaries.OfType(type);

    /// <summary>The remarks of a class, where its source is named, or empty.</summary>
    public static string Remarks(Type type) => XmlSummaries.RemarksOf(type);
}
