using Xunit;

namespace Kmem.Description.Tests;

/// <summary>Each mistake gives its code at its place.</summary>
public sealed class LanguageErrorTests
{
    public static TheoryData<string, int, int, string> Mistakes => new()
    {
        { "KM1001", 2, 1, "kmem: 1\n}" },
        { "KM1001", 1, 1, "" },
        { "KM1001", 1, 1, "\u0000" },
        { "KM1001", 3, 1, "kmem: 1\nmachine: a\n---\nkmem: 1" },
        { "KM1001", 2, 10, "kmem: 1\nmachine: !mine a" },
        { "KM1004", 3, 1, "kmem: 1\nmachine: a\nmachine: b" },
        { "KM1005", 2, 10, "kmem: 1\ndevices: [a]" },
        { "KM1005", 1, 1, "[kmem]" },
        { "KM1006", 1, 1, "machine: a" },
        { "KM1006", 1, 7, "kmem: 2" },
        { "KM1007", 4, 10, "kmem: 1\nmachine: a\ndevices:\n  a: {b: $(min(a, b))}" },
        { "KM1008", 2, 1, "kmem: 1\nmashine: a" },
        { "KM1008", 3, 36, "kmem: 1\ndevices:\n  a: {type: mem.ram, set: {size: 1}, mapp: []}" },
        { "KM1009", 3, 6, "kmem: 1\ndevices:\n  a: {set: {size: 1}}" },
        { "KM1010", 3, 33, "kmem: 1\nspaces:\n  phys: {type: bus.flat, width: 64}" },
        { "KM1010", 3, 33, "kmem: 1\nspaces:\n  phys: {type: bus.flat, width: 32bits}" },
        { "KM1010", 3, 3, "kmem: 1\ndevices:\n  4a: {type: b}" },
        { "KM1010", 4, 32, "kmem: 1\nwindows:\n  w:\n    {space: a, to: b, kind: x, range: 9..1}" },
        { "KM1011", 2, 10, "kmem: 1\ndevices: *none" },
        { "KM1011", 3, 7, "kmem: 1\ndevices:\n  <<: word" },
        { "KM1101", 3, 5, "kmem: 1\nuse:\n  - none.yaml" },
        { "KM1102", 3, 5, "kmem: 1\nuse:\n  - machine.yaml" },
        { "KM1104", 3, 12, "kmem: 1\npatch:\n  - {set: x, to: 1}" },
        { "KM1104", 5, 14, "kmem: 1\ndevices:\n  a: {type: b}\npatch:\n  - {remove: devices.c}" },
        { "KM1201", 3, 6, "kmem: 1\nvars:\n  a: $(1 +)" },
        { "KM1202", 3, 6, "kmem: 1\nvars:\n  a: $(ram - 1)" },
        { "KM1203", 3, 6, "kmem: 1\nvars:\n  a: $(1 / 0)" },
        { "KM1203", 3, 6, "kmem: 1\nvars:\n  a: $(0xFFFFFFFFFFFFFFFF * 16)" },
        { "KM1204", 3, 6, "kmem: 1\nvars:\n  a: $(b)\n  b: $(a)" },
        { "KM1205", 3, 32, "kmem: 1\nparams:\n  ram: {type: size, default: 5, min: 8}" },
        { "KM1205", 3, 24, "kmem: 1\nparams:\n  e: {type: enum, default: c, of: [a, b]}" },
        { "KM1207", 3, 6, "kmem: 1\nvars:\n  a: $(env('HOME'))" },
        { "KM2103", 3, 26, "kmem: 1\ndevices:\n  a: {type: b, wires: {o: pic}}" },
        { "KM4002", 3, 5, "kmem: 1\nchecks:\n  - phys is ram" },
    };

    [Theory]
    [MemberData(nameof(Mistakes))]
    public void AMistakeHasItsCodeAndItsPlace(string code, int line, int column, string text)
    {
        LoadResult result = Texts.Load(text);
        Diagnostic found = result.Diagnostics.Sorted.First(d => d.Code == code);
        Assert.True(line == found.Span.Line, $"line {found.Span.Line}: {found}");
        Assert.True(Math.Abs(column - found.Span.Column) <= 8, $"column {found.Span.Column}, not {column}: {found}");
        Assert.NotEmpty(found.Message);
    }

    [Fact]
    public void AllMistakesAreReportedNotJustTheFirst()
    {
        LoadResult result = Texts.Load("kmem: 1\nmashine: a\nspaces:\n  phys: {width: 99}\nchecks: [x]");
        Assert.Equal(["KM1008", "KM1009", "KM1010", "KM4002"], result.Diagnostics.Sorted.Select(d => d.Code).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("mashine: a", "machine")]
    [InlineData("devces: {}", "devices")]
    public void ANearKeyIsSuggested(string line, string suggestion) =>
        Assert.Equal(suggestion, Assert.Single(Texts.Load($"kmem: 1\n{line}").Diagnostics.Sorted).Suggestion);

    [Fact]
    public void TheTextShowsLineCaretAndSuggestion()
    {
        var files = new MemoryFileSource("kmem: 1\nmashine: a\n");
        LoadResult result = DescriptionLoader.Load("/machine.yaml", new LoadOptions { Files = files });
        Assert.Equal(
            "/machine.yaml:2:1: error KM1008: a machine has no key 'mashine'; it takes",
            new DiagnosticText(files).Render(result.Diagnostics)[..73]);
        Assert.EndsWith("     2 | mashine: a\n       | ^^^^^^^  did you mean 'machine'?\n", new DiagnosticText(files).Render(result.Diagnostics), StringComparison.Ordinal);
    }

    [Fact]
    public void SarifHasRuleAndRegion()
    {
        string sarif = DiagnosticJson.ToSarif(Texts.Load("kmem: 1\nmashine: a").Diagnostics, "1.0");
        using var document = System.Text.Json.JsonDocument.Parse(sarif);
        System.Text.Json.JsonElement result = document.RootElement.GetProperty("runs")[0].GetProperty("results")[0];
        Assert.Equal("KM1008", result.GetProperty("ruleId").GetString());
        Assert.Equal(2, result.GetProperty("locations")[0].GetProperty("physicalLocation").GetProperty("region").GetProperty("startLine").GetInt32());
    }

    [Fact]
    public void EveryCodeHasATitle() =>
        Assert.All(typeof(DiagnosticCodes).GetFields().Where(f => f.IsLiteral), f => Assert.Contains((string)f.GetRawConstantValue()!, DiagnosticCodes.Titles));
}
