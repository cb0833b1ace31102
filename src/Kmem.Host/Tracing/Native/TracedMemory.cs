using Kmem.Abstractions;

namespace Kmem.Host.Tracing.Native;

/// <summary>The memory of a traced program, through process_vm_readv(2); page protections hold as they do for the kernel's own copies.</summary>
/// <param name="thread">A thread of the program.</param>
/// <param name="limit">First address that no user buffer may reach.</param>
internal sealed unsafe class TracedMemory(int thread, ulong limit) : IUserMemory
{
    private const ulong Page = 4096;
    private const int LongestPath = 4096;

    /// <inheritdoc/>
    public ulong Limit { get; } = limit;

    /// <inheritdoc/>
    public int Read(ulong address, Span<byte> destination)
    {
        fixed (byte* own = destination)
        {
            return Copy(own, address, destination.Length, write: false);
        }
    }

    /// <inheritdoc/>
    public int Write(ulong address, ReadOnlySpan<byte> source)
    {
        fixed (byte* own = source)
        {
            return Copy(own, address, source.Length, write: true);
        }
    }

    /// <summary>Reads a quadword; false where it is not mapped.</summary>
    public bool TryRead(ulong address, out ulong value)
    {
        ulong read = 0;
        bool done = Read(address, new Span<byte>(&read, 8)) == 8;
        value = read;
        return done;
    }

    /// <summary>Writes a quadword; false where it is not mapped.</summary>
    public bool TryWrite(ulong address, ulong value) => Write(address, new ReadOnlySpan<byte>(&value, 8)) == 8;

    /// <summary>Reads text up to its terminating zero, at most a path's length; null where it is not mapped or too long.</summary>
    public string? ReadText(ulong address)
    {
        Span<byte> buffer = stackalloc byte[LongestPath];
        int done = 0;
        while (done < LongestPath)
        {
            int part = (int)Math.Min((ulong)(LongestPath - done), Page - ((address + (ulong)done) % Page));
            int read = Read(address + (ulong)done, buffer.Slice(done, part));
            int end = buffer.Slice(done, Math.Max(read, 0)).IndexOf((byte)0);
            if (end >= 0)
            {
                return HostPath.Decode(buffer[..(done + end)]);
            }

            if (read < part)
            {
                return null;
            }

            done += part;
        }

        return null;
    }

    private int Copy(byte* own, ulong address, int length, bool write)
    {
        if (length == 0 || address >= Limit)
        {
            return 0;
        }

        // One call for the whole; where that stops early, page by page up to the one that faults.
        int done = Piece(own, address, (ulong)length, write);
        while (done < length)
        {
            ulong at = address + (ulong)done;
            ulong part = Math.Min((ulong)(length - done), Page - (at % Page));
            int moved = Piece(own + done, at, part, write);
            done += moved;
            if ((ulong)moved < part)
            {
                break;
            }
        }

        return done;
    }

    private int Piece(byte* own, ulong address, ulong length, bool write)
    {
        var local = new Linux.IoPiece { Address = (ulong)own, Length = length };
        var remote = new Linux.IoPiece { Address = address, Length = length };
        nint moved = write ? Linux.WriteProcess(thread, &local, 1, &remote, 1, 0) : Linux.ReadProcess(thread, &local, 1, &remote, 1, 0);
        return (int)Math.Max(moved, 0);
    }
}
