namespace Kmem.Host.Tracing.Native;

/// <summary>A wall that the host's kernel itself holds round a session, where it can: whatever path a program finds past the supervisor, these files don't open.</summary>
/// <remarks>
/// Source: landlock(7), Linux Documentation/userspace-api/landlock.rst. Landlock permits folders and can't take parts of them away again, so
/// the folders beside /dev, /sys and /proc are permitted one by one.
/// </remarks>
internal static unsafe class Landlock
{
    private const int CreateRuleset = 444, AddRule = 445, Beneath = 1, VersionFlag = 1, FirstUsable = 2, PathOnly = 0x28_0000;
    private const ulong WriteFile = 1 << 1, ReadFile = 1 << 2, Refer = 1 << 13, Truncate = 1 << 14, SignalScope = 1 << 1;

    private static readonly string[] Devices = ["null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts", "shm", "mqueue"];

    /// <summary>Makes the rules of a session; -1 where the host has no Landlock.</summary>
    public static int Create()
    {
        nint version = Linux.SystemCall(CreateRuleset, 0, 0, VersionFlag, 0);
        if (version < FirstUsable)
        {
            return -1;
        }

        ulong whole = ReadFile | WriteFile | (version >= 3 ? Truncate : 0);
        ulong* attributes = stackalloc ulong[3];
        (attributes[0], attributes[1], attributes[2]) = (whole | Refer, 0, version >= 6 ? SignalScope : 0);
        int rules = (int)Linux.SystemCall(CreateRuleset, (nint)attributes, version >= 6 ? 24 : version >= 4 ? 16 : 8, 0, 0);
        if (rules < 0)
        {
            return -1;
        }

        Permit(rules, "/", Refer);
        PermitEach(rules, "/", whole, name => name is not ("dev" or "proc" or "sys"));
        foreach (string device in Devices)
        {
            Permit(rules, "/dev/" + device, whole);
        }

        // What root could write to /proc/sys is closed by TraceeLauncher.
        Permit(rules, "/proc", whole);
        PermitEach(rules, "/sys", ReadFile, name => name is not ("bus" or "devices" or "firmware" or "kernel"));
        PermitEach(rules, "/sys/kernel", ReadFile, name => name != "debug");
        PermitEach(rules, "/sys/bus", ReadFile, name => name != "pci");
        PermitEach(rules, "/sys/devices", ReadFile, name => !name.StartsWith("pci", StringComparison.Ordinal));
        return rules;
    }

    private static void PermitEach(int rules, string folder, ulong access, Func<string, bool> wanted)
    {
        if (!Directory.Exists(folder))
        {
            return;
        }

        foreach (string path in Directory.EnumerateFileSystemEntries(folder, "*", new EnumerationOptions { IgnoreInaccessible = true, AttributesToSkip = FileAttributes.None }))
        {
            if (wanted(Path.GetFileName(path)))
            {
                Permit(rules, path, access);
            }
        }
    }

    private static void Permit(int rules, string path, ulong access)
    {
        int place = Linux.Open(path, PathOnly, 0);
        if (place < 0)
        {
            return;
        }

        // struct landlock_path_beneath_attr is packed: 8 bytes of rights, 4 of a descriptor.
        byte* rule = stackalloc byte[12];
        *(ulong*)rule = access;
        *(int*)(rule + 8) = place;
        _ = Linux.SystemCall(AddRule, rules, Beneath, (nint)rule, 0);
        _ = Linux.Close(place);
    }
}
