using Kmem.Abstractions;
using Kmem.Host.Tracing.Native;

namespace Kmem.Host.Tracing.Calls;

/// <summary>Calls that make, copy and close descriptors of devices.</summary>
internal sealed class DescriptorCopies(SystemCalls calls)
{
    private const ulong DuplicateAbove = 0, DuplicateAboveClosing = 1030, GetMarks = 1, SetMarks = 2, CloseOnExec = 0x80000;
    private const int MessageKey = -1;

    /// <summary>Adds the handlers.</summary>
    public void Register(Dictionary<Nr, Action<Tracee>> handlers)
    {
        handlers[Nr.Close] = Close;
        handlers[Nr.CloseRange] = CloseRange;
        handlers[Nr.Dup] = t => Duplicate(t, closing: false);
        handlers[Nr.Dup2] = DuplicateTo;
        handlers[Nr.Dup3] = DuplicateTo;
        handlers[Nr.Fcntl] = Control;
    }

    /// <summary>Opens a device for a program: its descriptor is one of /dev/null, far up where the filters look.</summary>
    public static void Open(SystemCalls calls, Tracee tracee, IOpenFile file, bool closeOnExec)
    {
        if (!SystemCalls.HasScratch(tracee))
        {
            calls.Kernel.Close(file);
            return;
        }

        long descriptor = tracee.Inject(Nr.Fcntl, (ulong)SessionLayout.NullSlot, closeOnExec ? DuplicateAboveClosing : DuplicateAbove, (ulong)SessionLayout.FirstDescriptor);
        if (descriptor > SessionLayout.LastDescriptor)
        {
            tracee.Inject(Nr.Close, (ulong)descriptor);
            descriptor = -Errors.EMFILE;
        }

        if (descriptor < 0)
        {
            calls.Kernel.Close(file);
            tracee.Answer(descriptor == -Errors.EINVAL ? -Errors.EMFILE : descriptor);
            return;
        }

        tracee.Descriptors.Set((int)descriptor, new OpenDevice(calls.Kernel, file), closeOnExec);
        SystemCalls.AddFilter(tracee, MessageKey, SessionLayout.MessageFilter, calls.Supervisor.Threads);
        tracee.Answer(descriptor);
    }

    private static void Close(Tracee tracee)
    {
        if (SessionLayout.IsSlot(tracee.Registers.Rdi))
        {
            // The supervisor's own: programs that close everything must not close these.
            tracee.Answer(-Errors.EBADF);
            return;
        }

        tracee.Descriptors.Remove((int)tracee.Registers.Rdi);
    }

    private static void CloseRange(Tracee tracee)
    {
        const ulong Unshare = 2, Mark = 4;
        uint first = (uint)tracee.Registers.Rdi, last = (uint)tracee.Registers.Rsi;
        ulong flags = tracee.Registers.Rdx;
        if (first > last || (flags & ~(Unshare | Mark)) != 0)
        {
            return;
        }

        if ((flags & Unshare) != 0)
        {
            DescriptorTable own = tracee.Descriptors.Copy();
            tracee.Descriptors.Leave();
            tracee.Descriptors = own;
        }

        foreach (int descriptor in tracee.Descriptors.Numbers.Where(n => n >= first && n <= last).ToArray())
        {
            if ((flags & Mark) != 0)
            {
                tracee.Descriptors.Mark(descriptor, closeOnExec: true);
            }
            else
            {
                tracee.Descriptors.Remove(descriptor);
            }
        }

        long result = 0;
        if (first < SessionLayout.NullSlot)
        {
            result = tracee.Inject(Nr.CloseRange, first, Math.Min(last, (uint)SessionLayout.NullSlot - 1), flags);
        }

        if (last > SessionLayout.LastSlot)
        {
            result = tracee.Inject(Nr.CloseRange, Math.Max(first, (uint)SessionLayout.LastSlot + 1), last, flags);
        }

        tracee.Answer(result);
    }

    private void Duplicate(Tracee tracee, bool closing)
    {
        if (tracee.Descriptors.Find((int)tracee.Registers.Rdi) is not { } device)
        {
            if (SessionLayout.IsSlot(tracee.Registers.Rdi))
            {
                tracee.Answer(-Errors.EBADF);
            }

            return;
        }

        device.Take();
        long result = tracee.Inject((Nr)tracee.Registers.OrigRax, tracee.Registers.Rdi, tracee.Registers.Rsi, tracee.Registers.Rdx);
        Adopt(tracee, device, result, closing);
    }

    private void DuplicateTo(Tracee tracee)
    {
        int from = (int)tracee.Registers.Rdi, to = (int)tracee.Registers.Rsi;
        if (SessionLayout.IsSlot(tracee.Registers.Rdi) || SessionLayout.IsSlot(tracee.Registers.Rsi))
        {
            tracee.Answer(-Errors.EBADF);
            return;
        }

        OpenDevice? device = tracee.Descriptors.Find(from);
        if (device is null && tracee.Descriptors.Find(to) is null)
        {
            return;
        }

        bool closing = (Nr)tracee.Registers.OrigRax == Nr.Dup3 && (tracee.Registers.Rdx & CloseOnExec) != 0;
        device?.Take();
        long result = tracee.Inject((Nr)tracee.Registers.OrigRax, tracee.Registers.Rdi, tracee.Registers.Rsi, tracee.Registers.Rdx);
        if (device is null)
        {
            if (result >= 0)
            {
                tracee.Descriptors.Remove(to);
            }

            tracee.Answer(result);
            return;
        }

        if (from == to)
        {
            device.Give();
            tracee.Answer(result);
            return;
        }

        Adopt(tracee, device, result, closing);
    }

    private void Control(Tracee tracee)
    {
        ulong command = (uint)tracee.Registers.Rsi;
        if (command is DuplicateAbove or DuplicateAboveClosing)
        {
            Duplicate(tracee, command == DuplicateAboveClosing);
            return;
        }

        if (tracee.Descriptors.Find((int)tracee.Registers.Rdi) is not { } device)
        {
            if (SessionLayout.IsSlot(tracee.Registers.Rdi))
            {
                tracee.Answer(-Errors.EBADF);
            }

            return;
        }

        if (command == SetMarks)
        {
            tracee.Descriptors.Mark((int)tracee.Registers.Rdi, (tracee.Registers.Rdx & 1) != 0);
        }
        else if (command != GetMarks)
        {
            tracee.Answer(SystemCalls.Raw(calls.Kernel.Call(device.File, FileCall.Fcntl, (long)command, (long)tracee.Registers.Rdx)));
        }
    }

    /// <summary>The host has made a copy of the descriptor: it is a device too. The caller holds a count of the device.</summary>
    private void Adopt(Tracee tracee, OpenDevice device, long descriptor, bool closing)
    {
        if (descriptor >= 0)
        {
            tracee.Descriptors.Set((int)descriptor, device, closing);
            if (descriptor < SessionLayout.FirstDescriptor || descriptor > SessionLayout.LastSlot)
            {
                SystemCalls.AddFilter(tracee, (int)descriptor, () => SessionLayout.DescriptorFilter((int)descriptor), calls.Supervisor.Threads);
            }
        }

        device.Give();
        tracee.Answer(descriptor);
    }
}
