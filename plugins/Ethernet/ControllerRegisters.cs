using Kmem.Abstractions;

namespace Kmem.Plugins.Ethernet;

/// <summary>The registers in memory (BAR 0): doublewords; narrower accesses take a part of one.</summary>
internal sealed class ControllerRegisters(Intel82540 controller, RegisterFile file) : IRegionHandler, IHasNamedRegisters
{
    private const int Width = 4;

    /// <inheritdoc/>
    public IReadOnlyList<NamedRegister> NamedRegisters { get; } =
    [
        .. file.Names.Concat(Statistics.Names).OrderBy(n => n.Key)
            .Select(n => new NamedRegister(n.Value, n.Key, Width, n.Key != Offsets.IMC, n.Key != Offsets.STATUS && n.Key is < Statistics.First or > Statistics.Last, TakesOtherWidths: true)),
    ];

    public AccessResult Read(ulong offset, int width, out ulong value, in AccessAttributes attributes)
    {
        value = 0;
        for (int done = 0; done < width;)
        {
            ulong at = offset + (ulong)done;
            int lane = (int)(at & 3), part = Math.Min(width - done, Width - lane);
            ulong word = controller.ReadRegister((uint)at & ~3u, attributes.IsDebug) >> (8 * lane);
            value |= (word & (uint.MaxValue >> (8 * (Width - part)))) << (8 * done);
            done += part;
        }

        return AccessResult.Ok;
    }

    public AccessResult Write(ulong offset, int width, ulong value, in AccessAttributes attributes)
    {
        for (int done = 0; done < width;)
        {
            ulong at = offset + (ulong)done;
            int lane = (int)(at & 3), part = Math.Min(width - done, Width - lane);
            uint word = (uint)(value >> (8 * done)), place = (uint)at & ~3u;
            if (part < Width)
            {
                uint mask = (uint.MaxValue >> (8 * (Width - part))) << (8 * lane);
                word = (controller.ReadRegister(place, peek: true) & ~mask) | ((word << (8 * lane)) & mask);
            }

            controller.WriteRegister(place, word);
            done += part;
        }

        return AccessResult.Ok;
    }
}

/// <summary>The way to the registers through ports (BAR 1): IOADDR chooses one, IODATA is it.</summary>
/// <remarks>Source: Intel, the family's manual, section 13.2.2 "I/O-Mapped Internal Register, Internal Memory, and Flash Access".</remarks>
internal sealed class ControllerPorts(ControllerRegisters registers) : IRegionHandler
{
    private const uint Data = 4, Count = 8, RegistersEnd = 0x2_0000;

    private uint _address;

    public AccessResult Read(ulong offset, int width, out ulong value, in AccessAttributes attributes)
    {
        value = 0;
        if (offset < Data)
        {
            value = (_address >> (8 * (int)offset)) & (ulong.MaxValue >> (64 - (8 * width)));
        }
        else if (offset < Count && _address < RegistersEnd)
        {
            return registers.Read((_address & ~3u) + (offset - Data), Math.Min(width, 4), out value, attributes);
        }

        return AccessResult.Ok;
    }

    public AccessResult Write(ulong offset, int width, ulong value, in AccessAttributes attributes)
    {
        if (offset == 0 && width == 4)
        {
            _address = (uint)value;
        }
        else if (offset is >= Data and < Count && _address < RegistersEnd)
        {
            return registers.Write((_address & ~3u) + (offset - Data), Math.Min(width, 4), value, attributes);
        }

        return AccessResult.Ok;
    }

    public void Reset() => _address = 0;

    public void Save(StateWriter writer) => writer.U32(_address);

    public void Load(StateReader reader) => _address = reader.U32();
}
