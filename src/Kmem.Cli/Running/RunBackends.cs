using Kmem.Abstractions;
using Kmem.Machine.Backends;

namespace Kmem.Cli.Running;

/// <summary>The serial ports of a run with their ends on the host.</summary>
/// <param name="plan">Where they go.</param>
internal sealed class RunBackends(SerialPlan plan) : IDisposable
{
    private readonly List<SerialPort> _ports = [];
    private string _asking = "";
    private HostBackends? _host;

    /// <summary>The backend of standard input and output; null when no port has it.</summary>
    public StdioCharBackend? Stdio => _host?.Stdio;

    /// <summary>The port that scripts talk to: the one at the terminal if there is one, else the first that goes anywhere.</summary>
    public SerialPort? Console => _ports.Find(p => p.IsConsole) ?? _ports.FirstOrDefault();

    /// <summary>Those that must be asked for input.</summary>
    public IReadOnlyList<IHostPolled> Polled => [.. _ports.Select(p => p.Backend).OfType<IHostPolled>()];

    private HostBackends Host => _host ??= new HostBackends(text => Terminal.Error($"{_asking}: {text}"));

    /// <summary>Makes a device's way to the host's network.</summary>
    public IHostNetwork Network()
    {
        _asking = "network";
        return Host.Network();
    }

    /// <summary>Makes the backend of a port.</summary>
    /// <param name="port">The device's name.</param>
    /// <param name="declared">Where the machine has it.</param>
    public ICharBackend? Create(string port, string declared)
    {
        _asking = port;
        if (Host.Char(plan.PlaceOf(port, declared)) is not { } backend)
        {
            return null;
        }

        if (backend is NullCharBackend)
        {
            return backend;
        }

        var made = new SerialPort(backend) { IsConsole = declared == "stdio" || backend is StdioCharBackend };
        _ports.Add(made);
        return made;
    }

    /// <summary>Brings what arrived to the devices, and what they sent to the host.</summary>
    public void Exchange()
    {
        foreach (SerialPort port in _ports)
        {
            port.Exchange();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (SerialPort port in _ports)
        {
            port.Exchange();
            (port.Backend as IDisposable)?.Dispose();
        }
    }
}
