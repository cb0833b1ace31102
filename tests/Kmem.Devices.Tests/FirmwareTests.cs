using System.Buffers.Binary;
using System.Text;
using Kmem.Abstractions;
using Kmem.Plugins.Firmware;
using Kmem.Testing;
using Xunit;

namespace Kmem.Devices.Tests;

/// <summary>The tables of SMBIOS and ACPI as a scanner of memory finds them.</summary>
public sealed class FirmwareTests : IDisposable
{
    private const int Anchor = 0x10, SmbiosBase = 0xF_0000;
    private const uint Tables = 0x3FF_0000;

    private readonly TestDeviceContext _context = new();

    public void Dispose() => _context.Dispose();

    [Fact]
    public void TheEntryPointAndItsSecondHalfAddUpToZero()
    {
        byte[] bank = Smbios(new SmbiosOptions());
        Assert.Equal("_SM_", Encoding.ASCII.GetString(bank, 0, 4));
        Assert.Equal("_DMI_", Encoding.ASCII.GetString(bank, Anchor, 5));
        Assert.Equal((0, 0), (Sum(bank.AsSpan(0, bank[5])), Sum(bank.AsSpan(Anchor, 15))));
    }

    [Fact]
    public void TheStructuresStandInOrderAndEndWithTheTable()
    {
        byte[] bank = Smbios(new SmbiosOptions());
        List<(byte Type, int Length, string[] Strings)> structures = Structures(bank);
        Assert.Equal([0, 1, 2, 3, 4, 16, 17, 19, 32, 127], structures.Select(s => (int)s.Type));
        Assert.Equal([0x18, 0x1B, 0x0F, 0x16, 0x2A, 0x17, 0x28, 0x1F, 0x0B, 0x04], structures.Select(s => s.Length));
        Assert.Equal(BinaryPrimitives.ReadUInt16LittleEndian(bank.AsSpan(0x1C)), structures.Count);
    }

    [Fact]
    public void StringsComeFromTheOptionsAndEmptyOnesAreNone()
    {
        byte[] bank = Smbios(new SmbiosOptions(System: new SmbiosSystem("Acme", "Anvil", "", "S-1", Sku: "", Family: "Tools")));
        Assert.Equal(["Acme", "Anvil", "S-1", "Tools"], Structures(bank)[1].Strings);
    }

    [Fact]
    public void TheUuidHasItsFirstThreeFieldsLittleEndian()
    {
        byte[] bank = Smbios(new SmbiosOptions(System: new SmbiosSystem(Uuid: "00112233-4455-6677-8899-aabbccddeeff")));
        Assert.NotEqual(-1, bank.AsSpan().IndexOf(Convert.FromHexString("33221100554477668899AABBCCDDEEFF")));
    }

    [Fact]
    public void AnEmptySocketIsAMemoryDeviceWithoutSize()
    {
        byte[] bank = Smbios(new SmbiosOptions(Memory: [new SmbiosMemoryDevice(32UL << 30), new SmbiosMemoryDevice(0, Locator: "DIMM 1")]));
        Assert.Equal(2, Structures(bank).Count(s => s.Type == 17));
    }

    [Theory]
    [InlineData(0xF0008UL, "base")]
    [InlineData(0xE0000UL, "base")]
    [InlineData(0xFFC00UL, "base")]
    public void AnEntryPointThatNobodyFindsIsRefused(ulong address, string option) =>
        Assert.Equal(option, Assert.Throws<MachineException>(() => Smbios(new SmbiosOptions(address))).Option);

    [Fact]
    public void AWrongUuidOrSizeIsRefusedWithItsOption()
    {
        Assert.Equal("system.uuid", Assert.Throws<MachineException>(() => Smbios(new SmbiosOptions(System: new SmbiosSystem(Uuid: "x")))).Option);
        Assert.Equal("memory.0.size", Assert.Throws<MachineException>(() => Smbios(new SmbiosOptions(Memory: [new SmbiosMemoryDevice(100)]))).Option);
        Assert.Equal("bios.rom-size", Assert.Throws<MachineException>(() => Smbios(new SmbiosOptions(Bios: new SmbiosBios(RomSize: 70000)))).Option);
    }

    [Theory]
    [InlineData(false, 0)]
    [InlineData(true, 2)]
    public void TheRootPointerLeadsToTablesThatAddUpToZero(bool xsdt, int revision)
    {
        (byte[] tables, byte[] root) = Acpi(new AcpiOptions(Tables, Hpet: 0xFED0_0000, Mcfg: 0xE000_0000, Xsdt: xsdt));
        Assert.Equal("RSD PTR ", Encoding.ASCII.GetString(root, 0, 8));
        Assert.Equal((0, revision), (Sum(root.AsSpan(0, 20)), root[15]));
        Assert.Equal(0, Sum(root.AsSpan(0, 36)));
        Assert.Equal(["FACP", "APIC", "HPET", "MCFG"], Children(tables, Dword(root, 16), 4));
        if (xsdt)
        {
            Assert.Equal(["FACP", "APIC", "HPET", "MCFG"], Children(tables, Dword(root, 24), 8));
        }
    }

    [Fact]
    public void TheFixedTableLeadsToFacsAndDsdt()
    {
        (byte[] tables, byte[] root) = Acpi(new AcpiOptions(Tables));
        uint fadt = Dword(tables, (int)(Dword(root, 16) - Tables) + 36);
        int at = (int)(fadt - Tables);
        uint facs = Dword(tables, at + 36), dsdt = Dword(tables, at + 40);
        Assert.Equal((116u, 0u), (Dword(tables, at + 4), facs % 64));
        Assert.Equal("FACS", Encoding.ASCII.GetString(tables, (int)(facs - Tables), 4));
        Assert.Equal("DSDT", Signature(tables, dsdt));
        Assert.Equal(0x608u, Dword(tables, at + 76));
    }

    [Fact]
    public void OptionsThatDoNotFitAreRefused()
    {
        Assert.Equal("oem", Assert.Throws<MachineException>(() => Acpi(new AcpiOptions(Tables, Oem: "TOOLONG"))).Option);
        Assert.Equal("tables", Assert.Throws<MachineException>(() => Acpi(new AcpiOptions(1UL << 32))).Option);
        Assert.Equal("root", Assert.Throws<MachineException>(() => Acpi(new AcpiOptions(Tables, Root: 0xD_0000))).Option);
    }

    private static byte Sum(ReadOnlySpan<byte> bytes)
    {
        byte sum = 0;
        foreach (byte value in bytes)
        {
            sum += value;
        }

        return sum;
    }

    private static uint Dword(byte[] bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at));

    private static string Signature(byte[] tables, uint address)
    {
        int at = (int)(address - Tables);
        Assert.Equal(0, Sum(tables.AsSpan(at, (int)Dword(tables, at + 4))));
        return Encoding.ASCII.GetString(tables, at, 4);
    }

    private static string[] Children(byte[] tables, uint address, int width)
    {
        Assert.Equal(width == 4 ? "RSDT" : "XSDT", Signature(tables, address));
        int at = (int)(address - Tables), length = (int)Dword(tables, at + 4);
        return [.. Enumerable.Range(0, (length - 36) / width).Select(i => Signature(tables, Dword(tables, at + 36 + (i * width))))];
    }

    private static List<(byte Type, int Length, string[] Strings)> Structures(byte[] bank)
    {
        var found = new List<(byte, int, string[])>();
        int at = (int)(Dword(bank, 0x18) - SmbiosBase), end = at + BinaryPrimitives.ReadUInt16LittleEndian(bank.AsSpan(0x16));
        while (at < end)
        {
            int strings = at + bank[at + 1], stop = strings + bank.AsSpan(strings).IndexOf<byte>([0, 0]);
            found.Add((bank[at], bank[at + 1], Encoding.ASCII.GetString(bank[strings..stop]).Split('\0', StringSplitOptions.RemoveEmptyEntries)));
            at = stop + 2;
        }

        Assert.Equal(end, at);
        return found;
    }

    private static unsafe byte[] Bytes(DeviceBank bank)
    {
        IRamBlock block = ((RomRegion)bank.Region).Block;
        return new Span<byte>((void*)block.Pointer, (int)block.Length).ToArray();
    }

    private byte[] Smbios(SmbiosOptions options) => Bytes(new Smbios(options, _context).Banks[0]);

    private (byte[] Tables, byte[] Root) Acpi(AcpiOptions options)
    {
        IReadOnlyList<DeviceBank> banks = new Acpi(options, _context).Banks;
        return (Bytes(banks[0]), Bytes(banks[1]));
    }
}
