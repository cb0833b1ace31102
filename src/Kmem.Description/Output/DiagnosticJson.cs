using System.Text.Json;
using System.Text.Json.Nodes;

namespace Kmem.Description;

/// <summary>Renders diagnostics for programs: JSON of our own, and SARIF 2.1.0 for editors and code scanning.</summary>
/// <remarks>Source: OASIS Static Analysis Results Interchange Format (SARIF) Version 2.1.0.</remarks>
public static class DiagnosticJson
{
    private static readonly JsonSerializerOptions Layout = new() { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>An array with one object a diagnostic.</summary>
    public static string ToJson(DiagnosticBag diagnostics)
    {
        var array = new JsonArray();
        foreach (Diagnostic diagnostic in diagnostics.Sorted)
        {
            var item = new JsonObject
            {
                ["code"] = diagnostic.Code,
                ["severity"] = diagnostic.Severity == Severity.Error ? "error" : "warning",
                ["message"] = diagnostic.Message,
                ["suggestion"] = diagnostic.Suggestion,
                ["location"] = Location(diagnostic.Span),
                ["notes"] = new JsonArray([.. diagnostic.Notes.Select(n => new JsonObject { ["message"] = n.Message, ["location"] = Location(n.Span) })]),
            };
            array.Add((JsonNode)item);
        }

        return array.ToJsonString(Layout);
    }

    /// <summary>A SARIF log with one run.</summary>
    public static string ToSarif(DiagnosticBag diagnostics, string version)
    {
        IReadOnlyList<Diagnostic> all = diagnostics.Sorted;
        string[] codes = [.. all.Select(d => d.Code).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        var log = new JsonObject
        {
            ["$schema"] = "https://json.schemastore.org/sarif-2.1.0.json",
            ["version"] = "2.1.0",
            ["runs"] = new JsonArray(new JsonObject
            {
                ["tool"] = new JsonObject
                {
                    ["driver"] = new JsonObject
                    {
                        ["name"] = "kmem",
                        ["version"] = version,
                        ["rules"] = new JsonArray([.. codes.Select(c => new JsonObject { ["id"] = c, ["shortDescription"] = new JsonObject { ["text"] = DiagnosticCodes.Titles.GetValueOrDefault(c, c) } })]),
                    },
                },
                ["results"] = new JsonArray([.. all.Select(d => Result(d, codes))]),
            }),
        };
        return log.ToJsonString(Layout);
    }

    private static JsonObject Result(Diagnostic diagnostic, string[] codes)
    {
        string text = diagnostic.Suggestion is null ? diagnostic.Message : $"{diagnostic.Message}; did you mean '{diagnostic.Suggestion}'?";
        return new JsonObject
        {
            ["ruleId"] = diagnostic.Code,
            ["ruleIndex"] = Array.IndexOf(codes, diagnostic.Code),
            ["level"] = diagnostic.Severity == Severity.Error ? "error" : "warning",
            ["message"] = new JsonObject { ["text"] = text },
            ["locations"] = new JsonArray(Physical(diagnostic.Span)),
            ["relatedLocations"] = new JsonArray([.. diagnostic.Notes.Select(n => Related(n))]),
        };
    }

    private static JsonObject Related(DiagnosticNote note)
    {
        JsonObject location = Physical(note.Span);
        location["message"] = new JsonObject { ["text"] = note.Message };
        return location;
    }

    private static JsonObject Physical(SourceSpan span) => new()
    {
        ["physicalLocation"] = new JsonObject
        {
            ["artifactLocation"] = new JsonObject { ["uri"] = span.File.Replace('\\', '/') },
            ["region"] = new JsonObject { ["startLine"] = span.Line, ["startColumn"] = span.Column, ["endLine"] = span.EndLine, ["endColumn"] = span.EndColumn },
        },
    };

    private static JsonObject Location(SourceSpan span) => new()
    {
        ["file"] = span.File,
        ["line"] = span.Line,
        ["column"] = span.Column,
        ["endLine"] = span.EndLine,
        ["endColumn"] = span.EndColumn,
    };
}
