using Kmem.Description;

namespace Kmem.Cli;

/// <summary>What the program says: results on standard output, everything else on standard error.</summary>
internal static class Terminal
{
    /// <summary>Version of the program.</summary>
    public static string Version => typeof(Terminal).Assembly.GetName().Version?.ToString(3) ?? "0";

    /// <summary>Says that something is wrong with the call.</summary>
    public static void Error(string message) => Console.Error.WriteLine($"kmem: {message}");

    /// <summary>Shows diagnostics: text on standard error, other forms on standard output.</summary>
    public static void Show(DiagnosticBag diagnostics, string format, IFileSource? files = null)
    {
        switch (format)
        {
            case "json":
                Console.Out.WriteLine(DiagnosticJson.ToJson(diagnostics));
                break;
            case "sarif":
                Console.Out.WriteLine(DiagnosticJson.ToSarif(diagnostics, Version));
                break;
            default:
                Console.Error.Write(new DiagnosticText(files ?? new DiskFileSource()).Render(diagnostics));
                break;
        }
    }
}
