using System.Buffers.Binary;

namespace Kmem.Plugins.Firmware;

/// <summary>Resource descriptors of ACPI's current and possible resource settings.</summary>
/// <remarks>Source: ACPI specification 3.0b, section 6.4 "Resource Data Types for ACPI".</remarks>
internal static class Resource
{
    /// <summary>What an address window carries.</summary>
    private const byte Memory = 0, Ports = 1, Buses = 2;

    /// <summary>A producer whose ends are fixed.</summary>
    private const byte FixedEnds = 0x0C;

    /// <summary>I/O ports.</summary>
    public static byte[] Io(ushort first, byte count) => [0x47, 1, (byte)first, (byte)(first >> 8), (byte)first, (byte)(first >> 8), 1, count];

    /// <summary>An edge-triggered ISA interrupt.</summary>
    public static byte[] Irq(int number) => [0x22, (byte)(1 << number), (byte)((1 << number) >> 8)];

    /// <summary>An ISA DMA channel, 8 bits wide.</summary>
    public static byte[] Dma(int channel) => [0x2A, (byte)(1 << channel), 0];

    /// <summary>Memory at a fixed place.</summary>
    public static byte[] Memory32(uint first, uint length) => [0x86, 9, 0, 1, .. Dword(first), .. Dword(length)];

    /// <summary>Bus numbers of a root bridge.</summary>
    public static byte[] BusWindow(ushort first, ushort last) => Word(Buses, 0, first, last);

    /// <summary>Ports that a root bridge passes on.</summary>
    public static byte[] IoWindow(ushort first, ushort last) => Word(Ports, 3, first, last);

    /// <summary>Memory below 4 GiB that a root bridge passes on.</summary>
    public static byte[] MemoryWindow(uint first, uint last) =>
        [0x87, 0x17, 0, Memory, FixedEnds, 1, .. Dword(0), .. Dword(first), .. Dword(last), .. Dword(0), .. Dword(last - first + 1)];

    private static byte[] Word(byte kind, byte flags, ushort first, ushort last)
    {
        ushort length = (ushort)(last - first + 1);
        return
        [
            0x88, 0x0D, 0, kind, FixedEnds, flags, 0, 0, (byte)first, (byte)(first >> 8), (byte)last, (byte)(last >> 8), 0, 0, (byte)length, (byte)(length >> 8),
        ];
    }

    private static byte[] Dword(uint value)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        return bytes;
    }
}
