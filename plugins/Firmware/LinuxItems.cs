using System.Buffers.Binary;
using System.Text;
using Kmem.Abstractions;

namespace Kmem.Plugins.Firmware;

/// <summary>The items by which firmware begins a Linux kernel: its real-mode part, the rest, the initial file system and the command line, each with address and length.</summary>
/// <remarks>Source: Linux, Documentation/arch/x86/boot.rst; QEMU, docs/specs/fw_cfg for the keys.</remarks>
internal static class LinuxItems
{
    private const int KernelAddress = 0x07, KernelSize = 0x08, InitrdAddress = 0x0A, InitrdSize = 0x0B, KernelData = 0x11, InitrdData = 0x12;
    private const int LineAddress = 0x13, LineSize = 0x14, LineData = 0x15, SetupAddress = 0x16, SetupSize = 0x17, SetupData = 0x18;
    private const uint SetupPlace = 0x1_0000, LinePlace = 0x2_0000, KernelPlace = 0x10_0000;
    private const int SectorLength = 512, HeaderEnd = 0x238;
    private const ulong ReservedAtEnd = 0x2_0000;

    /// <summary>The items; sizes of 0 when there is no kernel.</summary>
    /// <exception cref="MachineException">A file can't be read, is no bzImage, or does not fit.</exception>
    public static IEnumerable<(int Key, byte[] Value)> Build(FwCfgOptions options, IDeviceContext context)
    {
        if (options.Kernel.Length == 0)
        {
            return [(KernelSize, new byte[4]), (InitrdSize, new byte[4]), (LineSize, new byte[4]), (SetupSize, new byte[4])];
        }

        byte[] file = context.ReadImage(options.Kernel, 1 << 30), initrd = options.Initrd.Length == 0 ? [] : context.ReadImage(options.Initrd, 1 << 30);
        if (file.Length < HeaderEnd || !file.AsSpan(0x202).StartsWith("HdrS"u8) || (file[0x211] & 1) == 0)
        {
            throw new MachineException($"'{options.Kernel}' is no Linux bzImage") { Option = "kernel" };
        }

        int setupSectors = (file[0x1F1] == 0 ? 4 : file[0x1F1]) + 1;
        long told = (setupSectors * SectorLength) + (BinaryPrimitives.ReadUInt16LittleEndian(file.AsSpan(0x206)) >= 0x0204 ? 16L * BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(0x1F4)) : 0);
        if (file.Length + 16 <= told)
        {
            throw new MachineException($"'{options.Kernel}' is cut off: it has {file.Length} bytes, its header tells of {told}") { Option = "kernel" };
        }

        int setupLength = Math.Min(setupSectors * SectorLength, file.Length);
        byte[] setup = file[..setupLength], kernel = file[setupLength..], line = [.. Encoding.UTF8.GetBytes(options.Append), 0];
        ulong most = BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(0x22C)) + 1UL, end = Math.Min(options.Low - ReservedAtEnd, most);
        ulong initrdPlace = (end - Math.Min(end, (ulong)initrd.Length)) & ~0xFFFUL;
        if (initrd.Length > 0 && initrdPlace < KernelPlace + (ulong)kernel.Length)
        {
            throw new MachineException($"'{options.Initrd}' with {initrd.Length} bytes does not fit behind the kernel") { Option = "initrd" };
        }

        setup[0x210] = 0xFF;
        setup[0x211] |= 0x80;
        BinaryPrimitives.WriteUInt16LittleEndian(setup.AsSpan(0x224), (ushort)(LinePlace - SetupPlace - 0x200));
        BinaryPrimitives.WriteUInt32LittleEndian(setup.AsSpan(0x228), LinePlace);
        BinaryPrimitives.WriteUInt32LittleEndian(setup.AsSpan(0x218), initrd.Length > 0 ? (uint)initrdPlace : 0);
        BinaryPrimitives.WriteInt32LittleEndian(setup.AsSpan(0x21C), initrd.Length);
        return
        [
            .. Item(SetupAddress, SetupPlace, SetupSize, SetupData, setup),
            .. Item(KernelAddress, KernelPlace, KernelSize, KernelData, kernel),
            .. Item(LineAddress, LinePlace, LineSize, LineData, line),
            .. Item(InitrdAddress, (uint)initrdPlace, InitrdSize, InitrdData, initrd),
        ];
    }

    private static IEnumerable<(int Key, byte[] Value)> Item(int addressKey, uint address, int sizeKey, int dataKey, byte[] data) =>
        [(addressKey, BitConverter.GetBytes(address)), (sizeKey, BitConverter.GetBytes(data.Length)), (dataKey, data)];
}
