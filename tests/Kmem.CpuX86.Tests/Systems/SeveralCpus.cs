using System.Globalization;
using Iced.Intel;
using Kmem.Abstractions;
using Kmem.Description;
using Kmem.Engine;
using Kmem.Ir;
using Kmem.Machine;
using Kmem.Machine.Plugins;
using Kmem.Machine.Running;
using Kmem.Testing;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Kmem.CpuX86.Tests.Systems;

/// <summary>
/// A machine of several CPUs and RAM. The first runs a program from its reset on, the others one from their start-up message on; both in 32-bit protected
/// mode with flat segments. Handlers count the interrupts of each CPU. It has ended when all CPUs have halted with interrupts off.
/// </summary>
internal sealed class SeveralCpus : IDisposable
{
    /// <summary>Where things are in memory; below <see cref="Data"/> + 0x1000 it is the test's.</summary>
    public const uint Data = 0x4_0000, OtherData = 0x4_1000;

    /// <summary>The page at which a start-up message begins the program of the others.</summary>
    public const uint Page = 8;

    /// <summary>Registers of a local APIC in memory.</summary>
    public const uint Apic = 0xFEE0_0000, Id = Apic + 0x20, TaskPriority = Apic + 0x80, End = Apic + 0xB0, Logical = Apic + 0xD0, Format = Apic + 0xE0, Spurious = Apic + 0xF0, Command = Apic + 0x300, CommandHigh = Apic + 0x310;

    private const uint Gdt = 0x800, Idt = 0x2000, Counters = 0x5_0000, Stacks = 0x7_0000, Handlers = 0x1_0000, First = 0x2_0000, Others = 0x3_0000, FirstStart = 0x9000;

    // One copy of the plugins for all tests: each copy has kernels and helpers of its own, for which there is a limit.
    private static readonly Lazy<PluginCatalog> Plugins = new(SolutionFolders.Plugins);

    private readonly RunningMachine _machine;
    private readonly MachineRunner _runner;

    /// <summary>Creates it.</summary>
    public SeveralCpus(EngineMode mode, int cpus)
    {
        string count = cpus.ToString(CultureInfo.InvariantCulture);
        LoadResult loaded = DescriptionLoader.LoadText($$$"""
            kmem: 1
            machine: several
            arch: x86
            spaces:
              phys: {type: bus.flat, width: 40, unmapped: {read: ones, write: drop}}
            devices:
              cpu:
                type: cpu.x86
                count: {{{count}}}
                set: {number: $(index), count: {{{count}}}, ports: "", apic-bus: apic }
              dram:
                type: mem.ram
                set: {size: 1MiB}
                map:
                  - {space: phys, at: 0}
                  - {space: phys, at: 0xFFFF_0000, from: 0xF_0000, len: 64KiB}
              apic:
                type: apic.bus
                map: [{space: phys, at: 0xFEE0_0000, prio: 200, bank: local}]
            """);
        lock (Plugins)
        {
            BuildResult result = MachineFactory.Build(loaded.Machine!, loaded.Diagnostics, new BuildOptions { FromPowerOn = true }, Plugins.Value);
            Assert.True(result.Machine is not null, string.Join('\n', result.Diagnostics.Sorted));
            _machine = result.Machine;
        }

        _runner = new MachineRunner(_machine, new EngineOptions { Mode = mode, Verify = true });
        WriteTables();
        Write(0xF_FFF0, [0xEA, .. BitConverter.GetBytes((ushort)FirstStart), 0, 0]);
        Write(FirstStart, Begin(First));
        Write(Page << 12, Begin(Others));
    }

    /// <summary>The runner, with the CPUs.</summary>
    public MachineRunner Runner => _runner;

    /// <summary>Guest time in ns.</summary>
    public long Time => _machine.Clock.Now;

    /// <summary>Runs programs until all CPUs have halted, or something else stops the machine.</summary>
    public MachineStop Run(Action<Assembler> first, Action<Assembler> others)
    {
        Assemble(First, a =>
        {
            Enter(a);
            first(a);
            Halt(a);
        });
        Assemble(Others, a =>
        {
            Enter(a);
            others(a);
            Halt(a);
        });
        return _runner.Run(_machine.Clock.Now + 1_000_000_000);
    }

    /// <summary>Assembles 32-bit code.</summary>
    public void Assemble(uint at, Action<Assembler> program)
    {
        var assembler = new Assembler(32);
        program(assembler);
        using var stream = new MemoryStream();
        assembler.Assemble(new StreamCodeWriter(stream), at);
        Write(at, stream.ToArray());
    }

    /// <summary>Writes memory.</summary>
    public void Write(uint address, ReadOnlySpan<byte> bytes) => Assert.Equal(AccessResult.Ok, _machine.Spaces["phys"].WriteBlock(address, bytes, AccessAttributes.Firmware, out _));

    /// <summary>A doubleword of memory.</summary>
    public uint Read(uint address)
    {
        Assert.Equal(AccessResult.Ok, _machine.Spaces["phys"].Read(address, 4, out ulong value, AccessAttributes.Firmware));
        return (uint)value;
    }

    /// <summary>How often each CPU got the interrupt of a vector.</summary>
    public uint[] Interrupts(int vector) => [.. Enumerable.Range(0, _runner.Cpus.Count).Select(i => Read(Counters + ((uint)i << 12) + ((uint)vector * 4)))];

    /// <summary>Writes an APIC's register.</summary>
    public static void Set(Assembler a, uint register, uint value) => a.mov(__dword_ptr[register], value);

    /// <summary>Sends a message; the CPU's own interrupts may come right after it.</summary>
    public static void Send(Assembler a, uint command, uint destination = 0)
    {
        Set(a, CommandHigh, destination << 24);
        Set(a, Command, command);
    }

    /// <summary>INIT and start-up message to all others.</summary>
    public static void StartOthers(Assembler a)
    {
        Send(a, 0xC_4500);
        Send(a, 0xC_4600 | Page);
        Send(a, 0xC_4600 | Page);
    }

    /// <summary>Waits in a loop with PAUSE until memory has a value.</summary>
    public static void Await(Assembler a, uint address, uint value)
    {
        Label again = a.CreateLabel(), done = a.CreateLabel();
        a.Label(ref again);
        a.cmp(__dword_ptr[address], value);
        a.je(done);
        a.pause();
        a.jmp(again);
        a.Label(ref done);
        a.nop();
    }

    /// <summary>Says that this CPU has come so far.</summary>
    public static void Arrive(Assembler a, uint address) => a.@lock.inc(__dword_ptr[address]);

    /// <inheritdoc/>
    public void Dispose()
    {
        _runner.Dispose();
        _machine.Dispose();
    }

    /// <summary>Loads the interrupt table, a stack and the spurious vector; EBP becomes the CPU's number.</summary>
    private static void Enter(Assembler a)
    {
        a.mov(eax, 0x10);
        a.mov(ds, eax);
        a.mov(es, eax);
        a.mov(ss, eax);
        a.lidt(__dword_ptr[Gdt + 0x40]);
        a.mov(eax, 1);
        a.cpuid();
        a.shr(ebx, 24);
        a.mov(ebp, ebx);
        a.shl(ebx, 12);
        a.lea(esp, __dword_ptr[ebx + Stacks + 0xF00]);
        Set(a, Spurious, 0x1FF);
    }

    private static void Halt(Assembler a)
    {
        Label again = a.CreateLabel();
        a.Label(ref again);
        a.cli();
        a.hlt();
        a.jmp(again);
    }

    /// <summary>16-bit code that enters protected mode and jumps on.</summary>
    private static byte[] Begin(uint target) =>
        [
            0xFA, 0x31, 0xC0, 0x8E, 0xD8, 0x66, 0x0F, 0x01, 0x16, .. BitConverter.GetBytes((ushort)(Gdt + 0x38)), // cli; xor ax, ax; mov ds, ax; lgdt [Gdt + 0x38]
            0x0F, 0x20, 0xC0, 0x66, 0x0D, 1, 0, 0, 0, 0x66, 0x25, 0xFF, 0xFF, 0xFF, 0x9F, 0x0F, 0x22, 0xC0, // mov eax, cr0; or eax, 1; and eax, 0x9FFFFFFF; mov cr0, eax
            0x66, 0xEA, .. BitConverter.GetBytes(target), 8, 0, // jmp 8:target
        ];

    private void WriteTables()
    {
        Write(Gdt, [.. BitConverter.GetBytes(0UL), .. BitConverter.GetBytes(0x00CF_9B00_0000_FFFFUL), .. BitConverter.GetBytes(0x00CF_9300_0000_FFFFUL)]);
        Write(Gdt + 0x38, [0x17, 0, .. BitConverter.GetBytes(Gdt)]);
        Write(Gdt + 0x40, [0xFF, 0x07, .. BitConverter.GetBytes(Idt)]);
        for (uint vector = 0; vector < 256; vector++)
        {
            uint at = Handlers + (vector * 64), counter = Counters + (vector * 4);
            Write(Idt + (vector * 8), BitConverter.GetBytes((at & 0xFFFF) | 0x8_0000UL | (0x8E00UL << 32) | ((ulong)(at >> 16) << 48)));
            Assemble(at, a =>
            {
                a.push(eax);
                a.mov(eax, __dword_ptr[Id]);
                a.shr(eax, 24);
                a.shl(eax, 12);
                a.@lock.inc(__dword_ptr[eax + counter]);
                if (counter != Counters + 8)
                {
                    Set(a, End, 0);
                }

                a.pop(eax);
                a.iretd();
            });
        }
    }
}
