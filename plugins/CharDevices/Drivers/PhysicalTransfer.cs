using System.Numerics;
using Kmem.Abstractions;

namespace Kmem.Plugins.CharDevices.Drivers;

/// <summary>Moves bytes between physical memory and a process: RAM at once, registers through a buffer, in naturally aligned pieces.</summary>
/// <remarks>A Linux kernel survives what a bus answers: a lost read gives ones, a refused write vanishes.</remarks>
/// <param name="environment">The driver's surroundings.</param>
internal sealed class PhysicalTransfer(DriverEnvironment environment)
{
    private readonly IAddressSpace _space = environment.Space;
    private readonly byte[] _buffer = new byte[environment.Profile.PageSize];

    /// <summary>Copies physical memory to the process.</summary>
    /// <returns>False when the process's memory faults; what came before has been copied.</returns>
    public bool CopyToUser(ulong address, IUserMemory memory, ulong user, int length)
    {
        while (length > 0)
        {
            int moved;
            if (TryGetDirect(address, write: false, out DirectMemory direct))
            {
                moved = (int)Math.Min((ulong)length, direct.Length);
                if (memory.Write(user, direct.AsSpan()[..moved]) < moved)
                {
                    return false;
                }
            }
            else
            {
                moved = ToPageEnd(address, length);
                Read(address, _buffer.AsSpan(0, moved));
                if (memory.Write(user, _buffer.AsSpan(0, moved)) < moved)
                {
                    return false;
                }
            }

            (address, user, length) = (address + (ulong)moved, user + (ulong)moved, length - moved);
        }

        return true;
    }

    /// <summary>Copies from the process to physical memory; where its memory faults, the rest of that page's share becomes zeros.</summary>
    /// <remarks>Source: recorded; copy_from_user of Linux clears what it could not copy.</remarks>
    /// <returns>Bytes copied before the fault.</returns>
    public int CopyFromUser(ulong address, IUserMemory memory, ulong user, int length)
    {
        int done = 0;
        while (done < length)
        {
            ulong at = address + (ulong)done;
            int wanted, copied;
            if (TryGetDirect(at, write: true, out DirectMemory direct))
            {
                wanted = (int)Math.Min((ulong)(length - done), direct.Length);
                copied = memory.Read(user + (ulong)done, direct.AsSpan()[..wanted]);
            }
            else
            {
                wanted = ToPageEnd(at, length - done);
                copied = memory.Read(user + (ulong)done, _buffer.AsSpan(0, wanted));
                Write(at, _buffer.AsSpan(0, copied));
            }

            done += copied;
            if (copied < wanted)
            {
                at = address + (ulong)done;
                Clear(at, ToPageEnd(at, length - done));
                return done;
            }
        }

        return done;
    }

    /// <summary>Gives the process zeros.</summary>
    /// <returns>Bytes stored before a fault.</returns>
    public static int ClearUser(IUserMemory memory, ulong user, ulong length)
    {
        Span<byte> zeros = stackalloc byte[4096];
        zeros.Clear();
        ulong done = 0;
        while (done < length)
        {
            int wanted = (int)Math.Min(length - done, (ulong)zeros.Length);
            int stored = memory.Write(user + done, zeros[..wanted]);
            done += (ulong)stored;
            if (stored < wanted)
            {
                break;
            }
        }

        return (int)done;
    }

    /// <summary>Reads physical memory whatever stands there.</summary>
    public void Read(ulong address, Span<byte> destination)
    {
        while (_space.ReadBlock(address, destination, environment.Attributes, out int done) != AccessResult.Ok)
        {
            int lost = Piece(address + (ulong)done, destination.Length - done);
            destination.Slice(done, lost).Fill(0xFF);
            address += (ulong)(done + lost);
            destination = destination[(done + lost)..];
        }
    }

    /// <summary>Writes physical memory whatever stands there.</summary>
    public void Write(ulong address, ReadOnlySpan<byte> source)
    {
        while (_space.WriteBlock(address, source, environment.Attributes, out int done) != AccessResult.Ok)
        {
            int lost = Piece(address + (ulong)done, source.Length - done);
            address += (ulong)(done + lost);
            source = source[(done + lost)..];
        }
    }

    private static int Piece(ulong address, int left) => Math.Min(1 << Math.Min(3, BitOperations.TrailingZeroCount(address | 8)), 1 << BitOperations.Log2((uint)left));

    // A CPU's copies hit RAM byte by byte on every bus; an observer wants to see them all the same.
    private bool TryGetDirect(ulong address, bool write, out DirectMemory direct)
    {
        direct = default;
        return _space.Observer is null && _space.TryGetDirect(address, write, environment.Attributes, out direct);
    }

    private void Clear(ulong address, int length)
    {
        _buffer.AsSpan(0, length).Clear();
        Write(address, _buffer.AsSpan(0, length));
    }

    private int ToPageEnd(ulong address, int length) => Math.Min(length, _buffer.Length - (int)(address & (ulong)(_buffer.Length - 1)));
}
