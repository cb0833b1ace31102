using System.Globalization;
using Kmem.Abstractions;

namespace Kmem.Plugins.Pci;

/// <summary>What a base address register of a generic function decodes.</summary>
public enum BarWord
{
    /// <summary>32-bit memory.</summary>
    Mem32,

    /// <summary>64-bit memory.</summary>
    Mem64,

    /// <summary>I/O ports.</summary>
    Io,

    /// <summary>The expansion ROM.</summary>
    Rom,
}

/// <summary>What stands behind a base address register.</summary>
public enum BarBacking
{
    /// <summary>Registers that read as <c>fill</c> and swallow writes.</summary>
    Stub,

    /// <summary>Memory, such as a frame buffer.</summary>
    Ram,
}

/// <summary>One base address register of a generic function.</summary>
/// <param name="Index">Register 0..5; 6 for the expansion ROM.</param>
/// <param name="Kind">What it decodes.</param>
/// <param name="Size">Length in bytes, a power of two.</param>
/// <param name="Prefetchable">Whether the prefetchable bit is set.</param>
/// <param name="Backing">What stands behind it.</param>
/// <param name="Fill">What a stub reads as.</param>
public sealed record BarOptions(
    [property: Option(Max = 6)] int Index,
    BarWord Kind,
    [property: Option(OptionKind.Size, PowerOfTwo = true, Min = 4)] ulong Size,
    bool Prefetchable = false,
    BarBacking Backing = BarBacking.Stub,
    byte Fill = 0);

/// <summary>Options of <c>pci.function</c>.</summary>
/// <param name="Vendor">Vendor ID.</param>
/// <param name="Device">Device ID.</param>
/// <param name="Class">Class code: base class, subclass, programming interface.</param>
/// <param name="Revision">Revision ID.</param>
/// <param name="SubsystemVendor">Subsystem vendor ID.</param>
/// <param name="Subsystem">Subsystem ID.</param>
/// <param name="Multifunction">Whether the header says that other functions share the slot.</param>
/// <param name="InterruptPin">1 for INTA# to 4 for INTD#, 0 for none.</param>
/// <param name="Status">Status register after reset.</param>
/// <param name="Config">Other bytes after reset: hexadecimal offset to a row of bytes.</param>
/// <param name="Writable">Bytes that software may write: hexadecimal offset to a row of masks.</param>
/// <param name="Bars">Base address registers.</param>
public sealed record PciFunctionOptions(
    ushort Vendor,
    ushort Device,
    [property: Option(Max = 0xFF_FFFF)] uint Class,
    byte Revision = 0,
    ushort SubsystemVendor = 0,
    ushort Subsystem = 0,
    bool Multifunction = false,
    [property: Option(Max = 4)] byte InterruptPin = 0,
    ushort Status = 0,
    IReadOnlyDictionary<string, byte[]>? Config = null,
    IReadOnlyDictionary<string, byte[]>? Writable = null,
    IReadOnlyList<BarOptions>? Bars = null);

/// <summary>A PCI function that the description declares: stands where a chip will be.</summary>
[Device("pci.function")]
public sealed class PciFunction : Device, IPciFunction, IFirmwareState, IHasBanks
{
    private readonly List<DeviceBank> _banks = [];

    /// <summary>Creates the function.</summary>
    public PciFunction(PciFunctionOptions options, IDeviceContext context)
    {
        Configuration = new PciConfiguration(options.Vendor, options.Device, options.Class, options.Revision)
            .Define(0x0E, 1, options.Multifunction ? 0x80u : 0)
            .Define(0x2C, 2, options.SubsystemVendor)
            .Define(0x2E, 2, options.Subsystem)
            .Define(0x3D, 1, options.InterruptPin)
            .Define(0x06, 2, options.Status, writeOneToClear: 0xF900);
        Dictionary<int, byte> masks = Bytes(options.Writable, "writable");
        foreach ((int offset, byte value) in Bytes(options.Config, "config"))
        {
            Configuration.Define(offset, 1, value, masks.GetValueOrDefault(offset));
        }

        foreach ((int offset, byte mask) in masks.Where(m => options.Config is null || !Bytes(options.Config, "config").ContainsKey(m.Key)))
        {
            Configuration.Define(offset, 1, Configuration.Bytes[offset], mask);
        }

        int index = 0;
        foreach (BarOptions bar in options.Bars ?? [])
        {
            AddBar(bar, index++, context);
        }
    }

    /// <inheritdoc/>
    public PciConfiguration Configuration { get; }

    /// <inheritdoc/>
    public IReadOnlyList<DeviceBank> Banks => _banks;

    /// <inheritdoc/>
    public override void Reset() => Configuration.Reset();

    /// <inheritdoc/>
    public override void Save(StateWriter writer) => Configuration.Save(writer);

    /// <inheritdoc/>
    public override void Load(StateReader reader) => Configuration.Load(reader);

    /// <inheritdoc/>
    public bool TrySetFirmwareState(string key, ulong value) => Configuration.TrySetFirmwareState(key, value);

    private static Dictionary<int, byte> Bytes(IReadOnlyDictionary<string, byte[]>? rows, string option)
    {
        var bytes = new Dictionary<int, byte>();
        foreach ((string key, byte[] row) in rows ?? new Dictionary<string, byte[]>(StringComparer.Ordinal))
        {
            string digits = key.StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? key[2..] : key;
            if (!int.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int offset) || offset < 0 || offset + row.Length > PciConfiguration.Length)
            {
                throw new MachineException($"'{key}' is no offset for {row.Length} bytes of configuration space (0x00..0xFF)") { Option = $"{option}.{key}" };
            }

            for (int i = 0; i < row.Length; i++)
            {
                bytes[offset + i] = row[i];
            }
        }

        return bytes;
    }

    private void AddBar(BarOptions bar, int index, IDeviceContext context)
    {
        string name = $"bar{bar.Index}";
        MemoryRegion region = bar.Backing == BarBacking.Ram
            ? new RamRegion(name, context.AllocateMemory(name, bar.Size))
            : new MmioRegion(name, bar.Size, new FilledRegion(bar.Fill));
        PciBarKind kind = bar.Kind switch { BarWord.Mem32 => PciBarKind.Memory32, BarWord.Mem64 => PciBarKind.Memory64, BarWord.Io => PciBarKind.Io, _ => PciBarKind.Rom };
        try
        {
            Configuration.AddBar(new PciBar(bar.Index, kind, region, bar.Prefetchable));
        }
        catch (ArgumentException e)
        {
            throw new MachineException(e.Message, e) { Option = $"bars.{index}" };
        }

        _banks.Add(new DeviceBank(name, region));
    }
}

/// <summary>Reads as one byte all over and swallows writes.</summary>
internal sealed class FilledRegion(byte fill) : IRegionHandler
{
    public AccessResult Read(ulong offset, int width, out ulong value, in AccessAttributes attributes)
    {
        value = (fill * 0x0101_0101_0101_0101UL) & (ulong.MaxValue >> (64 - (8 * width)));
        return AccessResult.Ok;
    }

    public AccessResult Write(ulong offset, int width, ulong value, in AccessAttributes attributes) => AccessResult.Ok;
}
