using System.Buffers.Binary;
using System.Text;
using Kmem.Abstractions;
using Kmem.Memory;
using Kmem.Plugins.Firmware;
using Kmem.Testing;
using Xunit;

namespace Kmem.Devices.Tests;

/// <summary>The firmware configuration device as SeaBIOS reads it.</summary>
public sealed class FwCfgTests : IDisposable
{
    private readonly TestDeviceContext _context = new();
    private readonly FwCfg _device;
    private readonly GuestBank _ports;
    private readonly GuestBank _dma;

    public FwCfgTests()
    {
        _device = new FwCfg(new FwCfgOptions("memory", Low: 0x800_0000, High: 0x4000_0000, BootOrder: "/rom@x"), _context);
        (_ports, _dma) = (new GuestBank(_device, "ports"), new GuestBank(_device, "dma"));
    }

    public void Dispose() => _context.Dispose();

    [Fact]
    public void AKernelThatIsCutOffIsRefused()
    {
        // Two sectors of setup, and a header that tells of 4 KiB behind them.
        byte[] kernel = new byte[0x400 + 4096];
        (kernel[0x1F1], kernel[0x1F5], kernel[0x206], kernel[0x207], kernel[0x211]) = (1, 1, 0x0F, 2, 1);
        "HdrS"u8.CopyTo(kernel.AsSpan(0x202));
        _context.WithImage("whole", kernel).WithImage("cut", kernel[..^16]);
        _ = new FwCfg(new FwCfgOptions("memory", Low: 0x800_0000, Kernel: "whole"), _context);
        MachineException e = Assert.Throws<MachineException>(() => new FwCfg(new FwCfgOptions("memory", Low: 0x800_0000, Kernel: "cut"), _context));
        Assert.Equal(("kernel", "'cut' is cut off: it has 5104 bytes, its header tells of 5120"), (e.Option, e.Message));
    }

    [Fact]
    public void TheSignatureAndTheOfferOfDmaAreThere()
    {
        Assert.Equal("QEMU", Encoding.ASCII.GetString(Select(0, 4)));
        Assert.Equal([3, 0, 0, 0], Select(1, 4));
        Assert.Equal(0x554D_4551UL, _dma.Read(0, 4));
        Assert.Equal(0x4746_4320UL, _dma.Read(4, 4));
    }

    [Fact]
    public void TheDirectoryListsTheFilesAndTheMemoryMapIsOneOfThem()
    {
        byte[] map = File("etc/e820");
        Assert.Equal(40, map.Length);
        Assert.Equal((0UL, 0x800_0000UL, 1u), Entry(map));
        Assert.Equal((1UL << 32, 0x4000_0000UL, 1u), Entry(map.AsSpan(20)));
        Assert.Equal("/rom@x\n\0", Encoding.ASCII.GetString(File("bootorder")));
    }

    [Fact]
    public void RealModeFindsHandlersOfEveryVector()
    {
        var space = (AddressSpace)_context.Space("memory");
        space.Map(new RamRegion("extended", _context.Memory.Allocate("extended", 0x1000, [])), 0x9_F000);
        _ = _device.PlaceTables();
        byte[] table = Memory(0, 1024);
        for (int vector = 0; vector < 256; vector++)
        {
            int offset = BinaryPrimitives.ReadUInt16LittleEndian(table.AsSpan(vector * 4)), segment = BinaryPrimitives.ReadUInt16LittleEndian(table.AsSpan((vector * 4) + 2));
            byte[] code = Memory((ulong)((segment << 4) + offset), 32);
            int end = Array.IndexOf(code, (byte)0xCF);
            string text = Convert.ToHexString(code.AsSpan(0, end + 1));
            bool isMaster = vector is >= 8 and < 16, isSlave = vector is >= 0x70 and < 0x78;
            Assert.Equal(isMaster || isSlave, text.Contains("E620", StringComparison.Ordinal));
            Assert.Equal(isSlave, text.Contains("E6A0", StringComparison.Ordinal));
            Assert.Equal(vector == 8, text.Contains("66FF066C04", StringComparison.Ordinal));
        }

        byte[] Memory(ulong address, int length)
        {
            byte[] bytes = new byte[length];
            Assert.Equal(AccessResult.Ok, space.ReadBlock(address, bytes, AccessAttributes.Firmware, out _));
            return bytes;
        }
    }

    [Fact]
    public void TheLoaderScriptMakesTablesThatAddUp()
    {
        byte[] script = File("etc/table-loader");
        Assert.Equal(0, script.Length % 128);
        byte[] tables = File("etc/acpi/tables"), root = File("etc/acpi/rsdp");
        Dictionary<string, (byte[] Bytes, uint Address)> files = new(StringComparer.Ordinal) { ["etc/acpi/tables"] = (tables, 0x7FE_0000), ["etc/acpi/rsdp"] = (root, 0xF_5000) };
        for (int at = 0; at < script.Length; at += 128)
        {
            Span<byte> entry = script.AsSpan(at, 128);
            byte[] file = files[Name(entry[4..])].Bytes;
            if (entry[0] == 2)
            {
                Span<byte> field = file.AsSpan(BinaryPrimitives.ReadInt32LittleEndian(entry[116..]), 4);
                BinaryPrimitives.WriteUInt32LittleEndian(field, BinaryPrimitives.ReadUInt32LittleEndian(field) + files[Name(entry[60..])].Address);
            }
            else if (entry[0] == 3)
            {
                int offset = BinaryPrimitives.ReadInt32LittleEndian(entry[60..]), start = BinaryPrimitives.ReadInt32LittleEndian(entry[64..]), length = BinaryPrimitives.ReadInt32LittleEndian(entry[68..]);
                file[offset] -= (byte)file.AsSpan(start, length).ToArray().Sum(b => b);
            }
        }

        Assert.Equal(0, root.Sum(b => b) & 0xFF);
        uint rsdt = BinaryPrimitives.ReadUInt32LittleEndian(root.AsSpan(16)) - 0x7FE_0000;
        foreach (string signature in (string[])["FACP", "APIC", "HPET"])
        {
            Assert.Contains(Pointers(tables, rsdt), p => Encoding.ASCII.GetString(tables, (int)(p - 0x7FE_0000), 4) == signature && Sum(tables, (int)(p - 0x7FE_0000)) == 0);
        }

        Assert.Equal(0, Sum(tables, (int)rsdt));
    }

    [Fact]
    public void ADmaTransferSelectsReadsAndSaysThatItIsDone()
    {
        IAddressSpace memory = _context.Spaces["memory"];
        byte[] access = new byte[16];
        BinaryPrimitives.WriteUInt32BigEndian(access, 0x0000_000A);
        BinaryPrimitives.WriteUInt32BigEndian(access.AsSpan(4), 6);
        BinaryPrimitives.WriteUInt64BigEndian(access.AsSpan(8), 0x2000);
        memory.WriteBlock(0x1000, access, AccessAttributes.Firmware, out _);
        _dma.Write(0, 4, 0);
        _dma.Write(4, 4, BinaryPrimitives.ReverseEndianness(0x1000u));
        byte[] data = new byte[6];
        memory.ReadBlock(0x2000, data, AccessAttributes.Firmware, out _);
        Assert.Equal("QEMU\0\0", Encoding.ASCII.GetString(data));
        memory.Read(0x1000, 4, out ulong control, AccessAttributes.Firmware);
        Assert.Equal(0UL, control);
    }

    private static (ulong Start, ulong Length, uint Kind) Entry(ReadOnlySpan<byte> bytes) =>
        (BinaryPrimitives.ReadUInt64LittleEndian(bytes), BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]), BinaryPrimitives.ReadUInt32LittleEndian(bytes[16..]));

    private static string Name(ReadOnlySpan<byte> bytes) => Encoding.ASCII.GetString(bytes[..bytes.IndexOf((byte)0)]);

    private static IEnumerable<uint> Pointers(byte[] tables, uint rsdt)
    {
        int length = BinaryPrimitives.ReadInt32LittleEndian(tables.AsSpan((int)rsdt + 4));
        for (int at = 36; at < length; at += 4)
        {
            yield return BinaryPrimitives.ReadUInt32LittleEndian(tables.AsSpan((int)rsdt + at));
        }
    }

    private static int Sum(byte[] tables, int at) => tables.AsSpan(at, BinaryPrimitives.ReadInt32LittleEndian(tables.AsSpan(at + 4))).ToArray().Sum(b => b) & 0xFF;

    private byte[] Select(ushort key, int length)
    {
        _ports.Write(0, 2, key);
        return [.. Enumerable.Range(0, length).Select(_ => (byte)_ports.Read(1, 1))];
    }

    private byte[] File(string name)
    {
        int count = BinaryPrimitives.ReadInt32BigEndian(Select(0x19, 4));
        byte[] directory = Select(0x19, 4 + (64 * count));
        for (int i = 0; i < count; i++)
        {
            Span<byte> entry = directory.AsSpan(4 + (64 * i), 64);
            if (Name(entry[8..]) == name)
            {
                return Select(BinaryPrimitives.ReadUInt16BigEndian(entry[4..]), BinaryPrimitives.ReadInt32BigEndian(entry));
            }
        }

        throw new InvalidOperationException($"there is no file '{name}'");
    }
}
