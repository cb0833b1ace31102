using System.Buffers.Binary;
using System.Text;
using Kmem.Abstractions;
using Kmem.Ir;

namespace Kmem.Machine.Loading.Pc;

/// <summary>A Linux kernel in the form bzImage, begun at its 64-bit or its 32-bit entry with a zero page.</summary>
/// <remarks>Source: Linux, Documentation/arch/x86/boot.rst and zero-page.rst, protocol 2.02 to 2.15.</remarks>
internal sealed class BzImage(string path, ReadOnlyMemory<byte> image, ReadOnlyMemory<byte> initrd, string commandLine) : PcProgram(path, image, initrd, commandLine)
{
    // Offsets of the setup header, in the file as in the zero page.
    private const int SetupSectors = 0x1F1, KernelParagraphs = 0x1F4, VideoMode = 0x1FA, BootFlag = 0x1FE, JumpLength = 0x201, Magic = 0x202, Version = 0x206, LoaderType = 0x210, LoadFlags = 0x211;
    private const int Code32Start = 0x214, InitrdAddress = 0x218, InitrdLength = 0x21C, HeapEnd = 0x224, CommandLineAddress = 0x228, InitrdMost = 0x22C, XLoadFlags = 0x236, CommandLineMost = 0x238;
    private const int InitSize = 0x260, HeaderLeast = 0x268;

    // Offsets of the rest of the zero page.
    private const int ScreenMode = 0x06, ScreenColumns = 0x07, ScreenLines = 0x0E, ScreenIsVga = 0x0F, ScreenPoints = 0x10, RootPointer = 0x70, ExtendedMemory = 0x1E0, MapCount = 0x1E8, MapTable = 0x2D0;
    private const int MapEntryLength = 20, MapMost = 128;

    private const ulong Tables = 0x1_0000, Descriptors = 0x1_8000, ZeroPage = 0x1_9000, Line = 0x1_A000, Stack = 0x9_0000, Kernel = 0x10_0000;
    private const int PageLength = 4096, SectorLength = 512, LongEntry = 0x200;

    /// <summary>Whether a file has the boot flag and the setup header's magic.</summary>
    public static bool Recognises(ReadOnlySpan<byte> file) =>
        file.Length > HeaderLeast && file[BootFlag] == 0x55 && file[BootFlag + 1] == 0xAA && file[Magic..].StartsWith("HdrS"u8);

    /// <inheritdoc/>
    public override StartState Place(PcMemory memory)
    {
        ReadOnlySpan<byte> file = Image.Span;
        int version = Word(file, Version), sectors = file[SetupSectors] == 0 ? 4 : file[SetupSectors], setup = (sectors + 1) * SectorLength;
        if (version < 0x0202 || (file[LoadFlags] & 1) == 0 || setup >= file.Length)
        {
            throw ImageException.For(Path, $"has boot protocol {version >> 8}.{version & 0xFF:d2} and is no bzImage; 2.02 or later is needed, loaded high");
        }

        // The header counts paragraphs of 16 bytes, of which a file need not fill the last one.
        ReadOnlySpan<byte> kernel = file[setup..];
        ulong told = version >= 0x0204 ? 16UL * Dword(file, KernelParagraphs) : 0;
        if ((ulong)kernel.Length + 16 <= told)
        {
            throw ImageException.For(Path, $"is cut off: it has {file.Length} bytes, its header tells of {(ulong)setup + told}");
        }

        ulong needed = Math.Max(version >= 0x020A ? Dword(file, InitSize) : (ulong)kernel.Length * 4, (ulong)kernel.Length);
        if (Kernel + needed > memory.ExtendedEnd)
        {
            throw ImageException.For(Path, $"needs {needed} bytes of memory from 0x{Kernel:x} on; memory ends at 0x{memory.ExtendedEnd:x}");
        }

        bool isLong = version >= 0x020C && (Word(file, XLoadFlags) & 1) != 0;
        byte[] page = new byte[PageLength];
        int header = Math.Min(Magic + file[JumpLength], file.Length) - SetupSectors;
        file.Slice(SetupSectors, Math.Min(header, PageLength - SetupSectors)).CopyTo(page.AsSpan(SetupSectors));
        Fill(page, version, memory, needed);
        memory.Write(Kernel, kernel);
        memory.Write(ZeroPage, page);
        Dictionary<string, ulong> registers = memory.WriteDescriptors(Descriptors, isLong);
        memory.AddMemoryTypes(registers);
        (registers["rsi"], registers["rsp"]) = (ZeroPage, Stack);
        if (isLong)
        {
            memory.WriteIdentityTables(Tables);
            registers["cr3"] = Tables;
        }

        return new StartState(isLong ? StartMode.Long : StartMode.Protected, 0x10, 0x18, isLong ? Kernel + LongEntry : Kernel, registers);
    }

    private static int Word(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[offset..]);

    private static uint Dword(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[offset..]);

    private void Fill(byte[] page, int version, PcMemory memory, ulong needed)
    {
        void Put(int offset, ulong value, int bytes)
        {
            for (int i = 0; i < bytes; i++)
            {
                page[offset + i] = (byte)(value >> (8 * i));
            }
        }

        byte[] line = [.. Encoding.UTF8.GetBytes(CommandLine), 0];
        uint most = version >= 0x0206 ? Dword(page, CommandLineMost) : 255;
        if ((uint)line.Length - 1 > most)
        {
            throw ImageException.For(Path, $"takes a command line of {most} bytes, not of {line.Length - 1}");
        }

        memory.Write(Line, line);
        page[LoaderType] = 0xFF;
        page[LoadFlags] |= 0x80;   // there is a heap
        Put(VideoMode, 0xFFFF, 2);
        Put(HeapEnd, 0xFE00, 2);
        Put(Code32Start, Kernel, 4);
        Put(CommandLineAddress, Line, 4);
        Put(ExtendedMemory, (memory.ExtendedEnd - Kernel) / 1024, 4);
        if (version >= 0x020E)
        {
            Put(RootPointer, memory.RootPointer, 8);
        }

        if (memory.HasScreen)
        {
            (page[ScreenMode], page[ScreenColumns], page[ScreenLines], page[ScreenIsVga], page[ScreenPoints]) = (3, 80, 25, 1, 16);
        }

        IReadOnlyList<MemoryMapEntry> map = memory.Map;
        page[MapCount] = (byte)Math.Min(map.Count, MapMost);
        for (int i = 0; i < page[MapCount]; i++)
        {
            int at = MapTable + (MapEntryLength * i);
            Put(at, map[i].Start, 8);
            Put(at + 8, map[i].Length, 8);
            Put(at + 16, (ulong)map[i].Kind, 4);
        }

        if (!Initrd.IsEmpty)
        {
            ulong end = Math.Min(memory.ExtendedEnd, version >= 0x0203 ? Dword(page, InitrdMost) + 1UL : 0x3800_0000);
            ulong start = (end - Math.Min(end, (ulong)Initrd.Length)) & ~(PageLength - 1UL);
            if (start < Kernel + needed)
            {
                throw ImageException.For(Path, $"and an initial file system of {Initrd.Length} bytes do not fit into memory, which ends at 0x{end:x}");
            }

            memory.Write(start, Initrd.Span);
            Put(InitrdAddress, start, 4);
            Put(InitrdLength, (ulong)Initrd.Length, 4);
        }
    }
}
