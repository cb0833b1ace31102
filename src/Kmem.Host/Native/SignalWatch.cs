using System.Runtime.InteropServices;

namespace Kmem.Host.Native;

/// <summary>Takes the signals that ask a program to end, so that it can put things in order first.</summary>
public sealed class SignalWatch : IDisposable
{
    private static readonly (PosixSignal Signal, int Number)[] Ending = [(PosixSignal.SIGHUP, 1), (PosixSignal.SIGINT, 2), (PosixSignal.SIGTERM, 15)];

    private readonly PosixSignalRegistration[] _registrations;

    /// <summary>Begins to take them.</summary>
    /// <param name="taken">Called with the signal's number, on a thread of the pool.</param>
    public SignalWatch(Action<int> taken) => _registrations = [.. Ending.Select(s => PosixSignalRegistration.Create(s.Signal, context =>
    {
        context.Cancel = true;
        taken(s.Number);
    }))];

    /// <summary>Sends a signal on to another process, unless the terminal has sent it there too.</summary>
    public static void PassOn(int process, int number)
    {
        if (number != Ending[1].Number)
        {
            _ = Libc.Kill(process, number);
        }
    }

    /// <summary>Gives the signals back.</summary>
    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in _registrations)
        {
            registration.Dispose();
        }
    }
}
