using Kmem.Abstractions;

namespace Kmem.Plugins.Dma8237;

/// <summary>Options of <c>intel.8237-pair</c>.</summary>
/// <param name="Memory">The space that the channels address; without one nothing moves.</param>
public sealed record DmaPairOptions([property: Option(OptionKind.Space)] string? Memory = null);

/// <summary>The two 8237A of a PC with their page registers: channels 0 to 3 move bytes, 5 to 7 words; 4 is the cascade.</summary>
/// <remarks>
/// Banks <c>dma1</c> (16 ports), <c>dma2</c> (32 ports, two for each register) and <c>pages</c> (16 ports).
/// Source: Intel 8237A datasheet (order number 231466); IBM PC AT technical reference, "DMA".
/// </remarks>
[Device("intel.8237-pair")]
public sealed class DmaPair : Device, IHasBanks, IDmaController
{
    private readonly DmaUnit _bytes = new("dma1", firstChannel: 0);
    private readonly DmaUnit _words = new("dma2", firstChannel: 4);
    private readonly PageRegisters _pages = new();
    private readonly IAddressSpace? _memory;
    private readonly AccessAttributes _master;

    /// <summary>Creates the pair.</summary>
    public DmaPair(DmaPairOptions options, IDeviceContext context)
    {
        _memory = options.Memory is { Length: > 0 } name ? context.Space(name) : null;
        _master = new AccessAttributes(context.Master);
        Banks =
        [
            new DeviceBank("dma1", new MmioRegion("dma1", 16, _bytes.Registers)),
            new DeviceBank("dma2", new MmioRegion("dma2", 32, new EvenPorts(_words.Registers))),
            new DeviceBank("pages", new MmioRegion("pages", 16, _pages, maxWidth: 1)),
        ];
    }

    /// <inheritdoc/>
    public IReadOnlyList<DeviceBank> Banks { get; }

    /// <inheritdoc/>
    public override void Reset()
    {
        _bytes.Reset();
        _words.Reset();
        Array.Clear(_pages.Pages);
    }

    /// <inheritdoc/>
    public override void Save(StateWriter writer)
    {
        _bytes.Save(writer);
        _words.Save(writer);
        writer.Bytes(_pages.Pages);
    }

    /// <inheritdoc/>
    public override void Load(StateReader reader)
    {
        _bytes.Load(reader);
        _words.Load(reader);
        reader.Bytes(_pages.Pages.AsSpan());
    }

    /// <inheritdoc/>
    public int Transfer(int channel, Span<byte> data, out bool terminalCount)
    {
        terminalCount = false;
        if (_memory is null || channel is < 0 or 4 or > 7)
        {
            return 0;
        }

        // A word channel leaves A0 out: its register counts words, and its page starts at A17.
        int unit = channel < 4 ? 1 : 2;
        ulong page = (ulong)(unit == 1 ? _pages.Pages[channel] : _pages.Pages[channel] & 0xFE) << 16;
        return (unit == 1 ? _bytes : _words).Transfer(channel & 3, data, unit, (address, part, toMemory) => Move(page + ((ulong)address * (ulong)unit), part, toMemory), out terminalCount);
    }

    private void Move(ulong address, Span<byte> data, bool toMemory)
    {
        // The ISA bus knows no error: what nobody takes is lost, what nobody drives reads as it floats.
        if (toMemory)
        {
            _ = _memory!.WriteBlock(address, data, _master, out _);
        }
        else if (_memory!.ReadBlock(address, data, _master, out int done) != AccessResult.Ok)
        {
            data[done..].Fill(0xFF);
        }
    }
}
