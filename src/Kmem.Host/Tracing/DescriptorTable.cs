using Kmem.Abstractions;

namespace Kmem.Host.Tracing;

/// <summary>An open device, which several descriptors of several programs may share.</summary>
internal sealed class OpenDevice(IKernel kernel, IOpenFile file)
{
    private int _users;

    /// <summary>The simulated kernel's file.</summary>
    public IOpenFile File { get; } = file;

    /// <summary>Counts a descriptor.</summary>
    public OpenDevice Take()
    {
        _users++;
        return this;
    }

    /// <summary>Forgets a descriptor; the last one closes the file.</summary>
    public void Give()
    {
        if (--_users == 0)
        {
            kernel.Close(File);
        }
    }
}

/// <summary>A program's descriptors of simulated devices. CLONE_FILES shares a table, fork copies it.</summary>
internal sealed class DescriptorTable
{
    private readonly Dictionary<int, (OpenDevice Device, bool CloseOnExec)> _open = [];

    /// <summary>Number of threads that use it.</summary>
    public int Users { get; set; } = 1;

    /// <summary>True while a device is open.</summary>
    public bool HasAny => _open.Count > 0;

    /// <summary>The numbers in use.</summary>
    public IEnumerable<int> Numbers => _open.Keys;

    /// <summary>The device behind a descriptor, or null.</summary>
    public OpenDevice? Find(int descriptor) => _open.TryGetValue(descriptor, out (OpenDevice Device, bool) entry) ? entry.Device : null;

    /// <summary>Whether a descriptor closes on execve.</summary>
    public bool ClosesOnExec(int descriptor) => _open.TryGetValue(descriptor, out (OpenDevice, bool CloseOnExec) entry) && entry.CloseOnExec;

    /// <summary>Puts a device under a number; what stood there is closed.</summary>
    public void Set(int descriptor, OpenDevice device, bool closeOnExec)
    {
        device.Take();
        Remove(descriptor);
        _open[descriptor] = (device, closeOnExec);
    }

    /// <summary>Changes the close-on-exec mark.</summary>
    public void Mark(int descriptor, bool closeOnExec)
    {
        if (_open.TryGetValue(descriptor, out (OpenDevice Device, bool) entry))
        {
            _open[descriptor] = (entry.Device, closeOnExec);
        }
    }

    /// <summary>Closes a descriptor; does nothing when it is no device.</summary>
    public void Remove(int descriptor)
    {
        if (_open.Remove(descriptor, out (OpenDevice Device, bool) entry))
        {
            entry.Device.Give();
        }
    }

    /// <summary>A copy for the child of a fork, or for a thread that leaves a shared table.</summary>
    public DescriptorTable Copy()
    {
        var copy = new DescriptorTable();
        foreach ((int descriptor, (OpenDevice device, bool closeOnExec)) in _open)
        {
            copy.Set(descriptor, device, closeOnExec);
        }

        return copy;
    }

    /// <summary>Closes what execve closes.</summary>
    public void CloseForExec()
    {
        foreach (int descriptor in _open.Where(o => o.Value.CloseOnExec).Select(o => o.Key).ToArray())
        {
            Remove(descriptor);
        }
    }

    /// <summary>One thread less; the last one closes everything.</summary>
    public void Leave()
    {
        if (--Users == 0)
        {
            foreach (int descriptor in _open.Keys.ToArray())
            {
                Remove(descriptor);
            }
        }
    }
}
