using Kmem.Abstractions;
using Xunit;

namespace Kmem.Testing;

/// <summary>What every device of a machine promises, as tests that run on any <see cref="DeviceSample"/>.</summary>
/// <remarks>
/// In xunit: a theory whose data are the pairs of <see cref="DeviceSample.Of"/> and <see cref="Rules"/>, and whose body is
/// <see cref="Verify(DeviceSample, string)"/>. The device is exercised by random accesses of fixed seeds, so that a failure comes back.
/// </remarks>
public static class DeviceContract
{
    private const int FirstSeed = 1, SecondSeed = 2;

    private static readonly Dictionary<string, Action<DeviceSample>> All = new(StringComparer.Ordinal)
    {
        ["reset is idempotent"] = ResetIsIdempotent,
        ["reset gives the state of a new instance"] = ResetGivesNewState,
        ["a saved state loads into a new instance and saves the same"] = SaveLoadSaveIsEqual,
        ["loading restores what was changed since"] = LoadingRestores,
        ["loading brings outputs and overlays back"] = LoadingRestoresOutputs,
        ["a short or foreign state is refused by name"] = ForeignStateIsRefused,
        ["every access of every width is answered"] = EveryAccessIsAnswered,
        ["a peek changes nothing"] = PeekChangesNothing,
        ["the same guest sees the same machine"] = IsDeterministic,
    };

    /// <summary>The rules, in words.</summary>
    public static IReadOnlyCollection<string> Rules => All.Keys;

    /// <summary>Tries every rule.</summary>
    public static void Verify(DeviceSample sample)
    {
        foreach (string rule in Rules)
        {
            Verify(sample, rule);
        }
    }

    /// <summary>Tries one rule of <see cref="Rules"/>.</summary>
    /// <exception cref="ArgumentException">There is no such rule.</exception>
    public static void Verify(DeviceSample sample, string rule)
    {
        if (!All.TryGetValue(rule, out Action<DeviceSample>? verify))
        {
            throw new ArgumentException($"There is no rule '{rule}'.", nameof(rule));
        }

        verify(sample);
    }

    private static void ResetIsIdempotent(DeviceSample sample)
    {
        using var device = new DeviceUnderTest(sample);
        device.Exercise(FirstSeed);
        device.Device.Reset();
        IReadOnlyList<StateField> once = device.Save();
        string lines = device.Lines();
        device.Device.Reset();
        AssertEqual(once, device.Save(), "after a second reset", []);
        Assert.Equal(lines, device.Lines());
    }

    private static void ResetGivesNewState(DeviceSample sample)
    {
        using var used = new DeviceUnderTest(sample);
        used.Device.Reset();
        used.Exercise(FirstSeed);
        used.Device.Reset();
        using var fresh = new DeviceUnderTest(sample, used.Context.Time.Now);
        AssertEqual(fresh.Save(), used.Save(), "in a new instance and after a reset", sample.KeptOverReset);
        fresh.Device.Reset();
        AssertEqual(fresh.Save(), used.Save(), "in a new instance that was reset and after a later reset", sample.KeptOverReset);
        if (sample.KeptOverReset.Count == 0)
        {
            Assert.Equal(fresh.Lines(), used.Lines());
            Assert.Equal(fresh.Overlays(), used.Overlays());
        }
    }

    private static void SaveLoadSaveIsEqual(DeviceSample sample)
    {
        using var first = new DeviceUnderTest(sample);
        first.Exercise(FirstSeed);
        IReadOnlyList<StateField> saved = first.Save();
        using var second = new DeviceUnderTest(sample, first.Context.Time.Now);
        Load(second, saved);
        AssertEqual(saved, second.Save(), "saved, and saved again after loading", []);
    }

    private static void LoadingRestores(DeviceSample sample)
    {
        using var device = new DeviceUnderTest(sample);
        device.Exercise(FirstSeed);
        IReadOnlyList<StateField> saved = device.Save();
        device.Exercise(SecondSeed);
        Load(device, saved);
        AssertEqual(saved, device.Save(), "saved, and saved again after a change and loading", []);
    }

    private static void LoadingRestoresOutputs(DeviceSample sample)
    {
        for (int seed = FirstSeed; seed < FirstSeed + 8; seed++)
        {
            using var first = new DeviceUnderTest(sample);
            first.Exercise(seed);
            using var second = new DeviceUnderTest(sample, first.Context.Time.Now);
            Load(second, first.Save());
            Assert.Equal(first.Overlays(), second.Overlays());

            // An output that asks the time is brought up to date by the next access at the latest; bring both there.
            Load(first, first.Save());
            Assert.Equal(first.Lines(), second.Lines());
        }
    }

    private static void ForeignStateIsRefused(DeviceSample sample)
    {
        using var device = new DeviceUnderTest(sample);
        IReadOnlyList<StateField> saved = device.Save();
        for (int i = 0; i < saved.Count; i++)
        {
            List<StateField> shorter = [.. saved.Take(i)], foreign = [.. saved];
            foreign[i] = new StateField(saved[i].Name, "foreign", saved[i].Value);
            Assert.Throws<StateMismatchException>(() => device.Device.Load(new StateReader(sample.Type, shorter)));
            Assert.Throws<StateMismatchException>(() => device.Device.Load(new StateReader(sample.Type, foreign)));
        }
    }

    private static void EveryAccessIsAnswered(DeviceSample sample)
    {
        using var device = new DeviceUnderTest(sample);
        device.Device.Reset();
        device.AccessEverything((region, offset, width) =>
        {
            var guest = new AccessAttributes(new BusMaster("guest", MasterKind.Cpu));
            AccessResult read = region.Handler.Read(offset, width, out ulong value, guest);
            Assert.True(Enum.IsDefined(read), $"{region.Name} + 0x{offset:X}: a read of {width} bytes ends with {read}");
            Assert.True(width == 8 || value >> (8 * width) == 0 || read != AccessResult.Ok, $"{region.Name} + 0x{offset:X}: a read of {width} bytes gives 0x{value:X}");
            AccessResult write = region.Handler.Write(offset, width, value, guest);
            Assert.True(Enum.IsDefined(write), $"{region.Name} + 0x{offset:X}: a write of {width} bytes ends with {write}");
            return true;
        });
    }

    private static void PeekChangesNothing(DeviceSample sample)
    {
        for (int seed = FirstSeed; seed < FirstSeed + 4; seed++)
        {
            using var device = new DeviceUnderTest(sample);
            device.Exercise(seed);
            IReadOnlyList<StateField> before = device.Save();
            string lines = device.Lines();
            device.AccessEverything((region, offset, width) =>
            {
                _ = region.Handler.Read(offset, width, out _, AccessAttributes.Debug);
                return true;
            });
            AssertEqual(before, device.Save(), "before and after peeks", []);
            Assert.Equal(lines, device.Lines());
        }
    }

    private static void IsDeterministic(DeviceSample sample)
    {
        using var first = new DeviceUnderTest(sample);
        using var second = new DeviceUnderTest(sample);
        first.Exercise(SecondSeed);
        second.Exercise(SecondSeed);
        AssertEqual(first.Save(), second.Save(), "of two instances that saw the same", []);
        Assert.Equal(first.Lines(), second.Lines());
    }

    private static void Load(DeviceUnderTest device, IReadOnlyList<StateField> fields)
    {
        var reader = new StateReader("dut", fields);
        device.Device.Load(reader);
        Assert.True(reader.AtEnd, "Load leaves fields that Save has written");
    }

    private static void AssertEqual(IReadOnlyList<StateField> expected, IReadOnlyList<StateField> found, string when, IReadOnlyList<string> except)
    {
        Assert.Equal(expected.Select(f => (f.Name, f.Kind)), found.Select(f => (f.Name, f.Kind)));
        for (int i = 0; i < expected.Count; i++)
        {
            if (!except.Contains(expected[i].Name, StringComparer.Ordinal))
            {
                string before = Show(expected[i].Value), after = Show(found[i].Value);
                Assert.True(before == after, $"'{expected[i].Name}' differs {when}: {before}, {after}");
            }
        }
    }

    private static string Show(object value) => value is byte[] bytes ? Convert.ToHexString(bytes) : $"{value}";
}
