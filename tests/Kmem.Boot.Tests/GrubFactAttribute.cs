using Kmem.Boot.Tests.Media;
using Xunit;

namespace Kmem.Boot.Tests;

/// <summary>A test that boots Debian's kernel by GRUB; skipped, with the reason, where a part or a program is missing.</summary>
internal sealed class GrubFactAttribute : FactAttribute
{
    public GrubFactAttribute(params string[] programs) => Skip = PcGuestFiles.MissingStockKernel ?? GrubDisk.Missing
        ?? DebianFiles.Missing((DebianFiles.SeaBios, "seabios"), (DebianFiles.VgaBios, "seabios"), (DebianFiles.Busybox, "busybox-static"))
        ?? (Array.Find(programs, p => !GuestFiles.Has(p)) is { } missing ? $"there is no '{missing}' here" : null);
}
