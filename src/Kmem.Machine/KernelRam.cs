using Kmem.Abstractions;

namespace Kmem.Machine;

/// <summary>Where a kernel on a machine would see its RAM end.</summary>
public static class KernelRam
{
    /// <summary>End of the last RAM below 4 GiB that the kernel calls its own: what is reserved at its end is no RAM to it.</summary>
    public static ulong End(RunningMachine machine)
    {
        ulong end = 0;
        foreach (FlatRange range in machine.MainSpace?.GetFlatView() ?? [])
        {
            if (range.Region is RamRegion && range.Start < 1UL << 32)
            {
                FirmwareArea? reserved = machine.MainSpace!.Areas.FirstOrDefault(a => a.Last == range.Last && a.Role is "reserved" or "acpi");
                end = reserved?.Start ?? (range.Last + 1);
            }
        }

        return end;
    }
}
