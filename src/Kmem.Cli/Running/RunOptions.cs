using System.CommandLine;
using Kmem.Description;
using Kmem.Engine;

namespace Kmem.Cli.Running;

/// <summary>What the user decided about a run.</summary>
internal sealed record RunSettings
{
    public string? Kernel { get; init; }

    public string? Initrd { get; init; }

    public string CommandLine { get; init; } = "";

    public EngineOptions Engine { get; init; } = new();

    public string? Until { get; init; }

    public long Duration { get; init; } = long.MaxValue;

    public bool IsRealTime { get; init; }

    public bool Reboots { get; init; } = true;

    public bool Statistics { get; init; }

    public string? Screen { get; init; }
}

/// <summary>The options of <c>kmem run</c>.</summary>
internal sealed class RunOptions
{
    private readonly Option<string?> _kernel = new("--kernel") { Description = "Begins with a program in the place of firmware: an ELF file, a bzImage, a multiboot image or a boot sector, plain or gzip", HelpName = "FILE" };
    private readonly Option<string?> _bios = new("--bios") { Description = "Image of the firmware, of any size: the machine's parameter bios", HelpName = "FILE" };
    private readonly Option<string?> _initrd = new("--initrd") { Description = "The kernel's initial file system", HelpName = "FILE" };
    private readonly Option<string> _append = new("--append") { Description = "The kernel's command line", HelpName = "TEXT", DefaultValueFactory = _ => "" };
    private readonly Option<string> _mode = new("--engine") { Description = "Back ends: interpret, translate (everything, for tests) or both", DefaultValueFactory = _ => "both" };
    private readonly Option<int> _threshold = new("--hot") { Description = "Executions after which a block is translated", DefaultValueFactory = _ => 1000 };
    private readonly Option<string?> _until = new("--until") { Description = "Ends the run with exit code 0 once the guest has printed TEXT", HelpName = "TEXT" };
    private readonly Option<string?> _for = new("--for") { Description = "Ends the run after so much guest time", HelpName = "DURATION" };
    private readonly Option<bool> _realTime = new("--realtime") { Description = "Guest time does not run ahead of the host's" };
    private readonly Option<bool> _noReboot = new("--no-reboot") { Description = "Ends the run where the guest asks for a reset" };
    private readonly Option<string?> _screen = new("--screen") { Description = "Writes at the end what the screen shows: a picture to NAME.png, text to any other name", HelpName = "FILE" };
    private readonly Option<bool> _statistics = new("--stats") { Description = "Says at the end how much was executed and translated" };

    public RunOptions(Command command)
    {
        _mode.AcceptOnlyFromAmong("interpret", "translate", "both");
        foreach (Option option in (Option[])[_bios, _kernel, _initrd, _append, _mode, _threshold, _until, _for, _realTime, _noReboot, _screen, _statistics])
        {
            command.Add(option);
        }
    }

    /// <summary>Parameters of the machine that options stand for.</summary>
    public IReadOnlyDictionary<string, string> Parameters(ParseResult parsed) => parsed.GetValue(_bios) is { } bios
        ? new Dictionary<string, string>(StringComparer.Ordinal) { ["bios"] = Path.GetFullPath(bios) }
        : new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>The settings; null and a message when they are wrong.</summary>
    public RunSettings? Read(ParseResult parsed)
    {
        long duration = long.MaxValue;
        if (parsed.GetValue(_for) is { } text)
        {
            if (!Quantities.TryTime(text, out duration))
            {
                Terminal.Error($"--for takes a duration such as 500ms or 10s, not '{text}'");
                return null;
            }
        }

        return new RunSettings
        {
            Kernel = parsed.GetValue(_kernel),
            Initrd = parsed.GetValue(_initrd),
            CommandLine = parsed.GetValue(_append) ?? "",
            Engine = new EngineOptions { Mode = Enum.Parse<EngineMode>(parsed.GetValue(_mode)!, ignoreCase: true), HotThreshold = Math.Max(2, parsed.GetValue(_threshold)) },
            Until = parsed.GetValue(_until),
            Duration = duration,
            IsRealTime = parsed.GetValue(_realTime),
            Reboots = !parsed.GetValue(_noReboot),
            Statistics = parsed.GetValue(_statistics),
            Screen = parsed.GetValue(_screen),
        };
    }
}
