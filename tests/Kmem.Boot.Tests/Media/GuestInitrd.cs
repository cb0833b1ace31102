namespace Kmem.Boot.Tests.Media;

/// <summary>An initial file system with Debian's static busybox, whose shell answers on the serial line once modules are loaded.</summary>
internal static class GuestInitrd
{
    /// <summary>What is printed when the shell begins, before the kernel's version.</summary>
    public const string Ready = "GUEST-READY ";

    private const string Init = """
        #!/bin/busybox sh
        /bin/busybox --install -s /bin
        mount -t proc proc /proc
        mount -t sysfs sys /sys
        mount -t devtmpfs dev /dev
        for module in $(cat /modules/order); do insmod /modules/$module; done
        stty -F /dev/ttyS0 -echo
        echo "GUEST-READY $(uname -r)"
        exec setsid sh -c 'exec sh </dev/ttyS0 >/dev/ttyS0 2>&1'

        """;

    /// <summary>Makes one.</summary>
    /// <param name="busybox">The static busybox.</param>
    /// <param name="modules">Files of modules in the order of loading.</param>
    public static byte[] Make(string busybox, IReadOnlyList<string> modules)
    {
        var archive = new CpioArchive();
        foreach (string folder in (string[])["bin", "dev", "proc", "sys", "mnt", "modules"])
        {
            archive.AddFolder(folder);
        }

        archive.AddFile("bin/busybox", File.ReadAllBytes(busybox)).AddLink("bin/sh", "busybox").AddDevice("dev/console", 5, 1);
        archive.AddFile("modules/order", System.Text.Encoding.ASCII.GetBytes(string.Join('\n', modules.Select(Path.GetFileName))));
        foreach (string module in modules)
        {
            archive.AddFile("modules/" + Path.GetFileName(module), File.ReadAllBytes(module));
        }

        return archive.AddFile("init", System.Text.Encoding.ASCII.GetBytes(Init.ReplaceLineEndings("\n"))).ToArray();
    }
}
