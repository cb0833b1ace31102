using Kmem.Abstractions;
using Kmem.Plugins.CharDevices.Kernels;
using Kmem.Plugins.CharDevices.Profiles;

namespace Kmem.Plugins.CharDevices.Devices;

/// <summary>Who may open the devices that reach all memory and all ports.</summary>
/// <remarks>Source: Linux 6.1 drivers/char/mem.c open_port; the capability is asked for before the lockdown, and in open alone.</remarks>
internal static class Privileges
{
    /// <summary>EPERM, or nothing.</summary>
    public static Errno Check(IKernel kernel, Credentials credentials)
    {
        if (kernel is not SimulatedKernel { Profile: var profile })
        {
            return Errno.None;
        }

        bool lacks = profile.RequiresRawIo && (credentials.Capabilities & Capabilities.SysRawio) == 0;
        return lacks || profile.Lockdown != Lockdown.None ? Errno.EPERM : Errno.None;
    }
}
