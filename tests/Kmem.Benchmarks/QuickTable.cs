using System.Diagnostics;
using Kmem.Engine;

namespace Kmem.Benchmarks;

/// <summary>One table of figures within seconds: the best of several rounds each, which is what a loaded machine can tell.</summary>
internal static class QuickTable
{
    private const int Rounds = 9;

    public static void Print()
    {
        using var spaces = new Spaces();
        double copy = Best(200, () => spaces.Source.CopyTo(spaces.Buffer));
        double bulk = Best(200, () => spaces.Flat.ReadBlock(0x10_0000, spaces.Buffer, spaces.Cpu, out _));
        Console.WriteLine($"{"RamRead",-24} {Best(2_000_000, () => spaces.Flat.Read(0x1230, 4, out _, spaces.Cpu)),10:F2} ns");
        Console.WriteLine($"{"RegisterRead",-24} {Best(2_000_000, () => spaces.Flat.Read(0x1000_0000, 4, out _, spaces.Cpu)),10:F2} ns");
        Console.WriteLine($"{"RegisterWrite",-24} {Best(2_000_000, () => spaces.Flat.Write(0x1000_0000, 4, 7, spaces.Cpu)),10:F2} ns");
        Console.WriteLine($"{"RebuildFlatView1000",-24} {Best(200, spaces.Rebuild) / 1000,10:F1} us");
        using GuestLoops interpreted = new(EngineMode.Interpret), translated = new(EngineMode.Translate);
        Console.WriteLine($"{"InterpretLoop",-24} {Best(20, interpreted.RunSum) / GuestLoops.Instructions,10:F2} ns per guest instruction");
        Console.WriteLine($"{"TranslateLoop",-24} {Best(20, translated.RunSum) / GuestLoops.Instructions,10:F2} ns per guest instruction");
        Console.WriteLine($"{"TranslatePagedLoop",-24} {Best(20, translated.RunPagedSum) / GuestLoops.Instructions,10:F2} ns per guest instruction");
        Console.WriteLine($"{"DispatchLinked",-24} {Best(20, interpreted.RunJumps) / GuestLoops.Instructions,10:F2} ns per block");
        Console.WriteLine($"{"LiftBlock",-24} {Best(2_000, () => interpreted.RunChanged(1)) / 1000,10:F1} us for 17 instructions");
        Console.WriteLine($"{"JitBlock",-24} {Best(50, () => translated.RunChanged(3)) / 1000,10:F1} us for 17 instructions");
        Console.WriteLine($"{"BulkRead 1 MiB",-24} {bulk / 1000,10:F1} us   {100 * copy / bulk:F0} % of a plain copy ({copy / 1000:F1} us)");
    }

    /// <summary>Nanoseconds of one call, the delegate's own cost included.</summary>
    private static double Best(int calls, Action action)
    {
        double best = double.MaxValue;
        for (int round = 0; round < Rounds; round++)
        {
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < calls; i++)
            {
                action();
            }

            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalNanoseconds / calls);
        }

        return best;
    }
}
