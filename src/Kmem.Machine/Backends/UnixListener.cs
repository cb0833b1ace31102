using System.Net.Sockets;
using Kmem.Abstractions;

namespace Kmem.Machine.Backends;

/// <summary>Opens Unix sockets that wait for clients.</summary>
internal static class UnixListener
{
    private const int NoSuchDeviceOrAddress = 6;

    /// <summary>Listens on a path; a socket that a dead program has left there is replaced.</summary>
    /// <param name="path">The path.</param>
    /// <param name="waiting">How many clients may wait to be taken.</param>
    /// <exception cref="MachineException">Somebody listens there, or the path can't be used.</exception>
    public static Socket Open(string path, int waiting)
    {
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            var place = new UnixDomainSocketEndPoint(path);
            RemoveStale(path, place);
            listener.Bind(place);
            listener.Listen(waiting);
            return listener;
        }
        catch (Exception e) when (e is SocketException or ArgumentException or IOException or UnauthorizedAccessException or MachineException)
        {
            listener.Dispose();
            throw e as MachineException ?? new MachineException($"the socket '{path}' can't be opened: {e.Message}", e);
        }
    }

    private static void RemoveStale(string path, UnixDomainSocketEndPoint place)
    {
        if (!Path.Exists(path))
        {
            return;
        }

        try
        {
            using FileStream file = File.OpenRead(path);
            throw new MachineException($"'{path}' exists and is no socket");
        }
        catch (IOException e) when ((e.HResult & 0xFFFF) == NoSuchDeviceOrAddress)
        {
            // So a socket answers to being opened as a file.
        }

        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(place);
            throw new MachineException($"another program listens on '{path}'");
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
        {
            File.Delete(path);
        }
    }
}
