using Kmem.Abstractions;

namespace Kmem.Plugins.Firmware;

/// <summary>A ROM with SMBIOS 2.8 tables: the 32-bit entry point at its first byte, the structures behind it.</summary>
/// <remarks>Source: DMTF DSP0134 2.8.0, section 5.2.1 "SMBIOS Entry Point Structure" and section 7 "Structure definitions".</remarks>
[Device("firmware.smbios")]
public sealed class Smbios : Device, IHasBanks
{
    private const int EntryLength = 0x1F, TablesOffset = 0x20, IntermediateStart = 0x10;
    private const ulong First = 0xF_0000, Limit = 0x10_0000;

    /// <summary>Builds the tables.</summary>
    /// <exception cref="MachineException">An option's value does not fit its field.</exception>
    public Smbios(SmbiosOptions options, IDeviceContext context)
    {
        FirmwareBank.CheckPlace(options.Base, options.Size, 16, Limit, "base");
        if (options.Base < First)
        {
            throw new MachineException($"0x{options.Base:X} lies below 0x{First:X}, where nobody looks for the entry point") { Option = "base" };
        }

        SmbiosTable table = SmbiosStructures.Build(options);
        byte[] structures = table.ToArray();
        byte[] entry = EntryPoint(table, (uint)options.Base + TablesOffset);
        Banks = [FirmwareBank.Create(context, "", options.Size, "size", [.. entry, .. new byte[TablesOffset - EntryLength], .. structures])];
    }

    /// <inheritdoc/>
    public IReadOnlyList<DeviceBank> Banks { get; }

    /// <summary>The entry point of structures that stand at an address.</summary>
    internal static byte[] EntryPoint(SmbiosTable table, uint address)
    {
        byte[] entry = new TableWriter()
            .Letters("_SM_", 4)
            .Bytes(0, EntryLength, 2, 8)
            .Word(table.LongestStructure)
            .Bytes(0, 0, 0, 0, 0, 0)
            .Letters("_DMI_", 5)
            .Bytes(0)
            .Word(table.ToArray().Length)
            .Dword(address)
            .Word(table.Count)
            .Bytes(0x28)
            .ToArray();
        entry[0x15] = TableWriter.Checksum(entry.AsSpan(IntermediateStart));
        entry[0x04] = TableWriter.Checksum(entry);
        return entry;
    }
}
