using System.CommandLine;
using System.CommandLine.Parsing;
using Kmem.Description;
using Kmem.Engine;

namespace Kmem.Cli.Running;

/// <summary>What the user decided about a run.</summary>
internal sealed record RunSettings
{
    public string? Kernel { get; init; }

    public ulong? FlatAddress { get; init; }

    public string? Initrd { get; init; }

    public string? CommandLine { get; init; }

    public EngineOptions Engine { get; init; } = new();

    public SerialPlan Serial { get; init; } = new();

    public IReadOnlyList<ScriptStep> Script { get; init; } = [];

    public ScriptStep? Until { get; init; }

    public long Patience { get; init; } = long.MaxValue;

    public long Duration { get; init; } = long.MaxValue;

    public string? Control { get; init; }

    public bool IsRealTime { get; init; }

    public bool Reboots { get; init; } = true;

    public bool Statistics { get; init; }

    public string? Screen { get; init; }
}

/// <summary>The options of <c>kmem run</c>.</summary>
internal sealed class RunOptions
{
    private readonly Option<string?> _kernel = new("--kernel") { Description = "Begins with a program in the place of firmware, plain or gzip: an ELF file, or with --at a flat image; on a PC a bzImage, a multiboot image, an ELF file with a PVH entry or a boot sector", HelpName = "FILE" };
    private readonly Option<string?> _flat = new("--at") { Description = "Virtual address at which a flat image is loaded and begins", HelpName = "ADDRESS" };
    private readonly Option<string?> _bios = new("--bios") { Description = "Image of the firmware, of any size: the machine's parameter bios", HelpName = "FILE" };
    private readonly Option<string?> _initrd = new("--initrd") { Description = "The kernel's initial file system", HelpName = "FILE" };
    private readonly Option<string?> _append = new("--append") { Description = "The kernel's command line", HelpName = "TEXT" };
    private readonly Option<string[]> _serial = new("--serial") { Description = "Where the serial port at the terminal goes, or with PORT= another one: stdio, pty, unix:PATH, file:PATH, none", HelpName = "[PORT=]PLACE" };
    private readonly Option<string[]> _expect = new("--expect") { Description = $"Waits until the guest has printed TEXT before it goes on to the next --send or --expect; escapes are {ScriptText.Escapes}", HelpName = "TEXT" };
    private readonly Option<string[]> _send = new("--send") { Description = "Types TEXT, once every --expect before it was met", HelpName = "TEXT" };
    private readonly Option<string?> _timeout = new("--timeout") { Description = "How much guest time every --expect may take (exit code 3 after that)", HelpName = "DURATION" };
    private readonly Option<string?> _until = new("--until") { Description = "Ends the run with exit code 0 once the guest has printed TEXT, and with 3 when it ends without", HelpName = "TEXT" };
    private readonly Option<string?> _for = new("--for") { Description = "Ends the run after so much guest time", HelpName = "DURATION" };
    private readonly Option<bool> _realTime = new("--realtime") { Description = "Guest time does not run ahead of the host's" };
    private readonly Option<bool> _noReboot = new("--no-reboot") { Description = "Ends the run where the guest asks for a reset" };
    private readonly Option<string?> _control = new("--control") { Description = "Lets 'exec', 'mount', 'io', 'peek', 'poke' and 'explain' with --attach PATH work on the machine while it runs", HelpName = "PATH" };
    private readonly Option<string> _mode = new("--engine") { Description = "Back ends: interpret, translate (everything, for tests) or both", DefaultValueFactory = _ => "both" };
    private readonly Option<int> _threshold = new("--hot") { Description = "Executions after which a block is translated", DefaultValueFactory = _ => 1000 };
    private readonly Option<string?> _screen = new("--screen") { Description = "Writes at the end what the screen shows: a picture to NAME.png, text to any other name", HelpName = "FILE" };
    private readonly Option<bool> _statistics = new("--stats") { Description = "Says at the end how much was executed and translated" };

    public RunOptions(Command command)
    {
        _mode.AcceptOnlyFromAmong("interpret", "translate", "both");
        foreach (Option option in (Option[])[_bios, _kernel, _flat, _initrd, _append, _serial, _expect, _send, _timeout, _until, _for, _control, _realTime, _noReboot, _mode, _threshold, _screen, _statistics])
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
        if (Duration(_for, parsed) is not { } duration || Duration(_timeout, parsed) is not { } patience || Steps(parsed) is not { } steps)
        {
            return null;
        }

        ScriptStep? until = null;
        if (parsed.GetValue(_until) is { } text && (until = Step(isSend: false, text)) is null)
        {
            return null;
        }

        if (SerialPlan.Parse(parsed.GetValue(_serial) ?? [], out string problem) is not { } serial)
        {
            Terminal.Error(problem);
            return null;
        }

        ulong? flat = null;
        if (parsed.GetValue(_flat) is { } address && (flat = new ScalarReader(new DiagnosticBag()).Number(new ScalarNode(address, SourceSpan.CommandLine))) is null)
        {
            Terminal.Error($"--at takes an address, not '{address}'");
            return null;
        }

        return new RunSettings
        {
            Kernel = parsed.GetValue(_kernel),
            FlatAddress = flat,
            Initrd = parsed.GetValue(_initrd),
            CommandLine = parsed.GetValue(_append),
            Serial = serial,
            Script = steps,
            Patience = patience,
            Engine = new EngineOptions { Mode = Enum.Parse<EngineMode>(parsed.GetValue(_mode)!, ignoreCase: true), HotThreshold = Math.Max(2, parsed.GetValue(_threshold)) },
            Until = until,
            Duration = duration,
            Control = parsed.GetValue(_control),
            IsRealTime = parsed.GetValue(_realTime),
            Reboots = !parsed.GetValue(_noReboot),
            Statistics = parsed.GetValue(_statistics),
            Screen = parsed.GetValue(_screen),
        };
    }

    private static long? Duration(Option<string?> option, ParseResult parsed)
    {
        if (parsed.GetValue(option) is not { } text)
        {
            return long.MaxValue;
        }

        if (Quantities.TryTime(text, out long duration))
        {
            return duration;
        }

        Terminal.Error($"{option.Name} takes a duration such as 500ms or 10s, not '{text}'");
        return null;
    }

    /// <summary>The steps in the order in which they stand on the command line.</summary>
    private List<ScriptStep>? Steps(ParseResult parsed)
    {
        var steps = new List<ScriptStep>();
        string last = "";
        foreach (Token token in parsed.Tokens)
        {
            if (token.Type == TokenType.Argument && (last == _expect.Name || last == _send.Name))
            {
                if (Step(last == _send.Name, token.Value) is not { } step)
                {
                    return null;
                }

                steps.Add(step);
            }

            last = token.Type == TokenType.Option ? token.Value : "";
        }

        return steps;
    }

    private static ScriptStep? Step(bool isSend, string text)
    {
        if (ScriptText.Parse(text) is { Length: > 0 } bytes)
        {
            return new ScriptStep(isSend, text, bytes);
        }

        Terminal.Error(text.Length == 0 ? "a text to wait for or to send can't be empty" : $"'{text}' has an escape that does not exist; there are {ScriptText.Escapes}");
        return null;
    }
}
