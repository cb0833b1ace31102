using System.Runtime.InteropServices;

namespace Kmem.Cli.Running;

/// <summary>Ends a run in order when a signal or a key asks for it, and at once when that takes too long.</summary>
internal sealed class RunSignals : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly List<PosixSignalRegistration> _registrations = [];
    private readonly Lock _lock = new();
    private Timer? _impatience;
    private Action<int>? _ask;
    private int? _asked;

    /// <summary>Watches; a run that begins later is asked at once if something was asked before.</summary>
    public RunSignals()
    {
        foreach ((PosixSignal signal, int number) in ((PosixSignal, int)[])[(PosixSignal.SIGHUP, 1), (PosixSignal.SIGINT, 2), (PosixSignal.SIGQUIT, 3), (PosixSignal.SIGTERM, 15)])
        {
            _registrations.Add(PosixSignalRegistration.Create(signal, context =>
            {
                context.Cancel = true;
                Leave(128 + number);
            }));
        }
    }

    /// <summary>Says how a run is asked to end with an exit code; called on any thread.</summary>
    public void Begin(Action<int> ask)
    {
        lock (_lock)
        {
            _ask = ask;
            if (_asked is { } code)
            {
                ask(code);
            }
        }
    }

    /// <summary>Asks the run to end; the second time the program ends at once, as it does when the run hangs in a write that nobody reads.</summary>
    public void Leave(int exitCode)
    {
        lock (_lock)
        {
            if (_asked is null)
            {
                _asked = exitCode;
                _impatience = new Timer(_ => Environment.Exit(exitCode), null, Patience, Timeout.InfiniteTimeSpan);
                _ask?.Invoke(exitCode);
                return;
            }
        }

        Environment.Exit(exitCode);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _impatience?.Dispose();
        _registrations.ForEach(r => r.Dispose());
    }
}
