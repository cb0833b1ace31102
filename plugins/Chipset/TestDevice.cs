using System.Globalization;
using Kmem.Abstractions;

namespace Kmem.Plugins.Chipset;

/// <summary>The device that CPU test programs talk to: a register that keeps what is written, interrupt inputs to set, memory that is registers.</summary>
/// <remarks>
/// Banks: <c>data</c> (4 ports, any width), <c>flush</c> (4 ports; a page's translations are forgotten, which needs nothing here), <c>byte</c> (4 ports, bytes),
/// <c>irqs</c> (24 ports; a write sets output <c>irq.N</c>), <c>memory</c> (64 KiB). Source: kvm-unit-tests, README, "pc-testdev", and lib/x86.
/// </remarks>
[Device("pc.testdev")]
public sealed class TestDevice : Device, IHasBanks
{
    private const int Lines = 24, MemoryLength = 0x1_0000;

    private readonly IIrqLine[] _irqs = new IIrqLine[Lines];
    private readonly byte[] _data = new byte[4];
    private readonly byte[] _memory = new byte[MemoryLength];

    /// <summary>Creates the device.</summary>
    public TestDevice(IDeviceContext context)
    {
        for (int i = 0; i < Lines; i++)
        {
            _irqs[i] = context.Irq(string.Create(CultureInfo.InvariantCulture, $"irq.{i}"));
        }

        Banks =
        [
            new DeviceBank("data", new MmioRegion("data", 4, new Cells(_data), maxWidth: 4)),
            new DeviceBank("flush", new MmioRegion("flush", 4, new Cells(new byte[4]), maxWidth: 4)),
            new DeviceBank("byte", new MmioRegion("byte", 4, new Cells(_data), maxWidth: 1)),
            new DeviceBank("irqs", new MmioRegion("irqs", Lines, new Levels(_irqs), maxWidth: 1)),
            new DeviceBank("memory", new MmioRegion("memory", MemoryLength, new Cells(_memory))),
        ];
    }

    /// <inheritdoc/>
    public IReadOnlyList<DeviceBank> Banks { get; }

    /// <inheritdoc/>
    public override void Reset()
    {
        Array.Clear(_data);
        Array.Clear(_memory);
        Array.ForEach(_irqs, i => i.Level = false);
    }

    /// <inheritdoc/>
    public override void Save(StateWriter writer)
    {
        writer.Bytes(_data);
        writer.Bytes(_memory);
        writer.Bytes(_irqs.Select(i => (byte)(i.Level ? 1 : 0)), nameof(_irqs));
    }

    /// <inheritdoc/>
    public override void Load(StateReader reader)
    {
        reader.Bytes(_data.AsSpan());
        reader.Bytes(_memory.AsSpan());
        byte[] levels = reader.Bytes();
        for (int i = 0; i < Lines && i < levels.Length; i++)
        {
            _irqs[i].Level = levels[i] != 0;
        }
    }

    private sealed class Cells(byte[] cells) : IRegionHandler
    {
        public AccessResult Read(ulong offset, int width, out ulong value, in AccessAttributes attributes)
        {
            value = 0;
            for (int i = 0; i < width; i++)
            {
                value |= (ulong)cells[((int)offset + i) % cells.Length] << (8 * i);
            }

            return AccessResult.Ok;
        }

        public AccessResult Write(ulong offset, int width, ulong value, in AccessAttributes attributes)
        {
            for (int i = 0; i < width; i++)
            {
                cells[((int)offset + i) % cells.Length] = (byte)(value >> (8 * i));
            }

            return AccessResult.Ok;
        }
    }

    private sealed class Levels(IIrqLine[] irqs) : IRegionHandler
    {
        public AccessResult Read(ulong offset, int width, out ulong value, in AccessAttributes attributes)
        {
            value = ulong.MaxValue >> (64 - (8 * width));
            return AccessResult.Ok;
        }

        public AccessResult Write(ulong offset, int width, ulong value, in AccessAttributes attributes)
        {
            for (int i = 0; i < width && (int)offset + i < irqs.Length; i++)
            {
                irqs[(int)offset + i].Level = (byte)(value >> (8 * i)) != 0;
            }

            return AccessResult.Ok;
        }
    }
}
