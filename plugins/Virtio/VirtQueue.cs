using System.Buffers.Binary;
using Kmem.Abstractions;

namespace Kmem.Plugins.Virtio;

/// <summary>A split virtqueue in the guest's memory.</summary>
/// <remarks>Source: Virtual I/O Device (VIRTIO) Version 1.1, section 2.6 "Split Virtqueues".</remarks>
internal sealed class VirtQueue(IAddressSpace memory, BusMaster master, ushort most)
{
    private const int DescriptorLength = 16;
    private const ushort HasNext = 1, IsWritable = 2, IsIndirect = 4, NoInterrupt = 1;

    private readonly AccessAttributes _attributes = new(master);
    private readonly ushort _most = most;
    private ushort _taken;
    private ushort _used;

    /// <summary>Number of entries.</summary>
    public ushort Size { get; set; } = most;

    public bool IsEnabled { get; set; }

    public ulong Descriptors { get; set; }

    public ulong Available { get; set; }

    public ulong Used { get; set; }

    /// <summary>Number of its message where interrupts are messages.</summary>
    public ushort Vector { get; set; } = MsixTable.None;

    /// <summary>Whether the driver wants no interrupt for used buffers.</summary>
    public bool IsQuiet => (Word(Available) & NoInterrupt) != 0;

    /// <summary>Page number of a queue in the legacy layout; 0 when there is none.</summary>
    public uint LegacyPage
    {
        get => IsEnabled ? (uint)(Descriptors >> 12) : 0;
        set
        {
            const ulong Page = 4096;
            IsEnabled = value != 0;
            Descriptors = (ulong)value << 12;
            Available = Descriptors + ((ulong)Size * DescriptorLength);
            Used = (Available + 6 + (2UL * Size) + Page - 1) & ~(Page - 1);
            (_taken, _used) = (0, 0);
        }
    }

    public void Reset()
    {
        (Size, IsEnabled, Descriptors, Available, Used, _taken, _used, Vector) = (_most, false, 0, 0, 0, 0, 0, MsixTable.None);
    }

    public void Save(StateWriter writer, string name)
    {
        writer.U16(Size, name + "_size");
        writer.Bool(IsEnabled, name + "_enabled");
        writer.U64(Descriptors, name + "_descriptors");
        writer.U64(Available, name + "_available");
        writer.U64(Used, name + "_used_ring");
        writer.U16(_taken, name + "_taken");
        writer.U16(_used, name + "_used");
        writer.U16(Vector, name + "_vector");
    }

    public void Load(StateReader reader)
    {
        (Size, IsEnabled, Descriptors, Available) = (reader.U16(), reader.Bool(), reader.U64(), reader.U64());
        (Used, _taken, _used, Vector) = (reader.U64(), reader.U16(), reader.U16(), reader.U16());
    }

    /// <summary>Takes the next chain of buffers that the driver offers; null when there is none.</summary>
    public VirtChain? Take()
    {
        if (!IsEnabled || Size == 0 || Word(Available + 2) == _taken)
        {
            return null;
        }

        ushort head = Word(Available + 4 + (2UL * (uint)(_taken % Size)));
        _taken++;
        var chain = new VirtChain(memory, _attributes, head);
        Follow(chain, Descriptors, Size, head, isIndirect: false);
        return chain;
    }

    /// <summary>Gives a chain back.</summary>
    /// <param name="chain">The chain.</param>
    /// <param name="written">Bytes written into it.</param>
    public void Give(VirtChain chain, uint written)
    {
        Span<byte> entry = stackalloc byte[8];
        BinaryPrimitives.WriteUInt32LittleEndian(entry, chain.Head);
        BinaryPrimitives.WriteUInt32LittleEndian(entry[4..], written);
        _ = memory.WriteBlock(Used + 4 + (8UL * (uint)(_used % Size)), entry, _attributes, out _);
        _used++;
        _ = memory.Write(Used + 2, 2, _used, _attributes);
    }

    private ushort Word(ulong address) => memory.Read(address, 2, out ulong value, _attributes) == AccessResult.Ok ? (ushort)value : (ushort)0;

    private void Follow(VirtChain chain, ulong table, int entries, ushort index, bool isIndirect)
    {
        Span<byte> descriptor = stackalloc byte[DescriptorLength];

        // A chain that bites its own tail ends after as many steps as the table has entries.
        for (int steps = 0; steps < entries && index < entries; steps++)
        {
            if (memory.ReadBlock(table + ((ulong)index * DescriptorLength), descriptor, _attributes, out _) != AccessResult.Ok)
            {
                return;
            }

            ulong address = BinaryPrimitives.ReadUInt64LittleEndian(descriptor);
            uint length = BinaryPrimitives.ReadUInt32LittleEndian(descriptor[8..]);
            ushort flags = BinaryPrimitives.ReadUInt16LittleEndian(descriptor[12..]);
            if ((flags & IsIndirect) != 0 && !isIndirect)
            {
                Follow(chain, address, (int)Math.Min(length / DescriptorLength, 1024), 0, isIndirect: true);
            }
            else
            {
                chain.Add(address, length, (flags & IsWritable) != 0);
            }

            if ((flags & HasNext) == 0)
            {
                return;
            }

            index = BinaryPrimitives.ReadUInt16LittleEndian(descriptor[14..]);
        }
    }
}
