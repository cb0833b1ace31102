using Kmem.Abstractions;

namespace Kmem.Machine.Backends;

/// <summary>A host network on which nobody answers and nothing is opened: for looking at a machine.</summary>
public sealed class NoHostNetwork : IHostNetwork
{
    /// <inheritdoc/>
    public void Listen(HostPlace place, Action<IHostStream> accepted)
    {
    }

    /// <inheritdoc/>
    public IHostStream Connect(HostPlace place) => new BrokenStream();

    /// <inheritdoc/>
    public IHostDatagrams Bind(HostPlace place) => new SilentDatagrams();

    /// <inheritdoc/>
    public IHostDatagrams? Open(HostPlace partner) => null;

    /// <inheritdoc/>
    public void Resolve(string name, Action<IReadOnlyList<uint>> found) => found([]);

    private sealed class BrokenStream : IHostStream
    {
        public HostStreamState State => HostStreamState.Broken;

        public Action? Changed { get; set; }

        public int Available => 0;

        public bool IsEnded => true;

        public int Room => 0;

        public void Peek(int offset, Span<byte> destination)
        {
        }

        public void Drop(int count)
        {
        }

        public void Send(ReadOnlySpan<byte> bytes)
        {
        }

        public void End()
        {
        }

        public void Abort()
        {
        }

        public void Dispose()
        {
        }
    }

    private sealed class SilentDatagrams : IHostDatagrams
    {
        public Action<ReadOnlyMemory<byte>, HostPlace>? Received { get; set; }

        public Action? Refused { get; set; }

        public void Send(ReadOnlySpan<byte> data, HostPlace to)
        {
        }

        public void Dispose()
        {
        }
    }
}
