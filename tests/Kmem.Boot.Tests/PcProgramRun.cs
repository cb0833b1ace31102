using System.Buffers.Binary;
using System.Text;
using Kmem.Engine;
using Kmem.Ir;
using Kmem.Machine;
using Kmem.Machine.Backends;
using Kmem.Machine.Loading.Pc;
using Kmem.Machine.Running;
using Kmem.Testing;
using Xunit;

namespace Kmem.Boot.Tests;

/// <summary>A pc-i440fx that runs a few bytes of 32-bit code as a multiboot program.</summary>
internal sealed class PcProgramRun : IDisposable
{
    /// <summary>Physical address of the first byte of code; descriptor tables may follow it.</summary>
    public const uint Entry = 0x20_0020;

    private readonly MemoryCharBackend _console = new();

    /// <summary>Builds the machine.</summary>
    public PcProgramRun(EngineMode mode)
    {
        Machine = BootMachine.Build("pc-i440fx.yaml", _console);
        Runner = new MachineRunner(Machine, new EngineOptions { Mode = mode });
    }

    /// <summary>The machine.</summary>
    public RunningMachine Machine { get; }

    /// <summary>Its runner.</summary>
    public MachineRunner Runner { get; }

    /// <summary>What COM1 has sent.</summary>
    public string Text => Encoding.Latin1.GetString([.. _console.Sent]);

    /// <summary>The first CPU.</summary>
    public CpuExecution Cpu => Runner.Cpus[0];

    /// <summary>A multiboot image with code at <see cref="Entry"/>.</summary>
    public static byte[] Image(ReadOnlySpan<byte> code)
    {
        const uint Magic = 0x1BAD_B002, HasAddresses = 0x1_0000;
        byte[] image = new byte[0x20 + code.Length];
        uint[] header = [Magic, HasAddresses, unchecked(0u - Magic - HasAddresses), Entry - 0x20, Entry - 0x20, 0, 0, Entry];
        for (int i = 0; i < header.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(4 * i), header[i]);
        }

        code.CopyTo(image.AsSpan(0x20));
        return image;
    }

    /// <summary>The same as a file.</summary>
    public static string ImageFile(ReadOnlySpan<byte> code)
    {
        string path = Path.Combine(Directory.CreateTempSubdirectory("kmem-pc").FullName, "test.flat");
        File.WriteAllBytes(path, Image(code));
        return path;
    }

    /// <summary>Runs code from the beginning.</summary>
    public MachineStop Program(ReadOnlySpan<byte> code, long limit)
    {
        string path = ImageFile(code);
        Machine.Reset();
        Runner.Restart();
        Runner.Boot(PcProgram.Load(path, null, ""));
        return Runner.Run(Machine.Clock.Now + limit);
    }

    /// <inheritdoc/>
    public void Dispose() => Machine.Dispose();
}
