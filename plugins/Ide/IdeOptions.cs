using Kmem.Abstractions;

namespace Kmem.Plugins.Ide;

/// <summary>What kind of drive hangs on a cable.</summary>
public enum DriveKind
{
    /// <summary>A hard disk; there is none when no image is given.</summary>
    Disk,

    /// <summary>A CD-ROM drive; it is empty when no image is given.</summary>
    Cd,
}

/// <summary>Options of an IDE controller.</summary>
/// <param name="PrimaryMaster">Image of the first drive of the first cable.</param>
/// <param name="PrimarySlave">Image of the second drive of the first cable.</param>
/// <param name="SecondaryMaster">Image of the first drive of the second cable.</param>
/// <param name="SecondarySlave">Image of the second drive of the second cable.</param>
/// <param name="PrimaryMasterKind">Kind of the first drive of the first cable.</param>
/// <param name="PrimarySlaveKind">Kind of the second drive of the first cable.</param>
/// <param name="SecondaryMasterKind">Kind of the first drive of the second cable.</param>
/// <param name="SecondarySlaveKind">Kind of the second drive of the second cable.</param>
/// <param name="Dma">The space that the bus master reads and writes, for example <c>phys</c> or <c>pchip0.dma</c>.</param>
/// <param name="SubsystemVendor">Subsystem vendor ID.</param>
/// <param name="Subsystem">Subsystem ID.</param>
public sealed record IdeOptions(
    [property: Option(OptionKind.BlockBackend)] string PrimaryMaster = "none",
    [property: Option(OptionKind.BlockBackend)] string PrimarySlave = "none",
    [property: Option(OptionKind.BlockBackend)] string SecondaryMaster = "none",
    [property: Option(OptionKind.BlockBackend)] string SecondarySlave = "none",
    DriveKind PrimaryMasterKind = DriveKind.Disk,
    DriveKind PrimarySlaveKind = DriveKind.Disk,
    DriveKind SecondaryMasterKind = DriveKind.Disk,
    DriveKind SecondarySlaveKind = DriveKind.Disk,
    [property: Option(OptionKind.Space)] string Dma = "phys",
    ushort SubsystemVendor = 0,
    ushort Subsystem = 0);
