using System.Globalization;
using Kmem.Abstractions;
using Kmem.Host.Fuse;

namespace Kmem.Host.Mounts;

/// <summary>Turns the process behind a request into the credentials that a simulated kernel checks.</summary>
public static class CallerCredentials
{
    /// <summary>User and group of the request; capabilities and groups of the process where /proc shows them, else all of them for root and none for others.</summary>
    public static Credentials Of(FuseCaller caller)
    {
        (int user, int group) = (unchecked((int)caller.UserId), unchecked((int)caller.GroupId));
        Capabilities capabilities = caller.UserId == 0 ? Capabilities.All : Capabilities.None;
        int[] groups = [];
        if (caller.ProcessId != 0)
        {
            try
            {
                foreach (string line in File.ReadLines($"/proc/{caller.ProcessId}/status"))
                {
                    if (line.StartsWith("CapEff:", StringComparison.Ordinal) && ulong.TryParse(line.AsSpan(7).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out ulong bits))
                    {
                        capabilities = (Capabilities)bits;
                        break;
                    }

                    if (line.StartsWith("Groups:", StringComparison.Ordinal))
                    {
                        groups = [.. line[7..].Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(g => unchecked((int)uint.Parse(g, CultureInfo.InvariantCulture)))];
                    }
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException or OverflowException)
            {
                // The process is gone, or /proc is hidden: the request's own numbers are all there is.
            }
        }

        return new Credentials(user, group, capabilities) { Groups = groups };
    }
}
