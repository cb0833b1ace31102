using System.Globalization;
using Kmem.Abstractions;

namespace Kmem.Host.Tracing.Calls;

/// <summary>Reads who a thread is.</summary>
/// <remarks>
/// Whoever starts a session is root on the simulated machine. A program that gives up its identity (setuid and the like) has given it up
/// there too.
/// </remarks>
internal static class ThreadCredentials
{
    private static readonly (int User, int Group) Own = OwnIdentity();

    /// <summary>The credentials of a thread for the simulated kernel; those of root when the thread can't be asked.</summary>
    public static Credentials Of(Tracee tracee)
    {
        int thread = tracee.Thread, user = Own.User, group = Own.Group;
        ulong capabilities = ulong.MaxValue;
        var groups = new List<int>();
        try
        {
            foreach (string line in File.ReadLines($"/proc/{thread}/status"))
            {
                if (line.StartsWith("Uid:", StringComparison.Ordinal))
                {
                    user = Number(line, 2);
                }
                else if (line.StartsWith("Gid:", StringComparison.Ordinal))
                {
                    group = Number(line, 2);
                }
                else if (line.StartsWith("CapEff:", StringComparison.Ordinal))
                {
                    capabilities = ulong.Parse(line["CapEff:".Length..].Trim(), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
                }
                else if (line.StartsWith("Groups:", StringComparison.Ordinal))
                {
                    groups.AddRange(line["Groups:".Length..].Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Select(g => int.Parse(g, CultureInfo.InvariantCulture)));
                }
            }
        }
        catch (IOException)
        {
            return Credentials.Root;
        }

        if (user != Own.User)
        {
            return Credentials.User(user, group) with { Groups = groups };
        }

        // An ordinary user's session has none on the host; on the machine it has what root has.
        ulong own = Own.User == 0 ? capabilities : ~KeptCapabilities.Mask;
        return new Credentials(0, 0, (Capabilities)(own | tracee.Kept.Effective)) { Groups = groups };
    }

    private static int Number(string line, int column) => int.Parse(line.Split('\t')[column], CultureInfo.InvariantCulture);

    private static (int User, int Group) OwnIdentity()
    {
        string[] lines = File.ReadAllLines("/proc/self/status");
        return (Number(lines.First(l => l.StartsWith("Uid:", StringComparison.Ordinal)), 2), Number(lines.First(l => l.StartsWith("Gid:", StringComparison.Ordinal)), 2));
    }
}
