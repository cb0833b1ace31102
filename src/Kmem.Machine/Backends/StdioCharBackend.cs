using System.Text;
using Kmem.Abstractions;
using Microsoft.Win32.SafeHandles;

namespace Kmem.Machine.Backends;

/// <summary>The program's own standard input and output as a serial line; a terminal is put into raw mode, with Ctrl-A as escape key.</summary>
/// <remarks>The end of standard input stops nothing: output goes on.</remarks>
public sealed class StdioCharBackend : ICharBackend, IHostPolled, IDisposable
{
    private const string Help = "\r\nCtrl-A x  leave kmem\r\nCtrl-A a  send Ctrl-A\r\nCtrl-A h  this help\r\n";

    private readonly HostInput _input = new();
    private readonly OutputBurst _output = new();
    private readonly RawTerminal? _terminal;
    private readonly EscapeKeys _keys = new();
    private readonly FileStream _from;
    private readonly FileStream _to;
    private readonly Lock _writing = new();

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
        // A stream of Console would read whole lines from a terminal.
        _from = new FileStream(new SafeFileHandle(input, ownsHandle: false), FileAccess.Read, bufferSize: 0);
        _to = new FileStream(new SafeFileHandle(output, ownsHandle: false), FileAccess.Write, bufferSize: 0);
        _terminal = RawTerminal.TryEnter(input);
        new Thread(Listen) { IsBackground = true, Name = "kmem stdio" }.Start();
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
        _input.Close();
        _terminal?.Dispose();
    }

    private void Listen()
    {
        byte[] buffer = new byte[4096];
        try
        {
            for (int count = _from.Read(buffer); count > 0; count = _from.Read(buffer))
            {
                ReadOnlySpan<byte> typed = buffer.AsSpan(0, count);
                _input.Put(_terminal is null ? typed : _keys.Split(typed, Obey));
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ObjectDisposedException)
        {
            // A terminal that has gone away is like the end of input.
        }
    }

    private void Obey(char command)
    {
        switch (command)
        {
            case 'x':
                LeaveRequested?.Invoke();
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
        try
        {
            lock (_writing)
            {
                _to.Write(bytes);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The reader has gone, as with "| head"; the guest goes on.
        }
    }
}
