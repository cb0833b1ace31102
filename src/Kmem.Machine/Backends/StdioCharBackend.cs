using System.Text;
using Kmem.Abstractions;

namespace Kmem.Machine.Backends;

/// <summary>The program's own standard input and output as a serial line; a terminal is put into raw mode, with Ctrl-A as escape key.</summary>
/// <remarks>The end of standard input stops nothing: output goes on.</remarks>
public sealed class StdioCharBackend : ICharBackend, IHostPolled, IDisposable
{
    private const int Look = 100, WatchEvery = 500;
    private const string Help = "\r\nCtrl-A x  leave kmem\r\nCtrl-A z  suspend it\r\nCtrl-A a  send Ctrl-A\r\nCtrl-A h  this help\r\n";

    private readonly HostInput _input = new();
    private readonly OutputBurst _output = new();
    private readonly RawTerminal? _terminal;
    private readonly EscapeKeys _keys = new();
    private readonly int _from, _to;
    private readonly Lock _writing = new();
    private volatile bool _isClosed;
    private bool _readerIsGone;

    /// <summary>Opens standard input and output.</summary>
    public StdioCharBackend()
        : this(input: 0, output: 1)
    {
    }

    /// <summary>Opens two files of this process by their descriptors, which stay open.</summary>
    /// <param name="input">Descriptor to read from.</param>
    /// <param name="output">Descriptor to write to.</param>
    public StdioCharBackend(int input, int output)
    {
        // A stream of Console would read whole lines from a terminal; a FileStream keeps a position of its own, so that a shell's
        // "{ kmem run …; echo; } > file" would write two texts over each other.
        (_from, _to) = (input, output);
        _terminal = RawTerminal.TryEnter(input);
        new Thread(Listen) { IsBackground = true, Name = "kmem stdio" }.Start();
        new Thread(WatchReader) { IsBackground = true, Name = "kmem stdout" }.Start();
    }

    /// <inheritdoc/>
    public event Action<byte>? Received;

    /// <inheritdoc/>
    public event Action? Arrived
    {
        add => _input.Arrived += value;
        remove => _input.Arrived -= value;
    }

    /// <summary>Raised on a thread of the host when Ctrl-A x is typed.</summary>
    public event Action? LeaveRequested;

    /// <summary>Raised once, on any thread, when nobody reads standard output any more.</summary>
    public event Action? ReaderGone;

    /// <summary>Raised on a thread of the host with the letter after Ctrl-A, for commands that this backend does not know.</summary>
    public event Action<char>? CommandTyped;

    /// <inheritdoc/>
    public Func<int>? Room { get; set; }

    /// <inheritdoc/>
    public bool HasPending => _input.HasPending;

    /// <summary>True when standard input is a terminal, with escape keys.</summary>
    public bool IsTerminal => _terminal is not null;

    /// <inheritdoc/>
    public void Transmit(byte value)
    {
        if (_output.Add(value))
        {
            Flush();
        }
    }

    /// <inheritdoc/>
    public void Deliver() => _input.Deliver(Room, Received);

    /// <inheritdoc/>
    public void Flush()
    {
        if (!_output.IsEmpty)
        {
            Write(_output.Take());
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Flush();
        _isClosed = true;
        _input.Close();
        _terminal?.Dispose();
    }

    private void Listen()
    {
        byte[] buffer = new byte[4096];
        while (!_isClosed)
        {
            int count = HostCalls.Read(_from, buffer);
            if (count > 0)
            {
                ReadOnlySpan<byte> typed = buffer.AsSpan(0, count);
                _input.Put(_terminal is null ? typed : _keys.Split(typed, Obey));
            }
            else if (count == -HostCalls.WouldBlock)
            {
                // Somebody who shares the file made it so.
                _ = HostCalls.Wait(_from, HostCalls.CanRead, Look);
            }
            else if (count != -HostCalls.Interrupted)
            {
                // The end of input; a terminal that has gone away is like it.
                return;
            }
        }
    }

    /// <summary>A guest that says nothing for a while has lost its reader all the same.</summary>
    private void WatchReader()
    {
        while (!_isClosed)
        {
            if ((HostCalls.Wait(_to, 0, WatchEvery) & (HostCalls.Failed | HostCalls.HungUp)) != 0)
            {
                LoseReader();
                return;
            }
        }
    }

    /// <summary>As with "| head"; whoever runs the guest decides what that means.</summary>
    private void LoseReader()
    {
        if (!Interlocked.Exchange(ref _readerIsGone, true))
        {
            ReaderGone?.Invoke();
        }
    }

    private void Obey(char command)
    {
        switch (command)
        {
            case 'x':
                LeaveRequested?.Invoke();
                break;
            case 'z':
                _terminal?.Suspend();
                break;
            case 'h' or '?':
                Write(Encoding.ASCII.GetBytes(Help));
                break;
            default:
                CommandTyped?.Invoke(command);
                break;
        }
    }

    private void Write(ReadOnlySpan<byte> bytes)
    {
        lock (_writing)
        {
            while (!bytes.IsEmpty && !_readerIsGone)
            {
                int sent = HostCalls.Write(_to, bytes);
                if (sent > 0)
                {
                    bytes = bytes[sent..];
                }
                else if (sent == -HostCalls.WouldBlock)
                {
                    _ = HostCalls.Wait(_to, HostCalls.CanWrite, Look);
                }
                else if (sent != -HostCalls.Interrupted)
                {
                    LoseReader();
                }
            }
        }
    }
}
