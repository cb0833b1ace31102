using System.Text.Json;
using System.Text.Json.Nodes;
using Kmem.Abstractions;
using Kmem.Machine.Plugins;

namespace Kmem.Machine.Options;

/// <summary>The JSON Schema of machine files, with the options of every plugin, for completion in editors.</summary>
/// <remarks>Source: JSON Schema draft-07, which is what the YAML language server understands.</remarks>
public static class MachineSchema
{
    private const string NumberPattern = @"^[0-9(~-].*$|\$\(";

    /// <summary>Writes the schema.</summary>
    public static string Write(PluginCatalog catalog)
    {
        var schema = new JsonObject
        {
            ["$schema"] = "http://json-schema.org/draft-07/schema#",
            ["title"] = "Kmem machine",
            ["type"] = "object",
            ["required"] = new JsonArray("kmem"),
            ["additionalProperties"] = false,
            ["patternProperties"] = new JsonObject { ["^x-"] = new JsonObject() },
            ["properties"] = Top(catalog),
        };
        return schema.ToJsonString(new JsonSerializerOptions { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
    }

    private static JsonObject Top(PluginCatalog catalog) => new()
    {
        ["kmem"] = new JsonObject { ["const"] = 1, ["description"] = "Version of the language." },
        ["machine"] = Text("Name of the machine."),
        ["arch"] = Text("Architecture, for example x86 or alpha."),
        ["summary"] = Text("One sentence about the machine."),
        ["labels"] = new JsonObject { ["type"] = "object" },
        ["use"] = List(new JsonObject
        {
            ["anyOf"] = new JsonArray(Text("File to include."), Record(("file", Text("File to include.")), ("as", Text("Prefix of its names.")), ("params", AnyMap("Values of its parameters.")), ("sha256", Text("Checksum of the file.")))),
        }),
        ["plugins"] = List(Record(("assembly", Text("Path of a DLL.")), ("package", Text("Name of an installed plugin.")), ("version", Text("Version range.")))),
        ["params"] = AnyMap("What may be set from outside."),
        ["vars"] = AnyMap("Computed values."),
        ["spaces"] = Named(Typed(catalog, PluginKind.Bus, inSet: false, ("width", Number("Address bits, 1..63.")), ("when", Flag()))),
        ["devices"] = Named(Typed(
            catalog,
            PluginKind.Device,
            inSet: true,
            ("map", List(Record(("space", Text("Address space.")), ("at", Number("Address.")), ("bank", Text("Bank of the device.")), ("from", Number("First byte of the bank.")), ("len", Number("Bytes of the bank.")), ("prio", Number("Priority.")), ("when", Flag())))),
            ("pci", Record(("bus", Text("The device that is the bus.")), ("slot", Text("Slot and function, for example 1f.0.")), ("function", Number("Function.")))),
            ("overlays", List(Record(("id", Text("Name of the overlay.")), ("space", Text("Address space.")), ("range", Number("Range.")), ("each", Number("Length of a piece.")), ("prio", Number("Priority.")), ("per", Text("rw: reads and writes apart.")), ("choose", AnyMap("What stands there in each state.")), ("reset", Text("State after reset."))))),
            ("wires", AnyMap("Output: pin, or a list of pins.")),
            ("isolate", Text("How the device is isolated.")),
            ("count", Number("How many there are: NAME0, NAME1 and so on; $(index) is the number of each.")),
            ("group", Text("A name under which wires reach several devices at once; that of a counted device is its own.")),
            ("when", Flag()))),
        ["windows"] = Named(Record(("space", Text("Address space.")), ("range", Number("Range.")), ("to", Text("Space behind it.")), ("at", Number("Address there.")), ("kind", Words("dense", "sparse")), ("shift", Number("Low bits of a sparse address.")), ("mask", Number("Address bits that reach the target.")), ("prio", Number("Priority.")), ("fallthrough", Flag()), ("when", Flag()))),
        ["areas"] = Named(Record(("space", Text("Address space.")), ("range", Number("Range.")), ("role", Text("console, pal, hwrpb, acpi, reserved.")), ("owner", Text("Who owns it.")), ("policy", AnyMap("Rights by kind of master.")), ("image", Text("File.")), ("chardev-write", Words("error", "allow")), ("when", Flag()))),
        ["kernel-map"] = List(Record(("range", Number("Virtual range.")), ("kind", Words("direct", "kseg", "vmalloc", "modules", "text")), ("to", Number("Physical address.")))),
        ["flavours"] = Named(new JsonObject { ["type"] = "object", ["required"] = new JsonArray("base"), ["properties"] = Flavour(catalog) }),
        ["frontends"] = Named(Typed(catalog, PluginKind.CharDevice, inSet: false, ("flavour", Text("Kernel in front of it.")), ("when", Flag()))),
        ["boot"] = Record(("kernel", Text("The program that the machine begins with, or none.")), ("initrd", Text("Its initial file system, or none.")), ("append", Text("Its command line.")), ("when", Flag())),
        ["faults"] = AnyMap("Fault plans."),
        ["firmware-state"] = AnyMap("What firmware leaves, by device."),
        ["patch"] = List(new JsonObject { ["type"] = "object" }),
        ["variants"] = AnyMap("Bundles of parameters and patches."),
        ["checks"] = List(Text("SPACE RANGE is TARGET")),
    };

    private static JsonObject Flavour(PluginCatalog catalog)
    {
        var properties = new JsonObject { ["base"] = Words([.. catalog.Names(PluginKind.Kernel)]) };
        if (catalog.Types.FirstOrDefault(t => t.Kind == PluginKind.Kernel)?.Signature.Options is { } options)
        {
            foreach (OptionShape shape in OptionReflection.ShapesOf(options).Where(s => s.Name != "base"))
            {
                properties[shape.Name] = Of(shape);
            }
        }

        return properties;
    }

    /// <summary>An entry with <c>type:</c> whose other keys, or those under <c>set:</c>, depend on the type.</summary>
    private static JsonObject Typed(PluginCatalog catalog, PluginKind kind, bool inSet, params (string Name, JsonObject Schema)[] common)
    {
        var properties = new JsonObject { ["type"] = Words([.. catalog.Names(kind)]) };
        foreach ((string name, JsonObject schema) in common)
        {
            properties[name] = schema;
        }

        var cases = new JsonArray();
        foreach (PluginType type in catalog.Types.Where(t => t.Kind == kind))
        {
            JsonObject options = type.Signature.Options is { } record ? Members(OptionReflection.ShapesOf(record)) : new JsonObject { ["type"] = "object", ["additionalProperties"] = false };
            options["description"] = PluginHelp.Summary(type.Signature.Class);
            if (!inSet)
            {
                // The plugin's keys stand beside the language's own.
                options.Remove("additionalProperties");
                options["type"] = "object";
            }

            cases.Add((JsonNode)new JsonObject
            {
                ["if"] = new JsonObject { ["properties"] = new JsonObject { ["type"] = new JsonObject { ["const"] = type.Name } } },
                ["then"] = inSet ? new JsonObject { ["properties"] = new JsonObject { ["set"] = options } } : options,
            });
        }

        if (inSet)
        {
            properties["set"] = new JsonObject { ["type"] = "object" };
        }

        var entry = new JsonObject { ["type"] = "object", ["required"] = new JsonArray("type"), ["properties"] = properties, ["allOf"] = cases };
        if (inSet)
        {
            entry["additionalProperties"] = false;
        }

        return entry;
    }

    private static JsonObject Members(IReadOnlyList<OptionShape> shapes)
    {
        var properties = new JsonObject();
        foreach (OptionShape shape in shapes)
        {
            properties[shape.Name] = Of(shape);
        }

        var schema = new JsonObject { ["type"] = "object", ["properties"] = properties, ["additionalProperties"] = false };
        string[] required = [.. shapes.Where(s => s.IsRequired).Select(s => s.Name)];
        if (required.Length > 0)
        {
            schema["required"] = new JsonArray([.. required.Select(r => JsonValue.Create(r))]);
        }

        return schema;
    }

    private static JsonObject Of(OptionShape shape)
    {
        JsonObject schema = shape.Form switch
        {
            OptionForm.Boolean => Flag(),
            OptionForm.Number or OptionForm.Range => Number(""),
            OptionForm.Choice => Words([.. shape.Choices]),
            OptionForm.List => List(Of(shape.Element!)),
            OptionForm.Map => new JsonObject { ["type"] = "object", ["additionalProperties"] = Of(shape.Element!) },
            OptionForm.Record => Members(shape.Members),
            _ => new JsonObject { ["type"] = new JsonArray("string", "number", "boolean", "null") },
        };
        if (shape.Summary.Length > 0)
        {
            schema["description"] = shape.Summary;
        }

        return schema;
    }

    private static JsonObject Text(string description) => new() { ["type"] = new JsonArray("string", "number"), ["description"] = description };

    private static JsonObject Flag() => new() { ["anyOf"] = new JsonArray(new JsonObject { ["type"] = "boolean" }, new JsonObject { ["type"] = "string", ["pattern"] = @"\$\(" }) };

    private static JsonObject Number(string description) => new()
    {
        ["anyOf"] = new JsonArray(new JsonObject { ["type"] = "integer" }, new JsonObject { ["type"] = "string", ["pattern"] = NumberPattern }),
        ["description"] = description,
    };

    private static JsonObject Words(params string[] words) => new() { ["enum"] = new JsonArray([.. words.Select(w => JsonValue.Create(w))]) };

    private static JsonObject List(JsonObject item) => new() { ["type"] = "array", ["items"] = item };

    private static JsonObject Named(JsonObject entry) => new() { ["type"] = "object", ["additionalProperties"] = entry };

    private static JsonObject AnyMap(string description) => new() { ["type"] = "object", ["description"] = description };

    private static JsonObject Record(params (string Name, JsonObject Schema)[] members)
    {
        var properties = new JsonObject();
        foreach ((string name, JsonObject schema) in members)
        {
            properties[name] = schema;
        }

        return new JsonObject { ["type"] = "object", ["properties"] = properties, ["additionalProperties"] = false };
    }
}
