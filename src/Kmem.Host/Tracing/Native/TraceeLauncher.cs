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
    private const int RecordLength = 7;
    private const int SetNoNewPrivileges = 38, DropFromBoundingSet = 24, FilterMode = 1, SigPipe = 13, SetMask = 2, NoFileLimit = 7;

    private readonly List<ulong> _records = [];
    private readonly List<nint> _strings = [];

    /// <summary>Adds a system call of the child.</summary>
    private void Call(Nr number, ulong a = 0, ulong b = 0, ulong c = 0, ulong d = 0) => _records.AddRange([(ulong)number, a, b, c, d, 0, 0]);

    /// <summary>Starts a program that waits for its tracer; the caller's thread becomes its parent.</summary>
    /// <param name="start">The program.</param>
    /// <param name="descriptors">More descriptors to give it: own number, number there.</param>
    /// <param name="filter">Which calls stop.</param>
    /// <param name="droppedCapabilities">Capabilities that nobody in the session can have.</param>
    /// <exception cref="IOException">The host refuses.</exception>
    public static int Start(ProgramStart start, IReadOnlyList<(int Own, int Theirs)> descriptors, SeccompProgram filter, IReadOnlyList<int> droppedCapabilities)
    {
        var launcher = new TraceeLauncher();
        int* pipe = stackalloc int[2];
        if (Linux.Pipe(pipe, 0x80000) < 0)
        {
            throw new IOException($"no pipe for the new program: {Linux.LastErrorText}");
        }

        nint code = 0;
        try
        {
            launcher.Fill(start, [.. start.Descriptors, .. descriptors], filter, droppedCapabilities, pipe[0]);
            code = CodePage();
            fixed (ulong* table = CollectionsMarshal.AsSpan(launcher._records))
            {
                long process = ((delegate* unmanaged<ulong*, long>)code)(table);
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
            _ = Linux.Close(pipe[0]);
            _ = Linux.Close(pipe[1]);
            if (code != 0)
            {
                _ = Linux.Unmap(code, 4096);
            }

            launcher._strings.ForEach(s => NativeMemory.Free((void*)s));
        }
    }

    private void Fill(ProgramStart start, IReadOnlyList<(int Own, int Theirs)> descriptors, SeccompProgram filter, IReadOnlyList<int> dropped, int pipe)
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

        // The runtime ignores SIGPIPE and that would survive execve; its signal mask would too.
        ulong* action = (ulong*)Allocate(64);
        new Span<ulong>(action, 8).Clear();
        Call(Nr.RtSigaction, SigPipe, (ulong)action, 0, 8);
        Call(Nr.RtSigprocmask, SetMask, (ulong)action, 0, 8);
        foreach (int capability in dropped)
        {
            Call(Nr.Prctl, DropFromBoundingSet, (ulong)capability);
        }

        Call(Nr.Prctl, SetNoNewPrivileges, 1);
        byte[] program = filter.ToBytes();
        byte* instructions = (byte*)Allocate(program.Length);
        program.CopyTo(new Span<byte>(instructions, program.Length));
        ulong* header = (ulong*)Allocate(16);
        (header[0], header[1]) = ((ulong)filter.Length, (ulong)instructions);
        Call(Nr.Seccomp, FilterMode, 0, (ulong)header);
        Call(Nr.Execve, Text(start.File), Texts(start.Arguments), Texts(start.Environment));
        Call(Nr.ExitGroup, 127);
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
        Label next = a.CreateLabel("next");
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
