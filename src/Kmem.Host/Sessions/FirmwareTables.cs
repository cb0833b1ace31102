using System.Buffers.Binary;
using System.Text;
using Kmem.Abstractions;
using Kmem.Host.Tracing.Paths;

namespace Kmem.Host.Sessions;

/// <summary>Shows the machine's SMBIOS and ACPI tables where Linux shows those of its own firmware.</summary>
/// <remarks>Source: DMTF DSP0134 5.2 "Accessing SMBIOS information"; ACPI 6.4, 5.2.5.1 "Finding the RSDP on IA-PC Systems"; Linux Documentation/ABI/testing/sysfs-firmware-dmi-tables.</remarks>
internal sealed class FirmwareTables(IAddressSpace memory, SessionFiles files)
{
    private const ulong AreaStart = 0xE0000, AreaEnd = 0x10_0000;
    private const int LongestTable = 1 << 20, HeaderLength = 36, MostTables = 64;

    /// <summary>Puts what is found under /sys/firmware.</summary>
    public void Publish()
    {
        byte[] area = Read(AreaStart, (int)(AreaEnd - AreaStart));
        for (int at = 0; at + 16 <= area.Length; at += 16)
        {
            ReadOnlySpan<byte> here = area.AsSpan(at);
            if (here.StartsWith("_SM_"u8) && here.Length >= 31)
            {
                Dmi(here);
            }
            else if (here.StartsWith("RSD PTR "u8) && here.Length >= HeaderLength)
            {
                Acpi(here);
            }
        }
    }

    private void Dmi(ReadOnlySpan<byte> entry)
    {
        int length = BinaryPrimitives.ReadUInt16LittleEndian(entry[22..]);
        byte[] table = Read(BinaryPrimitives.ReadUInt32LittleEndian(entry[24..]), length);
        files.PutFolder("/sys/firmware/dmi/tables");
        files.Put("/sys/firmware/dmi/tables/smbios_entry_point", entry[..Math.Min((int)entry[5], 31)].ToArray());
        files.Put("/sys/firmware/dmi/tables/DMI", table);
    }

    private void Acpi(ReadOnlySpan<byte> pointer)
    {
        files.PutFolder("/sys/firmware/acpi/tables/dynamic");
        files.PutFolder("/sys/firmware/acpi/tables/data");
        files.PutFolder("/sys/firmware/acpi/tables");
        bool isExtended = pointer[15] >= 2 && BinaryPrimitives.ReadUInt64LittleEndian(pointer[24..]) != 0;
        byte[]? root = Table(isExtended ? BinaryPrimitives.ReadUInt64LittleEndian(pointer[24..]) : BinaryPrimitives.ReadUInt32LittleEndian(pointer[16..]));
        if (root is null)
        {
            return;
        }

        int width = isExtended ? 8 : 4;
        var seen = new Dictionary<string, int>(StringComparer.Ordinal);
        for (int at = HeaderLength; at + width <= root.Length && seen.Count < MostTables; at += width)
        {
            if (Table(isExtended ? BinaryPrimitives.ReadUInt64LittleEndian(root.AsSpan(at)) : BinaryPrimitives.ReadUInt32LittleEndian(root.AsSpan(at))) is not { } table)
            {
                continue;
            }

            Put(table, seen);
            if (table.AsSpan().StartsWith("FACP"u8) && table.Length >= 44)
            {
                foreach (int field in (int[])[36, 40])
                {
                    if (Table(BinaryPrimitives.ReadUInt32LittleEndian(table.AsSpan(field))) is { } inner)
                    {
                        Put(inner, seen);
                    }
                }
            }
        }
    }

    private void Put(byte[] table, Dictionary<string, int> seen)
    {
        string name = Encoding.ASCII.GetString(table, 0, 4);
        if (!name.All(c => char.IsAsciiLetterOrDigit(c) || c == '_'))
        {
            return;
        }

        int count = seen[name] = seen.GetValueOrDefault(name) + 1;
        files.Put("/sys/firmware/acpi/tables/" + (count == 1 ? name : $"{name}{count}"), table);
    }

    private byte[]? Table(ulong address)
    {
        if (address == 0)
        {
            return null;
        }

        int length = BinaryPrimitives.ReadInt32LittleEndian(Read(address, 8).AsSpan(4));
        return length is >= 8 and <= LongestTable ? Read(address, length) : null;
    }

    private byte[] Read(ulong address, int length)
    {
        byte[] bytes = new byte[length];
        memory.ReadBlock(address, bytes, AccessAttributes.Debug, out _);
        return bytes;
    }
}
