using System.Diagnostics;
using System.Runtime.InteropServices;
using Kmem.Host.Fuse;
using Kmem.Testing;

namespace Kmem.Host.Tests;

/// <summary>A machine that <c>kmem mount</c> shows in a temporary directory.</summary>
internal sealed unsafe class MountedMachine : IDisposable
{
    public MountedMachine(string machine, params string[] options)
    {
        Folder = Directory.CreateTempSubdirectory("kmem mount ").FullName;
        Server = Start(machine, Folder, options);
        if (Server.StandardOutput.ReadLine() is null)
        {
            throw new InvalidOperationException($"kmem mount says: {Server.StandardError.ReadToEnd()}");
        }
    }

    public string Folder { get; }

    public Process Server { get; }

    public static Process Start(string machine, string folder, params string[] options) => Process.Start(new ProcessStartInfo(Path.Combine(SolutionFolders.Program, "kmem"), ["mount", machine, folder, .. options])
    {
        UseShellExecute = false,
        RedirectStandardOutput = true,
        RedirectStandardError = true,
        WorkingDirectory = SolutionFolders.Root,
    })!;

    public static (int Code, string Output, string Error) Run(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = SolutionFolders.Root })!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(TimeSpan.FromSeconds(30)))
        {
            process.Kill();
            throw new TimeoutException($"{program} {string.Join(' ', arguments)} does not end.");
        }

        return (process.ExitCode, output.Result, error.Result);
    }

    public string PathOf(string name) => Path.Combine(Folder, name);

    public string Text(string name) => File.ReadAllText(PathOf(name));

    /// <summary>pread(2) or pwrite(2): the count, or a negative error number.</summary>
    public int Move(string name, byte[] data, long offset, bool write = false)
    {
        int file = HostCalls.Open(PathOf(name), (write ? 1 : 0) | HostCalls.CloseOnExec);
        if (file < 0)
        {
            return -Marshal.GetLastPInvokeError();
        }

        fixed (byte* at = data)
        {
            nint moved = write ? HostCalls.WriteAt(file, at, (nuint)data.Length, offset) : HostCalls.ReadAt(file, at, (nuint)data.Length, offset);
            int result = moved < 0 ? -Marshal.GetLastPInvokeError() : (int)moved;
            _ = HostCalls.Close(file);
            return result;
        }
    }

    /// <summary>Waits until nothing is mounted any more.</summary>
    public bool IsGone()
    {
        for (int i = 0; i < 100 && FuseMount.IsMounted(Folder); i++)
        {
            Thread.Sleep(50);
        }

        return !FuseMount.IsMounted(Folder);
    }

    public void Dispose()
    {
        if (!Server.HasExited)
        {
            // SIGTERM, as an init system sends it.
            Run("kill", Server.Id.ToString(System.Globalization.CultureInfo.InvariantCulture));
            if (!Server.WaitForExit(TimeSpan.FromSeconds(10)))
            {
                Server.Kill();
            }
        }

        Server.Dispose();
        if (IsGone())
        {
            Directory.Delete(Folder);
        }
    }
}
