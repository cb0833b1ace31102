namespace Kmem.Abstractions;

/// <summary>What a range of a PC's memory map is; the values are those of the E820 interface.</summary>
public enum MemoryMapKind
{
    /// <summary>Memory for the operating system.</summary>
    Usable = 1,

    /// <summary>Not to be used.</summary>
    Reserved = 2,

    /// <summary>ACPI tables, usable once they have been read.</summary>
    AcpiTables = 3,

    /// <summary>Memory that the operating system saves and restores.</summary>
    AcpiNvs = 4,
}

/// <summary>A range of a PC's memory map.</summary>
/// <param name="Start">First physical address.</param>
/// <param name="Length">Length in bytes.</param>
/// <param name="Kind">What it is.</param>
public readonly record struct MemoryMapEntry(ulong Start, ulong Length, MemoryMapKind Kind);

/// <summary>A device that knows what firmware hands over to an operating system; used when a kernel is loaded without firmware.</summary>
public interface IFirmwareHandOver
{
    /// <summary>The memory map in ascending order, as firmware leaves it.</summary>
    IReadOnlyList<MemoryMapEntry> MemoryMap { get; }

    /// <summary>Writes BIOS data area, ACPI tables and their root pointer into memory as firmware would.</summary>
    /// <returns>Physical address of the root pointer.</returns>
    ulong PlaceTables();
}
