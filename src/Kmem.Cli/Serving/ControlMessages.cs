using System.Text.Json;

namespace Kmem.Cli.Serving;

/// <summary>A client's request, one line of JSON.</summary>
/// <param name="Operation"><c>exec</c>, <c>mount</c>, <c>io</c>, <c>peek</c>, <c>poke</c> or <c>explain</c>.</param>
internal sealed record ControlRequest(string Operation)
{
    /// <summary>exec: path of the program.</summary>
    public string File { get; init; } = "";

    /// <summary>exec: the arguments, the name first; peek, poke and explain: place and value.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>exec: the environment.</summary>
    public IReadOnlyList<string> Environment { get; init; } = [];

    /// <summary>exec: the folder to start in; mount: where to mount.</summary>
    public string Folder { get; init; } = "";

    /// <summary>The kernel in front of the devices; null for the machine's own.</summary>
    public string? Flavour { get; init; }

    /// <summary>exec: where accesses are written; null for nowhere, - for the client's standard error.</summary>
    public string? Log { get; init; }

    /// <summary>exec: whether widths are listed at the end.</summary>
    public bool Audit { get; init; }

    /// <summary>mount: whether other users may enter.</summary>
    public bool AllowOther { get; init; }

    /// <summary>io: the frontend to which lines without a device go.</summary>
    public string? Frontend { get; init; }

    /// <summary>peek: reads as a bus master would; explain: a write.</summary>
    public bool IsWrite { get; init; }

    /// <summary>peek and poke: the answer as JSON.</summary>
    public bool IsJson { get; init; }

    /// <summary>Later lines of exec: a signal for the programs of the session.</summary>
    public int Signal { get; init; }

    /// <summary>Later lines of io: an operation.</summary>
    public string? Line { get; init; }
}

/// <summary>The server's answer, one line of JSON.</summary>
internal sealed record ControlReply
{
    /// <summary>What was wrong; null when nothing was.</summary>
    public string? Error { get; init; }

    /// <summary>The program's exit code, at its end; null before.</summary>
    public int? Exit { get; init; }

    /// <summary>What is to be printed; null for nothing.</summary>
    public string? Line { get; init; }

    /// <summary>What the machine's log said meanwhile.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>Where the machine is mounted, once it is.</summary>
    public string? Mounted { get; init; }
}

/// <summary>Lines of JSON over a socket.</summary>
internal sealed class ControlChannel(Stream stream) : IDisposable
{
    private const int LongestLine = 4 << 20;

    private readonly StreamReader _reader = new(stream);
    private readonly StreamWriter _writer = new(stream) { AutoFlush = true };

    /// <summary>The next message; null at the end, or when the other side does not keep to the protocol.</summary>
    public T? Receive<T>()
        where T : class
    {
        try
        {
            var line = new System.Text.StringBuilder();
            while (true)
            {
                int next = _reader.Read();
                if (next < 0 || line.Length > LongestLine)
                {
                    return null;
                }

                if (next == '\n')
                {
                    return JsonSerializer.Deserialize<T>(line.ToString());
                }

                line.Append((char)next);
            }
        }
        catch (Exception e) when (e is IOException or JsonException or ObjectDisposedException)
        {
            return null;
        }
    }

    /// <summary>Sends a message; false when the other side has gone.</summary>
    public bool Send<T>(T message)
    {
        try
        {
            _writer.Write(JsonSerializer.Serialize(message) + "\n");
            return true;
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            return false;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => stream.Dispose();
}
