using Kmem.Abstractions;
using Kmem.Host.Tracing.Native;

namespace Kmem.Host.Tracing.Calls;

/// <summary>iopl(2) and ioperm(2): rights over the simulated ports, never over the host's.</summary>
internal sealed class PortCalls(SystemCalls calls)
{
    /// <summary>Adds the handlers.</summary>
    public void Register(Dictionary<Nr, Action<Tracee>> handlers)
    {
        handlers[Nr.Iopl] = SetLevel;
        handlers[Nr.Ioperm] = SetPorts;
    }

    /// <summary>Whether a program may have port instructions: what the kernel asks when /dev/port is opened is what it asks here.</summary>
    private Errno Permission(Tracee tracee)
    {
        if (calls.Supervisor.Machine.Ports is null)
        {
            return Errno.ENOSYS;
        }

        Credentials who = ThreadCredentials.Of(tracee);
        if ((who.Capabilities & Capabilities.SysRawio) == 0)
        {
            return Errno.EPERM;
        }

        DeviceNode? port = calls.Kernel.Nodes.FirstOrDefault(n => n is { Major: 1, Minor: 4 });
        if (port is null)
        {
            return Errno.None;
        }

        CallResult result = calls.Kernel.Open(new OpenRequest(port, OpenFlags.ReadWrite, who), out IOpenFile? file);
        if (file is not null)
        {
            calls.Kernel.Close(file);
        }

        return result.IsError ? Errno.EPERM : Errno.None;
    }

    private void SetLevel(Tracee tracee)
    {
        uint level = (uint)tracee.Registers.Rdi;
        if (calls.Supervisor.Machine.Ports is null)
        {
            tracee.Answer(-Errors.ENOSYS);
        }
        else if (level > 3)
        {
            tracee.Answer(-Errors.EINVAL);
        }
        else if (level > (uint)tracee.Ports.Level && Permission(tracee) is var error and not Errno.None)
        {
            tracee.Answer(-(long)error);
        }
        else
        {
            tracee.Ports = tracee.Ports.WithLevel((int)level);
            tracee.Answer(0);
        }
    }

    private void SetPorts(Tracee tracee)
    {
        ulong first = tracee.Registers.Rdi, count = tracee.Registers.Rsi;
        bool open = (int)tracee.Registers.Rdx != 0;
        if (calls.Supervisor.Machine.Ports is null)
        {
            tracee.Answer(-Errors.ENOSYS);
        }
        else if (first + count <= first || first + count > 65536)
        {
            tracee.Answer(-Errors.EINVAL);
        }
        else if (open && Permission(tracee) is var error and not Errno.None)
        {
            tracee.Answer(-(long)error);
        }
        else
        {
            tracee.Ports = tracee.Ports.With((int)first, (int)count, open);
            tracee.Answer(0);
        }
    }
}
