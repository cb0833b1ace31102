using System.Globalization;
using Kmem.Abstractions;

namespace Kmem.Plugins.CharDevices.Devices;

/// <summary>Reads the node of a frontend from its options.</summary>
internal static class NodeOptions
{
    private const int Kmem = 15;

    /// <summary>The node that the options describe; what is left out is as given by the defaults.</summary>
    /// <exception cref="MachineException">A number or a mode can't be read.</exception>
    public static DeviceNode Read(string? path, string? numbers, string? mode, string? user, string? group, DeviceNode defaults)
    {
        (int major, int minor) = (defaults.Major, defaults.Minor);
        if (numbers is not null)
        {
            string[] parts = numbers.Split(':');
            if (parts.Length != 2 || !int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out major) || !int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out minor))
            {
                throw new MachineException($"'{numbers}' is not a device number; write \"1:1\" for major 1, minor 1.") { Option = "dev" };
            }
        }

        return new DeviceNode(
            (path ?? defaults.Path).TrimStart('/'),
            major,
            minor,
            mode is null ? defaults.Mode : ModeOf(mode),
            user is null ? defaults.UserId : IdOf(user, "uid"),
            group is null ? defaults.GroupId : IdOf(group, "gid"));
    }

    /// <summary>A node of root:kmem with major 1.</summary>
    public static DeviceNode OfKmemGroup(string path, int minor, int mode) => new(path, 1, minor, mode, 0, Kmem);

    /// <summary>A node of root:root with major 1 that everybody may use.</summary>
    public static DeviceNode OfEverybody(string path, int minor) => new(path, 1, minor, 0b110_110_110, 0, 0);

    private static int ModeOf(string text)
    {
        int mode = 0;
        string digits = text.StartsWith("0o", StringComparison.Ordinal) ? text[2..] : text;
        if (digits.Length is 0 or > 5 || digits.Any(static c => c is < '0' or > '7'))
        {
            throw new MachineException($"'{text}' is not a mode; write octal digits, for example \"0660\".") { Option = "mode" };
        }

        foreach (char digit in digits)
        {
            mode = (mode << 3) | (digit - '0');
        }

        return mode & 0b111_111_111_111;
    }

    private static int IdOf(string text, string option) => text switch
    {
        "root" => 0,
        "kmem" => Kmem,
        _ when int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int id) => id,
        _ => throw new MachineException($"'{text}' is neither a number nor one of the names root and kmem.") { Option = option },
    };
}
