using System.Text;

namespace Kmem.Plugins.Firmware;

/// <summary>Writes the script by which firmware places ACPI tables: entries of 128 bytes that allocate files, fix pointers and sum up.</summary>
/// <remarks>Source: QEMU, docs/specs: the file etc/table-loader; SeaBIOS reads it as a list of commands with a fixed layout.</remarks>
internal static class TableLoader
{
    private const int EntryLength = 128, NameLength = 56;
    private const uint Allocate = 1, AddPointer = 2, AddChecksum = 3;
    private const byte HighMemory = 1, FirmwareSegment = 2;

    /// <summary>The script for a set whose tables and root pointer are two files.</summary>
    public static byte[] Build(AcpiSet set, string tables, string root)
    {
        var script = new TableWriter();
        Entry(script, e => Name(e.Dword(Allocate), root).Dword(16).Bytes(FirmwareSegment));
        Entry(script, e => Name(e.Dword(Allocate), tables).Dword(64).Bytes(HighMemory));
        foreach (TablePointer pointer in set.Pointers)
        {
            Entry(script, e => Name(Name(e.Dword(AddPointer), pointer.InRoot ? root : tables), tables).Dword((uint)pointer.Offset).Bytes(4));
        }

        foreach (TableChecksum sum in set.Checksums)
        {
            Entry(script, e => Name(e.Dword(AddChecksum), sum.InRoot ? root : tables).Dword((uint)sum.Checksum).Dword((uint)sum.Start).Dword((uint)sum.Length));
        }

        return script.ToArray();
    }

    private static void Entry(TableWriter script, Action<TableWriter> fill)
    {
        int start = script.Length;
        fill(script);
        script.Bytes(new byte[EntryLength - (script.Length - start)]);
    }

    private static TableWriter Name(TableWriter writer, string file)
    {
        byte[] name = new byte[NameLength];
        Encoding.ASCII.GetBytes(file).CopyTo(name, 0);
        return writer.Bytes(name);
    }
}
