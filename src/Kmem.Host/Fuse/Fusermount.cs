using System.ComponentModel;
using System.Diagnostics;
using Kmem.Host.Native;

namespace Kmem.Host.Fuse;

/// <summary>Mounts through the set-uid program fusermount3, for users without CAP_SYS_ADMIN.</summary>
/// <remarks>Source: libfuse 3 util/fusermount.c: the descriptor of /dev/fuse comes back over the socket in _FUSE_COMMFD; with auto_unmount the program stays until that socket closes.</remarks>
internal static unsafe class Fusermount
{
    private const string Program = "fusermount3";

    /// <summary>Mounts; <paramref name="made"/> gets the connection and the socket that keeps the mount alive.</summary>
    public static FuseMount Mount(string directory, string source, bool allowOther, Func<int, int, FuseMount> made)
    {
        int* pair = stackalloc int[2];
        if (Libc.SocketPair(Libc.UnixDomain, Libc.StreamSocket, 0, pair) != 0)
        {
            throw new HostException($"The host gives no socket: {HostError.LastMessage}.");
        }

        (int theirs, int ours) = (pair[0], pair[1]);

        // If the program held our end too, it would never see it close, and a killed server would leave the mount behind.
        _ = Libc.FileControl(ours, Libc.SetDescriptorFlags, Libc.DescriptorCloseOnExec);
        var start = new ProcessStartInfo(Program, ["-o", $"fsname={source},subtype=kmem,nosuid,nodev,auto_unmount{(allowOther ? ",allow_other" : "")}", "--", directory])
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["_FUSE_COMMFD"] = theirs.ToString(System.Globalization.CultureInfo.InvariantCulture);
        Process process;
        try
        {
            process = Process.Start(start) ?? throw new HostException($"{Program} can't be started.");
        }
        catch (Win32Exception e)
        {
            _ = Libc.Close(theirs);
            _ = Libc.Close(ours);
            throw new HostException($"{Program} can't be started: {e.Message}. Mounting as an ordinary user needs it; on Debian it is in the package fuse3.", e);
        }

        _ = Libc.Close(theirs);
        int connection = Receive(ours);
        if (connection < 0)
        {
            _ = Libc.Close(ours);
            throw new HostException($"{Program} refuses to mount on '{directory}': {Reason(process)}");
        }

        return made(connection, ours);
    }

    /// <summary>Unmounts, also while files are open.</summary>
    public static void Unmount(string directory)
    {
        try
        {
            var start = new ProcessStartInfo(Program, ["-u", "-z", "-q", "--", directory]) { UseShellExecute = false };
            using Process? process = Process.Start(start);
            process?.WaitForExit(TimeSpan.FromSeconds(5));
        }
        catch (Win32Exception)
        {
            // It is gone since we mounted; closing the socket unmounts too.
        }
    }

    private static string Reason(Process process)
    {
        string said = process.WaitForExit(TimeSpan.FromSeconds(5)) ? process.StandardError.ReadToEnd().Trim().ReplaceLineEndings("; ") : "it does not answer";
        string help = "";
        if (said.Contains("user_allow_other", StringComparison.Ordinal))
        {
            help = " Root can permit it by a line 'user_allow_other' in /etc/fuse.conf.";
        }
        else if (said.Contains("/dev/fuse", StringComparison.Ordinal))
        {
            help = " Root can permit it by 'chmod 0666 /dev/fuse', or mount the machine for you with --allow-other.";
        }

        return said.Length == 0 ? "it does not say why." : $"{said}.{help}";
    }

    /// <summary>Takes the descriptor that the program sends; -1 when it closes the socket without one.</summary>
    private static int Receive(int socket)
    {
        byte data = 0;
        byte* control = stackalloc byte[64];
        var buffer = new Libc.IoBuffer { Base = &data, Length = 1 };
        var message = new Libc.MessageHeader { Buffers = &buffer, BufferCount = 1, Control = control, ControlLength = 64 };
        nint received;
        do
        {
            received = Libc.ReceiveMessage(socket, &message, Libc.MessageCloseOnExec);
        }
        while (received < 0 && HostError.Last == HostError.Interrupted);

        // struct cmsghdr: length, level, type; then the descriptors.
        bool carries = received > 0 && message.ControlLength >= 20 && *(int*)(control + 8) == Libc.SocketLevel && *(int*)(control + 12) == Libc.Rights;
        return carries ? *(int*)(control + 16) : -1;
    }
}
