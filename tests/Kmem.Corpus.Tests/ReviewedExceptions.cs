using System.Text.Json;
using Kmem.Testing;

namespace Kmem.Corpus.Tests;

/// <summary>The reviewed list of lines on which Kmem and a recording may differ.</summary>
public sealed class ReviewedExceptions
{
    private readonly List<(string Operation, string[] Fields, string Category, string Reason)> _entries = [];

    private ReviewedExceptions()
    {
    }

    public IEnumerable<(string Category, string Reason)> Entries => _entries.Select(e => (e.Category, e.Reason));

    public static ReviewedExceptions Read()
    {
        var list = new ReviewedExceptions();
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Path.Combine(SolutionFolders.TestData, "corpus", "exceptions.json")));
        foreach (JsonElement item in document.RootElement.EnumerateArray())
        {
            string[] fields = [.. item.GetProperty("fields").EnumerateArray().Select(f => f.GetString()!)];
            list._entries.Add((item.GetProperty("op").GetString()!, fields, item.GetProperty("category").GetString()!, item.GetProperty("reason").GetString()!));
        }

        return list;
    }

    public bool Covers(string operation, string field) => _entries.Exists(e => e.Operation == operation && e.Fields.Contains(field, StringComparer.Ordinal));
}
