using System.ComponentModel;
using System.Diagnostics;
using Kmem.Host.Native;

namespace Kmem.Cli.Mounting;

/// <summary>Runs a command in a mount namespace of its own whose /dev has the mounted mem, kmem and port.</summary>
internal static class PrivateDevices
{
    /// <summary>Builds a new /dev beside the old one and puts it over it; $1 is the mount, $2 an empty directory, the rest the command.</summary>
    private const string Script = """
        set -e
        from=$1 new=$2; shift 2
        mount -t tmpfs -o mode=0755 kmem-dev "$new"
        for node in null zero full random urandom tty console; do
          if [ -c "/dev/$node" ]; then : > "$new/$node"; mount --bind "/dev/$node" "$new/$node"; fi
        done
        for folder in pts shm mqueue; do
          if [ -d "/dev/$folder" ]; then mkdir "$new/$folder"; mount --rbind "/dev/$folder" "$new/$folder"; fi
        done
        ln -s pts/ptmx "$new/ptmx"
        ln -s /proc/self/fd "$new/fd"
        ln -s fd/0 "$new/stdin"; ln -s fd/1 "$new/stdout"; ln -s fd/2 "$new/stderr"
        for node in mem kmem port; do
          if [ -f "$from/$node" ]; then : > "$new/$node"; mount --bind "$from/$node" "$new/$node"; fi
        done
        mount --rbind "$new" /dev
        set +e
        exec "$@"
        """;

    /// <summary>Starts the command; root gets a mount namespace, others a user namespace around it, in which they count as root.</summary>
    /// <param name="mount">The mounted tree.</param>
    /// <param name="scratch">An empty directory to build the new /dev on.</param>
    /// <param name="command">The command and its arguments.</param>
    /// <param name="isRoot">Whether this process is root.</param>
    /// <exception cref="HostException">There is no program to make namespaces with.</exception>
    public static Process Start(string mount, string scratch, IEnumerable<string> command, bool isRoot)
    {
        string[] arguments = [isRoot ? "-m" : "-Urm", "--", "/bin/sh", "-c", Script, "kmem-exec", mount, scratch, .. command];
        try
        {
            return Process.Start(new ProcessStartInfo("unshare", arguments) { UseShellExecute = false }) ?? throw new HostException("'unshare' can't be started.");
        }
        catch (Win32Exception e)
        {
            throw new HostException($"'unshare' can't be started: {e.Message}. --exec needs it; on Debian it is in the package util-linux.", e);
        }
    }
}
