using Kmem.Abstractions;

namespace Kmem.Devices.Tests;

/// <summary>A host's network in memory, whose ends the test holds.</summary>
internal sealed class FakeHost : IHostNetwork
{
    public List<(HostPlace Place, FakeStream Stream)> Connections { get; } = [];

    public Dictionary<HostPlace, Action<IHostStream>> Listeners { get; } = [];

    public Dictionary<string, uint[]> Names { get; } = new(StringComparer.Ordinal);

    public List<string> Asked { get; } = [];

    public void Listen(HostPlace place, Action<IHostStream> accepted) => Listeners[place] = accepted;

    public IHostStream Connect(HostPlace place)
    {
        var stream = new FakeStream { State = HostStreamState.Connecting };
        Connections.Add((place, stream));
        return stream;
    }

    public IHostDatagrams Bind(HostPlace place) => throw new MachineException("the test has no datagrams");

    public IHostDatagrams? Open(HostPlace partner) => null;

    public void Resolve(string name, Action<IReadOnlyList<uint>> found)
    {
        Asked.Add(name);
        found(Names.GetValueOrDefault(name, []));
    }
}

/// <summary>A connection of the host whose other end is the test.</summary>
internal sealed class FakeStream : IHostStream
{
    private readonly List<byte> _toGuest = [];
    private bool _isEnded;

    public HostStreamState State { get; set; } = HostStreamState.Open;

    public Action? Changed { get; set; }

    public int Available => _toGuest.Count;

    public bool IsEnded => _isEnded;

    public int Room => Math.Max(0, Capacity - FromGuest.Count);

    /// <summary>How many bytes of the guest it holds.</summary>
    public int Capacity { get; set; } = 65536;

    /// <summary>What the guest has sent.</summary>
    public List<byte> FromGuest { get; } = [];

    public bool IsGuestEnded { get; private set; }

    public bool IsAborted { get; private set; }

    public bool IsDisposed { get; private set; }

    public void Peek(int offset, Span<byte> destination) => System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_toGuest).Slice(offset, destination.Length).CopyTo(destination);

    public void Drop(int count) => _toGuest.RemoveRange(0, count);

    public void Send(ReadOnlySpan<byte> bytes) => FromGuest.AddRange(bytes);

    public void End() => IsGuestEnded = true;

    public void Abort() => IsAborted = true;

    public void Dispose() => IsDisposed = true;

    /// <summary>The partner accepts the connection.</summary>
    public void Open() => Become(HostStreamState.Open);

    /// <summary>The partner refuses or breaks the connection off.</summary>
    public void Break() => Become(HostStreamState.Broken);

    /// <summary>The partner sends.</summary>
    public void Give(ReadOnlySpan<byte> bytes)
    {
        _toGuest.AddRange(bytes);
        Changed?.Invoke();
    }

    /// <summary>The partner sends nothing more.</summary>
    public void Finish()
    {
        _isEnded = true;
        Changed?.Invoke();
    }

    /// <summary>The partner has read what the guest sent.</summary>
    public void Read()
    {
        FromGuest.Clear();
        Changed?.Invoke();
    }

    private void Become(HostStreamState state)
    {
        State = state;
        Changed?.Invoke();
    }
}
