using System.Globalization;
using Kmem.Abstractions;

namespace Kmem.Description;

/// <summary>A condition under which a check is made: a parameter's value or a device output's state.</summary>
/// <param name="Name">Name of the parameter or output, for example <c>ram</c> or <c>pmc.pam0</c>.</param>
/// <param name="Value">Its value.</param>
public sealed record CheckCondition(string Name, string Value);

/// <summary>An assertion about the decoded map: <c>[given NAME=VALUE, ...] SPACE RANGE is TARGET</c> or <c>area ADDRESS is NAME</c>.</summary>
/// <param name="Conditions">What is given.</param>
/// <param name="Space">The space; <c>area</c> checks have the name of the space of the area, or empty for the first one.</param>
/// <param name="IsArea">True for a check about areas.</param>
/// <param name="Range">The addresses.</param>
/// <param name="Target">A device, a bank, <c>unmapped</c>; for areas a name or <c>none</c>.</param>
/// <param name="Text">The check as written.</param>
/// <param name="Span">Where it stands.</param>
public sealed record CheckDescription(
    IReadOnlyList<CheckCondition> Conditions, string Space, bool IsArea, AddressRange Range, string Target, string Text, SourceSpan Span)
{
    /// <summary>The check in the language, with the names that it has after inclusion.</summary>
    public override string ToString()
    {
        string given = Conditions.Count == 0 ? "" : "given " + string.Join(", ", Conditions.Select(c => $"{c.Name}={c.Value}")) + ", ";
        string range = Range.Start == Range.Last ? Hex(Range.Start) : $"{Hex(Range.Start)}..{Hex(Range.Last)}";
        return $"{given}{(IsArea ? "area" : Space)} {range} is {Target}";
    }

    /// <summary>Reads a check; null and a diagnostic when it can't be read.</summary>
    /// <param name="node">The scalar.</param>
    /// <param name="prefix">Prefix of the included file with its dot, or empty.</param>
    /// <param name="diagnostics">Takes what is wrong.</param>
    public static CheckDescription? Parse(ConfigNode node, string prefix, DiagnosticBag diagnostics)
    {
        var scalars = new ScalarReader(diagnostics);
        if (scalars.Scalar(node) is not { } scalar)
        {
            return null;
        }

        string text = scalar.Text.Trim();
        var conditions = new List<CheckCondition>();
        if (text.StartsWith("given ", StringComparison.Ordinal))
        {
            // Conditions end at the first comma after which no "name=value" follows.
            string[] parts = text["given ".Length..].Split(',');
            int taken = 0;
            while (taken < parts.Length - 1 && parts[taken].Split('=') is [{ } name, { } value] && name.Trim().Length > 0 && value.Trim().Length > 0)
            {
                conditions.Add(new CheckCondition(prefix + name.Trim(), value.Trim()));
                taken++;
            }

            text = string.Join(',', parts[taken..]).Trim();
            if (taken == 0)
            {
                return Bad(scalar, diagnostics, "after 'given' comes NAME=VALUE and a comma");
            }
        }

        int verb = text.LastIndexOf(" is ", StringComparison.Ordinal), blank = text.IndexOf(' ', StringComparison.Ordinal);
        if (verb <= blank || blank < 0)
        {
            return Bad(scalar, diagnostics, "a check reads SPACE RANGE is TARGET");
        }

        string subject = text[..blank], target = text[(verb + 4)..].Trim(), addresses = text[(blank + 1)..verb].Trim();
        if (target.Length == 0 || target.Contains(' ', StringComparison.Ordinal))
        {
            return Bad(scalar, diagnostics, $"'{target}' is no target; a check reads SPACE RANGE is TARGET");
        }

        if (scalars.Range(scalar, addresses, DiagnosticCodes.CheckSyntax) is not { } range)
        {
            return null;
        }

        bool isArea = subject == "area", isName = target is not ("unmapped" or "none");
        return new CheckDescription(conditions, isArea ? prefix : prefix + subject, isArea, range, isName ? prefix + target : target, scalar.Text.Trim(), scalar.AliasSpan ?? scalar.Span);
    }

    private static CheckDescription? Bad(ScalarNode scalar, DiagnosticBag diagnostics, string message)
    {
        diagnostics.Error(DiagnosticCodes.CheckSyntax, scalar.Span, message, "phys 0xF0000..0xFFFFF is bios");
        return null;
    }

    private static string Hex(ulong value) => "0x" + value.ToString("X", CultureInfo.InvariantCulture);
}
