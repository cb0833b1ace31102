using System.Diagnostics;
using Kmem.Testing;

namespace Kmem.Cli.Tests;

/// <summary>What a run of the program printed.</summary>
/// <param name="ExitCode">Its exit code.</param>
/// <param name="Output">Standard output.</param>
/// <param name="Error">Standard error.</param>
internal sealed record ProgramRun(int ExitCode, string Output, string Error);

/// <summary>Runs the program as a user does, from the solution's folder.</summary>
internal static class KmemProgram
{
    public static string File { get; } = Path.Combine(SolutionFolders.Program, "kmem");

    public static ProgramRun RunWith(string input, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(File, arguments)
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = SolutionFolders.Root,
        })!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        try
        {
            process.StandardInput.Write(input);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended before it read everything; what it said is what counts.
        }

        if (!process.WaitForExit(TimeSpan.FromSeconds(60)))
        {
            process.Kill();
            throw new TimeoutException($"kmem {string.Join(' ', arguments)} does not end.");
        }

        return new ProgramRun(process.ExitCode, output.Result, error.Result);
    }

    public static ProgramRun Run(params string[] arguments) => RunWith("", arguments);
}
