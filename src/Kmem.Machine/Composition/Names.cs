namespace Kmem.Machine.Composition;

/// <summary>Finds what a name means at a place: names of included files are sought in their own prefix first, then further out.</summary>
internal static class Names
{
    /// <summary>The full name that a reference means, or null when nothing has it.</summary>
    /// <param name="from">Full name of the thing that refers.</param>
    /// <param name="reference">The name as written.</param>
    /// <param name="exists">Whether a full name exists.</param>
    public static string? Resolve(string from, string reference, Func<string, bool> exists)
    {
        string[] parts = from.Split('.');
        for (int outer = parts.Length - 1; outer >= 0; outer--)
        {
            string candidate = outer == 0 ? reference : string.Join('.', parts[..outer]) + "." + reference;
            if (exists(candidate))
            {
                return candidate;
            }
        }

        return null;
    }
}
