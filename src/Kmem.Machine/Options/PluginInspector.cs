using System.Globalization;
using Kmem.Abstractions;
using Kmem.Description;
using Kmem.Machine.Plugins;

namespace Kmem.Machine.Options;

/// <summary>What a device shows once it is built.</summary>
/// <param name="Outputs">Its output lines.</param>
/// <param name="Inputs">Its input pins.</param>
/// <param name="Banks">Its banks with their lengths in bytes.</param>
/// <param name="Registers">Its registers: offset in bytes, name, and whether they can be read and written.</param>
/// <param name="Spaces">Spaces that it brings, with their widths in bits.</param>
public sealed record DeviceShape(
    IReadOnlyList<string> Outputs,
    IReadOnlyList<string> Inputs,
    IReadOnlyList<(string Name, ulong Length)> Banks,
    IReadOnlyList<(ulong Offset, string Name, bool CanRead, bool CanWrite)> Registers,
    IReadOnlyList<(string Name, int Width)> Spaces);

/// <summary>Builds a device alone, with the least that its options allow, to see what it shows.</summary>
public static class PluginInspector
{
    /// <summary>The shape of a device type; null when it can't stand alone.</summary>
    public static DeviceShape? Inspect(PluginType type, PluginCatalog catalog)
    {
        var settings = new List<string>();
        foreach (OptionShape option in type.Signature.Options is { } record ? OptionReflection.ShapesOf(record).Where(o => o.IsRequired) : [])
        {
            if (Sample(option) is not { } value)
            {
                return null;
            }

            settings.Add($"{option.Name}: {value}");
        }

        string text = "kmem: 1\nspaces:\n  phys: {type: bus.flat, width: 40}\n  io: {type: bus.x86-ports, width: 16}\ndevices:\n"
            + $"  it: {{type: {type.Name}, set: {{{string.Join(", ", settings)}}}}}\n";
        LoadResult loaded = DescriptionLoader.LoadText(text);
        if (loaded.Machine is null || MachineFactory.Build(loaded.Machine, loaded.Diagnostics, catalog: catalog).Machine is not { } machine)
        {
            return null;
        }

        using (machine)
        {
            MachineDevice device = machine.Devices["it"];
            return new DeviceShape(
                [.. machine.Outputs.Keys.Select(Short).Order(StringComparer.Ordinal)],
                [.. machine.Inputs.Keys.Select(Short).Order(StringComparer.Ordinal)],
                [.. device.Banks.Select(b => (b.Key, b.Value.Length))],
                device.Instance is IHasRegisters registers ? [.. registers.Registers.All.Select(r => (registers.Registers.OffsetOf(r), r.Name, r.CanRead, r.CanWrite))] : [],
                [.. machine.Spaces.Where(s => s.Key.StartsWith("it.", StringComparison.Ordinal)).Select(s => (Short(s.Key), s.Value.Width))]);
        }
    }

    private static string Short(string name) => name["it.".Length..];

    private static string? Sample(OptionShape option) => option.Form switch
    {
        OptionForm.Boolean => "false",
        OptionForm.Number => (option.Kind == OptionKind.Size ? Math.Max(option.Min, 4096) : Math.Max(option.Min, 1)).ToString(CultureInfo.InvariantCulture),
        OptionForm.Choice => option.Choices[0],
        OptionForm.Range => "0..0xFFF",
        OptionForm.List => "[]",
        OptionForm.Map => "{}",
        OptionForm.Text when option.Kind == OptionKind.Space => "phys",
        OptionForm.Text when option.Kind is OptionKind.Plain => "x",
        _ => null,
    };
}
