using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using CsCheck;
using Kmem.Machine.Loading;
using Xunit;

namespace Kmem.Machine.Tests;

/// <summary>Images as they come from disk, sound and damaged.</summary>
public sealed class ImageLoaderTests : IDisposable
{
    private const ulong Base = 0xFFFF_FC00_0031_0000;

    private readonly string _folder = Directory.CreateTempSubdirectory("kmem-image").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void AnAlphaExecutableGivesSegmentsEntryAndSymbols()
    {
        LoadedImage image = ImageLoader.Load(Write("vmlinux", Elf64()));
        Assert.Equal((ImageKind.Elf64, ImageMachine.Alpha, Base + 8), (image.Kind, image.Machine, image.Entry));
        Assert.Equal([(Base, 4, 0x100UL), (Base + 0x2000, 0, 0x40UL)], image.Segments.Select(s => (s.PhysicalAddress, s.FileBytes.Length, s.MemorySize)));
        Assert.Equal("code"u8.ToArray(), image.Segments[0].FileBytes.ToArray());
        Assert.Equal((Base + 8, Base + 0x10, null), (image.Symbols.Find("_start"), image.Symbols.Find("helper"), image.Symbols.Find("nobody")));
        Assert.Equal(new ImageSymbol("_start", Base + 8), image.Symbols.At(Base + 12));
        Assert.Null(image.Symbols.At(Base));
    }

    [Fact]
    public void AnI386ExecutableHas32BitFields()
    {
        LoadedImage image = ImageLoader.Parse("x", Elf32());
        Assert.Equal((ImageKind.Elf32, ImageMachine.I386, 0x10_0000UL, 0x20UL), (image.Kind, image.Machine, image.Entry, image.Segments[0].MemorySize));
    }

    [Fact]
    public void ADamagedKernelIsAnImageOrAnImageError()
    {
        byte[] sound = File.ReadAllBytes(Path.Combine(Kmem.Testing.SolutionFolders.Machines, "guests", "tour", "tour.elf"));
        Gen.Select(Gen.Int[0, 200], Gen.Byte, Gen.Int[0, 200], Gen.Byte, Gen.Int[0, sound.Length]).Sample((at, value, next, other, length) =>
        {
            byte[] damaged = sound[..(length % 3 == 0 ? length : sound.Length)];
            foreach ((int where, byte what) in ((int, byte)[])[(at, value), (next, other)])
            {
                if (where < damaged.Length)
                {
                    damaged[where] = what;
                }
            }

            try
            {
                LoadedImage image = ImageLoader.Parse("x", damaged, new ImageOptions { Machine = ImageMachine.Alpha });
                return image.Segments.All(s => (ulong)s.FileBytes.Length <= s.MemorySize);
            }
            catch (ImageException)
            {
                return true;
            }
        }, iter: 20_000);
    }

    [Fact]
    public void AnEntryMustLieInASegment()
    {
        byte[] file = Elf64();
        BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(24), Base + 0x5000);
        Assert.Contains("begins at 0xFFFFFC0000315000, which is in none of its segments", Assert.Throws<ImageException>(() => ImageLoader.Parse("x", file)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ADirectoryAndNothingAreNoImages()
    {
        Assert.EndsWith("is a directory", Assert.Throws<ImageException>(() => ImageLoader.Load(_folder)).Message, StringComparison.Ordinal);
        Assert.StartsWith("there is no image", Assert.Throws<ImageException>(() => ImageLoader.Load(Path.Combine(_folder, "none"))).Message, StringComparison.Ordinal);
        Assert.EndsWith("is empty", Assert.Throws<ImageException>(() => ImageLoader.Load(Write("empty", []), new ImageOptions { AllowFlat = false })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AGzipBombIsNotUnpacked()
    {
        byte[] bomb = Gzip(new byte[5 << 20]);
        var options = new ImageOptions { MaxBytes = 1 << 20 };
        Assert.Contains("decompresses to 5242880 bytes, more than 1048576", Assert.Throws<ImageException>(() => ImageLoader.Load(Write("bomb", bomb), options)).Message, StringComparison.Ordinal);
        bomb.AsSpan(^4..).Clear();
        Assert.Contains("decompresses to something larger than 1048576 bytes", Assert.Throws<ImageException>(() => ImageLoader.Load(Write("liar", bomb), options)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void GzipIsSeenByItsMagic()
    {
        LoadedImage image = ImageLoader.Load(Write("vmlinux", Gzip(Elf64())), new ImageOptions { AllowFlat = false });
        Assert.Equal(ImageMachine.Alpha, image.Machine);
    }

    [Fact]
    public void BytesWithoutAHeaderAreFlat()
    {
        LoadedImage image = ImageLoader.Load(Write("flat", [1, 2, 3]), new ImageOptions { FlatAddress = 0x7C00 });
        Assert.Equal((ImageKind.Flat, 0x7C00UL, 3UL), (image.Kind, image.Segments[0].PhysicalAddress, image.Segments[0].MemorySize));
        Assert.Contains("no ELF", Assert.Throws<ImageException>(() => ImageLoader.Parse("x", new byte[3], new ImageOptions { AllowFlat = false })).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(5, 2, 1, "big-endian")]
    [InlineData(4, 3, 1, "unknown class 3")]
    [InlineData(4, 1, 1, "32-bit")]
    [InlineData(6, 9, 1, "version 9")]
    [InlineData(16, 3, 2, "position-independent")]
    [InlineData(16, 1, 2, "not yet linked")]
    [InlineData(18, 183, 2, "AArch64")]
    [InlineData(18, 3, 2, "64-bit ELF file for i386")]
    [InlineData(54, 57, 2, "57 bytes")]
    [InlineData(32, 0x10_0000, 8, "program headers")]
    [InlineData(40, 0x10_0000, 8, "section headers")]
    [InlineData(56, 0, 2, "no segment")]
    [InlineData(64 + 32, 0x101, 8, "only 256 in memory")]
    [InlineData(64 + 8, 0x10_0000, 8, "needs 4 bytes")]
    [InlineData(64 + 24, -16, 8, "past the end of memory")]
    [InlineData(64 + 40, 0x2001, 8, "overlap")]
    public void ADamagedHeaderIsNamed(int offset, long value, int width, string reason)
    {
        byte[] elf = Elf64();
        Span<byte> all = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(all, value);
        all[..width].CopyTo(elf.AsSpan(offset));
        ImageException error = Assert.Throws<ImageException>(() => ImageLoader.Parse("kernel.elf", elf));
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        Assert.Contains("kernel.elf", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void TheWrongMachineSaysWhatItIsAndWhatWasMeant()
    {
        ImageException error = Assert.Throws<ImageException>(() => ImageLoader.Parse("x", Elf64(), new ImageOptions { Machine = ImageMachine.X86_64 }));
        Assert.Contains("is for Alpha, but x86-64 is needed", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AFileThatIsTooLargeIsRefusedBeforeItIsKept()
    {
        string bomb = Write("bomb.gz", Gzip(new byte[1 << 20]));
        Assert.Contains("more than 4096", Assert.Throws<ImageException>(() => ImageLoader.Load(bomb, new ImageOptions { MaxBytes = 4096 })).Message, StringComparison.Ordinal);
        Assert.Throws<ImageException>(() => ImageLoader.Load(Write("big", new byte[4097]), new ImageOptions { MaxBytes = 4096 }));
        Assert.Throws<ImageException>(() => ImageLoader.Load(Path.Combine(_folder, "missing")));
        Assert.Throws<ImageException>(() => ImageLoader.Load(_folder));
        Assert.Throws<ImageException>(() => ImageLoader.Load(Write("empty", [])));
    }

    [Fact]
    public void EveryCutGzipFileIsRefused()
    {
        byte[] whole = Gzip(Elf64());
        for (int length = 2; length < whole.Length; length++)
        {
            string cut = Write("cut.gz", whole[..length]);
            Assert.Throws<ImageException>(() => ImageLoader.Load(cut));
        }
    }

    [Fact]
    public void EveryCutElfFileIsRefused()
    {
        byte[] whole = Elf64();
        for (int length = 4; length < whole.Length; length++)
        {
            int cut = length;
            Assert.Throws<ImageException>(() => ImageLoader.Parse("x", whole.AsMemory(0, cut)));
        }
    }

    [Fact]
    public void RandomDamageGivesAnImageOrAnImageException()
    {
        byte[] sound = Elf64(), small = Elf32();
        Gen<(int Offset, byte Value)[]> edits = Gen.Select(Gen.Int[0, sound.Length - 1], Gen.Byte).Array[1, 12];
        Gen.Select(edits, Gen.Bool).Sample(
            (changes, wide) =>
            {
                byte[] damaged = [.. wide ? sound : small];
                foreach ((int offset, byte value) in changes)
                {
                    // The magic stays, else the file is merely flat.
                    damaged[4 + (offset % (damaged.Length - 4))] = value;
                }

                try
                {
                    LoadedImage image = ImageLoader.Parse("x", damaged);
                    _ = image.Symbols.Count;
                    return image.Segments.All(s => (ulong)s.FileBytes.Length <= s.MemorySize);
                }
                catch (ImageException)
                {
                    return true;
                }
            },
            iter: 20_000);
    }

    [Fact]
    public void ASystemMapGivesAddresses()
    {
        const string Text = "fffffc0000310000 T _text\nfffffc0000310040 t helper\t[module]\n                 w weak_one\nfffffc0000310080 D data\n";
        SymbolTable map = SystemMap.Load(Write("System.map.gz", Gzip(Encoding.ASCII.GetBytes(Text))));
        Assert.Equal((3, Base, Base + 0x40, null), (map.Count, map.Find("_text"), map.Find("helper"), map.Find("weak_one")));
        Assert.Contains("System.map:2", Assert.Throws<ImageException>(() => SystemMap.Parse("System.map", "0 T a\nno line\n")).Message, StringComparison.Ordinal);
        Assert.Throws<ImageException>(() => SystemMap.Parse("x", "0 T a\n1 T b\n", new ImageOptions { MaxSymbols = 1 }));
    }

    private static byte[] Gzip(byte[] plain)
    {
        using var memory = new MemoryStream();
        using (var gzip = new GZipStream(memory, CompressionLevel.Optimal))
        {
            gzip.Write(plain);
        }

        return memory.ToArray();
    }

    /// <summary>An Alpha executable with two segments, a symbol table of three entries and its strings.</summary>
    private static byte[] Elf64()
    {
        const int Code = 64 + (2 * 56), Symbols = Code + 8, Strings = Symbols + (3 * 24), Sections = Strings + 16;
        byte[] elf = new byte[Sections + (3 * 64)];
        new byte[] { 0x7F, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1 }.CopyTo(elf, 0);
        Put(elf, (16, 2, 2), (18, 0x9026, 2), (20, 1, 4), (24, Base + 8, 8), (32, 64, 8), (40, Sections, 8), (52, 64, 2), (54, 56, 2), (56, 2, 2), (58, 64, 2), (60, 3, 2));
        Put(elf, (64, 1, 4), (64 + 8, Code, 8), (64 + 16, Base, 8), (64 + 24, Base, 8), (64 + 32, 4, 8), (64 + 40, 0x100, 8));
        Put(elf, (120, 1, 4), (120 + 16, Base + 0x2000, 8), (120 + 24, Base + 0x2000, 8), (120 + 40, 0x40, 8));
        "code"u8.CopyTo(elf.AsSpan(Code));
        Put(elf, (Symbols + 24, 1, 4), (Symbols + 28, 0x12, 1), (Symbols + 30, 1, 2), (Symbols + 32, Base + 8, 8));
        Put(elf, (Symbols + 48, 8, 4), (Symbols + 52, 0x02, 1), (Symbols + 54, 1, 2), (Symbols + 56, Base + 0x10, 8));
        "\0_start\0helper\0"u8.CopyTo(elf.AsSpan(Strings));
        Put(elf, (Sections + 68, 2, 4), (Sections + 64 + 24, Symbols, 8), (Sections + 64 + 32, 72, 8), (Sections + 64 + 40, 2, 4));
        Put(elf, (Sections + 132, 3, 4), (Sections + 128 + 24, Strings, 8), (Sections + 128 + 32, 16, 8));
        return elf;
    }

    private static byte[] Elf32()
    {
        byte[] elf = new byte[52 + 32 + 4];
        new byte[] { 0x7F, (byte)'E', (byte)'L', (byte)'F', 1, 1, 1 }.CopyTo(elf, 0);
        Put(elf, (16, 2, 2), (18, 3, 2), (20, 1, 4), (24, 0x10_0000, 4), (28, 52, 4), (42, 32, 2), (44, 1, 2));
        Put(elf, (52, 1, 4), (56, 84, 4), (60, 0x10_0000, 4), (64, 0x10_0000, 4), (68, 4, 4), (72, 0x20, 4));
        return elf;
    }

    private static void Put(byte[] target, params (int Offset, ulong Value, int Width)[] fields)
    {
        foreach ((int offset, ulong value, int width) in fields)
        {
            for (int i = 0; i < width; i++)
            {
                target[offset + i] = (byte)(value >> (8 * i));
            }
        }
    }

    private string Write(string name, byte[] content)
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllBytes(path, content);
        return path;
    }
}
