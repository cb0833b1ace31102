using System.Buffers.Binary;
using Kmem.Abstractions;

namespace Kmem.Plugins.Virtio;

/// <summary>Message-signalled interrupts of a function: the capability MSI-X, the table of messages, and the bits of those that wait.</summary>
/// <remarks>Source: PCI Local Bus Specification 3.0, section 6.8.2 "MSI-X Capability and Table Structures".</remarks>
internal sealed class MsixTable : IRegionHandler
{
    /// <summary>Number that stands for no message.</summary>
    public const ushort None = 0xFFFF;

    /// <summary>Length of the region in bytes.</summary>
    public const ulong Length = 0x1000;

    private const int EntryLength = 16, PendingAt = 0x800, CapabilityAt = 0x98, ControlAt = CapabilityAt + 2, VectorControl = 12;
    private const ushort Enable = 0x8000, MaskAll = 0x4000;

    private readonly PciConfiguration _configuration;
    private readonly IAddressSpace _memory;
    private readonly AccessAttributes _attributes;
    private readonly byte[] _table;
    private readonly bool[] _pending;

    /// <summary>Adds the capability to a configuration space.</summary>
    /// <param name="configuration">The space.</param>
    /// <param name="count">Number of messages.</param>
    /// <param name="bar">Number of the base address register behind which the table stands.</param>
    /// <param name="memory">The space into which messages are written.</param>
    /// <param name="master">Who writes them.</param>
    public MsixTable(PciConfiguration configuration, int count, int bar, IAddressSpace memory, BusMaster master)
    {
        (_configuration, _memory, _attributes) = (configuration, memory, new AccessAttributes(master));
        (_table, _pending) = (new byte[count * EntryLength], new bool[count]);
        const byte Kind = 0x11;
        configuration.Define(CapabilityAt, 1, Kind).Define(CapabilityAt + 1, 1, 0)
            .Define(ControlAt, 2, (uint)(count - 1), writable: Enable | MaskAll)
            .Define(CapabilityAt + 4, 4, (uint)bar)
            .Define(CapabilityAt + 8, 4, PendingAt | (uint)bar);
        configuration.Watch(ControlAt, ControlAt + 1, Changed);
        Reset();
    }

    /// <summary>Where the capability stands in the configuration space.</summary>
    public static byte Place => CapabilityAt;

    /// <summary>Called after the capability has been switched on or off.</summary>
    public Action? Switched { get; set; }

    /// <summary>Whether interrupts are messages.</summary>
    public bool IsEnabled => (Control & Enable) != 0;

    private ushort Control => (ushort)_configuration.Read(ControlAt, 2);

    /// <summary>The number if there is such a message, else <see cref="None"/>.</summary>
    public ushort Checked(ushort vector) => vector < _pending.Length ? vector : None;

    /// <summary>Sends a message, or keeps it while it is masked.</summary>
    public void Signal(ushort vector)
    {
        if (vector >= _pending.Length || !IsEnabled)
        {
            return;
        }

        Span<byte> entry = _table.AsSpan(vector * EntryLength, EntryLength);
        _pending[vector] = (Control & MaskAll) != 0 || (entry[VectorControl] & 1) != 0;
        if (!_pending[vector])
        {
            _ = _memory.Write(BinaryPrimitives.ReadUInt64LittleEndian(entry) & ~3UL, 4, BinaryPrimitives.ReadUInt32LittleEndian(entry[8..]), _attributes);
        }
    }

    public AccessResult Read(ulong offset, int width, out ulong value, in AccessAttributes attributes)
    {
        value = 0;
        for (int i = 0; i < width; i++)
        {
            value |= (ulong)ByteAt(offset + (ulong)i) << (8 * i);
        }

        return AccessResult.Ok;
    }

    public AccessResult Write(ulong offset, int width, ulong value, in AccessAttributes attributes)
    {
        for (int i = 0; i < width && offset + (ulong)i < (ulong)_table.Length; i++)
        {
            ulong at = offset + (ulong)i;
            int field = (int)at % EntryLength;
            byte part = (byte)(value >> (8 * i));
            _table[at] = field < VectorControl ? part : field == VectorControl ? (byte)(part & 1) : (byte)0;
        }

        SendPending();
        return AccessResult.Ok;
    }

    public void Reset()
    {
        Array.Clear(_table);
        Array.Clear(_pending);
        for (int i = 0; i < _pending.Length; i++)
        {
            _table[(i * EntryLength) + VectorControl] = 1;
        }
    }

    public void Save(StateWriter writer)
    {
        writer.Bytes(_table, "msix_table");
        writer.Bytes(_pending.Select(p => (byte)(p ? 1 : 0)), "msix_pending");
    }

    public void Load(StateReader reader)
    {
        reader.Bytes(_table.AsSpan());
        byte[] pending = new byte[_pending.Length];
        reader.Bytes(pending.AsSpan());
        for (int i = 0; i < pending.Length; i++)
        {
            _pending[i] = pending[i] != 0;
        }
    }

    private byte ByteAt(ulong offset)
    {
        if (offset < (ulong)_table.Length)
        {
            return _table[offset];
        }

        byte bits = 0;
        for (int i = 0; i < 8 && offset >= PendingAt; i++)
        {
            ulong vector = (8 * (offset - PendingAt)) + (ulong)i;
            bits |= (byte)(vector < (ulong)_pending.Length && _pending[vector] ? 1 << i : 0);
        }

        return bits;
    }

    private void Changed()
    {
        SendPending();
        Switched?.Invoke();
    }

    private void SendPending()
    {
        for (ushort i = 0; i < _pending.Length; i++)
        {
            if (_pending[i])
            {
                Signal(i);
            }
        }
    }
}
