using System.Globalization;
using Kmem.Abstractions;

namespace Kmem.Cli.Comparison;

/// <summary>What one step of a probe gave on one machine.</summary>
/// <param name="Result">The result or the error, in words.</param>
/// <param name="Value">The data, or empty.</param>
/// <param name="Cycles">The bus cycles that it took, in order.</param>
/// <param name="Reason">Why it came out so.</param>
internal sealed record ProbeOutcome(string Result, string Value, IReadOnlyList<BusTransaction> Cycles, string Reason)
{
    /// <summary>A step that the machine has no place for.</summary>
    public static ProbeOutcome NotHere { get; } = new("not here", "", [], "the machine has no such place");

    /// <summary>True when a partial write became a read-modify-write.</summary>
    public bool IsModify => Cycles.Any(c => c.Cycle == BusCycle.ModifyWrite);

    /// <summary>All that a comparison looks at, in one line.</summary>
    public string Summary
    {
        get
        {
            string value = Value.Length > 0 ? " " + Value : "";
            return $"{Result}{value}{(CycleText.Length > 0 ? $" [{CycleText}]" : "")}";
        }
    }

    /// <summary>The cycles in short: R8 is a read of 8 bytes, RMW8 a read-modify-write.</summary>
    public string CycleText
    {
        get
        {
            var parts = new List<string>();
            foreach (BusTransaction cycle in Cycles)
            {
                string width = cycle.Width.ToString(CultureInfo.InvariantCulture);
                switch (cycle.Cycle)
                {
                    case BusCycle.ModifyRead:
                        parts.Add("RMW" + width);
                        break;
                    case BusCycle.ModifyWrite:
                        break;
                    default:
                        parts.Add((cycle.Cycle == BusCycle.Read ? "R" : "W") + width);
                        break;
                }
            }

            return parts.Count > 8 ? $"{string.Join(' ', parts.Take(8))} ... {parts.Count} cycles" : string.Join(' ', parts);
        }
    }
}
