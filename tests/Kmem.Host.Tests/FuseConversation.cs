using System.Buffers.Binary;
using Kmem.Abstractions;
using Kmem.Host.Fuse;
using Kmem.Host.Mounts;
using Kmem.Host.Sessions;

namespace Kmem.Host.Tests;

/// <summary>A session at one end of a packet socket, and the test in the place of the kernel at the other.</summary>
internal sealed unsafe class FuseConversation : IDisposable
{
    private readonly int _socket;

    public FuseConversation()
    {
        int* pair = stackalloc int[2];
        if (HostCalls.SocketPair(HostCalls.UnixDomain, HostCalls.SequencedPackets, 0, pair) != 0)
        {
            throw new InvalidOperationException("no socket pair");
        }

        _socket = pair[0];
        var root = new FuseFolder { Mode = 0b111_101_101 };
        root.TryAdd("hello", new TextFile(() => "hello\n", text => text == "ok" ? Errno.None : Errno.EINVAL) { Mode = 0b110_110_110, FixedSize = 6 });
        root.TryAdd("bad", new TextFile(() => throw new InvalidOperationException("a plugin that throws")) { Mode = 0b110_110_110, FixedSize = 1 });
        Session = new FuseSession(pair[1], root, new MachineGate(), Said.Add);
        Session.Start();
    }

    public FuseSession Session { get; }

    public List<string> Said { get; } = [];

    /// <summary>Sends bytes that need not be a request.</summary>
    public void SendRaw(byte[] message)
    {
        fixed (byte* from = message)
        {
            if (HostCalls.Write(_socket, from, (nuint)message.Length) != message.Length)
            {
                throw new InvalidOperationException("the session does not take the message");
            }
        }
    }

    /// <summary>Sends a request and waits for its reply: an error number (positive), and the bytes behind the header.</summary>
    public (int Error, byte[] Data) Ask(uint opcode, ulong node, params byte[] arguments)
    {
        ulong unique = (ulong)Random.Shared.NextInt64();
        SendRaw(Request(opcode, node, unique, arguments));
        byte[] reply = new byte[1 << 21];
        nint length;
        fixed (byte* to = reply)
        {
            length = HostCalls.Read(_socket, to, (nuint)reply.Length);
        }

        if (length < 16 || BinaryPrimitives.ReadInt32LittleEndian(reply) != length || BinaryPrimitives.ReadUInt64LittleEndian(reply.AsSpan(8)) != unique)
        {
            throw new InvalidOperationException($"a broken reply of {length} bytes");
        }

        return (-BinaryPrimitives.ReadInt32LittleEndian(reply.AsSpan(4)), reply[16..(int)length]);
    }

    public static byte[] Request(uint opcode, ulong node, ulong unique, byte[] arguments)
    {
        byte[] message = new byte[40 + arguments.Length];
        BinaryPrimitives.WriteInt32LittleEndian(message, message.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(message.AsSpan(4), opcode);
        BinaryPrimitives.WriteUInt64LittleEndian(message.AsSpan(8), unique);
        BinaryPrimitives.WriteUInt64LittleEndian(message.AsSpan(16), node);
        arguments.CopyTo(message, 40);
        return message;
    }

    /// <summary>32-bit and 64-bit numbers one after the other.</summary>
    public static byte[] Bytes(params object[] numbers) => [.. numbers.SelectMany(n => n switch { uint u => BitConverter.GetBytes(u), ulong u => BitConverter.GetBytes(u), byte[] b => b, _ => throw new InvalidOperationException("uint, ulong or bytes") })];

    public void Dispose()
    {
        _ = HostCalls.Close(_socket);
        Session.Dispose();
    }
}
