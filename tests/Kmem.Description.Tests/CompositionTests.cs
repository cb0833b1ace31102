using Xunit;

namespace Kmem.Description.Tests;

public sealed class CompositionTests
{
    private const string Part = """
        kmem: 1
        machine: part
        params:
          base: {type: addr, default: 0x100}
        spaces:
          io: {type: bus.flat, width: 16}
        devices:
          uart:
            type: uart
            set: {clock: 1}
            map:
              - {space: io, at: $(base)}
            wires: {irq: pic.in.4}
          pic: {type: pic}
        checks:
          - given base=5, io $(base) is uart
        """;

    [Fact]
    public void BootPathsCountFromTheFileThatNamesThem()
    {
        const string Text = """
            kmem: 1
            machine: booted
            params:
              kernel: {type: file, default: guests/vmlinux}
            boot: {kernel: $(kernel), initrd: none, append: console=ttyS0}
            """;
        LoadResult loaded = Texts.LoadFiles(null, ("/machines/booted.yaml", Text));
        Assert.Equal(("/machines/guests/vmlinux", null, "console=ttyS0"), (loaded.Machine!.Boot!.Kernel, loaded.Machine.Boot.Initrd, loaded.Machine.Boot.Append));
        Assert.Equal("/boot/other", Texts.LoadFiles(Texts.Set("kernel", "/boot/other"), ("/machines/booted.yaml", Text)).Machine!.Boot!.Kernel);
        Assert.Contains(Texts.Load("kmem: 1\nboot: {kernal: x}").Diagnostics.Sorted, d => d.Message.StartsWith("boot: has no key 'kernal'", StringComparison.Ordinal));
        Assert.Null(Texts.Machine("kmem: 1").Boot);
    }

    [Fact]
    public void ACountMakesSeveralDevicesThatKnowTheirNumber()
    {
        const string Text = """
            kmem: 1
            machine: several
            params:
              cpus: {type: int, default: 2}
            devices:
              first: {type: other}
              cpu:
                type: processor
                count: $(cpus)
                set: {number: $(index), all: $(cpus), next: $((index + 1) % cpus)}
                wires: {irq: pic.in.$(index)}
              last: {type: other, set: {number: 7}}
            """;
        MachineDescription machine = Texts.Machine(Text, Texts.Set("cpus", "3"));
        Assert.Equal(["first", "cpu0", "cpu1", "cpu2", "last"], machine.Devices.Select(d => d.Id));
        Assert.Equal(["0 3 1", "1 3 2", "2 3 0"], machine.Devices.Where(d => d.Group == "cpu").Select(d => string.Join(' ', d.Settings.Entries.Select(e => ((ScalarNode)e.Value).Text))));
        Assert.Equal(["pic.in.0", "pic.in.1", "pic.in.2"], machine.Devices.SelectMany(d => d.Wires).Select(w => w.Target.Text));
        Assert.Equal(["first", "last"], Texts.Machine(Text, Texts.Set("cpus", "0")).Devices.Select(d => d.Id));

        // The names are as good as any others for patches and prefixes; outside of a counted device there is no number.
        MachineDescription whole = Texts.LoadFiles(
            null,
            ("/m/whole.yaml", "{kmem: 1, use: [{file: several.yaml, as: a}], patch: [{remove: devices.a.cpu1}]}"),
            ("/m/several.yaml", Text)).Machine!;
        Assert.Equal([("a.cpu0", "a.cpu")], whole.Devices.Where(d => d.Group is not null).Select(d => (d.Id, d.Group!)));
        Assert.Contains(Texts.Load("{kmem: 1, devices: {a: {type: x, set: {n: $(index)}}}}").Diagnostics.Sorted, d => d.Message.Contains("'index'", StringComparison.Ordinal));
        Assert.Contains(Texts.Load("{kmem: 1, devices: {a: {type: x, count: 1000}}}").Diagnostics.Sorted, d => d.Message.Contains("outside", StringComparison.Ordinal));
    }

    [Fact]
    public void APrefixNamesEverythingOfAnIncludedFile()
    {
        MachineDescription machine = Load("""
            kmem: 1
            machine: whole
            use:
              - {file: part.yaml, as: a}
              - {file: part.yaml, as: b, params: {base: 0x200}}
            """);
        Assert.Equal("whole", machine.Name);
        Assert.Equal(["a.uart", "a.pic", "b.uart", "b.pic"], machine.Devices.Select(d => d.Id));
        Assert.Equal([0x100UL, 0x200UL], machine.Devices.Where(d => d.Maps.Count > 0).Select(d => d.Maps[0].At));
        Assert.Equal(["a.base", "b.base"], machine.Parameters.Select(p => p.Name));
        Assert.Equal("given b.base=5, b.io 0x200 is b.uart", machine.Checks[1].ToString());
    }

    [Fact]
    public void TheCommandLineWinsOverTheUse()
    {
        MachineDescription machine = Load("kmem: 1\nuse: [{file: part.yaml, as: a, params: {base: 0x200}}]", Texts.Set("a.base", "0x300"));
        Assert.Equal(0x300UL, machine.Devices[0].Maps[0].At);
    }

    [Fact]
    public void AnUnknownParameterIsAnError()
    {
        LoadResult result = Files("kmem: 1\nuse: [{file: part.yaml, as: a, params: {bass: 1}}]", Texts.Set("a.bose", "1"));
        Assert.Equal(["base", "a.base"], result.Diagnostics.Sorted.Where(d => d.Code == "KM1206").Select(d => d.Suggestion).Order(StringComparer.Ordinal).Reverse());
    }

    [Fact]
    public void RedefinitionNamesBothPlaces()
    {
        LoadResult result = Files("kmem: 1\nuse: [part.yaml]\ndevices:\n  pic: {type: other}");
        Diagnostic error = Assert.Single(result.Diagnostics.Sorted);
        Assert.Equal("KM1103", error.Code);
        Assert.EndsWith("part.yaml", Assert.Single(error.Notes).Span.File, StringComparison.Ordinal);
    }

    [Fact]
    public void PatchesSetAddAndRemove()
    {
        MachineDescription machine = Load("""
            kmem: 1
            use: [{file: part.yaml, as: p}]
            patch:
              - {set: p.devices.uart.set.clock, to: 7}
              - {add: p.devices.uart.set.fifo, to: 3}
              - {remove: p.devices.uart.wires}
              - {set: p.devices.uart.map.0.at, to: 0x40}
              - {remove: p.checks.0}
              - {add: devices.extra, to: {type: x}}
            """);
        DeviceDescription uart = machine.Devices[0];
        Assert.Equal(["7", "3"], uart.Settings.Entries.Select(e => ((ScalarNode)e.Value).Text));
        Assert.Equal(0x40UL, uart.Maps[0].At);
        Assert.Empty(uart.Wires);
        Assert.Empty(machine.Checks);
        Assert.Equal("extra", machine.Devices[^1].Id);
    }

    [Theory]
    [InlineData("{set: p.devices.uart.set.fifo, to: 3}")]
    [InlineData("{add: p.devices.uart.set.clock, to: 3}")]
    [InlineData("{remove: p.devices.nobody}")]
    [InlineData("{remove: p.checks.4}")]
    [InlineData("{set: p.devices.uart.map.7.at, to: 1}")]
    public void APatchThatHitsNothingIsAnError(string edit) =>
        Assert.Equal("KM1104", Assert.Single(Files($"kmem: 1\nuse: [{{file: part.yaml, as: p}}]\npatch: [{edit}]").Diagnostics.Sorted).Code);

    [Fact]
    public void AVariantBundlesParametersAndPatches()
    {
        const string Text = """
            kmem: 1
            use: [{file: part.yaml, as: p}]
            variants:
              big: {params: {p.base: 0x800}, patch: [{remove: p.devices.pic}]}
            """;
        Assert.Equal(0x100UL, Load(Text).Devices[0].Maps[0].At);
        MachineDescription big = Load(Text, new LoadOptions { Variant = "big" });
        Assert.Equal(0x800UL, big.Devices[0].Maps[0].At);
        Assert.Single(big.Devices);
        Assert.Equal("KM1105", Assert.Single(Files(Text, new LoadOptions { Variant = "bog" }).Diagnostics.Sorted).Code);
    }

    [Fact]
    public void AnIncludeCycleIsReportedWithItsChain()
    {
        LoadResult result = Texts.LoadFiles(null, ("/a.yaml", "kmem: 1\nuse: [b.yaml]"), ("/b.yaml", "kmem: 1\nuse: [a.yaml]"));
        Diagnostic error = Assert.Single(result.Diagnostics.Sorted);
        Assert.Equal("KM1102", error.Code);
        Assert.Contains("a.yaml -> b.yaml -> a.yaml", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AWrongChecksumIsAnError() =>
        Assert.Equal("KM1106", Assert.Single(Files("kmem: 1\nuse: [{file: part.yaml, sha256: 00}]").Diagnostics.Sorted).Code);

    [Fact]
    public void WhenSwitchesDevicesMapsAndWindows()
    {
        const string Text = """
            kmem: 1
            params: {big: {type: bool, default: false}}
            devices:
              a: {type: x, when: $(big)}
              b: {type: x, map: [{space: s, at: 1, when: $(big)}, {space: s, at: 2}]}
            """;
        Assert.Equal(2UL, Assert.Single(Assert.Single(Texts.Machine(Text).Devices).Maps).At);
        Assert.Equal(2, Texts.Machine(Text, Texts.Set("big", "true")).Devices.Count);
    }

    [Fact]
    public void MergeKeysAreShallowAndRememberTheirAnchor()
    {
        MachineDescription machine = Texts.Machine("""
            kmem: 1
            devices:
              a: &a {type: x, set: {n: 1}, map: [{space: s, at: 1}]}
              b:
                <<: *a
                set: {m: 2}
            """);
        Assert.Equal(["m"], machine.Devices[1].Settings.Entries.Select(e => e.Key.Text));
        Assert.Equal(1UL, machine.Devices[1].Maps[0].At);
    }

    [Theory]
    [InlineData("pc-i440fx.yaml")]
    [InlineData("alpha-typhoon.yaml")]
    public void TheWorkedExamplesLoad(string name)
    {
        LoadResult result = DescriptionLoader.Load(Example(name));
        Assert.Empty(result.Diagnostics.Sorted);
        Assert.NotEmpty(result.Machine!.Checks);
    }

    [Theory]
    [InlineData("pc-i440fx.yaml")]
    [InlineData("alpha-typhoon.yaml")]
    public void TheEffectiveMachineLoadsAsTheSameMachine(string name)
    {
        MachineDescription first = DescriptionLoader.Load(Example(name)).Machine!;
        string effective = EffectiveWriter.Write(first, origins: true);
        MachineDescription second = Texts.Machine(effective);
        Assert.Equal(EffectiveWriter.Write(first, origins: false), EffectiveWriter.Write(second, origins: false));
        Assert.Equal(first.Devices.Select(d => d.Id), second.Devices.Select(d => d.Id));
        Assert.Equal(first.Devices.SelectMany(d => d.Maps).Select(m => (m.At, m.From, m.Length)), second.Devices.SelectMany(d => d.Maps).Select(m => (m.At, m.From, m.Length)));
        Assert.Equal(first.Windows.Select(w => w.Range), second.Windows.Select(w => w.Range));
    }

    private static string Example(string name)
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Kmem.sln")))
        {
            folder = folder.Parent;
        }

        return Path.Combine(folder!.FullName, "tests", "data", "description", name);
    }

    private static LoadResult Files(string text, LoadOptions? options = null) => Texts.LoadFiles(options, ("/machine.yaml", text), ("/part.yaml", Part));

    private static MachineDescription Load(string text, LoadOptions? options = null)
    {
        LoadResult result = Files(text, options);
        Assert.Empty(result.Diagnostics.Sorted);
        return result.Machine!;
    }
}
