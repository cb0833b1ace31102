using System.Buffers.Binary;
using Kmem.Abstractions;

namespace Kmem.Plugins.Firmware;

/// <summary>The firmware configuration device: a selector and a data port, a DMA interface, and what a PC's firmware wants to know.</summary>
/// <remarks>
/// Banks <c>ports</c> (0x510, 0x511) and <c>dma</c> (0x514 to 0x51B). Also plays firmware for kernels that are loaded without one.
/// Source: QEMU, docs/specs/fw_cfg.
/// </remarks>
[Device("qemu.fw-cfg")]
public sealed class FwCfg : Device, IHasBanks, IFirmwareHandOver
{
    private const uint Error = 1, Read = 2, Skip = 4, Select = 8, Write = 16;
    private const ulong DmaSignature = 0x5145_4D55_2043_4647, Ebda = 0x9_FC00, Legacy = 0xA_0000, Bios = 0xF_0000, Extended = 0x10_0000;
    private const ulong ReservedAtEnd = 0x2_0000, RootOffset = 0x20, HandlersOffset = 0x80, Flash = 0xFFFC_0000;

    private readonly FwCfgItems _items;
    private readonly IAddressSpace _space;
    private readonly AccessAttributes _attributes;
    private ushort _key;
    private int _offset;
    private uint _high;

    /// <summary>Creates the device.</summary>
    /// <exception cref="MachineException">A file can't be read or its name is too long.</exception>
    public FwCfg(FwCfgOptions options, IDeviceContext context)
    {
        (_items, _space, _attributes) = (new FwCfgItems(options, context), context.Space(options.Space), new AccessAttributes(context.Master));
        MemoryMap = [.. Map(options)];
        Banks =
        [
            new DeviceBank("ports", new MmioRegion("ports", 2, new Ports(this), maxWidth: 2)),
            new DeviceBank("dma", new MmioRegion("dma", 8, new DmaAddress(this))),
        ];
    }

    /// <inheritdoc/>
    public IReadOnlyList<DeviceBank> Banks { get; }

    /// <inheritdoc/>
    public IReadOnlyList<MemoryMapEntry> MemoryMap { get; }

    /// <inheritdoc/>
    public override void Reset() => (_key, _offset, _high) = (0, 0, 0);

    /// <inheritdoc/>
    public override void Save(StateWriter writer)
    {
        writer.U16(_key);
        writer.U32((uint)_offset, nameof(_offset));
        writer.U32(_high);
    }

    /// <inheritdoc/>
    public override void Load(StateReader reader) => (_key, _offset, _high) = (reader.U16(), (int)reader.U32(), reader.U32());

    /// <inheritdoc/>
    public ulong PlaceTables()
    {
        // Real mode finds handlers of the interrupts that the controllers let through.
        Put(0, VectorTable.Table(Ebda + HandlersOffset));
        Put(Ebda + HandlersOffset, VectorTable.Handlers());

        // BIOS data area: segment of the extended one, base memory in KiB.
        Put(0x40E, BitConverter.GetBytes((ushort)(Ebda >> 4)));
        Put(0x413, BitConverter.GetBytes((ushort)(Ebda >> 10)));
        Put(Ebda, [1]);
        Put(MpTable.Address, _items.Processors);
        if (_items.Acpi is not { } acpi)
        {
            return 0;
        }

        ulong tables = _items.Memory[0].Length - ReservedAtEnd;
        (byte[] bytes, byte[] root) = acpi.At((uint)tables);
        Put(tables, bytes);
        Put(Ebda + RootOffset, root);
        return Ebda + RootOffset;
    }

    private static IEnumerable<MemoryMapEntry> Map(FwCfgOptions options)
    {
        ulong end = options.Low - ReservedAtEnd;
        yield return new(0, Ebda, MemoryMapKind.Usable);
        yield return new(Ebda, Legacy - Ebda, MemoryMapKind.Reserved);
        yield return new(Bios, Extended - Bios, MemoryMapKind.Reserved);
        yield return new(Extended, end - Extended, MemoryMapKind.Usable);
        yield return new(end, ReservedAtEnd, MemoryMapKind.Reserved);
        yield return new(Flash, (1UL << 32) - Flash, MemoryMapKind.Reserved);
        if (options.High != 0)
        {
            yield return new(1UL << 32, options.High, MemoryMapKind.Usable);
        }
    }

    private void Put(ulong address, ReadOnlySpan<byte> bytes) => _ = _space.WriteBlock(address, bytes, AccessAttributes.Firmware, out _);

    private byte Next(bool peek)
    {
        byte[] item = _items[_key];
        byte value = _offset < item.Length ? item[_offset] : (byte)0;
        _offset += peek || _offset >= item.Length ? 0 : 1;
        return value;
    }

    private void Choose(ushort key) => (_key, _offset) = ((ushort)(key & 0xBFFF), 0);

    /// <summary>Carries out the transfer that the structure at an address describes; its first doubleword becomes 0, or 1 for an error.</summary>
    private void Transfer(ulong address)
    {
        Span<byte> access = stackalloc byte[16];
        if (_space.ReadBlock(address, access, _attributes, out _) != AccessResult.Ok)
        {
            return;
        }

        uint control = BinaryPrimitives.ReadUInt32BigEndian(access), length = BinaryPrimitives.ReadUInt32BigEndian(access[4..]);
        ulong target = BinaryPrimitives.ReadUInt64BigEndian(access[8..]);
        if ((control & Select) != 0)
        {
            Choose((ushort)(control >> 16));
        }

        bool failed = false;
        if ((control & Read) != 0)
        {
            failed = !Fill(target, length);
        }
        else if ((control & Skip) != 0)
        {
            _offset = (int)Math.Min((ulong)_offset + length, (ulong)Math.Max(_items[_key].Length, _offset));
        }
        else if ((control & Write) != 0)
        {
            failed = true;   // nothing here can be written
        }

        BinaryPrimitives.WriteUInt32BigEndian(access, failed ? Error : 0);
        _ = _space.WriteBlock(address, access[..4], _attributes, out _);
    }

    /// <summary>Copies the rest of an item to memory, and zeros beyond it.</summary>
    private bool Fill(ulong target, uint length)
    {
        byte[] buffer = new byte[4096];
        while (length > 0)
        {
            byte[] item = _items[_key];
            int part = (int)Math.Min(length, buffer.Length), there = Math.Min(Math.Max(item.Length - _offset, 0), part);
            Array.Clear(buffer);
            item.AsSpan(Math.Min(_offset, item.Length), there).CopyTo(buffer);
            if (_space.WriteBlock(target, buffer.AsSpan(0, part), _attributes, out _) != AccessResult.Ok)
            {
                return false;
            }

            _offset += there;
            (target, length) = (target + (ulong)part, length - (uint)part);
        }

        return true;
    }

    /// <summary>A word written to the first port selects; a byte read from either gives the next of the item.</summary>
    private sealed class Ports(FwCfg owner) : IRegionHandler
    {
        public AccessResult Read(ulong offset, int width, out ulong value, in AccessAttributes attributes)
        {
            value = 0;
            for (int i = 0; i < width; i++)
            {
                value |= (ulong)owner.Next(attributes.IsDebug) << (8 * i);
            }

            return AccessResult.Ok;
        }

        public AccessResult Write(ulong offset, int width, ulong value, in AccessAttributes attributes)
        {
            if (width == 2)
            {
                owner.Choose((ushort)value);
            }

            return AccessResult.Ok;
        }
    }

    /// <summary>The address of a transfer, big endian, high half first; the low half starts it.</summary>
    private sealed class DmaAddress(FwCfg owner) : IRegionHandler
    {
        public AccessResult Read(ulong offset, int width, out ulong value, in AccessAttributes attributes)
        {
            value = 0;
            for (int i = 0; i < width && offset + (ulong)i < 8; i++)
            {
                value |= (DmaSignature >> (int)(56 - (8 * (offset + (ulong)i))) & 0xFF) << (8 * i);
            }

            return AccessResult.Ok;
        }

        public AccessResult Write(ulong offset, int width, ulong value, in AccessAttributes attributes)
        {
            if (width == 8)
            {
                owner.Transfer(BinaryPrimitives.ReverseEndianness(value));
            }
            else if (width == 4 && offset == 0)
            {
                owner._high = BinaryPrimitives.ReverseEndianness((uint)value);
            }
            else if (width == 4 && offset == 4)
            {
                ulong address = ((ulong)owner._high << 32) | BinaryPrimitives.ReverseEndianness((uint)value);
                owner._high = 0;
                owner.Transfer(address);
            }

            return AccessResult.Ok;
        }
    }
}
