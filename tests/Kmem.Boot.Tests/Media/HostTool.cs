using System.Diagnostics;
using Xunit;

namespace Kmem.Boot.Tests.Media;

/// <summary>Programs of the host that make and check media.</summary>
internal static class HostTool
{
    /// <summary>Runs a program, which must end with exit code 0 within half a minute.</summary>
    /// <returns>What it printed to standard output.</returns>
    public static string Run(string program, params string[] arguments) => Run(program, worst: 0, arguments);

    /// <summary>Runs a program, which must end with an exit code that is not above the worst one.</summary>
    public static string Run(string program, int worst, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(GuestFiles.FindProgram(program)!, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false })!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        Assert.True(process.WaitForExit(TimeSpan.FromSeconds(30)), $"{program} does not end");
        Assert.True(process.ExitCode <= worst, $"{program} {string.Join(' ', arguments)}: {output}{error.Result}");
        return output;
    }
}
