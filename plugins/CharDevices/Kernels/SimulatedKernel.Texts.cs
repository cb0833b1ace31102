using System.Globalization;
using System.Text;
using Kmem.Abstractions;
using Kmem.Plugins.CharDevices.Profiles;
using Kmem.Plugins.CharDevices.Resources;

namespace Kmem.Plugins.CharDevices.Kernels;

/// <content>What the kernel says of its machine under /proc.</content>
public sealed partial class SimulatedKernel
{
    /// <inheritdoc/>
    public string? Text(string name) => (Profile.Family, name) switch
    {
        (KernelFamily.Linux or KernelFamily.Raw, "iomem") => Iomem(),
        (KernelFamily.Linux or KernelFamily.Raw, "cmdline") => (_options.Cmdline ?? "") + "\n",
        _ => null,
    };

    /// <summary>The declared rows with their names, else what the kernel knows without drivers: memory and what is kept from it.</summary>
    private string Iomem()
    {
        IEnumerable<(AddressRange Range, string Name)> rows = _options.Iomem is { } declared
            ? declared.Select(static r => (r.Range, r.Name))
            : new KernelResources(Profile, _options, _context.Physical).Rows.Select(static r => (r.Range, r.IsRam ? "System RAM" : "Reserved"));
        rows = rows.Concat((_options.Claims ?? []).Select(static c => (c.Range, c.Name)));
        var text = new StringBuilder();
        var around = new Stack<AddressRange>();
        foreach ((AddressRange range, string name) in rows.OrderBy(static r => r.Range.Start).ThenByDescending(static r => r.Range.Last))
        {
            while (around.TryPeek(out AddressRange outer) && outer.Last < range.Last)
            {
                around.Pop();
            }

            text.Append(' ', 2 * around.Count).Append(CultureInfo.InvariantCulture, $"{range.Start:x8}-{range.Last:x8} : {name}\n");
            around.Push(range);
        }

        return text.ToString();
    }
}
