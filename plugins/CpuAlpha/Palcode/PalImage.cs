using System.Buffers.Binary;
using Kmem.Abstractions;

namespace Kmem.Plugins.CpuAlpha.Palcode;

/// <summary>Reads a PALcode image: a 64-bit ELF file for the Alpha, whose segments go to memory.</summary>
internal static class PalImage
{
    private const int HeaderLength = 64, SegmentLength = 56, Alpha = 0x9026, MostSegments = 64;
    private const ulong PhysicalMask = 0xFF_FFFF_FFFF;

    /// <summary>Copies the image's segments to memory.</summary>
    /// <exception cref="MachineException">It is no such file, or it does not fit.</exception>
    public static void Load(ReadOnlySpan<byte> image, AlphaCpu cpu, out ulong entry)
    {
        if (image.Length < HeaderLength || BinaryPrimitives.ReadUInt32BigEndian(image) != 0x7F45_4C46 || image[4] != 2 || image[5] != 1 || BinaryPrimitives.ReadUInt16LittleEndian(image[18..]) != Alpha)
        {
            throw new MachineException("the PALcode image is no 64-bit little-endian ELF file for the Alpha") { Option = "pal" };
        }

        entry = BinaryPrimitives.ReadUInt64LittleEndian(image[24..]);
        ulong table = BinaryPrimitives.ReadUInt64LittleEndian(image[32..]);
        int count = BinaryPrimitives.ReadUInt16LittleEndian(image[56..]);
        if (count is 0 or > MostSegments || table > (ulong)image.Length || (ulong)(count * SegmentLength) > (ulong)image.Length - table)
        {
            throw new MachineException("the PALcode image's program headers lie outside of the file") { Option = "pal" };
        }

        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> header = image.Slice((int)table + (i * SegmentLength), SegmentLength);
            if (BinaryPrimitives.ReadUInt32LittleEndian(header) != 1)
            {
                continue;
            }

            ulong offset = BinaryPrimitives.ReadUInt64LittleEndian(header[8..]), address = BinaryPrimitives.ReadUInt64LittleEndian(header[16..]) & PhysicalMask;
            ulong length = BinaryPrimitives.ReadUInt64LittleEndian(header[32..]), memory = BinaryPrimitives.ReadUInt64LittleEndian(header[40..]);
            if (offset > (ulong)image.Length || length > (ulong)image.Length - offset || memory < length || memory > 1 << 24)
            {
                throw new MachineException($"segment {i} of the PALcode image lies outside of the file") { Option = "pal" };
            }

            byte[] bytes = new byte[memory];
            image.Slice((int)offset, (int)length).CopyTo(bytes);
            if (cpu.Space.WriteBlock(address, bytes, AccessAttributes.Firmware, out _) != AccessResult.Ok)
            {
                throw new MachineException($"there is no memory for the PALcode image at physical 0x{address:x}") { Option = "pal" };
            }
        }
    }
}
