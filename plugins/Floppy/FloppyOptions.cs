using Kmem.Abstractions;

namespace Kmem.Plugins.Floppy;

/// <summary>Options of <c>intel.82077aa</c>.</summary>
/// <param name="DriveA">Image of the disk in the first drive; the drive is there all the same.</param>
/// <param name="DriveB">Image of the disk in the second drive, which is not there without one.</param>
/// <param name="Dma">The DMA controller; empty for none, when nothing can be transferred.</param>
/// <param name="Channel">Its channel.</param>
public sealed record FloppyOptions(
    [property: Option(OptionKind.BlockBackend)] string DriveA = "none",
    [property: Option(OptionKind.BlockBackend)] string DriveB = "none",
    [property: Option(OptionKind.Device)] string Dma = "",
    [property: Option(Max = 7)] int Channel = 2);
