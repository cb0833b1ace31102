using Kmem.Abstractions;

namespace Kmem.Plugins.CharDevices.Drivers;

/// <summary>Where the parts of a Linux kernel's virtual addresses lie: as the machine declares, else as the profile has it.</summary>
/// <param name="environment">The driver's surroundings.</param>
internal sealed class KernelLayout(DriverEnvironment environment)
{
    /// <summary>First virtual address of the direct map, which shows physical address 0.</summary>
    public ulong DirectMap
    {
        get
        {
            KernelRange? range = environment.KernelMap.Ranges.FirstOrDefault(static r => r.Kind is KernelRangeKind.Direct or KernelRangeKind.Kseg);
            return range is null ? environment.Profile.DirectMap : range.Start - (range.Physical ?? 0);
        }
    }

    /// <summary>Whether an address lies in the areas that are mapped page by page.</summary>
    public bool IsVmallocOrModule(ulong address)
    {
        IEnumerable<KernelRange> declared = environment.KernelMap.Ranges.Where(static r => r.Kind is KernelRangeKind.Vmalloc or KernelRangeKind.Modules);
        return declared.Any()
            ? declared.Any(r => address >= r.Start && address <= r.Last)
            : IsIn(environment.Profile.Vmalloc, address) || IsIn(environment.Profile.Modules, address);
    }

    /// <summary>The physical address by arithmetic alone, as __pa has it: right for the direct map and the text mapping, nonsense elsewhere.</summary>
    public ulong LinearPhysical(ulong address)
    {
        KernelRange? text = environment.KernelMap.Ranges.FirstOrDefault(static r => r.Kind == KernelRangeKind.Text);
        if (text is not null && address >= text.Start && address <= text.Last)
        {
            return address - text.Start + (text.Physical ?? 0);
        }

        ulong textMap = environment.Profile.TextMap;
        return text is null && textMap != 0 && address >= textMap ? address - textMap : address - DirectMap;
    }

    private static bool IsIn(AddressRange range, ulong address) => range.Last != 0 && range.Contains(address);
}
