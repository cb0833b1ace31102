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
    public static Credentials Of(int thread)
    {
        int user = Own.User, group = Own.Group;
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

        return user == Own.User ? Credentials.Root : Credentials.User(user, group) with { Groups = groups };
    }

    private static int Number(string line, int column) => int.Parse(line.Split('\t')[column], CultureInfo.InvariantCulture);

    private static (int User, int Group) OwnIdentity()
    {
        string[] lines = File.ReadAllLines("/proc/self/status");
        return (Number(lines.First(l => l.StartsWith("Uid:", StringComparison.Ordinal)), 2), Number(lines.First(l => l.StartsWith("Gid:", StringComparison.Ordinal)), 2));
    }
}
