using Kmem.Abstractions;
using Kmem.Memory;

namespace Kmem.Testing;

/// <summary>One instance of a device in a context of its own, with everything that a guest can reach of it.</summary>
internal sealed class DeviceUnderTest : IDisposable
{
    private static readonly int[] Widths = [1, 2, 4, 8];

    private readonly AccessAttributes _guest = new(new BusMaster("guest", MasterKind.Cpu));
    private readonly List<MmioRegion> _regions = [];
    private readonly PciConfiguration? _configuration;

    public DeviceUnderTest(DeviceSample sample, long now = 0)
    {
        Context = sample.Context();
        Context.Time.Advance(now);
        Device = sample.Create(Context);
        if (Device is IHasRegisters { Registers: { } registers })
        {
            _regions.Add(new MmioRegion("registers", registers.Length, registers));
        }

        _regions.AddRange(((Device as IHasBanks)?.Banks ?? []).Select(b => b.Region).OfType<MmioRegion>());
        foreach (AddressSpace space in Context.Spaces.Values)
        {
            _regions.AddRange(space.GetFlatView().Select(r => r.Region).OfType<MmioRegion>().Except(_regions));
        }

        _configuration = (Device as IPciFunction)?.Configuration;
        _regions.AddRange((_configuration?.Bars ?? []).Select(b => b.Region).OfType<MmioRegion>().Except(_regions));
    }

    public TestDeviceContext Context { get; }

    public Device Device { get; }

    public IReadOnlyList<StateField> Save()
    {
        var writer = new StateWriter();
        Device.Save(writer);
        return writer.Fields;
    }

    /// <summary>Levels of all outputs, by name.</summary>
    public string Lines() => string.Join(", ", Context.Outputs.OrderBy(l => l.Key, StringComparer.Ordinal).Select(l => $"{l.Key}={l.Value.Level}"));

    /// <summary>States of all overlays, by name.</summary>
    public string Overlays() => string.Join(", ", Context.Overlays
        .OrderBy(o => o.Key, StringComparer.Ordinal)
        .Select(o => $"{o.Key}={string.Join('/', Enumerable.Range(0, o.Value.Count).Select(i => o.Value[i]))}"));

    /// <summary>Does what a guest and a host may do, in an order that <paramref name="seed"/> decides.</summary>
    public void Exercise(int seed)
    {
        var random = new Random(seed);
        for (int i = 0; i < 400; i++)
        {
            switch (random.Next(10))
            {
                case 0 when Context.Backends.Count > 0:
                    Context.Backends.Values.ElementAt(random.Next(Context.Backends.Count)).Send([(byte)random.Next(256)]);
                    break;
                case 1 when Context.Inputs.Count > 0:
                    Context.Drive(Context.Inputs.ElementAt(random.Next(Context.Inputs.Count)), random.Next(2) != 0);
                    break;
                case 2:
                    Context.Time.Advance(random.NextInt64(2_000_000_000));
                    break;
                case 3 when _configuration is not null:
                    _configuration.Write(random.Next(64) * 4, 4, (uint)random.NextInt64(1L << 32));
                    break;
                case 4 when Context.Spaces.Count > 0:
                    Context.Spaces.Values.ElementAt(random.Next(Context.Spaces.Count)).GrantBus();
                    break;
                default:
                    Access(random);
                    break;
            }
        }
    }

    /// <summary>Reads and writes at every offset that can matter, with every width.</summary>
    public void AccessEverything(Func<MmioRegion, ulong, int, bool> visit)
    {
        foreach (MmioRegion region in _regions)
        {
            // Every offset of a small region; of a large one its two ends and a net of odd mesh over the rest.
            foreach (ulong offset in Offsets(region.Length))
            {
                foreach (int width in Widths.Where(w => offset + (ulong)w <= region.Length))
                {
                    if (!visit(region, offset, width))
                    {
                        return;
                    }
                }
            }
        }
    }

    public void Dispose() => Context.Dispose();

    private static IEnumerable<ulong> Offsets(ulong length)
    {
        const ulong Ends = 4096;
        ulong mesh = Math.Max(1, length / 1021);
        for (ulong offset = 0; offset < length; offset += offset < Ends || length - offset <= Ends ? 1 : mesh)
        {
            yield return offset;
        }
    }

    private void Access(Random random)
    {
        if (_regions.Count == 0)
        {
            return;
        }

        MmioRegion region = _regions[random.Next(_regions.Count)];
        int width = Widths[random.Next(4)];
        if (region.Length < (ulong)width)
        {
            return;
        }

        // Guests mostly do the aligned thing in the first page.
        ulong span = random.Next(4) == 0 ? region.Length : Math.Min(region.Length, 4096);
        ulong offset = (ulong)random.NextInt64((long)(span - (ulong)width) + 1);
        offset -= random.Next(4) == 0 ? 0 : offset % (ulong)width;
        if (random.Next(2) == 0)
        {
            _ = region.Handler.Read(offset, width, out _, _guest);
        }
        else
        {
            _ = region.Handler.Write(offset, width, (ulong)random.NextInt64() & (ulong.MaxValue >> (64 - (8 * width))), _guest);
        }
    }
}
