using System.Globalization;
using Kmem.Host.Tracing.Native;

namespace Kmem.Host.Tracing.Calls;

/// <summary>Calls on other processes: the supervisor is none that programs can reach, and their children stay in the session.</summary>
internal sealed class ProcessCalls(Supervisor supervisor)
{
    private const ulong SharesFiles = 0x400;

    private static readonly string OwnThreads = string.Create(CultureInfo.InvariantCulture, $"/proc/{Environment.ProcessId}/task/");

    /// <summary>Adds the handlers.</summary>
    public void Register(Dictionary<Nr, Action<Tracee>> handlers)
    {
        foreach (Nr call in (Nr[])[.. SessionLayout.ProcessCalls, Nr.Tkill, Nr.Tgkill, Nr.RtSigqueueinfo, Nr.RtTgsigqueueinfo, Nr.PidfdOpen])
        {
            handlers[call] = t => Guard(t, (int)t.Registers.Rdi);
        }

        handlers[Nr.Setpriority] = t => Guard(t, t.Registers.Rdi == 0 ? (int)t.Registers.Rsi : 0);
        handlers[Nr.ProcessVmReadv] = Reach;
        handlers[Nr.ProcessVmWritev] = Reach;
        handlers[Nr.Kill] = Kill;
        handlers[Nr.Unshare] = Unshare;
        handlers[Nr.Clone] = Clone;
    }

    /// <summary>Whether a number is one of the supervisor's threads.</summary>
    public static bool IsSupervisor(int thread) => thread > 0 && Directory.Exists(OwnThreads + thread.ToString(CultureInfo.InvariantCulture));

    private static void Guard(Tracee tracee, int thread)
    {
        if (IsSupervisor(thread))
        {
            tracee.Answer(-Errors.EPERM);
        }
    }

    /// <summary>process_vm_readv(2) and its counterpart: within the session alone.</summary>
    private void Reach(Tracee tracee)
    {
        int process = (int)tracee.Registers.Rdi;
        if (!supervisor.Threads.Any(t => t.Thread == process || t.Process == process))
        {
            tracee.Answer(-Errors.EPERM);
        }
    }

    /// <summary>kill(2). The supervisor may be in the program's own group; such a signal is for the programs of the session.</summary>
    private void Kill(Tracee tracee)
    {
        int target = (int)tracee.Registers.Rdi;
        ulong signal = tracee.Registers.Rsi;
        if (target > 0)
        {
            Guard(tracee, target);
            return;
        }

        int group = target == 0 ? Linux.GetProcessGroup(tracee.Process) : -target;
        if (target != -1 && group != Linux.GetProcessGroup(0))
        {
            return;
        }

        // The caller comes last: it may not live to send the others.
        int[] targets = [.. supervisor.Threads.Select(t => t.Process).Distinct()
            .Where(p => target == -1 ? p != tracee.Process : Linux.GetProcessGroup(p) == group)
            .OrderBy(p => p == tracee.Process)];
        long result = -Errors.ESRCH;
        foreach (int process in targets)
        {
            long one = tracee.Inject(Nr.Kill, (ulong)process, signal);
            result = result == 0 ? 0 : one;
        }

        tracee.Answer(result);
    }

    private static void Unshare(Tracee tracee)
    {
        ulong flags = tracee.Registers.Rdi;
        if ((flags & SessionLayout.NameSpaces) != 0)
        {
            tracee.Answer(-Errors.EPERM);
        }
        else if ((flags & SharesFiles) != 0)
        {
            tracee.AtExit = t =>
            {
                if (t.Registers.Rax == 0)
                {
                    DescriptorTable own = t.Descriptors.Copy();
                    t.Descriptors.Leave();
                    t.Descriptors = own;
                }
            };
        }
    }

    private static void Clone(Tracee tracee)
    {
        ulong flags = tracee.Registers.Rdi;
        if ((flags & SessionLayout.NameSpaces) != 0)
        {
            tracee.Answer(-Errors.EPERM);
            return;
        }

        tracee.Registers.Rdi = flags & ~(ulong)SessionLayout.Untraced;
        tracee.Store();
        tracee.AtExit = t =>
        {
            t.Registers.Rdi = flags;
            t.Store();
        };
    }
}
