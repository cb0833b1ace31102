using System.Runtime.InteropServices;

namespace Kmem.Machine.Backends;

/// <summary>Holds a terminal in raw mode and gives it back however the program ends or pauses.</summary>
/// <remarks>A process that is killed outright (SIGKILL, a fault in native code) can't give anything back: <c>reset</c> helps then.</remarks>
internal sealed class RawTerminal : IDisposable
{
    private readonly Lock _lock = new();
    private readonly int _file;
    private readonly byte[] _before;
    private readonly byte[] _raw;
    private readonly List<PosixSignalRegistration> _signals = [];
    private bool _disposed;

    private RawTerminal(int file, byte[] before)
    {
        (_file, _before, _raw) = (file, before, HostCalls.Raw(before, keepOutput: true));
        AppDomain.CurrentDomain.ProcessExit += OnEnd;
        AppDomain.CurrentDomain.UnhandledException += OnEnd;
        foreach (PosixSignal signal in new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP, PosixSignal.SIGQUIT })
        {
            _signals.Add(PosixSignalRegistration.Create(signal, _ => Restore()));
        }

        if (!OperatingSystem.IsWindows())
        {
            _signals.Add(PosixSignalRegistration.Create(PosixSignal.SIGTSTP, context =>
            {
                Restore();
                context.Cancel = true;
                HostCalls.StopSelf();
            }));
            _signals.Add(PosixSignalRegistration.Create(PosixSignal.SIGCONT, context =>
            {
                // Left to itself, the runtime puts the settings back that it found at its start, after this handler.
                context.Cancel = true;
                Enter();
            }));
        }

        Enter();
    }

    /// <summary>Puts a terminal into raw mode; null when the file is no terminal.</summary>
    public static RawTerminal? TryEnter(int file) =>
        HostCalls.IsTerminal(file) && HostCalls.Settings(file) is { } settings ? new RawTerminal(file, settings) : null;

    /// <summary>Gives the terminal back and stops this process, as Ctrl-Z does where the terminal is not raw; returns when it is continued.</summary>
    public void Suspend()
    {
        Restore();
        HostCalls.StopSelf();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_disposed)
            {
                return;
            }

            HostCalls.Apply(_file, _before);
            _disposed = true;
        }

        AppDomain.CurrentDomain.ProcessExit -= OnEnd;
        AppDomain.CurrentDomain.UnhandledException -= OnEnd;
        _signals.ForEach(s => s.Dispose());
    }

    private void OnEnd(object? sender, EventArgs e) => Restore();

    private void Restore() => Apply(_before);

    private void Enter() => Apply(_raw);

    private void Apply(byte[] settings)
    {
        lock (_lock)
        {
            if (!_disposed)
            {
                HostCalls.Apply(_file, settings);
            }
        }
    }
}
