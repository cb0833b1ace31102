using Kmem.Abstractions;
using Kmem.Machine.Backends;

namespace Kmem.Cli.Running;

/// <summary>The character backends of a run, in the order in which devices asked for them.</summary>
internal sealed class RunBackends : IDisposable
{
    private readonly HostBackends _host = new(Console.Error.WriteLine);
    private readonly List<ICharBackend> _all = [];

    /// <summary>The backend of standard input and output; null when no device has it.</summary>
    public StdioCharBackend? Stdio => _host.Stdio;

    /// <summary>Those that must be asked for input.</summary>
    public IReadOnlyList<IHostPolled> Polled => [.. _all.OfType<IHostPolled>()];

    /// <summary>Takes a look at every byte that a device sends.</summary>
    public Action<byte>? Sent { get; set; }

    /// <summary>Makes the backend of a specification.</summary>
    public ICharBackend? Create(string specification)
    {
        ICharBackend? backend = _host.Char(specification);
        if (backend is null)
        {
            return null;
        }

        _all.Add(backend);
        return backend is NullCharBackend ? backend : new Watched(backend, this);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (IHostPolled polled in Polled)
        {
            polled.Flush();
        }

        foreach (IDisposable backend in _all.OfType<IDisposable>())
        {
            backend.Dispose();
        }
    }

    /// <summary>A backend whose output somebody looks at.</summary>
    private sealed class Watched(ICharBackend backend, RunBackends owner) : ICharBackend
    {
        public event Action<byte>? Received
        {
            add => backend.Received += value;
            remove => backend.Received -= value;
        }

        public Func<int>? Room
        {
            get => backend.Room;
            set => backend.Room = value;
        }

        public void Transmit(byte value)
        {
            backend.Transmit(value);
            owner.Sent?.Invoke(value);
        }
    }
}
