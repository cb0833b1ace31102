using CsCheck;
using Kmem.Abstractions;
using Xunit;
using static Kmem.Memory.Tests.TestSpaces;

namespace Kmem.Memory.Tests;

/// <summary>Random layouts against a model that asks every mapping for every address.</summary>
public sealed class FlatViewPropertyTests
{
    private const int Addresses = 4096;

    private static readonly Gen<Step> Steps = Gen.Select(
        Gen.Int[0, Addresses - 1], Gen.Int[1, 900], Gen.Int[0, 1000], Gen.Bool, Gen.Bool, Gen.Int[0, 3], (start, length, priority, read, write, kind) => new Step(start, length, priority, read, write, kind));

    /// <summary>Number of random layouts; KMEM_PROPERTY_RUNS asks for more.</summary>
    private static int Runs => int.TryParse(Environment.GetEnvironmentVariable("KMEM_PROPERTY_RUNS"), out int runs) ? runs : 300;

    [Fact]
    public void EveryAddressIsAnsweredByTheHighestEnabledMapping() => Steps.List[1, 24].Sample(
        steps =>
        {
            var space = new AddressSpace("random", 12, new Plugins.Buses.FlatBus(new Plugins.Buses.FlatBusOptions()));
            var model = new List<(Step Step, string Name, IRegionMapping Mapping)>();
            foreach (Step step in steps)
            {
                MemoryRegion region = step.Region($"r{model.Count}");
                try
                {
                    IRegionMapping mapping = space.Map(region, (ulong)step.Start, step.Priority);
                    model.Add((step, region.Name, mapping));
                }
                catch (MapConflictException)
                {
                    // Two of one priority: the model has the same rule and keeps the first.
                    Assert.Contains(model, m => m.Step.Priority == step.Priority && m.Step.Start < step.Start + step.Length && step.Start < m.Step.Start + m.Step.Length);
                    continue;
                }

                (model[^1].Mapping.ReadEnabled, model[^1].Mapping.WriteEnabled) = (step.Read, step.Write);
            }

            foreach (bool write in (bool[])[false, true])
            {
                for (int address = 0; address < Addresses; address += 1 + (address % 7))
                {
                    (Step Step, string Name, IRegionMapping Mapping) winner = model
                        .Where(m => (write ? m.Step.Write : m.Step.Read) && address >= m.Step.Start && address < m.Step.Start + m.Step.Length && m.Step.Covers(address - m.Step.Start))
                        .OrderByDescending(m => m.Step.Priority).FirstOrDefault();
                    AddressDecode decode = space.Decode((ulong)address, write);
                    Assert.Equal(winner.Name is null ? null : winner.Step.NameAt(winner.Name, address - winner.Step.Start), decode.Region?.Name);
                    if (winner.Name is not null)
                    {
                        Assert.Equal((ulong)winner.Step.OffsetAt(address - winner.Step.Start), decode.Offset);
                    }
                }
            }
        },
        iter: Runs);

    [Fact]
    public void MovesAndSwitchesKeepTheViewInStepWithTheModel() => Gen.Select(Steps.List[2, 10], Gen.Select(Gen.Int[0, 9], Gen.Int[0, Addresses - 1]).List[1, 20]).Sample(
        (steps, moves) =>
        {
            var space = new AddressSpace("random", 12, new Plugins.Buses.FlatBus(new Plugins.Buses.FlatBusOptions()));
            IRegionMapping[] mappings = [.. steps.Select((s, i) => space.Map(new MmioRegion($"r{i}", (ulong)s.Length, new RecordingRegisters()), (ulong)s.Start, i))];
            foreach ((int which, int where) in moves)
            {
                IRegionMapping mapping = mappings[which % mappings.Length];
                mapping.Address = (ulong)where;
                mapping.ReadEnabled = where % 3 != 0;
                for (int address = 0; address < Addresses; address += 61)
                {
                    IRegionMapping? winner = mappings.Where(m => m.ReadEnabled && (ulong)address >= m.Address && (ulong)address - m.Address < m.Region.Length).MaxBy(m => m.Priority);
                    Assert.Equal(winner?.Region.Name, space.Decode((ulong)address).Region?.Name);
                    Assert.Equal(winner is null ? BusTargetKind.None : BusTargetKind.Mmio, space.Locate((ulong)address, write: false).Kind);
                }
            }
        },
        iter: Runs / 3);

    private sealed record Step(int Start, int Length, int Priority, bool Read, bool Write, int Kind)
    {
        /// <summary>A leaf, an alias into a larger leaf, or a container with a hole in its middle.</summary>
        public MemoryRegion Region(string name) => Kind switch
        {
            1 => new AliasRegion(name, new MmioRegion(name, (ulong)Length + 7, new RecordingRegisters()), 7, (ulong)Length),
            2 when Length >= 3 => new ContainerRegion(name, (ulong)Length)
                .Add(new MmioRegion(name + ".a", (ulong)Third, new RecordingRegisters()), 0)
                .Add(new MmioRegion(name + ".b", (ulong)Third, new RecordingRegisters()), (ulong)(Length - Third)),
            _ => new MmioRegion(name, (ulong)Length, new RecordingRegisters()),
        };

        private int Third => Length / 3;

        private bool IsBox => Kind == 2 && Length >= 3;

        public bool Covers(int offset) => !IsBox || offset < Third || offset >= Length - Third;

        public string NameAt(string name, int offset) => IsBox ? name + (offset < Third ? ".a" : ".b") : name;

        public int OffsetAt(int offset) => Kind == 1 ? offset + 7 : IsBox && offset >= Third ? offset - (Length - Third) : offset;
    }
}
