using System.ComponentModel;
using System.Diagnostics;

namespace Kmem.Host.Processes;

/// <summary>A small shell that outlives a killed server and clears up behind it: it waits on a pipe whose other end this process holds.</summary>
public sealed class DeathWatcher : IDisposable
{
    // Signals of the terminal are for the server. "done" says that the server has cleared up by itself, when another mount may already be there.
    private const string Wait = "trap '' HUP INT QUIT TERM; IFS= read -r line; [ \"$line\" = done ] && exit; ";

    // fusermount3 has auto_unmount for this, but version 3.14 looks at the mount as root first, whom a mount without allow_other refuses, and then leaves it.
    private const string Unmount = "umount -l -- \"$1\" 2>/dev/null || fusermount3 -u -z -- \"$1\" 2>/dev/null";

    // Twice and a pause: who forks while we look is found the next time.
    private const string Kill = "for round in 1 2 3; do for p in /proc/[0-9]*; do [ \"$(readlink $p/ns/mnt 2>/dev/null)\" = \"$1\" ] && kill -9 \"${p#/proc/}\"; done; sleep 0.1; done 2>/dev/null";

    private readonly Process _shell;

    private DeathWatcher(Process shell) => _shell = shell;

    /// <summary>Unmounts a directory when this process is killed; null on a host without a shell, where a kill leaves the mount behind.</summary>
    /// <param name="directory">Where the file system is mounted.</param>
    public static DeathWatcher? Unmounting(string directory) => Start(Wait + Unmount, directory);

    /// <summary>Kills every process in the mount namespace of a process when this one is killed; null where that can't be had.</summary>
    /// <param name="process">A process that is about to enter a mount namespace of its own, as <c>unshare</c> is.</param>
    public static DeathWatcher? Killing(Process process)
    {
        // Never this process's own namespace: that is the whole host.
        string? own = MountNamespace("self"), entered = own;
        for (int tries = 0; tries < 200 && entered == own && !process.HasExited; tries++)
        {
            Thread.Sleep(5);
            entered = MountNamespace(process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture));
        }

        return own is null || entered is null || entered == own ? null : Start(Wait + Kill, entered);
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

    private static string? MountNamespace(string process)
    {
        try
        {
            return new FileInfo($"/proc/{process}/ns/mnt").LinkTarget;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static DeathWatcher? Start(string script, string argument)
    {
        var start = new ProcessStartInfo("/bin/sh", ["-c", script, "kmem-watch", argument])
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,   // it must not hold a pipe open in which somebody reads our output
            RedirectStandardError = true,
            WorkingDirectory = "/",
        };
        try
        {
            return Process.Start(start) is { } shell ? new DeathWatcher(shell) : null;
        }
        catch (Win32Exception)
        {
            return null;
        }
    }
}
