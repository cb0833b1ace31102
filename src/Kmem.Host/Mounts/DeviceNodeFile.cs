using Kmem.Abstractions;
using Kmem.Host.Fuse;

namespace Kmem.Host.Mounts;

/// <summary>A character device of a simulated kernel as a file: every call on it goes to the kernel.</summary>
/// <param name="kernel">The kernel.</param>
/// <param name="node">The device.</param>
/// <param name="size">Size shown by stat(2), in bytes; programs look no further.</param>
/// <param name="credentials">Who opens, as the kernel is told.</param>
public sealed class DeviceNodeFile(IKernel kernel, DeviceNode node, ulong size, Func<FuseCaller, Credentials> credentials) : FuseFile
{
    private int _backing = -1;

    /// <inheritdoc/>
    public override ulong Size => size;

    /// <inheritdoc/>
    public override int BackingFile => _backing;

    /// <summary>
    /// True for kernel memory whose addresses lie in the upper half of 64 bits: a FUSE offset can't be negative, so an offset with bit 62 set
    /// stands for the same one with bit 63 set too.
    /// </summary>
    public bool AddressesUpperHalf { get; init; }

    /// <summary>Lets programs map <paramref name="memory"/>, if the kernel lets root map <paramref name="length"/> bytes from 0 on.</summary>
    /// <returns>False when the kernel refuses any part; the pages of a mapping are not checked one by one afterwards.</returns>
    public bool TryShare(int memory, ulong length)
    {
        if (memory < 0 || length == 0 || kernel.Open(new OpenRequest(node, OpenFlags.ReadWrite, Credentials.Root), out IOpenFile? file).IsError || file is null)
        {
            return false;
        }

        var request = new MapRequest(0, length, MapProtection.Read | MapProtection.Write, MapFlags.Shared, 0, (int)(MapProtection.Read | MapProtection.Write));
        CallResult result = kernel.Map(file, request, out IMapping? mapping);
        mapping?.Dispose();
        kernel.Close(file);
        _backing = result.IsError ? -1 : memory;
        return !result.IsError;
    }

    /// <inheritdoc/>
    public override Errno Open(FuseCaller caller, OpenFlags flags, out FuseHandle? handle)
    {
        handle = null;
        CallResult result = kernel.Open(new OpenRequest(node, flags, credentials(caller)), out IOpenFile? file);
        if (result.IsError || file is null)
        {
            return result.IsError ? result.Error : Errno.EIO;
        }

        handle = new Handle(kernel, file, AddressesUpperHalf);
        return Errno.None;
    }

    private sealed class Handle(IKernel kernel, IOpenFile file, bool upperHalf) : FuseHandle
    {
        private readonly RequestMemory _memory = new(kernel.UserLimit);

        public override CallResult Read(ulong offset, Memory<byte> destination) => Move(offset, destination, isWrite: false);

        public override CallResult Write(ulong offset, Memory<byte> source) => Move(offset, source, isWrite: true);

        public override void Close() => kernel.Close(file);

        private CallResult Move(ulong offset, Memory<byte> data, bool isWrite)
        {
            const ulong Bit62 = 1UL << 62, Bit63 = 1UL << 63;
            long position = unchecked((long)(upperHalf && (offset & Bit62) != 0 ? offset | Bit63 : offset));
            ulong count = (ulong)data.Length;
            _memory.Content = data;
            try
            {
                if (position >= 0)
                {
                    return isWrite ? kernel.WriteAt(file, _memory, RequestMemory.Start, count, position) : kernel.ReadAt(file, _memory, RequestMemory.Start, count, position);
                }

                // pread refuses negative offsets; lseek and read take them.
                CallResult seek = kernel.Seek(file, position, 0);
                return seek.IsError ? seek : isWrite ? kernel.Write(file, _memory, RequestMemory.Start, count) : kernel.Read(file, _memory, RequestMemory.Start, count);
            }
            finally
            {
                _memory.Content = default;
            }
        }
    }
}
