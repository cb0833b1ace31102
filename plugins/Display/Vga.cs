using Kmem.Abstractions;

namespace Kmem.Plugins.Display;

/// <summary>A VGA at its own addresses: banks <c>ports</c> (0x3B0 to 0x3DF) and <c>window</c> (0xA0000 to 0xBFFFF), 256 KiB in four planes.</summary>
/// <remarks>
/// Firmware state <c>mode: 3</c> sets 80 by 25 text in colour.
/// Source: IBM PS/2 Hardware Interface Technical Reference, "Video subsystem".
/// </remarks>
[Device("vga")]
public sealed class Vga : Device, IHasBanks, IFirmwareState, IHasScreen, IHasPicture
{
    private readonly VgaCore _core;

    /// <summary>Creates the card.</summary>
    public Vga(IDeviceContext context) => _core = new VgaCore(context, alternates: false);

    /// <inheritdoc/>
    public IReadOnlyList<DeviceBank> Banks => _core.Banks;

    /// <inheritdoc/>
    public override void Reset() => _core.Reset();

    /// <inheritdoc/>
    public override void Save(StateWriter writer) => _core.Save(writer);

    /// <inheritdoc/>
    public override void Load(StateReader reader) => _core.Load(reader);

    /// <inheritdoc/>
    public bool TrySetFirmwareState(string key, ulong value) => _core.TrySetFirmwareState(key, value);

    /// <inheritdoc/>
    public ScreenText? ReadScreen() => _core.Screen();

    /// <inheritdoc/>
    public ScreenPicture ReadPicture() => _core.Picture();
}
