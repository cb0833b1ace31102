using System.Buffers.Binary;
using System.Text;
using Kmem.Abstractions;
using Kmem.Ir;
using Kmem.Machine.Loading;
using Kmem.Machine.Loading.Pc;
using Kmem.Testing;
using Xunit;

namespace Kmem.Machine.Tests;

/// <summary>What the loaders of a PC put into memory, on the machine that they are for.</summary>
public sealed class PcLoaderTests : IDisposable
{
    private readonly RunningMachine _machine = MachineFactory.Load(Path.Combine(SolutionFolders.Machines, "pc-i440fx.yaml"), catalog: SolutionFolders.Plugins()).Machine!;
    private readonly string _folder = Directory.CreateTempSubdirectory("kmem").FullName;

    public void Dispose()
    {
        _machine.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void ABzImageGetsAZeroPageWithMapCommandLineAndInitrd()
    {
        StartState state = Place(Kernel(xLoadFlags: 1), initrd: new byte[5000], "console=ttyS0");
        Assert.Equal((StartMode.Long, 0x10_0200UL), (state.Mode, state.Pc));
        ulong page = state.Registers["rsi"];
        Assert.Equal(0x55UL, Read(0x10_0000, 1));
        Assert.Equal("console=ttyS0\0", Encoding.ASCII.GetString(Bytes(Read(page + 0x228, 4), 14)));
        Assert.Equal(5000UL, Read(page + 0x21C, 4));
        Assert.Equal(0x7FD_E000UL, Read(page + 0x218, 4));
        Assert.Equal(6UL, Read(page + 0x1E8, 1));
        Assert.Equal((0x10_0000UL, 0x7EE_0000UL, 1UL), (Read(page + 0x2D0 + 60, 8), Read(page + 0x2D0 + 68, 8), Read(page + 0x2D0 + 76, 4)));
        Assert.Equal("RSD PTR ", Encoding.ASCII.GetString(Bytes(Read(page + 0x70, 8), 8)));
        Assert.Equal(0x83UL, Read(state.Registers["cr3"] + 0x2000, 8) & 0xFF);
        Assert.Equal(0x00AF_9A00_0000_FFFFUL, Read(state.Registers["gdtr_base"] + state.CodeSegment, 8));
    }

    [Fact]
    public void A32BitKernelBeginsInProtectedMode()
    {
        StartState state = Place(Kernel(xLoadFlags: 0), null, "");
        Assert.Equal((StartMode.Protected, 0x10_0000UL), (state.Mode, state.Pc));
        Assert.Equal(0x00CF_9A00_0000_FFFFUL, Read(state.Registers["gdtr_base"] + state.CodeSegment, 8));
    }

    [Fact]
    public void AMultibootImageWithAddressesGetsItsInformation()
    {
        byte[] image = new byte[4096];
        uint[] header = [0x1BAD_B002, 0x1_0003, 0, 0x20_0020, 0x20_0000, 0, 0x20_4000, 0x20_0040];
        header[2] = 0u - header[0] - header[1];
        for (int i = 0; i < header.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(0x20 + (4 * i)), header[i]);
        }

        image[0x40] = 0xF4;
        StartState state = Place(image, initrd: [1, 2, 3], "a b");
        Assert.Equal((StartMode.Protected, 0x20_0040UL, 0x2BAD_B002UL), (state.Mode, state.Pc, state.Registers["rax"]));
        Assert.Equal(0xF4UL, Read(0x20_0040, 1));
        ulong information = state.Registers["rbx"];
        Assert.Equal(639UL, Read(information + 4, 4));
        Assert.EndsWith(" a b", Text(Read(information + 16, 4)), StringComparison.Ordinal);
        ulong module = Read(information + 24, 4);
        Assert.Equal((0x20_4000UL, 0x20_4003UL), (Read(module, 4), Read(module + 4, 4)));
        Assert.Equal(0x30201UL, Read(0x20_4000, 4));
        Assert.Equal(20UL, Read(Read(information + 48, 4), 4));
    }

    [Fact]
    public void AnElfFileWithAPvhNoteBeginsThereWithItsInformation()
    {
        StartState state = Place(PvhProgram(entry: 0x20_0010), initrd: new byte[5000], "quiet");
        Assert.Equal((StartMode.Protected, 0x20_0010UL), (state.Mode, state.Pc));
        Assert.Equal(0xF4UL, Read(0x20_0010, 1));
        Assert.Equal(0x67UL, state.Registers["tr_limit"]);
        Assert.Equal(0x00CF_9A00_0000_FFFFUL, Read(state.Registers["gdtr_base"] + state.CodeSegment, 8));
        ulong start = state.Registers["rbx"], module = Read(start + 16, 8), map = Read(start + 40, 8);
        Assert.Equal((0x336E_C578UL, 1UL, 1UL), (Read(start, 4), Read(start + 4, 4), Read(start + 12, 4)));
        Assert.Equal((0x7FD_E000UL, 5000UL), (Read(module, 8), Read(module + 8, 8)));
        Assert.Equal("quiet", Text(Read(start + 24, 8)));
        Assert.Equal("RSD PTR ", Encoding.ASCII.GetString(Bytes(Read(start + 32, 8), 8)));
        Assert.InRange(Read(start + 48, 4), 3UL, 10UL);
        Assert.Equal((0UL, 0x9_FC00UL, 1UL), (Read(map, 8), Read(map + 8, 8), Read(map + 16, 4)));
    }

    [Theory]
    [InlineData(0x30_0000, "PVH entry")]
    [InlineData(null, "PVH entry")]
    public void AnElfFileWithoutAUsableEntryIsRefused(int? entry, string why)
    {
        ImageException e = Assert.Throws<ImageException>(() => Place(PvhProgram((uint?)entry), null, ""));
        Assert.Contains(why, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void TheLoadersInformationNeverLiesInTheProgram()
    {
        const uint Load = 0x8000;
        byte[] image = new byte[0x7000];
        Array.Fill(image, (byte)0x5A);
        uint[] header = [0x1BAD_B002, 0x1_0000, 0, Load, Load, 0, Load + 0x8123, Load + 0x40];
        header[2] = 0u - header[0] - header[1];
        for (int i = 0; i < header.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(4 * i), header[i]);
        }

        StartState state = Place(image, initrd: [1], "x");
        Assert.All(Enumerable.Range(0x20, image.Length - 0x20), i => Assert.Equal(0x5AUL, Read(Load + (ulong)i, 1)));
        ulong information = state.Registers["rbx"];
        Assert.EndsWith(" x", Text(Read(information + 16, 4)), StringComparison.Ordinal);
        ulong[] places = [information, Read(information + 16, 4), Read(information + 24, 4), Read(information + 48, 4), state.Registers["gdtr_base"], state.Registers["rsp"] - 0x1000];
        Assert.All(places, place => Assert.True(place >= Load + 0x8123));
    }

    [Fact]
    public void ABootSectorBeginsWhereABiosPutsIt()
    {
        byte[] sector = new byte[512];
        (sector[0], sector[510], sector[511]) = (0xFA, 0x55, 0xAA);
        StartState state = Place(sector, null, "");
        Assert.Equal((StartMode.Real, 0x7C00UL, 0x80UL), (state.Mode, state.Pc, state.Registers["rdx"]));
        Assert.Equal(0xFAUL, Read(0x7C00, 1));
    }

    [Fact]
    public void AnythingElseIsRefusedWithAReason()
    {
        ImageException e = Assert.Throws<ImageException>(() => Place(new byte[2000], null, ""));
        Assert.Contains("boot signature", e.Message, StringComparison.Ordinal);
    }

    /// <summary>A 64-bit ELF file: 32 bytes of program at 2 MiB, and two notes, the second of which names the entry.</summary>
    private static byte[] PvhProgram(uint? entry)
    {
        const int Code = 0x100, Notes = 0x140;
        byte[] file = new byte[0x200];
        void Put(int at, ulong value, int width) => ((Span<byte>)BitConverter.GetBytes(value))[..width].CopyTo(file.AsSpan(at));
        void Header(int at, uint type, ulong offset, ulong address, ulong length)
        {
            Put(at, type, 4);
            Put(at + 8, offset, 8);
            Put(at + 16, address, 8);
            Put(at + 24, address, 8);
            Put(at + 32, length, 8);
            Put(at + 40, length, 8);
        }

        ReadOnlySpan<byte> identification = [0x7F, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1];
        identification.CopyTo(file);
        Put(16, 2, 2);
        Put(18, 62, 2);
        Put(24, 0x20_0000, 8);
        Put(32, 64, 8);
        Put(54, 56, 2);
        Put(56, 2, 2);
        Header(64, 1, Code, 0x20_0000, 32);
        Header(120, 4, Notes, 0, 52);
        file[Code + 0x10] = 0xF4;
        foreach ((int at, uint type, string owner, uint value) in ((int, uint, string, uint)[])[(Notes, 18, "GNUtool", 1), (Notes + 28, entry is null ? 17u : 18, "Xen", entry ?? 0)])
        {
            Put(at, (ulong)owner.Length + 1, 4);
            Put(at + 4, at == Notes ? 5u : 4, 4);
            Put(at + 8, type, 4);
            Encoding.ASCII.GetBytes(owner, file.AsSpan(at + 12));
            Put(at + 12 + ((owner.Length + 4) & ~3), value, 4);
        }

        return file;
    }

    [Fact]
    public void AKernelThatIsCutOffIsRefused()
    {
        byte[] kernel = Kernel(1);
        BinaryPrimitives.WriteUInt32LittleEndian(kernel.AsSpan(0x1F4), 4096 / 16);
        _ = Place(kernel, null, "");
        ImageException e = Assert.Throws<ImageException>(() => Place(kernel[..^16], null, ""));
        Assert.EndsWith("is cut off: it has 5104 bytes, its header tells of 5120", e.Message, StringComparison.Ordinal);
    }

    private static byte[] Kernel(ushort xLoadFlags)
    {
        byte[] file = new byte[0x400 + 4096];
        (file[0x1F1], file[0x1FE], file[0x1FF], file[0x201], file[0x211]) = (1, 0x55, 0xAA, 0x66, 1);
        "HdrS"u8.CopyTo(file.AsSpan(0x202));
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(0x206), 0x020F);
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(0x22C), 0x7FFF_FFFF);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(0x236), xLoadFlags);
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(0x238), 2047);
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(0x260), 0x10_0000);
        file[0x400] = 0x55;
        return file;
    }

    private StartState Place(byte[] image, byte[]? initrd, string line)
    {
        string file = Path.Combine(_folder, "image");
        File.WriteAllBytes(file, image);
        string? more = initrd is null ? null : Path.Combine(_folder, "initrd");
        if (more is not null)
        {
            File.WriteAllBytes(more, initrd!);
        }

        return PcProgram.Load(file, more, line).Place(new PcMemory(_machine));
    }

    private ulong Read(ulong address, int width)
    {
        _machine.MainSpace!.Read(address, width, out ulong value, AccessAttributes.Firmware);
        return value;
    }

    private byte[] Bytes(ulong address, int count) => [.. Enumerable.Range(0, count).Select(i => (byte)Read(address + (ulong)i, 1))];

    private string Text(ulong address)
    {
        var text = new StringBuilder();
        for (ulong at = address; Read(at, 1) is var b and not 0; at++)
        {
            text.Append((char)b);
        }

        return text.ToString();
    }
}
