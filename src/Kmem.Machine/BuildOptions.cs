using Kmem.Abstractions;
using Kmem.Machine.Backends;

namespace Kmem.Machine;

/// <summary>What a caller decides about building a machine.</summary>
public sealed record BuildOptions
{
    /// <summary>Makes the backend of a specification such as <c>stdio</c> or <c>file:PATH</c>; null when there is no such one.</summary>
    public Func<string, ICharBackend?> CharBackend { get; init; } = Quiet;

    /// <summary>Makes the backend of a device's line instead of <see cref="CharBackend"/>, given the device's name too; null for that one.</summary>
    public Func<string, string, ICharBackend?>? CharPort { get; init; }

    /// <summary>Opens the disk of a specification; null for no disk. The default looks at disks without locking or changing them.</summary>
    /// <exception cref="MachineException">The host can't give it.</exception>
    public Func<BlockSpecification, IBlockBackend?> BlockBackend { get; init; } = static s => s.OpenQuietly();

    /// <summary>Makes a device's way to the host's network. The default has nobody on it and opens nothing.</summary>
    public Func<IHostNetwork> HostNetwork { get; init; } = static () => new NoHostNetwork();

    /// <summary>Keeps serial lines off the program's own output: what devices send is kept in memory.</summary>
    public static ICharBackend? Quiet(string specification) => specification switch
    {
        "none" or "null" or "" => new NullCharBackend(),
        "stdio" or "memory" or "pty" => new MemoryCharBackend(),
        _ when specification.StartsWith("file:", StringComparison.Ordinal) || specification.StartsWith("unix:", StringComparison.Ordinal) => new MemoryCharBackend(),
        _ => null,
    };

    /// <summary>Whether the machine begins as it is after power-on, not as firmware leaves it; for running it.</summary>
    public bool FromPowerOn { get; init; }
}
