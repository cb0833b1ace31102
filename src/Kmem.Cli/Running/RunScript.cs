using System.Text;
using Kmem.Abstractions;

namespace Kmem.Cli.Running;

/// <summary>A step of a script.</summary>
/// <param name="IsSend">Whether it types, and does not wait.</param>
/// <param name="Text">The text as the user gave it.</param>
/// <param name="Bytes">Its bytes.</param>
internal sealed record ScriptStep(bool IsSend, string Text, byte[] Bytes);

/// <summary>Waits for texts on a serial port and types others, one step after the other.</summary>
/// <param name="steps">The steps.</param>
/// <param name="port">The port.</param>
/// <param name="clock">Guest time, in which the patience is counted.</param>
/// <param name="patience">How long every text is waited for, in ns.</param>
internal sealed class RunScript(IReadOnlyList<ScriptStep> steps, SerialPort port, IClock clock, long patience)
{
    private const int ShownTail = 400;

    private readonly Queue<byte> _tail = new();
    private int _at;
    private TextMatcher? _matcher;
    private IDisposable? _timer;

    /// <summary>Raised on the machine's thread when a text did not come in time.</summary>
    public event Action? TimedOut;

    /// <summary>Raised on the machine's thread after the last step.</summary>
    public event Action? Finished;

    /// <summary>What is still waited for; null at the end.</summary>
    public string? Awaited => _at < steps.Count ? steps[_at].Text : null;

    /// <summary>The last lines of the guest, for messages.</summary>
    public string Tail
    {
        get
        {
            string text = string.Concat(Encoding.UTF8.GetString([.. _tail]).Where(c => !char.IsControl(c) || c == '\n'));
            int line = _tail.Count == ShownTail ? text.IndexOf('\n', StringComparison.Ordinal) + 1 : 0;
            return text[line..].Trim();
        }
    }

    /// <summary>Begins with the first step.</summary>
    public void Start()
    {
        port.Sent += Look;
        Advance();
    }

    private void Look(byte value)
    {
        _tail.Enqueue(value);
        if (_tail.Count > ShownTail)
        {
            _tail.Dequeue();
        }

        if (_matcher?.Take(value) == true)
        {
            _at++;
            Advance();
        }
    }

    private void Advance()
    {
        _timer?.Dispose();
        (_timer, _matcher) = (null, null);
        while (_at < steps.Count && steps[_at].IsSend)
        {
            port.Type(steps[_at++].Bytes);
        }

        if (_at == steps.Count)
        {
            Finished?.Invoke();
            return;
        }

        _matcher = new TextMatcher(steps[_at].Bytes);
        _timer = patience == long.MaxValue ? null : clock.Schedule(clock.Now + patience, () => TimedOut?.Invoke());
    }
}
