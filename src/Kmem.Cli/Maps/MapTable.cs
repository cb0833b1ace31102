using System.Text;
using Kmem.Abstractions;
using Kmem.Memory;

namespace Kmem.Cli.Maps;

/// <summary>One row of a map.</summary>
internal sealed record MapRow(ulong Start, ulong Last, string Name, string Kind, ulong Offset, int Priority, string? Origin);

/// <summary>The flat view of a space as rows and as text.</summary>
internal static class MapTable
{
    /// <summary>The rows of a space.</summary>
    public static IReadOnlyList<MapRow> Rows(AddressSpace space, bool write) =>
        [.. space.GetFlatView(write).Select(r => new MapRow(r.Start, r.Last, r.Region.Name, KindOf(r), r.Offset, r.Mapping.Priority, r.Mapping.Origin))];

    /// <summary>A table of a space.</summary>
    public static string Render(AddressSpace space, bool write)
    {
        var text = new StringBuilder();
        int digits = (space.Width + 3) / 4;
        text.AppendLine($"{space.Name} ({space.Width} bits{(write ? ", writes" : "")})");
        foreach (MapRow row in Rows(space, write))
        {
            string size = Size(row.Last - row.Start + 1);
            string offset = row.Offset == 0 ? "" : $" +0x{row.Offset:X}";
            text.AppendLine($"  {Hex(row.Start, digits)}..{Hex(row.Last, digits)} {size,9}  {row.Kind,-6} {row.Name + offset,-28} {row.Origin}".TrimEnd());
        }

        foreach (FirmwareArea area in space.Areas)
        {
            string rights = string.Join(' ', Enum.GetValues<MasterKind>().Where(k => area.RightsOf(k) != AreaRights.All).Select(k => $"{k.ToString().ToLowerInvariant()}={Letters(area.RightsOf(k))}"));
            text.AppendLine($"  {Hex(area.Start, digits)}..{Hex(area.Last, digits)} {Size(area.Last - area.Start + 1),9}  area   {area.Name,-28} role {area.Role}, owner {area.Owner}{(rights.Length > 0 ? ", " + rights : "")}");
        }

        return text.ToString();
    }

    /// <summary>A size in the largest unit that divides it.</summary>
    public static string Size(ulong bytes)
    {
        string[] units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
        int unit = 0;
        while (unit < units.Length - 1 && bytes >= 1024 && bytes % 1024 == 0)
        {
            (bytes, unit) = (bytes / 1024, unit + 1);
        }

        return $"{bytes} {units[unit]}";
    }

    private static string Hex(ulong value, int digits) => value.ToString("X" + digits.ToString(System.Globalization.CultureInfo.InvariantCulture), System.Globalization.CultureInfo.InvariantCulture);

    private static string Letters(AreaRights rights) => rights == AreaRights.None ? "-"
        : $"{((rights & AreaRights.Read) != 0 ? "r" : "")}{((rights & AreaRights.Write) != 0 ? "w" : "")}{((rights & AreaRights.Execute) != 0 ? "x" : "")}";

    private static string KindOf(FlatRange range) => range.Region switch
    {
        RamRegion => "ram",
        RomRegion => "rom",
        MmioRegion => "mmio",
        WindowRegion window => window.Kind == WindowKind.Sparse ? "sparse" : "window",
        _ => "region",
    };
}
