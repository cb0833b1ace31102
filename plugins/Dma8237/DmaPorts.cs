using Kmem.Abstractions;

namespace Kmem.Plugins.Dma8237;

/// <summary>Registers on a bus that leaves address line A0 out: each answers at two ports.</summary>
internal sealed class EvenPorts(RegisterMap registers) : IRegionHandler, IHasNamedRegisters
{
    public IReadOnlyList<NamedRegister> NamedRegisters => [.. registers.NamedRegisters.Select(r => r with { Offset = 2 * r.Offset })];

    public AccessResult Read(ulong offset, int width, out ulong value, in AccessAttributes attributes)
    {
        value = 0;
        for (int i = 0; i < width; i++)
        {
            _ = registers.Read((offset + (ulong)i) >> 1, 1, out ulong part, attributes);
            value |= part << (8 * i);
        }

        return AccessResult.Ok;
    }

    public AccessResult Write(ulong offset, int width, ulong value, in AccessAttributes attributes)
    {
        for (int i = 0; i < width; i++)
        {
            _ = registers.Write((offset + (ulong)i) >> 1, 1, (value >> (8 * i)) & 0xFF, attributes);
        }

        return AccessResult.Ok;
    }
}

/// <summary>The page registers, which give a channel's address its upper bits; the ports between them are nobody's.</summary>
/// <remarks>Source: IBM PC AT technical reference, "DMA page register"; ports 0x80, 0x84 to 0x86, 0x88 and 0x8C to 0x8E don't answer on the recorded machines.</remarks>
internal sealed class PageRegisters : IRegionHandler, IHasNamedRegisters
{
    /// <summary>The channel of each port; channel 4 is refresh.</summary>
    private static readonly int[] ChannelAt = [-1, 2, 3, 1, -1, -1, -1, 0, -1, 6, 7, 5, -1, -1, -1, 4];

    /// <summary>The page of each channel.</summary>
    public byte[] Pages { get; } = new byte[8];

    public IReadOnlyList<NamedRegister> NamedRegisters =>
        [.. ChannelAt.Select((channel, port) => (Channel: channel, Port: port)).Where(p => p.Channel >= 0)
            .Select(p => new NamedRegister(p.Channel == 4 ? "REFRESH" : $"PAGE{p.Channel}", (ulong)p.Port, 1, true, true, TakesOtherWidths: true))];

    public AccessResult Read(ulong offset, int width, out ulong value, in AccessAttributes attributes)
    {
        value = 0;
        for (int i = 0; i < width; i++)
        {
            if (ChannelAt[(int)offset + i] is not (>= 0 and int channel))
            {
                return AccessResult.DecodeError;
            }

            value |= (ulong)Pages[channel] << (8 * i);
        }

        return AccessResult.Ok;
    }

    public AccessResult Write(ulong offset, int width, ulong value, in AccessAttributes attributes)
    {
        for (int i = 0; i < width; i++)
        {
            if (ChannelAt[(int)offset + i] is not (>= 0 and int channel))
            {
                return AccessResult.DecodeError;
            }

            Pages[channel] = (byte)(value >> (8 * i));
        }

        return AccessResult.Ok;
    }
}
