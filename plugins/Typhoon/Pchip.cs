using System.Globalization;
using Kmem.Abstractions;

namespace Kmem.Plugins.Typhoon;

/// <summary>Options of <c>dec.21272.pchip</c>.</summary>
/// <param name="Memory">The space in which PCI masters reach memory.</param>
/// <param name="InterruptController">The device that answers interrupt acknowledge cycles on this PCI bus; none when not given.</param>
public sealed record PchipOptions(
    [property: Option(OptionKind.Space)] string Memory,
    [property: Option(OptionKind.Device)] string? InterruptController = null);

/// <summary>The Pchip of the 21272, host of a PCI bus: its registers, the acknowledge cycles, and the windows by which PCI masters reach memory.</summary>
/// <remarks>
/// Bank <c>csr</c>. Provides the space <c>iack</c> (64 MiB: reads of 4 bytes are acknowledge cycles; a window leads there from a bus whose registers
/// take quadwords only) and the space <c>dma</c>: what a bus master on this PCI bus addresses, 32 bits or with bit 40 set the monster window.
/// Both are banks too. Output <c>err</c>. Firmware state: any register by its name.
/// Source: 21272 hardware reference manual, Pchip control and status registers, PCI-to-system address translation.
/// </remarks>
[Device("dec.21272.pchip")]
public sealed class Pchip : Device, IHasBanks, IFirmwareState
{
    private const int Windows = 4, DmaBits = 41, AcknowledgeBits = 26;
    private const ulong WindowBase = 0xFFF0_0003, LastWindowBase = 0x80_FFF0_0001, WindowMask = 0xFFF0_0000, TableBase = 0x7_FFFF_FC00;
    private const ulong ControlWritable = 0x1FFF_FFFE_FFFF, ErrorBits = 0xFFF;

    private readonly CsrBank _bank = new(0x1000);
    private readonly Csr _error;
    private readonly Csr _errorMask;
    private readonly IIrqLine _err;

    /// <summary>Creates the chip.</summary>
    public Pchip(PchipOptions options, IDeviceContext context)
    {
        _err = context.Irq("err");
        Csr[] bases = Add(0x000, "WSBA", i => i == Windows - 1 ? LastWindowBase : WindowBase, i => i == Windows - 1 ? 2UL : 0);
        Csr[] masks = Add(0x100, "WSM", _ => WindowMask, _ => 0);
        Csr[] tables = Add(0x200, "TBA", _ => TableBase, _ => 0);
        Csr control = _bank.Add(new Csr(0x300, "PCTL", ControlWritable));
        _bank.Add(new Csr(0x340, "PLAT", 0xFF00));
        _error = _bank.Add(new Csr(0x3C0, "PERROR") { IsStored = true, Writer = ClearError });
        _errorMask = _bank.Add(new Csr(0x400, "PERRMASK", ErrorBits) { Changed = Update });
        _bank.Add(new Csr(0x440, "PERRSET") { Writer = v => Report(v & ErrorBits) });

        // Translations are read from memory each time, so there is nothing to invalidate.
        _bank.Add(new Csr(0x480, "TLBIV") { Writer = _ => { } });
        _bank.Add(new Csr(0x4C0, "TLBIA") { Writer = _ => { } });
        _bank.Add(new Csr(0x500, "PMONCTL", 0x3_FFFF));
        _bank.Add(new Csr(0x540, "PMONCNT"));
        _bank.Add(new Csr(0x800, "SPRST") { Writer = _ => { } });

        IInterruptAcknowledge? controller = options.InterruptController is { Length: > 0 } name ? context.Device<IInterruptAcknowledge>(name) : null;
        var errors = new UnmappedPolicy(UnmappedRead.Error, UnmappedWrite.Error);
        var acknowledge = new MmioRegion(context.Id + ".iack", 1UL << AcknowledgeBits, new AcknowledgeWindow(controller));
        context.ProvideSpace(new SpaceRequest("iack", AcknowledgeBits, "bus.flat", errors)).Map(acknowledge, 0);
        var windows = new DmaWindows(bases, masks, tables, control, context.Space(options.Memory), a => Report(DmaWindows.ScatterGatherError | (a << DmaWindows.ErrorAddress)));
        var memory = new MmioRegion(context.Id + ".dma", 1UL << DmaBits, windows);
        context.ProvideSpace(new SpaceRequest("dma", DmaBits, "bus.flat", errors)).Map(memory, 0);
        Banks = [new DeviceBank("csr", new MmioRegion("csr", 0x1000, _bank, minWidth: 8)), new DeviceBank("iack", acknowledge), new DeviceBank("dma", memory)];
    }

    /// <inheritdoc/>
    public IReadOnlyList<DeviceBank> Banks { get; }

    /// <inheritdoc/>
    public override void Reset()
    {
        _bank.Reset();
        Update();
    }

    /// <inheritdoc/>
    public override void Save(StateWriter writer) => _bank.Save(writer);

    /// <inheritdoc/>
    public override void Load(StateReader reader)
    {
        _bank.Load(reader);
        Update();
    }

    /// <inheritdoc/>
    public bool TrySetFirmwareState(string key, ulong value) => _bank.TrySet(key, value);

    private Csr[] Add(int offset, string name, Func<int, ulong> writable, Func<int, ulong> initial) =>
        [.. Enumerable.Range(0, Windows).Select(i => _bank.Add(new Csr(offset + (0x40 * i), string.Create(CultureInfo.InvariantCulture, $"{name}{i}"), writable(i), initial(i))))];

    /// <summary>The first error holds its address; later ones only say that something was lost.</summary>
    private void Report(ulong error)
    {
        const ulong Lost = 1;
        _error.Value = (_error.Value & ErrorBits) == 0 ? error : _error.Value | Lost | (error & ErrorBits);
        Update();
    }

    private void ClearError(ulong value)
    {
        ulong left = _error.Value & ErrorBits & ~value;
        _error.Value = left == 0 ? 0 : (_error.Value & ~ErrorBits) | left;
        Update();
    }

    private void Update() => _err.Level = (_error.Value & _errorMask.Value & ErrorBits) != 0;
}
