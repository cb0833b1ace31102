using Kmem.Abstractions;

namespace Kmem.Plugins.Pci;

/// <summary>The 82441FX host bridge (PMC): its configuration space, and the registers PAM0-6 and SMRAM that re-route memory below 1 MiB.</summary>
/// <remarks>
/// Overlays: <c>pam0</c> for 0xF0000..0xFFFFF, <c>pam</c> for 0xC0000..0xEFFFF in pieces of 16 KiB, <c>smram</c> for 0xA0000..0xBFFFF.
/// Input <c>smiact</c>: the CPU is in system management mode and sees the memory behind <c>smram</c>. D_CLS, which closes it to data but not to code, has no effect:
/// the input does not tell one from the other.
/// Source: Intel 82441FX datasheet (order number 290549), sections 3.2.17 PAM and 3.2.20 SMRAM.
/// </remarks>
[Device("intel.82441fx")]
public sealed class HostBridge440fx : Device, IPciFunction, IFirmwareState
{
    private const int Pam0 = 0x59, Pam6 = 0x5F, SmramOffset = 0x72;
    private const byte Open = 0x40, Locked = 0x10, Enabled = 0x08;

    private readonly IOverlaySwitch _bios;
    private readonly IOverlaySwitch _low;
    private readonly IOverlaySwitch _smram;
    private bool _isManaged;
    private byte? _locked;

    /// <summary>Creates the bridge.</summary>
    public HostBridge440fx(IDeviceContext context)
    {
        (_bios, _low, _smram) = (context.Overlay("pam0"), context.Overlay("pam"), context.Overlay("smram"));
        Configuration = new PciConfiguration(0x8086, 0x1237, 0x06_0000, revision: 2)
            .Define(0x04, 2, 0x0006, writable: 0x0102)
            .Define(0x06, 2, 0x0280, writeOneToClear: 0xF900)
            .Define(0x0D, 1, 0, writable: 0xF8)
            .Define(0x50, 4, 0, writable: 0xFFFF_FFFF)
            .Define(0x54, 4, 0, writable: 0xFFFF_FFFF)
            .Define(0x58, 1, 0, writable: 0xFF)
            .Define(0x60, 4, 0, writable: 0xFFFF_FFFF)
            .Define(0x64, 4, 0, writable: 0xFFFF_FFFF)
            .Define(0x70, 2, 0, writable: 0xFFFF)
            .Define(SmramOffset, 1, 0x02, writable: 0x78)
            .Define(0x90, 4, 0, writable: 0xFFFF_FFFF);
        for (int pam = Pam0; pam <= Pam6; pam++)
        {
            Configuration.Define(pam, 1, 0, writable: pam == Pam0 ? 0x30u : 0x33);
        }

        Configuration.Watch(Pam0, Pam6, UpdatePam);
        Configuration.Watch(SmramOffset, SmramOffset, UpdateSmram);
        context.Input("smiact", level =>
        {
            _isManaged = level;
            UpdateSmram();
        });
    }

    /// <inheritdoc/>
    public PciConfiguration Configuration { get; }

    /// <inheritdoc/>
    public override void Reset()
    {
        _locked = null;
        Configuration.Reset();
    }

    /// <inheritdoc/>
    public override void Save(StateWriter writer) => Configuration.Save(writer);

    /// <inheritdoc/>
    public override void Load(StateReader reader)
    {
        _locked = null;
        Configuration.Load(reader);
    }

    /// <inheritdoc/>
    public bool TrySetFirmwareState(string key, ulong value) => Configuration.TrySetFirmwareState(key, value);

    /// <summary>Bit 0 of a nibble sends reads to memory, bit 1 writes.</summary>
    private static OverlayState State(int nibble) => (OverlayState)(nibble & 3);

    private void UpdatePam()
    {
        if (_bios.Count > 0)
        {
            _bios.Select(0, State(Configuration.Bytes[Pam0] >> 4));
        }

        for (int i = 0; i < _low.Count && i < 12; i++)
        {
            _low.Select(i, State(Configuration.Bytes[Pam0 + 1 + (i / 2)] >> (i % 2 == 0 ? 0 : 4)));
        }
    }

    private void UpdateSmram()
    {
        // D_LCK (bit 4) closes the memory to everybody outside and keeps the register as it is until a reset.
        byte value = Configuration.Bytes[SmramOffset];
        if (_locked is null && (value & Locked) != 0)
        {
            _locked = (byte)(value & ~Open);
        }

        if (_locked is { } locked && value != locked)
        {
            Configuration.Set(SmramOffset, 1, locked);
            return;
        }

        if (_smram.Count > 0)
        {
            _smram.Select(0, (value & Enabled) != 0 && (_isManaged || (value & Open) != 0) ? OverlayState.On : OverlayState.Off);
        }
    }
}
