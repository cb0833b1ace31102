using Kmem.Abstractions;

namespace Kmem.Memory;

/// <summary>A large array of bytes, zero until written, that costs memory only where it is used.</summary>
public sealed unsafe class SparseBytes : IDisposable
{
    private readonly ulong _length;
    private nint _pointer;

    /// <summary>Reserves the array.</summary>
    /// <param name="length">Length in bytes.</param>
    /// <exception cref="MachineException">The host can't give the address space.</exception>
    public SparseBytes(ulong length)
    {
        _length = (length + 4095) & ~4095UL;
        _pointer = HostMemory.Reserve((nuint)_length);
        if (_pointer == -1)
        {
            throw new MachineException($"The host can't give {length} bytes of address space: {HostMemory.LastError()}.");
        }
    }

    /// <summary>The first byte.</summary>
    public byte* Pointer => (byte*)_pointer;

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_pointer != 0)
        {
            _ = HostMemory.Unmap(_pointer, (nuint)_length);
            _pointer = 0;
        }
    }
}
