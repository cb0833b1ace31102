using System.Globalization;
using System.Text;
using Kmem.Abstractions;
using Kmem.Host.Tracing.Paths;

namespace Kmem.Host.Sessions;

/// <summary>Shows what the simulated kernel says of the machine under /proc.</summary>
internal static class KernelTexts
{
    /// <summary>Puts iomem, ioports and cmdline.</summary>
    public static void Publish(IKernel kernel, IAddressSpace? ports, SessionFiles files)
    {
        foreach (string name in (string[])["iomem", "cmdline"])
        {
            if (kernel.Text(name) is { } text)
            {
                files.Put("/proc/" + name, Encoding.UTF8.GetBytes(text));
            }
        }

        if (ports is not null)
        {
            string text = string.Concat(ports.GetFlatView().Select(r => string.Create(CultureInfo.InvariantCulture, $"{r.Start:x4}-{r.Last:x4} : {r.Region.Name}\n")));
            files.Put("/proc/ioports", Encoding.UTF8.GetBytes(text));
        }
    }
}
