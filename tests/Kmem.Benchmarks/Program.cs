using BenchmarkDotNet.Running;
using Kmem.Benchmarks;

// --quick prints one table within seconds, for a look; everything else goes to BenchmarkDotNet.
if (args.Contains("--quick"))
{
    QuickTable.Print();
}
else
{
    BenchmarkSwitcher.FromAssembly(typeof(QuickTable).Assembly).Run(args);
}
