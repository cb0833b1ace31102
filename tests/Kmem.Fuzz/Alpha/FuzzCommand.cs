using System.Diagnostics;
using System.Globalization;
using Kmem.Engine;

namespace Kmem.Fuzz.Alpha;

/// <summary>The long run by hand: <c>kmem-fuzz [SECONDS] [SEED]</c>.</summary>
internal static class FuzzCommand
{
    /// <summary>The back ends that are compared with the interpreter.</summary>
    public static readonly IReadOnlyList<EngineOptions> Subjects =
    [
        new() { Mode = EngineMode.Translate },
        new() { Mode = EngineMode.Translate, SideExitLimit = 1 },
        new() { Mode = EngineMode.Both, HotThreshold = 3 },
    ];

    /// <summary>Runs seeds one after the other.</summary>
    /// <returns>0 when all agreed, else 1.</returns>
    public static int Run(string[] args)
    {
        int seconds = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 60;
        int seed = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : Random.Shared.Next();
        int failures = 0, runs = 0;
        var time = Stopwatch.StartNew();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"seeds from {seed}, {seconds} s"));
        for (; time.Elapsed.TotalSeconds < seconds && failures < 10; seed++)
        {
            foreach (EngineOptions options in Subjects)
            {
                runs++;
                if (AlphaFuzz.Run(seed, options) is { } report)
                {
                    failures++;
                    Console.WriteLine(report);
                }
            }
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{runs} runs, {failures} failures, next seed {seed}"));
        return failures == 0 ? 0 : 1;
    }
}
