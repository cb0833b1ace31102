using System.Globalization;
using System.Text.Json;

namespace Kmem.Description.Import;

/// <summary>What a recording says of the kernel that answered, beside its facts.</summary>
/// <param name="Kernel">Release of the kernel, or empty.</param>
/// <param name="StrictDevmem">CONFIG_STRICT_DEVMEM, or null when it does not say.</param>
/// <param name="IoStrictDevmem">CONFIG_IO_STRICT_DEVMEM, or null when it does not say.</param>
/// <param name="CommandLine">The command line, or empty.</param>
/// <param name="RamTop">End of RAM of an Alpha recording, or null.</param>
/// <param name="HasAdvise">False when madvise answers that it does not exist.</param>
/// <param name="HasLocking">False when flock answers that it does not exist.</param>
public sealed record RecordingHead(string Kernel, bool? StrictDevmem, bool? IoStrictDevmem, string CommandLine, ulong? RamTop, bool HasAdvise, bool HasLocking)
{
    /// <summary>Reads what a recording says; a small kernel's configuration is known only by the calls that it lacks.</summary>
    public static RecordingHead Read(IEnumerable<string> lines)
    {
        var head = new RecordingHead("", null, null, "", null, true, true);
        foreach (string line in lines)
        {
            JsonDocument document;
            try
            {
                document = JsonDocument.Parse(line);
            }
            catch (JsonException)
            {
                continue;
            }

            using (document)
            {
                head = head.With(document.RootElement);
            }
        }

        return head;
    }

    private static string? Text(JsonElement item, string name) =>
        item.ValueKind == JsonValueKind.Object && item.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static bool? Flag(JsonElement item, string name) =>
        item.ValueKind == JsonValueKind.Object && item.TryGetProperty(name, out JsonElement value) && value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : null;

    private RecordingHead With(JsonElement item)
    {
        RecordingHead head = this;
        if (Text(item, "kernel") is { } kernel && item.TryGetProperty("config", out JsonElement config))
        {
            head = head with
            {
                Kernel = kernel,
                StrictDevmem = Flag(config, "strict_devmem") ?? StrictDevmem,
                IoStrictDevmem = Flag(config, "io_strict_devmem") ?? IoStrictDevmem,
                CommandLine = Text(config, "cmdline") ?? CommandLine,
            };
        }

        string operation = Text(item, "op") ?? "", error = Text(item, "errno") ?? "";
        if (operation == "ram_top" && Text(item, "offset") is ['0', 'x', ..] top && ulong.TryParse(top.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong end))
        {
            head = head with { RamTop = end };
        }

        return error != "ENOSYS" ? head
            : operation is "madvise" or "fadvise64" ? head with { HasAdvise = false }
            : operation == "flock" ? head with { HasLocking = false }
            : head;
    }
}
