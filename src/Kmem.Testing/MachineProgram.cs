using System.Collections;
using Kmem.Abstractions;
using Kmem.Description;
using Kmem.Host.Sessions;
using Kmem.Host.Tracing;
using Kmem.Machine;

namespace Kmem.Testing;

/// <summary>What a program did on a machine.</summary>
/// <param name="ExitCode">Its exit code; 128 and the signal's number when a signal ended it.</param>
/// <param name="Output">What it wrote on standard output.</param>
/// <param name="Accesses">Its accesses to the machine, in order; those to memory that is mapped for it run at full speed and are not seen.</param>
public sealed record MachineProgramResult(int ExitCode, string Output, IReadOnlyList<TracedAccess> Accesses)
{
    /// <summary>The accesses to a range of an address space.</summary>
    /// <param name="space">Name of the space.</param>
    /// <param name="first">First address.</param>
    /// <param name="last">Last address.</param>
    public IEnumerable<TracedAccess> At(string space, ulong first, ulong last) => Accesses.Where(a => a.Space?.Name == space && a.Address >= first && a.Address <= last);
}

/// <summary>Runs an unmodified program on a machine inside a test: <c>MachineProgram.Run(machine, "busybox", "devmem", "0xFED50000")</c>.</summary>
public static class MachineProgram
{
    /// <summary>Runs a program and waits for it and for everything that it starts.</summary>
    /// <param name="machine">The machine, which keeps what the program does to it.</param>
    /// <param name="program">The program and its arguments, looked up as a shell does.</param>
    /// <exception cref="MachineException">The machine's kernel can't be made.</exception>
    /// <exception cref="IOException">The host does not let programs be traced.</exception>
    public static MachineProgramResult Run(RunningMachine machine, params string[] program)
    {
        var diagnostics = new DiagnosticBag();
        IKernel kernel = machine.CreateKernel(null, diagnostics) ?? throw new MachineException(string.Join("; ", diagnostics.Sorted.Select(d => d.Message)));
        string output = Path.GetTempFileName();
        try
        {
            using var session = new ProgramSession(new HostedMachine(kernel, machine.MainSpace, machine.PortSpace, machine.Memory.Blocks, machine.PciBus) { Arriving = machine.Clock.FollowHost() });
            var accesses = new List<TracedAccess>();
            session.Supervisor.Accessed = accesses.Add;
            string[] environment = [.. Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().Select(e => $"{e.Key}={e.Value}")];

            // A shell sends the output to a file and then becomes the program.
            int code = 0;
            Exception? failure = null;
            var thread = new Thread(() =>
            {
                try
                {
                    code = session.Supervisor.Run(new ProgramStart("/bin/sh", ["sh", "-c", "out=$1; shift; exec \"$@\" > \"$out\"", "sh", output, .. program], environment));
                }
                catch (IOException e)
                {
                    failure = e;
                }
            });
            thread.Start();
            thread.Join();
            return failure is null ? new MachineProgramResult(code, File.ReadAllText(output), accesses) : throw new IOException(failure.Message, failure);
        }
        finally
        {
            File.Delete(output);
        }
    }
}
