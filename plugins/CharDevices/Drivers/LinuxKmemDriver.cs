using Kmem.Abstractions;
using Kmem.Plugins.CharDevices.Kernels;
using Kmem.Plugins.CharDevices.Profiles;

namespace Kmem.Plugins.CharDevices.Drivers;

/// <summary>Linux's /dev/kmem, which 5.13 removed: offsets are kernel virtual addresses.</summary>
/// <remarks>Source: Linux 4.15 drivers/char/mem.c (read_kmem, write_kmem, mmap_kmem), mm/vmalloc.c (vread, vwrite).</remarks>
/// <param name="environment">The driver's surroundings.</param>
internal sealed class LinuxKmemDriver(DriverEnvironment environment) : MemoryDriver
{
    /// <summary>Physical memory has page descriptors in sections of 128 MiB.</summary>
    private const int SectionBits = 27;

    private readonly LinuxMemDriver _physical = new(environment);
    private readonly KernelLayout _layout = new(environment);
    private readonly byte[] _page = new byte[environment.Profile.PageSize];

    private ulong EndOfDirectMap => _layout.DirectMap + environment.Memory.Resources.EndOfRam;

    /// <inheritdoc/>
    public override CallResult Read(ref ulong position, IUserMemory memory, ulong buffer, ulong count)
    {
        ulong at = position, done = 0, low = LowPart(at, count);
        while (done < low)
        {
            int length = ToPageEnd(at, low - done);
            if (!TryDirect(at, out ulong physical))
            {
                return Errno.ENXIO;
            }

            if (!environment.Transfer.CopyToUser(physical, memory, buffer + done, length))
            {
                return Errno.EFAULT;
            }

            (at, done) = (at + (ulong)length, done + (ulong)length);
            if (done < count && environment.Stops())
            {
                count = done;
                break;
            }
        }

        Errno error = Errno.None;
        while (done < count)
        {
            int length = ToPageEnd(at, count - done);
            if (!_layout.IsVmallocOrModule(at))
            {
                error = Errno.ENXIO;
                break;
            }

            if (!TryReadVirtual(at, _page.AsSpan(0, length)))
            {
                break;
            }

            if (memory.Write(buffer + done, _page.AsSpan(0, length)) < length)
            {
                error = Errno.EFAULT;
                break;
            }

            (at, done) = (at + (ulong)length, done + (ulong)length);
        }

        position = at;
        return done > 0 || error == Errno.None ? (long)done : error;
    }

    /// <inheritdoc/>
    public override CallResult Write(ref ulong position, IUserMemory memory, ulong buffer, ulong count)
    {
        ulong at = position, low = LowPart(at, count), done = 0;
        while (done < low)
        {
            int length = ToPageEnd(at, low - done);
            if (!TryDirect(at, out ulong physical))
            {
                return Errno.ENXIO;
            }

            int copied = environment.Transfer.CopyFromUser(physical, memory, buffer + done, length);
            (at, done) = (at + (ulong)copied, done + (ulong)copied);
            if (copied < length)
            {
                position = at;
                return done > 0 ? (long)done : Errno.EFAULT;
            }

            if (done < count && environment.Stops())
            {
                position = at;
                return (long)done;
            }
        }

        Errno error = Errno.None;
        while (done < count)
        {
            int length = ToPageEnd(at, count - done);
            if (!_layout.IsVmallocOrModule(at))
            {
                error = Errno.ENXIO;
                break;
            }

            if (memory.Read(buffer + done, _page.AsSpan(0, length)) < length)
            {
                error = Errno.EFAULT;
                break;
            }

            // Nobody looks at how much arrived: a hole takes everything.
            WriteVirtual(at, _page.AsSpan(0, length));
            (at, done) = (at + (ulong)length, done + (ulong)length);
        }

        position = at;
        return done > 0 || error == Errno.None ? (long)done : error;
    }

    /// <inheritdoc/>
    public override CallResult Map(IOpenFile file, MapRequest request, out IMapping? mapping)
    {
        mapping = null;
        ulong physical = _layout.LinearPhysical(request.Offset);
        return HasDescriptor(physical) ? _physical.Map(file, request, physical, out mapping) : Errno.EIO;
    }

    private ulong LowPart(ulong at, ulong count) => at < EndOfDirectMap ? Math.Min(count, EndOfDirectMap - at) : 0;

    private int ToPageEnd(ulong address, ulong count) => (int)Math.Min(count, (ulong)_page.Length - (address & (ulong)(_page.Length - 1)));

    private bool TryDirect(ulong address, out ulong physical)
    {
        physical = address - _layout.DirectMap;
        return address >= _layout.DirectMap && HasDescriptor(physical);
    }

    private bool HasDescriptor(ulong physical) => environment.Memory.Resources.Rows.Any(r =>
        r.IsRam && physical >> SectionBits >= r.Range.Start >> SectionBits && physical >> SectionBits <= r.Range.Last >> SectionBits);

    /// <summary>Reads a piece of a page; gaps and device memory read as zeros.</summary>
    /// <returns>False when nothing at all is mapped in it.</returns>
    private bool TryReadVirtual(ulong address, Span<byte> destination)
    {
        destination.Clear();
        bool found = false;
        foreach ((int start, int length, ulong physical) in Pieces(address, destination.Length, write: false))
        {
            found = true;
            if (IsMemory(physical))
            {
                environment.Transfer.Read(physical, destination.Slice(start, length));
            }
        }

        return found;
    }

    private void WriteVirtual(ulong address, ReadOnlySpan<byte> source)
    {
        foreach ((int start, int length, ulong physical) in Pieces(address, source.Length, write: true))
        {
            if (IsMemory(physical))
            {
                environment.Transfer.Write(physical, source.Slice(start, length));
            }
        }
    }

    private bool IsMemory(ulong physical) => environment.Memory.Resources.Rows.Any(r => r.IsRam && r.Range.Contains(physical));

    private List<(int Start, int Length, ulong Physical)> Pieces(ulong address, int length, bool write)
    {
        List<(int, int, ulong)> pieces = [];
        for (int start = 0; start < length;)
        {
            // A gap is looked at byte by byte; a page is the most there is.
            int step = 1;
            if (environment.KernelMap.TryTranslate(address + (ulong)start, write, out ulong physical, out ulong holds, out _))
            {
                step = (int)Math.Min((ulong)(length - start), holds);
                pieces.Add((start, step, physical));
            }

            start += step;
        }

        return pieces;
    }
}
