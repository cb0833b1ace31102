using Kmem.Abstractions;

namespace Kmem.Plugins.Virtio;

/// <summary>A chain of buffers: what the driver gives, then room for what the device gives.</summary>
/// <param name="memory">The guest's memory.</param>
/// <param name="attributes">Who reads and writes it.</param>
/// <param name="head">Number of its first descriptor.</param>
internal sealed class VirtChain(IAddressSpace memory, AccessAttributes attributes, ushort head)
{
    private readonly List<(ulong Address, uint Length)> _given = [];
    private readonly List<(ulong Address, uint Length)> _room = [];

    public ushort Head => head;

    /// <summary>Bytes that the driver gives.</summary>
    public long GivenLength => _given.Sum(p => (long)p.Length);

    /// <summary>Bytes of room for the device.</summary>
    public long RoomLength => _room.Sum(p => (long)p.Length);

    public void Add(ulong address, uint length, bool isRoom) => (isRoom ? _room : _given).Add((address, length));

    /// <summary>Reads what the driver gives from an offset on; false when there is less or memory does not answer.</summary>
    public bool Read(long offset, Span<byte> destination)
    {
        foreach ((ulong address, uint length) in _given)
        {
            if (offset >= length)
            {
                offset -= length;
                continue;
            }

            int part = (int)Math.Min(destination.Length, length - offset);
            if (memory.ReadBlock(address + (ulong)offset, destination[..part], attributes, out _) != AccessResult.Ok)
            {
                return false;
            }

            destination = destination[part..];
            offset = 0;
            if (destination.IsEmpty)
            {
                return true;
            }
        }

        return destination.IsEmpty;
    }

    /// <summary>Writes into the room from an offset on; false when there is less or memory does not answer.</summary>
    public bool Write(long offset, ReadOnlySpan<byte> source)
    {
        foreach ((ulong address, uint length) in _room)
        {
            if (offset >= length)
            {
                offset -= length;
                continue;
            }

            int part = (int)Math.Min(source.Length, length - offset);
            if (memory.WriteBlock(address + (ulong)offset, source[..part], attributes, out _) != AccessResult.Ok)
            {
                return false;
            }

            source = source[part..];
            offset = 0;
            if (source.IsEmpty)
            {
                return true;
            }
        }

        return source.IsEmpty;
    }
}
