using Xunit;

namespace Kmem.Host.Tests;

/// <summary>A test that mounts: skipped, with the reason, where the host does not let this user mount.</summary>
public sealed class FuseFactAttribute : FactAttribute
{
    public FuseFactAttribute(string? needs = null)
    {
        if (!File.Exists("/dev/fuse"))
        {
            Skip = "there is no /dev/fuse";
        }
        else if (!CanOpen())
        {
            Skip = "/dev/fuse is not open to this user";
        }
        else if (!Environment.IsPrivilegedProcess && !IsInstalled("fusermount3"))
        {
            Skip = "fusermount3 is not installed, and this user is not root";
        }
        else if (needs is not null && !IsInstalled(needs))
        {
            Skip = $"{needs} is not installed";
        }
    }

    private static bool CanOpen()
    {
        int file = HostCalls.Open("/dev/fuse", HostCalls.ReadWrite | HostCalls.CloseOnExec);
        return file >= 0 && HostCalls.Close(file) == 0;
    }

    private static bool IsInstalled(string program) =>
        (Environment.GetEnvironmentVariable("PATH") + ":/usr/sbin:/sbin").Split(':').Any(folder => File.Exists(Path.Combine(folder, program)));
}
