using System.Diagnostics;
using Kmem.Testing;

namespace Kmem.Cli.Tests;

/// <summary>A run of the program that goes on while a test works; ended with the test.</summary>
internal sealed class RunningProgram : IDisposable
{
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(60);

    private readonly Process _process;

    public RunningProgram(params string[] arguments) => _process = Process.Start(new ProcessStartInfo(KmemProgram.File, arguments)
    {
        UseShellExecute = false,
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
        RedirectStandardError = true,
        WorkingDirectory = SolutionFolders.Root,
    })!;

    /// <summary>The next line of standard error.</summary>
    public string ErrorLine() => Within(_process.StandardError.ReadLineAsync()) ?? "";

    /// <summary>Reads standard output up to a line that has a text; that line.</summary>
    public string LineWith(string text)
    {
        for (string? line = ""; line is not null; line = Within(_process.StandardOutput.ReadLineAsync()))
        {
            if (line.Contains(text, StringComparison.Ordinal))
            {
                return line;
            }
        }

        throw new EndOfStreamException($"'{text}' did not come.");
    }

    /// <summary>Types a text.</summary>
    public void Type(string text)
    {
        _process.StandardInput.Write(text);
        _process.StandardInput.Flush();
    }

    /// <summary>Sends a line and gives the one that answers.</summary>
    public string Ask(string line)
    {
        Type(line + "\n");
        return Within(_process.StandardOutput.ReadLineAsync()) ?? "";
    }

    /// <summary>What is left of standard error, at the end.</summary>
    public string Errors() => Within(_process.StandardError.ReadToEndAsync());

    /// <summary>Sends a signal.</summary>
    public void Signal(string name)
    {
        using Process kill = Process.Start("kill", ["-" + name, _process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    /// <summary>Waits for the end; the exit code.</summary>
    public int Wait() => _process.WaitForExit(Longest) ? _process.ExitCode : throw new TimeoutException("The program does not end.");

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
        }

        _process.Dispose();
    }

    private static T Within<T>(Task<T> task) => task.Wait(Longest) ? task.Result : throw new TimeoutException("The program says nothing.");
}
