using System.Diagnostics;
using Kmem.Testing;

namespace Kmem.Exec.Tests;

/// <summary>What a run of the program printed.</summary>
/// <param name="ExitCode">Its exit code.</param>
/// <param name="Output">Standard output and standard error.</param>
internal sealed record ClientRun(int ExitCode, string Output);

/// <summary>Runs programs under <c>kmem exec</c>, as this user or as nobody.</summary>
internal static class ClientProgram
{
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(4);

    /// <summary>Why nothing can be traced here; null when it can.</summary>
    public static string? Obstacle { get; } = FindObstacle();

    /// <summary>Runs a program on a machine.</summary>
    public static ClientRun Exec(string machine, bool asNobody, IEnumerable<string> options, params string[] program)
    {
        string kmem = Path.Combine(SolutionFolders.Program, "kmem");
        string[] command = [kmem, "exec", machine, .. options, "--", .. program];
        return Run(asNobody ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", .. command] : command);
    }

    /// <summary>Runs a command of the host.</summary>
    public static ClientRun Run(params string[] command)
    {
        var start = new ProcessStartInfo(command[0], command[1..]) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true, WorkingDirectory = Path.GetTempPath() };
        start.Environment["HOME"] = Path.GetTempPath();
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(Longest))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{string.Join(' ', command)} does not end.");
        }

        return new ClientRun(process.ExitCode, output.Result + error.Result);
    }

    /// <summary>Compiles a C program of this project; the path of the result.</summary>
    public static string Compile(string source, params string[] options)
    {
        string target = Path.Combine(Directory.CreateTempSubdirectory("kmem-client").FullName, Path.GetFileNameWithoutExtension(source));
        ClientRun run = Run(["gcc", "-O1", "-w", "-pthread", .. options, "-o", target, source]);
        if (run.ExitCode != 0)
        {
            throw new InvalidOperationException(run.Output);
        }

        // Readable by nobody, too.
        Run("chmod", "755", Path.GetDirectoryName(target)!);
        return target;
    }

    public static bool Has(string program) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Append("/usr/sbin").Any(f => File.Exists(Path.Combine(f, program)));

    private static string? FindObstacle()
    {
        if (!OperatingSystem.IsLinux() || System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture != System.Runtime.InteropServices.Architecture.X64)
        {
            return "kmem exec needs Linux on x86-64";
        }

        ClientRun run = Exec(Path.Combine(SolutionFolders.Machines, "lab.yaml"), asNobody: false, [], "true");
        return run.ExitCode == 0 ? null : "programs can't be traced here: " + run.Output.Trim();
    }
}
