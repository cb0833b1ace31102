using Kmem.Abstractions;

namespace Kmem.Machine.Backends;

/// <summary>Makes backends that reach the host for real; commands that run a machine give its members to <see cref="BuildOptions"/>.</summary>
/// <param name="say">Takes a sentence for the user, such as the path of a pseudo terminal.</param>
public sealed class HostBackends(Action<string> say)
{
    /// <summary>The forms of a specification, for messages.</summary>
    public const string CharForms = "stdio, pty, unix:PATH, file:PATH, memory and none";

    /// <summary>The backend of standard input and output, once a device has asked for it.</summary>
    public StdioCharBackend? Stdio { get; private set; }

    /// <summary>Makes the character backend of a specification; null when there is no such one.</summary>
    /// <exception cref="MachineException">The host can't give it.</exception>
    public ICharBackend? Char(string specification)
    {
        switch (specification)
        {
            case "none" or "null" or "":
                return new NullCharBackend();
            case "memory":
                return new MemoryCharBackend();
            case "stdio":
                return Stdio is null ? Stdio = new StdioCharBackend() : throw new MachineException("standard input and output belong to another device already");
            case "pty":
                var pty = new PtyCharBackend();
                say($"a serial line is at {pty.Path}");
                return pty;
            case ['u', 'n', 'i', 'x', ':', _, ..]:
                string path = specification["unix:".Length..];
                var socket = new UnixSocketCharBackend(path);
                say($"a serial line listens at {path}");
                return socket;
            case ['f', 'i', 'l', 'e', ':', _, ..]:
                return new StreamCharBackend(Create(specification["file:".Length..]));
            default:
                return null;
        }
    }

    /// <summary>Makes a device's way to the host's network.</summary>
    public HostNetwork Network() => new(say);

    /// <summary>Opens the disk of a specification; null for no disk.</summary>
    /// <exception cref="MachineException">The host can't give it.</exception>
    public static IBlockBackend? Block(BlockSpecification specification) => specification.Open();

    private static FileStream Create(string path)
    {
        try
        {
            return new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.Read);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new MachineException($"the file '{path}' can't be written: {e.Message}", e);
        }
    }
}
