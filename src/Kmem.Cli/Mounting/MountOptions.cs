using System.CommandLine;
using Kmem.Host.Fuse;

namespace Kmem.Cli.Mounting;

/// <summary>The options of <c>kmem mount</c>.</summary>
internal sealed class MountOptions
{
    /// <summary>The user that mounts, who owns the files.</summary>
    public static uint User => FuseMount.User;

    /// <summary>--flavour.</summary>
    public Option<string?> Flavour { get; } = new("--flavour") { Description = "The kernel in front of the devices: a flavour of the machine or a built-in one", HelpName = "NAME" };

    /// <summary>--allow-other.</summary>
    public Option<bool> AllowOther { get; } = new("--allow-other") { Description = "Lets other users in; each is checked by the simulated kernel" };

    /// <summary>--as.</summary>
    public Option<string> As { get; } = new("--as") { Description = "Whose rights a program has on the device nodes: its own, or root's", DefaultValueFactory = _ => "caller" };

    /// <summary>--mmap.</summary>
    public Option<string> Mapping { get; } = new("--mmap") { Description = "Whether RAM may be mapped through mem where kernel and host permit it: unless a ROM lies below its end, always, or never", DefaultValueFactory = _ => "auto" };

    /// <summary>--mounter.</summary>
    public Option<string> Mounter { get; } = new("--mounter") { Description = "Who mounts: this program, the set-uid fusermount3, or the one that fits the user", DefaultValueFactory = _ => "auto" };

    /// <summary>--foreground.</summary>
    public Option<bool> Foreground { get; } = new("--foreground") { Description = "Stays in the foreground, as it always does" };

    /// <summary>--exec.</summary>
    public Option<bool> Execute { get; } = new("--exec") { Description = "Runs CMD with /dev/mem, /dev/kmem and /dev/port being the machine's, and ends with its exit code" };

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        As.AcceptOnlyFromAmong("caller", "root");
        Mapping.AcceptOnlyFromAmong("auto", "ram", "off");
        Mounter.AcceptOnlyFromAmong("auto", "direct", "fusermount3");
        foreach (Option option in (Option[])[Flavour, AllowOther, As, Mapping, Mounter, Foreground, Execute])
        {
            command.Add(option);
        }
    }

    /// <summary>When RAM may be mapped.</summary>
    public MemoryMapping MappingOf(ParseResult parsed) => parsed.GetValue(Mapping) switch { "ram" => MemoryMapping.Ram, "off" => MemoryMapping.Off, _ => MemoryMapping.Auto };

    /// <summary>The mounter that was chosen.</summary>
    public FuseMounter MounterOf(ParseResult parsed) => parsed.GetValue(Mounter) switch
    {
        "direct" => FuseMounter.Direct,
        "fusermount3" => FuseMounter.Fusermount,
        _ => FuseMounter.Automatic,
    };
}
