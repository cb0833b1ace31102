using System.Runtime.InteropServices;
using System.Text;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Kmem.Host.Tracing.Native;

/// <summary>Starts the first program of a session: fork, a few system calls, execve, without a managed instruction in the child.</summary>
/// <remarks>
/// After a fork only one thread of the runtime is left, so the child runs a page of machine code that makes the calls of a table prepared
/// by the parent. It waits on a pipe until the parent has seized it, so that the first traced call has its tracer.
/// </remarks>
internal sealed unsafe class TraceeLauncher
{
    private const int RecordLength = 8;
    private const int SetNoNewPrivileges = 38, DropFromBoundingSet = 24, FilterMode = 1, SigPipe = 13, SetMask = 2, NoFileLimit = 7, Signals = 64;
    private const ulong Ignored = 1;

    private readonly List<ulong> _records = [];
    private readonly List<nint> _strings = [];

    /// <summary>Adds a system call of the child; an error there is passed over.</summary>
    private void Call(Nr number, ulong a = 0, ulong b = 0, ulong c = 0, ulong d = 0, ulong e = 0) => _records.AddRange([(ulong)number, a, b, c, d, e, 0, 0]);

    /// <summary>Leaves the calls out that are added after <paramref name="start"/> when the one there fails.</summary>
    private void SkipOnError(int start) => _records[start + RecordLength - 1] = (ulong)(_records.Count - start - RecordLength) * sizeof(ulong);

    /// <summary>Starts a program that waits for its tracer; the caller's thread becomes its parent.</summary>
    /// <param name="start">The program.</param>
    /// <param name="descriptors">More descriptors to give it: own number, number there.</param>
    /// <param name="filter">Which calls stop.</param>
    /// <param name="droppedCapabilities">Capabilities that nobody in the session can have.</param>
    /// <exception cref="IOException">The host refuses.</exception>
    public static int Start(ProgramStart start, IReadOnlyList<(int Own, int Theirs)> descriptors, SeccompProgram filter, IReadOnlyList<int> droppedCapabilities)
    {
        int rules = Landlock.Create();
        var launcher = new TraceeLauncher();
        int* pipe = stackalloc int[2];
        if (Linux.Pipe(pipe, 0x80000) < 0)
        {
            throw new IOException($"no pipe for the new program: {Linux.LastErrorText}");
        }

        nint code = 0;
        try
        {
            launcher.Fill(start, [.. start.Descriptors, .. descriptors], filter, droppedCapabilities, pipe[0], rules);
            code = CodePage();
            fixed (ulong* table = CollectionsMarshal.AsSpan(launcher._records))
            {
                // A signal to the child must not run the runtime's handlers there: they would report it to this process.
                ulong all = ulong.MaxValue, before = 0;
                _ = Linux.SystemCall((nint)Nr.RtSigprocmask, SetMask, (nint)(&all), (nint)(&before), sizeof(ulong));
                long process = ((delegate* unmanaged<ulong*, long>)code)(table);
                _ = Linux.SystemCall((nint)Nr.RtSigprocmask, SetMask, (nint)(&before), 0, sizeof(ulong));
                if (process < 0)
                {
                    throw new IOException($"the host can't fork: error {-process}");
                }

                if (Linux.Ptrace(Linux.Seize, (int)process, 0, Linux.Options) < 0)
                {
                    string why = Linux.LastErrorText;
                    _ = Linux.Kill((int)process, Linux.SigKill);
                    throw new IOException($"the host does not let programs be traced (ptrace): {why}");
                }

                byte go = 1;
                _ = Linux.Write(pipe[1], &go, 1);
                return (int)process;
            }
        }
        finally
        {
            if (rules >= 0)
            {
                _ = Linux.Close(rules);
            }

            _ = Linux.Close(pipe[0]);
            _ = Linux.Close(pipe[1]);
            if (code != 0)
            {
                _ = Linux.Unmap(code, 4096);
            }

            launcher._strings.ForEach(s => NativeMemory.Free((void*)s));
        }
    }

    private void Fill(ProgramStart start, IReadOnlyList<(int Own, int Theirs)> descriptors, SeccompProgram filter, IReadOnlyList<int> dropped, int pipe, int rules)
    {
        byte* buffer = (byte*)Allocate(64);
        Call(Nr.Read, (ulong)pipe, (ulong)buffer, 1);
        RaiseFileLimit(descriptors.Count == 0 ? 0 : descriptors.Max(d => d.Theirs));
        foreach ((int own, int theirs) in descriptors)
        {
            Call(Nr.Dup2, (ulong)own, (ulong)theirs);
        }

        if (start.Folder is { } folder)
        {
            Call(Nr.Chdir, Text(folder));
        }

        if (start.HasOwnGroup)
        {
            Call(Nr.Setpgid);
        }

        // The runtime ignores SIGPIPE and that would survive execve; its signal mask would too. Its handlers end here.
        ulong* action = (ulong*)Allocate(64), present = stackalloc ulong[4];
        new Span<ulong>(action, 8).Clear();
        for (int signal = 1; signal <= Signals; signal++)
        {
            bool isHandled = Linux.SystemCall((nint)Nr.RtSigaction, signal, 0, (nint)present, sizeof(ulong)) == 0 && present[0] > Ignored;
            if (isHandled || signal == SigPipe)
            {
                Call(Nr.RtSigaction, (ulong)signal, (ulong)action, 0, sizeof(ulong));
            }
        }

        Call(Nr.RtSigprocmask, SetMask, (ulong)action, 0, 8);
        foreach (int capability in dropped)
        {
            Call(Nr.Prctl, DropFromBoundingSet, (ulong)capability);
        }

        ProtectHost();
        GiveUp(dropped);
        Call(Nr.Prctl, SetNoNewPrivileges, 1);
        if (rules >= 0)
        {
            Call(Nr.LandlockRestrictSelf, (ulong)rules);
        }

        byte[] program = filter.ToBytes();
        byte* instructions = (byte*)Allocate(program.Length);
        program.CopyTo(new Span<byte>(instructions, program.Length));
        ulong* header = (ulong*)Allocate(16);
        (header[0], header[1]) = ((ulong)filter.Length, (ulong)instructions);
        Call(Nr.Seccomp, FilterMode, 0, (ulong)header);
        Call(Nr.Execve, Text(start.File), Texts(start.Arguments), Texts(start.Environment));
        Call(Nr.ExitGroup, 127);
    }

    /// <summary>Root may write to files by which the host's kernel is ruled; in the session's own mount name space they are read only.</summary>
    /// <remarks>Source: mount(2), mount_namespaces(7). An ordinary user can't, and the host's modes keep him out.</remarks>
    private void ProtectHost()
    {
        const ulong NewMounts = 0x2_0000, ReadOnly = 1, Remount = 0x20, Bind = 0x1000, Recursive = 0x4000, Slave = 0x8_0000;
        if (!Environment.IsPrivilegedProcess)
        {
            return;
        }

        int own = _records.Count;
        Call(Nr.Unshare, NewMounts);
        int apart = _records.Count;
        Call(Nr.Mount, 0, Text("/"), 0, Recursive | Slave);
        foreach (string path in ((string[])["/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/fs", "/proc/acpi", "/proc/scsi", "/sys"]).Where(Path.Exists))
        {
            ulong text = Text(path);
            Call(Nr.Mount, text, text, 0, Bind | Recursive);
            Call(Nr.Mount, 0, text, 0, Bind | Remount | ReadOnly);
        }

        // Without a name space of its own these would be the host's mounts.
        SkipOnError(apart);
        SkipOnError(own);
    }

    /// <summary>Inheritable and ambient capabilities survive execve whatever the bounding set says, so the program starts without them.</summary>
    /// <remarks>Source: capabilities(7), "Transformation of capabilities during execve()".</remarks>
    private void GiveUp(IReadOnlyList<int> dropped)
    {
        const int Ambient = 47, ClearAmbient = 4;
        const uint Version3 = 0x2008_0522;
        uint* header = (uint*)Allocate(8), data = (uint*)Allocate(24);
        (header[0], header[1]) = (Version3, 0);
        if (Linux.SystemCall((nint)Nr.Capget, (nint)header, (nint)data, 0, 0) != 0)
        {
            return;
        }

        // Three words for capabilities 0..31, effective, permitted and inheritable, then three for the others.
        foreach (int capability in dropped)
        {
            uint keep = ~(1U << (capability % 32));
            int half = capability / 32 * 3;
            data[half] &= keep;
            data[half + 1] &= keep;
        }

        (data[2], data[5]) = (0, 0);
        Call(Nr.Prctl, Ambient, ClearAmbient);
        Call(Nr.Capset, (ulong)header, (ulong)data);
    }

    /// <summary>A soft limit below the range of device descriptors is raised as far as the hard one lets.</summary>
    private void RaiseFileLimit(int highest)
    {
        ulong* limit = (ulong*)Allocate(16);
        if (Linux.GetLimit(NoFileLimit, limit) == 0 && limit[0] <= (ulong)highest + 64 && limit[1] > limit[0])
        {
            limit[0] = Math.Min(limit[1], (ulong)highest + 64 + 1);
            Call(Nr.Prlimit64, 0, NoFileLimit, (ulong)limit, 0);
        }
    }

    private nint Allocate(int length)
    {
        nint memory = (nint)NativeMemory.Alloc((nuint)Math.Max(length, 8));
        _strings.Add(memory);
        return memory;
    }

    private ulong Text(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text + "\0");
        nint memory = Allocate(bytes.Length);
        Marshal.Copy(bytes, 0, memory, bytes.Length);
        return (ulong)memory;
    }

    private ulong Texts(IReadOnlyList<string> texts)
    {
        ulong* list = (ulong*)Allocate(8 * (texts.Count + 1));
        for (int i = 0; i < texts.Count; i++)
        {
            list[i] = Text(texts[i]);
        }

        list[texts.Count] = 0;
        return (ulong)list;
    }

    /// <summary>fork; in the child a loop over the table, which ends with exit_group.</summary>
    private static nint CodePage()
    {
        var a = new Assembler(64);
        Label next = a.CreateLabel("next"), done = a.CreateLabel("done");
        a.push(rbx);
        a.mov(rbx, rdi);
        a.mov(eax, (int)Nr.Fork);
        a.syscall();
        a.test(rax, rax);
        a.je(next);
        a.pop(rbx);
        a.ret();
        a.Label(ref next);
        a.mov(rax, __[rbx]);
        a.mov(rdi, __[rbx + 8]);
        a.mov(rsi, __[rbx + 16]);
        a.mov(rdx, __[rbx + 24]);
        a.mov(r10, __[rbx + 32]);
        a.mov(r8, __[rbx + 40]);
        a.mov(r9, __[rbx + 48]);
        a.syscall();
        a.test(rax, rax);
        a.jns(done);
        a.add(rbx, __[rbx + 56]);
        a.Label(ref done);
        a.add(rbx, RecordLength * 8);
        a.jmp(next);
        using var stream = new MemoryStream();
        a.Assemble(new StreamCodeWriter(stream), 0);
        nint page = Linux.Map(0, 4096, 7, 0x22, -1, 0);
        if (page == -1)
        {
            throw new IOException($"no page for code that starts a program: {Linux.LastErrorText}");
        }

        Marshal.Copy(stream.ToArray(), 0, page, (int)stream.Length);
        return page;
    }
}
