using Kmem.Abstractions;
using Kmem.Plugins.CharDevices.Profiles;

namespace Kmem.Plugins.CharDevices.Resources;

/// <summary>One physical range that a kernel knows, as in /proc/iomem.</summary>
/// <param name="Range">Physical addresses.</param>
/// <param name="IsRam">Whether it is System RAM.</param>
/// <param name="IsBusy">Whether a driver or the kernel itself has claimed it.</param>
/// <param name="IsExclusive">Whether the claim excludes user space by itself.</param>
internal readonly record struct KernelResource(AddressRange Range, bool IsRam, bool IsBusy, bool IsExclusive);

/// <summary>What a kernel knows about the physical addresses of its machine.</summary>
internal sealed class KernelResources
{
    private const ulong LowHole = 0xA_0000, LowEnd = 0x10_0000;

    /// <summary>Rows that the kernel itself makes busy while it starts.</summary>
    /// <remarks>Source: recordings of Linux 6.1; RAM buffer, arch/x86/kernel/e820.c.</remarks>
    private static readonly string[] BusyNames =
    [
        "System RAM", "RAM buffer", "IOAPIC", "Local APIC", "Kernel code", "Kernel rodata", "Kernel data", "Kernel bss", "Crash kernel", "PCI MMCONFIG",
        "PCI ECAM", "Video ROM", "System ROM", "Adapter ROM",
    ];

    /// <summary>Takes the rows that a flavour declares, else derives them from the machine's map.</summary>
    /// <param name="profile">The kernel.</param>
    /// <param name="options">The flavour.</param>
    /// <param name="space">The machine's main space, or null.</param>
    public KernelResources(KernelProfile profile, FlavourOptions options, IAddressSpace? space)
    {
        Rows =
        [
            .. options.Iomem is { } rows ? rows.Select(FromRow) : Derive(profile, space),
            .. (options.Claims ?? []).Select(static c => FromRow(c with { Busy = c.Busy ?? true })),
        ];
        ulong end = Rows.Where(static r => r.IsRam).Select(static r => r.Range.Last + 1).DefaultIfEmpty(0UL).Max();
        EndOfRam = FlavourReader.HighMemoryOf(options) ?? (end & ~((ulong)profile.PageSize - 1));
        EndOfLowRam = Rows.Where(static r => r.IsRam && r.Range.Last < 1UL << 32).Select(static r => r.Range.Last + 1).DefaultIfEmpty(0UL).Max();
    }

    /// <summary>The rows.</summary>
    public IReadOnlyList<KernelResource> Rows { get; }

    /// <summary>First byte past the topmost RAM, page aligned: what Linux calls high_memory, as a physical address.</summary>
    public ulong EndOfRam { get; }

    /// <summary>First byte past the topmost RAM below 4 GiB.</summary>
    public ulong EndOfLowRam { get; }

    private static KernelResource FromRow(ResourceRow row)
    {
        bool isRam = row.Ram ?? row.Name == "System RAM";
        return new(row.Range, isRam, row.Busy ?? (isRam || BusyNames.Any(n => row.Name.StartsWith(n, StringComparison.Ordinal))), row.Exclusive);
    }

    private static IEnumerable<KernelResource> Derive(KernelProfile profile, IAddressSpace? space)
    {
        if (space is null)
        {
            return [];
        }

        List<AddressRange> ram = [];
        foreach (FlatRange piece in space.GetFlatView())
        {
            if (piece.Region is not RamRegion)
            {
                continue;
            }

            if (ram.Count > 0 && ram[^1].Last + 1 == piece.Start)
            {
                ram[^1] = ram[^1] with { Last = piece.Last };
            }
            else
            {
                ram.Add(new(piece.Start, piece.Last));
            }
        }

        IEnumerable<AddressRange> taken = space.Areas.Where(static a => a.Role is "reserved" or "acpi").Select(static a => new AddressRange(a.Start, a.Last));
        if (profile.HasLowMegabyte)
        {
            // Linux reserves page 0 and never takes the range from 640 KiB to 1 MiB for RAM, whatever stands there.
            taken = [.. taken, new(0, (ulong)profile.PageSize - 1), new(LowHole, LowEnd - 1)];
        }

        return taken.Aggregate(ram.AsEnumerable(), Subtract).Select(static r => new KernelResource(r, IsRam: true, IsBusy: true, IsExclusive: false));
    }

    private static List<AddressRange> Subtract(IEnumerable<AddressRange> ranges, AddressRange hole)
    {
        List<AddressRange> left = [];
        foreach (AddressRange range in ranges)
        {
            if (!range.Overlaps(hole))
            {
                left.Add(range);
                continue;
            }

            if (range.Start < hole.Start)
            {
                left.Add(new(range.Start, hole.Start - 1));
            }

            if (range.Last > hole.Last)
            {
                left.Add(new(hole.Last + 1, range.Last));
            }
        }

        return left;
    }
}
