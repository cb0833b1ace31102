using Kmem.Abstractions;

namespace Kmem.Plugins.Typhoon;

/// <summary>The Dchips of the 21272, which pass data between CPUs, memory and Pchips: four registers.</summary>
/// <remarks>Source: 21272 hardware reference manual, Dchip control and status registers. Values as recorded (corpus/alpha): all zero.</remarks>
[Device("dec.21272.dchip")]
public sealed class Dchip : Device, IHasBanks, IFirmwareState
{
    private readonly CsrBank _bank = new(0x1000);

    /// <summary>Creates the chips.</summary>
    public Dchip(IDeviceContext context)
    {
        _bank.Add(new Csr(0x800, "DSC"));
        _bank.Add(new Csr(0x840, "STR", ulong.MaxValue));
        _bank.Add(new Csr(0x880, "DREV"));
        _bank.Add(new Csr(0x8C0, "DSC2"));
        Banks = [new DeviceBank("", new MmioRegion(context.Id, 0x1000, _bank, minWidth: 8))];
    }

    /// <inheritdoc/>
    public IReadOnlyList<DeviceBank> Banks { get; }

    /// <inheritdoc/>
    public override void Reset() => _bank.Reset();

    /// <inheritdoc/>
    public override void Save(StateWriter writer) => _bank.Save(writer);

    /// <inheritdoc/>
    public override void Load(StateReader reader) => _bank.Load(reader);

    /// <inheritdoc/>
    public bool TrySetFirmwareState(string key, ulong value) => _bank.TrySet(key, value);
}
