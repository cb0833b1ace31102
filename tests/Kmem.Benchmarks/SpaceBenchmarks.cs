using BenchmarkDotNet.Attributes;

namespace Kmem.Benchmarks;

/// <summary>Single accesses through a space.</summary>
public class AccessBenchmarks
{
    private Spaces _spaces = null!;

    [GlobalSetup]
    public void Setup() => _spaces = new Spaces();

    [GlobalCleanup]
    public void Cleanup() => _spaces.Dispose();

    [Benchmark]
    public ulong RamRead()
    {
        _spaces.Flat.Read(0x1230, 4, out ulong value, _spaces.Cpu);
        return value;
    }

    [Benchmark]
    public ulong RegisterRead()
    {
        _spaces.Flat.Read(0x1000_0000, 4, out ulong value, _spaces.Cpu);
        return value;
    }

    [Benchmark]
    public void RegisterWrite() => _spaces.Flat.Write(0x1000_0000, 4, 7, _spaces.Cpu);
}

/// <summary>Bulk reads of RAM against a plain copy of the same length.</summary>
public class BulkBenchmarks
{
    private Spaces _spaces = null!;

    [GlobalSetup]
    public void Setup() => _spaces = new Spaces();

    [GlobalCleanup]
    public void Cleanup() => _spaces.Dispose();

    [Benchmark(Baseline = true)]
    public void Copy() => _spaces.Source.CopyTo(_spaces.Buffer);

    [Benchmark]
    public int BulkRead()
    {
        _spaces.Flat.ReadBlock(0x10_0000, _spaces.Buffer, _spaces.Cpu, out int done);
        return done;
    }
}

/// <summary>Rebuilding a flat view of 1,000 regions.</summary>
public class RebuildBenchmarks
{
    private Spaces _spaces = null!;

    [GlobalSetup]
    public void Setup() => _spaces = new Spaces();

    [GlobalCleanup]
    public void Cleanup() => _spaces.Dispose();

    [Benchmark]
    public void RebuildFlatView1000() => _spaces.Rebuild();
}
