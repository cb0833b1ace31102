namespace Kmem.Machine.Backends;

/// <summary>Bytes on their way from a thread of the host to the machine's thread; a host that sends faster than the guest reads is made to wait.</summary>
internal sealed class HostInput
{
    private const int Capacity = 64 * 1024;

    private readonly object _lock = new();
    private readonly Queue<byte> _bytes = new();
    private volatile bool _closed;

    public event Action? Arrived;

    public bool HasPending
    {
        get
        {
            lock (_lock)
            {
                return _bytes.Count > 0;
            }
        }
    }

    /// <summary>Puts bytes in, waiting for the guest where there are too many; called on a thread of the host.</summary>
    public void Put(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty && !_closed)
        {
            int taken;
            lock (_lock)
            {
                taken = Math.Min(bytes.Length, Capacity - _bytes.Count);
                foreach (byte value in bytes[..taken])
                {
                    _bytes.Enqueue(value);
                }

            }

            bytes = bytes[taken..];
            if (taken > 0)
            {
                Arrived?.Invoke();
            }

            lock (_lock)
            {
                while (_bytes.Count == Capacity && !_closed)
                {
                    Monitor.Wait(_lock);
                }
            }
        }
    }

    /// <summary>Hands bytes to a device while it has room; called on the machine's thread.</summary>
    public void Deliver(Func<int>? room, Action<byte>? received)
    {
        while (room is null || room() > 0)
        {
            byte value;
            lock (_lock)
            {
                if (!_bytes.TryDequeue(out value))
                {
                    return;
                }

                Monitor.Pulse(_lock);
            }

            received?.Invoke(value);
        }
    }

    /// <summary>Lets a waiting thread of the host go.</summary>
    public void Close()
    {
        _closed = true;
        lock (_lock)
        {
            Monitor.PulseAll(_lock);
        }
    }
}
