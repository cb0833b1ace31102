using CsCheck;
using Kmem.Abstractions;
using Kmem.Machine.Backends;
using Xunit;

namespace Kmem.Machine.Tests;

/// <summary>Disks in files, with and without overlays.</summary>
public sealed class BlockBackendTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("kmem-block").FullName;
    private readonly string _disk;
    private readonly byte[] _content = new byte[20_000];

    public BlockBackendTests()
    {
        new Random(7).NextBytes(_content);
        _disk = Path.Combine(_folder, "disk,1.img");
        File.WriteAllBytes(_disk, _content);
    }

    private string Overlay => Path.Combine(_folder, "disk.overlay");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void ARawFileIsReadAndWritten()
    {
        using (var disk = (FileBlockBackend)Open(_disk))
        {
            Assert.Equal((20_000L, false), (disk.Length, disk.IsReadOnly));
            Assert.True(disk.Write(19_997, "abc"u8));
            Assert.False(disk.Write(19_998, "abc"u8));
            Assert.False(disk.Read(-1, new byte[1]));
            Assert.False(disk.Read(long.MaxValue, new byte[8]));
            Assert.True(disk.Flush());
        }

        Assert.Equal("abc"u8.ToArray(), File.ReadAllBytes(_disk)[^3..]);
    }

    [Fact]
    public void AReadOnlyFileIsNotWritten()
    {
        using var disk = (FileBlockBackend)Open(_disk + ",readonly");
        Assert.True(disk.IsReadOnly);
        Assert.False(disk.Write(0, "x"u8));
        Assert.Equal(_content, All(disk));
    }

    [Fact]
    public void OneWriterOrManyReadersButNotBoth()
    {
        using (Close(Open(_disk)))
        {
            Assert.Throws<MachineException>(() => Open(_disk));
            Assert.Throws<MachineException>(() => Open(_disk + ",overlay"));
            Close(BlockSpecification.Parse(_disk).OpenQuietly()!).Dispose();
        }

        using (Close(Open(_disk + ",readonly")))
        {
            Close(Open(_disk + ",overlay")).Dispose();
            Assert.Throws<MachineException>(() => Open(_disk));
        }

        Close(Open(_disk)).Dispose();
    }

    [Fact]
    public void AnOverlayInMemoryIsGoneAtTheEnd()
    {
        IBlockBackend disk = Open(_disk + ",overlay");
        using (Close(disk))
        {
            Assert.True(disk.Write(4090, "over the edge"u8));
            byte[] expected = [.. _content];
            "over the edge"u8.CopyTo(expected.AsSpan(4090));
            Assert.Equal(expected, All(disk));
        }

        Assert.Equal(_content, File.ReadAllBytes(_disk));
    }

    [Fact]
    public void AnOverlayFileIsTheSameAfterAnyWrites()
    {
        int round = 0;
        Gen.Select(Gen.Int[0, _content.Length - 1], Gen.Byte.Array[1, 9000]).List[1, 12].Sample(
            writes =>
            {
                byte[] expected = [.. _content];
                string overlay = $"{Overlay}.{Interlocked.Increment(ref round)}";
                foreach ((int offset, byte[] bytes) in writes)
                {
                    IBlockBackend disk = Open($"{_disk},overlay={overlay}");
                    using IDisposable closed = Close(disk);
                    int count = Math.Min(bytes.Length, expected.Length - offset);
                    Assert.True(disk.Write(offset, bytes.AsSpan(0, count)));
                    bytes.AsSpan(0, count).CopyTo(expected.AsSpan(offset));
                    Assert.Equal(expected, All(disk));
                }

                IBlockBackend again = Open($"{_disk},overlay={overlay}");
                using (Close(again))
                {
                    Assert.Equal(expected, All(again));
                }

                File.Delete(overlay);
            },
            iter: 60,
            threads: 1);
        Assert.Equal(_content, File.ReadAllBytes(_disk));
    }

    [Fact]
    public void AnOverlayOfAnotherDiskIsRefused()
    {
        Close(Open($"{_disk},overlay={Overlay}")).Dispose();
        string other = Path.Combine(_folder, "other.img");
        File.WriteAllBytes(other, new byte[512]);
        Assert.Contains("belongs to a disk of 20000 bytes", Assert.Throws<MachineException>(() => Open($"{other},overlay={Overlay}")).Message, StringComparison.Ordinal);
        Assert.Contains("no overlay", Assert.Throws<MachineException>(() => Open($"{_disk},overlay={other}")).Message, StringComparison.Ordinal);
        using IDisposable first = Close(Open($"{_disk},overlay={Overlay}"));
        Assert.Throws<MachineException>(() => Open($"{_disk},overlay={Overlay}"));
    }

    [Fact]
    public void AnOverlayThatIsCutOffIsRefused()
    {
        Close(Open($"{_disk},overlay={Overlay}")).Dispose();
        byte[] whole = File.ReadAllBytes(Overlay);
        foreach (int length in new[] { 1, 100, 4095, 4096 })
        {
            File.WriteAllBytes(Overlay, whole[..length]);
            Assert.Throws<MachineException>(() => Open($"{_disk},overlay={Overlay}"));
        }
    }

    [Fact]
    public void WhatIsNoDiskIsNamed()
    {
        Assert.Null(BlockSpecification.Parse("none").Open());
        string empty = Path.Combine(_folder, "empty");
        File.WriteAllBytes(empty, []);
        foreach (string bad in new[] { empty, _folder, Path.Combine(_folder, "missing"), ",overlay", $"{_disk},overlay=", _disk + ",overlays" })
        {
            Assert.Throws<MachineException>(() => BlockSpecification.Parse(bad).Open());
        }
    }

    [Fact]
    public void AMachineThatIsOnlyLookedAtLeavesItsDiskAlone()
    {
        using IDisposable running = Close(Open(_disk));
        using RunningMachine machine = Machines.Good(WithDisk(_disk));
        Assert.Equal("ide", machine.Devices["ide"].Description.Id);
    }

    [Fact]
    public void ADiskThatIsMissingIsReportedWhereItIsNamed()
    {
        BuildResult result = Machines.Build(WithDisk(Path.Combine(_folder, "missing")));
        string found = Assert.Single(result.Diagnostics.Sorted).ToString();
        Assert.Contains("missing", found, StringComparison.Ordinal);
        Assert.Contains(":5:", found, StringComparison.Ordinal);
    }

    private static string WithDisk(string path) =>
        $"kmem: 1\nspaces:\n  phys: {{type: bus.flat, width: 40}}\ndevices:\n  ide: {{type: ide.piix3, set: {{primary-slave: \"{path}\"}}}}\n";

    private static IBlockBackend Open(string specification) => BlockSpecification.Parse(specification).Open()!;

    private static IDisposable Close(IBlockBackend disk) => (IDisposable)disk;

    private static byte[] All(IBlockBackend disk)
    {
        byte[] all = new byte[disk.Length];
        Assert.True(disk.Read(0, all));
        return all;
    }
}
