using System.Globalization;

namespace Kmem.Abstractions;

/// <summary>A place on the host's network: a port of an IPv4 address, or the path of a Unix socket.</summary>
/// <param name="Address">The address, its first number in the top byte; 0 for a path.</param>
/// <param name="Port">The port; 0 for a path.</param>
/// <param name="Path">The path; null for an address.</param>
public readonly record struct HostPlace(uint Address, ushort Port, string? Path = null)
{
    /// <summary>The host's own address, 127.0.0.1.</summary>
    public const uint Loopback = 0x7F00_0001;

    /// <summary>The place of a Unix socket.</summary>
    public static HostPlace Unix(string path) => new(0, 0, path);

    /// <inheritdoc/>
    public override string ToString() => Path is not null
        ? $"unix:{Path}"
        : string.Create(CultureInfo.InvariantCulture, $"{Address >> 24}.{(byte)(Address >> 16)}.{(byte)(Address >> 8)}.{(byte)Address}:{Port}");
}
