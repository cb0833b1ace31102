using Kmem.Abstractions;

namespace Kmem.Machine.Backends;

/// <summary>A pseudo terminal as a serial line: a terminal program opens its path, leaves and comes back as it likes.</summary>
public sealed class PtyCharBackend : ClientCharBackend
{
    private const int Pause = 20;

    private readonly Thread _thread;
    private readonly int _master;
    private bool _connected;

    /// <summary>Opens a new pseudo terminal.</summary>
    /// <exception cref="MachineException">The host has none left.</exception>
    public PtyCharBackend()
    {
        (_master, Path) = HostCalls.OpenPseudoTerminal();
        _thread = new Thread(Listen) { IsBackground = true, Name = "kmem pty" };
        _thread.Start();
    }

    /// <summary>What a terminal program opens, for example <c>/dev/pts/7</c>.</summary>
    public string Path { get; }

    /// <inheritdoc/>
    private protected override void Close()
    {
        _thread.Join();
        HostCalls.Close(_master);
    }

    private void Listen()
    {
        byte[] buffer = new byte[4096];
        while (!IsClosed)
        {
            short found = HostCalls.Wait(_master, Waits() ? (short)(HostCalls.CanRead | HostCalls.CanWrite) : HostCalls.CanRead, 100);
            if ((found & (HostCalls.HungUp | HostCalls.Failed)) != 0 && (found & HostCalls.CanRead) == 0)
            {
                lock (Gate)
                {
                    (_connected, Reads) = (false, true);
                }

                Thread.Sleep(Pause);
                continue;
            }

            lock (Gate)
            {
                _connected = true;
                Send(patience: 0);
            }

            if ((found & HostCalls.CanRead) != 0)
            {
                int count = HostCalls.Read(_master, buffer);
                Input.Put(buffer.AsSpan(0, Math.Max(count, 0)));
            }
        }
    }

    private bool Waits()
    {
        lock (Gate)
        {
            return _connected && !Backlog.IsEmpty;
        }
    }

    /// <inheritdoc/>
    private protected override void Send(int patience)
    {
        while (_connected && !Backlog.IsEmpty)
        {
            int sent = HostCalls.Write(_master, Backlog.First);
            if (sent > 0)
            {
                Backlog.Drop(sent);
                Reads = true;
            }
            else if (sent is not (-HostCalls.WouldBlock or -HostCalls.Interrupted) || patience == 0 || !Reads)
            {
                break;
            }
            else if ((HostCalls.Wait(_master, HostCalls.CanWrite, patience) & HostCalls.CanWrite) == 0)
            {
                Reads = false;
            }
        }
    }
}
