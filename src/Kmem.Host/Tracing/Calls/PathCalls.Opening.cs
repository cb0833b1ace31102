using Kmem.Abstractions;
using Kmem.Host.Tracing.Native;
using Kmem.Host.Tracing.Paths;

namespace Kmem.Host.Tracing.Calls;

/// <content>open(2) and its relatives, and new times of what is there.</content>
internal sealed partial class PathCalls
{
    private void Open(Tracee tracee, int folder, int argument, ulong flags)
    {
        var wanted = (OpenFlags)(uint)flags;
        bool follow = (wanted & OpenFlags.NoFollow) == 0 && (wanted & (OpenFlags.Create | OpenFlags.Exclusive)) != (OpenFlags.Create | OpenFlags.Exclusive);
        if (Walk(tracee, folder, argument, follow) is not { } path)
        {
            // A path that can't be read now may be one when the kernel looks.
            tracee.AtExit = tracee.IsAtEntry ? CheckOpened : null;
            return;
        }

        if (path.Node is { Kind: 0x2000 } node && IsOurs(node.Node))
        {
            CallResult result = _calls.Kernel.Open(new OpenRequest(node.Node, wanted, ThreadCredentials.Of(tracee)), out IOpenFile? file);
            if (file is null)
            {
                tracee.Answer(SystemCalls.Raw(result));
            }
            else
            {
                DescriptorCopies.Open(_calls, tracee, file, (wanted & OpenFlags.CloseOnExec) != 0);
            }

            return;
        }

        if (path.Node is { } other)
        {
            tracee.Answer(other.Kind == 0x2000 ? -6 : -Errors.EACCES);
            return;
        }

        if (path.Exists && (wanted & OpenFlags.Path) == 0 && _calls.Supervisor.Files.LiveAt(path.Status) is { } live)
        {
            DescriptorCopies.Open(_calls, tracee, new LiveFile(live.Path, live.Content, wanted), (wanted & OpenFlags.CloseOnExec) != 0);
            return;
        }

        if (path.Exists && !PathWalker.IsHarmless(path.Status) && (wanted & OpenFlags.Path) == 0)
        {
            tracee.Answer(-Errors.EPERM);
            return;
        }

        if (path.IsElsewhere)
        {
            _calls.Supervisor.Files.Opening?.Invoke(path.Seen);
        }
        else if (path.Exists && (wanted & OpenFlags.Path) == 0 && _policy.ErrorOf(PathWalker.Target(path), (wanted & OpenFlags.AccessMode) != OpenFlags.ReadOnly) is var error and not 0)
        {
            tracee.Answer(-error);
            return;
        }

        Send(tracee, path, argument, CheckOpened);
    }

    /// <summary>What was opened is looked at once more.</summary>
    private void CheckOpened(Tracee tracee)
    {
        long descriptor = (long)tracee.Registers.Rax;
        if (descriptor >= 0 && _policy.ErrorOf(tracee.Thread, descriptor) is var error and not 0)
        {
            tracee.Inject(Nr.Close, (ulong)descriptor);
            tracee.Answer(-error);
        }
    }

    /// <summary>Files of the session are known by their time of change, too, so a new time is noted.</summary>
    private void Touch(Tracee tracee, int folder, int argument, bool follow)
    {
        if (tracee.Registers.Argument(argument) == 0)
        {
            if (tracee.Descriptors.Find(folder) is not null)
            {
                // futimens(3) of a device: its descriptor is the host's /dev/null, which keeps its own.
                tracee.Answer(0);
            }
            else
            {
                _ = DescriptorCalls.RefuseDevice(tracee, folder);
            }

            return;
        }

        if (Walk(tracee, folder, argument, follow) is not { } path)
        {
            return;
        }

        if (path.Node is not null && path.Seen.StartsWith("/proc/", StringComparison.Ordinal))
        {
            // A device by way of its descriptor: as above.
            tracee.Answer(0);
        }
        else
        {
            Send(tracee, path, argument, path.Exists ? _ => _calls.Supervisor.Files.Renew(path.Host, path.Status) : null);
        }
    }

    /// <summary>Nodes of major 1 belong to the simulated kernel, unless the host's own are as good.</summary>
    private static bool IsOurs(DeviceNode node) => node.Major == 1;
}
