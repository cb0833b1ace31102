using System.ComponentModel;
using System.Diagnostics;

namespace Kmem.Host.Fuse;

/// <summary>A small shell that outlives a killed server and unmounts its directory: it waits on a pipe whose other end this process holds.</summary>
/// <remarks>
/// fusermount3 has auto_unmount for this, but version 3.14 looks at the mount as root first, whom a mount without allow_other refuses, and then leaves it.
/// </remarks>
internal sealed class MountWatcher : IDisposable
{
    // Signals of the terminal are for the server. "done" says that it unmounted by itself, when another mount may already be there.
    private const string Script = "trap '' HUP INT QUIT TERM; IFS= read -r line; [ \"$line\" = done ] || umount -l -- \"$1\" 2>/dev/null || fusermount3 -u -z -- \"$1\" 2>/dev/null";

    private readonly Process _shell;

    private MountWatcher(Process shell) => _shell = shell;

    /// <summary>Starts the watcher of a directory; null on a host without a shell, where a kill leaves the mount behind.</summary>
    public static MountWatcher? Start(string directory)
    {
        var start = new ProcessStartInfo("/bin/sh", ["-c", Script, "kmem-watch", directory])
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,   // it must not hold a pipe open in which somebody reads our output
            RedirectStandardError = true,
            WorkingDirectory = "/",
        };
        try
        {
            return Process.Start(start) is { } shell ? new MountWatcher(shell) : null;
        }
        catch (Win32Exception)
        {
            return null;
        }
    }

    /// <summary>Tells the watcher that there is nothing left to do.</summary>
    public void Dispose()
    {
        try
        {
            _shell.StandardInput.Write("done\n");
            _shell.StandardInput.Close();
            _shell.WaitForExit(TimeSpan.FromSeconds(2));
        }
        catch (IOException)
        {
            // Somebody ended it before us.
        }

        _shell.Dispose();
    }
}
