using Kmem.Description;
using Kmem.Machine.Loading;

namespace Kmem.Cli.Running;

/// <summary>What a run begins with: what the command line names, else what the machine's <c>boot:</c> does.</summary>
/// <param name="Kernel">The program.</param>
/// <param name="Initrd">Its initial file system, or null.</param>
/// <param name="CommandLine">Its command line, or empty.</param>
internal sealed record KernelFiles(string Kernel, string? Initrd, string CommandLine)
{
    private const string Nothing = "none";

    /// <summary>The files; null when nothing is named.</summary>
    /// <exception cref="ImageException">Something is named that belongs to a kernel, and no kernel.</exception>
    public static KernelFiles? Of(RunSettings settings, MachineDescription machine)
    {
        string? kernel = settings.Kernel is Nothing ? null : settings.Kernel ?? machine.Boot?.Kernel;
        if (kernel is null)
        {
            return (settings.Initrd ?? settings.CommandLine) is null ? null : throw new ImageException("--initrd and --append belong to a kernel: --kernel FILE names one");
        }

        // Another kernel than the machine's own does not begin with that one's file system.
        string? initrd = settings.Initrd is Nothing ? null : settings.Initrd ?? (settings.Kernel is null ? machine.Boot?.Initrd : null);
        return new KernelFiles(kernel, initrd, settings.CommandLine ?? machine.Boot?.Append ?? "");
    }
}
