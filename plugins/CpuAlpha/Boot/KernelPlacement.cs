using System.Text;
using Kmem.Abstractions;
using Kmem.Ir;

namespace Kmem.Plugins.CpuAlpha;

/// <summary>Puts a kernel, its initial file system and its command line where a console would.</summary>
/// <remarks>Source: Linux, arch/alpha/boot: the parameter page lies three pages below the kernel.</remarks>
internal static class KernelPlacement
{
    private const ulong PhysicalMask = 0xFF_FFFF_FFFF, PageMask = (1UL << PageTables.PageShift) - 1, ParameterDistance = 0x6000;
    private const int CommandLineLength = 256;

    /// <summary>Writes everything.</summary>
    /// <exception cref="MachineException">It does not fit.</exception>
    public static void Place(BootImage image, IAddressSpace space, ulong memory)
    {
        ulong low = ulong.MaxValue, high = 0;
        foreach (BootSegment segment in image.Segments)
        {
            ulong address = segment.VirtualAddress & PhysicalMask;
            if (address > memory || segment.MemoryLength > memory - address)
            {
                throw new MachineException($"the kernel's segment at 0x{segment.VirtualAddress:x} ends at physical 0x{address + segment.MemoryLength:x}, but there are only 0x{memory:x} bytes of memory");
            }

            Write(space, address, segment.Bytes.Span);
            Clear(space, address + (ulong)segment.Bytes.Length, segment.MemoryLength - (ulong)segment.Bytes.Length);
            (low, high) = (Math.Min(low, address), Math.Max(high, address + segment.MemoryLength));
        }

        if (image.CommandLine.Length == 0 && image.Initrd.IsEmpty)
        {
            return;
        }

        byte[] line = Encoding.ASCII.GetBytes(image.CommandLine);
        if (line.Length >= CommandLineLength)
        {
            throw new MachineException($"the command line has {line.Length} bytes; a kernel of this architecture takes {CommandLineLength - 1}");
        }

        if (low < ParameterDistance + 0x2000)
        {
            throw new MachineException($"the kernel begins at physical 0x{low:x}; there is no room for its parameters below it");
        }

        ulong parameters = low - ParameterDistance;
        byte[] page = new byte[CommandLineLength + 16];
        line.CopyTo(page, 0);
        if (!image.Initrd.IsEmpty)
        {
            ulong length = (ulong)image.Initrd.Length, start = (memory - length) & ~PageMask;
            if (length > memory || start < high)
            {
                throw new MachineException($"the initial file system of {length} bytes does not fit between the kernel's end at 0x{high:x} and the end of memory at 0x{memory:x}");
            }

            Write(space, start, image.Initrd.Span);
            BitConverter.TryWriteBytes(page.AsSpan(CommandLineLength), PageTables.KsegBase + start);
            BitConverter.TryWriteBytes(page.AsSpan(CommandLineLength + 8), length);
        }

        Write(space, parameters, page);
    }

    private static void Clear(IAddressSpace space, ulong address, ulong length)
    {
        byte[] zeros = new byte[Math.Min(length, 1 << 20)];
        for (ulong done = 0; done < length; done += (ulong)zeros.Length)
        {
            Write(space, address + done, zeros.AsSpan(0, (int)Math.Min((ulong)zeros.Length, length - done)));
        }
    }

    private static void Write(IAddressSpace space, ulong address, ReadOnlySpan<byte> bytes)
    {
        if (space.WriteBlock(address, bytes, AccessAttributes.Firmware, out int done) != AccessResult.Ok)
        {
            throw new MachineException($"physical 0x{address + (ulong)done:x} can't be written while the kernel is loaded");
        }
    }
}
