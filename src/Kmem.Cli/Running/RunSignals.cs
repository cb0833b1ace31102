using System.Runtime.InteropServices;

namespace Kmem.Cli.Running;

/// <summary>Ends a run in order when a signal or a key asks for it, and at once when that takes too long.</summary>
internal sealed class RunSignals : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    private readonly List<PosixSignalRegistration> _registrations = [];
    private readonly Action<int> _ask;
    private Timer? _impatience;
    private int _asked;

    /// <summary>Watches.</summary>
    /// <param name="ask">Asks the run to end with an exit code; called on any thread.</param>
    public RunSignals(Action<int> ask)
    {
        _ask = ask;
        foreach ((PosixSignal signal, int number) in ((PosixSignal, int)[])[(PosixSignal.SIGHUP, 1), (PosixSignal.SIGINT, 2), (PosixSignal.SIGQUIT, 3), (PosixSignal.SIGTERM, 15)])
        {
            _registrations.Add(PosixSignalRegistration.Create(signal, context =>
            {
                context.Cancel = true;
                Leave(128 + number);
            }));
        }
    }

    /// <summary>Asks the run to end; the second time the program ends at once, as it does when the run hangs in a write that nobody reads.</summary>
    public void Leave(int exitCode)
    {
        if (Interlocked.Increment(ref _asked) > 1)
        {
            Environment.Exit(exitCode);
        }

        _impatience = new Timer(_ => Environment.Exit(exitCode), null, Patience, Timeout.InfiniteTimeSpan);
        _ask(exitCode);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _impatience?.Dispose();
        _registrations.ForEach(r => r.Dispose());
    }
}
