using System.Globalization;
using System.Text;
using Kmem.Memory;

namespace Kmem.Cli.Maps;

/// <summary>A map as a picture: one column a space, one box a range; heights grow with the logarithm of the size.</summary>
internal static class MapPicture
{
    private const int ColumnWidth = 420, Left = 20, Top = 60, Gap = 12;

    private static readonly Dictionary<string, string> Colours = new(StringComparer.Ordinal)
    {
        ["ram"] = "#cfe8cf",
        ["rom"] = "#e8dccf",
        ["mmio"] = "#cfdcf0",
        ["window"] = "#f0e6f4",
        ["sparse"] = "#f4e6ee",
    };

    /// <summary>Draws spaces side by side.</summary>
    public static string Draw(string machine, IReadOnlyList<(AddressSpace Space, IReadOnlyList<MapRow> Rows)> spaces)
    {
        int height = Top + 20 + spaces.Max(s => s.Rows.Select((r, i) => Height(r) + 2 + (r.Start == (i == 0 ? 0 : s.Rows[i - 1].Last + 1) ? 0 : Gap)).Sum());
        int width = Left + (spaces.Count * ColumnWidth);
        var svg = new StringBuilder();
        svg.AppendLine(Invariant($"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" font-family=\"DejaVu Sans Mono, monospace\" font-size=\"12\">"));
        svg.AppendLine(Invariant($"<rect width=\"{width}\" height=\"{height}\" fill=\"white\"/>"));
        svg.AppendLine(Invariant($"<text x=\"{Left}\" y=\"24\" font-size=\"16\" font-weight=\"bold\">{Escape(machine)}</text>"));
        for (int column = 0; column < spaces.Count; column++)
        {
            (AddressSpace space, IReadOnlyList<MapRow> rows) = spaces[column];
            int x = Left + (column * ColumnWidth), y = Top;
            svg.AppendLine(Invariant($"<text x=\"{x}\" y=\"{Top - 12}\" font-weight=\"bold\">{Escape(space.Name)} ({space.Width} bits)</text>"));
            ulong next = 0;
            foreach (MapRow row in rows)
            {
                if (row.Start != next)
                {
                    // A hole is a gap with a dotted line, so that neighbours and strangers look different.
                    svg.AppendLine(Invariant($"<line x1=\"{x}\" x2=\"{x + ColumnWidth - 40}\" y1=\"{y + (Gap / 2)}\" y2=\"{y + (Gap / 2)}\" stroke=\"#999\" stroke-dasharray=\"2 4\"/>"));
                    y += Gap;
                }

                int h = Height(row);
                svg.AppendLine(Invariant($"<rect x=\"{x}\" y=\"{y}\" width=\"{ColumnWidth - 40}\" height=\"{h}\" fill=\"{Colours.GetValueOrDefault(row.Kind, "#eee")}\" stroke=\"#555\"><title>{Escape(row.Origin ?? "")}</title></rect>"));
                svg.AppendLine(Invariant($"<text x=\"{x + 6}\" y=\"{y + 15}\">{row.Start:X}..{row.Last:X}</text>"));
                svg.AppendLine(Invariant($"<text x=\"{x + ColumnWidth - 46}\" y=\"{y + 15}\" text-anchor=\"end\">{Escape(row.Name)} {Escape(MapTable.Size(row.Last - row.Start + 1))}</text>"));
                y += h + 2;
                next = row.Last + 1;
            }
        }

        return svg.AppendLine("</svg>").ToString();
    }

    private static int Height(MapRow row) => 22 + Math.Max(0, (System.Numerics.BitOperations.Log2(row.Last - row.Start + 1) - 12) / 2);

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static string Escape(string text) => text.Replace("&", "&amp;", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal).Replace(">", "&gt;", StringComparison.Ordinal);
}
