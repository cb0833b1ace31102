using Kmem.Abstractions;
using Kmem.Engine;
using Kmem.Engine.Code;
using Kmem.Ir;
using Kmem.Memory;
using Kmem.Plugins.Buses;
using Kmem.Plugins.CpuAlpha;
using Kmem.Testing;

namespace Kmem.Fuzz.Alpha;

/// <summary>Where a program of a bench stands: what is left of the registers' frame when the PALcode has entered the operating system.</summary>
/// <param name="Entry">Which entry: 0 interrupt, 1 arithmetic, 2 memory, 3 fault, 4 unaligned, 5 system call.</param>
/// <param name="Pc">Program counter in the frame.</param>
/// <param name="A0">First argument.</param>
/// <param name="A1">Second argument.</param>
/// <param name="A2">Third argument.</param>
internal sealed record SystemEntry(int Entry, ulong Pc, ulong A0, ulong A1, ulong A2);

/// <summary>An Alpha CPU with RAM, page tables and PALcode, for single instructions and short programs.</summary>
/// <remarks>User addresses are physical ones; the kernel reaches the same memory through KSEG.</remarks>
internal sealed unsafe class AlphaBench : IDisposable
{
    /// <summary>Bytes of RAM from physical 0.</summary>
    public const ulong MemoryLength = 4 << 20;

    /// <summary>Physical address of the programs.</summary>
    public const ulong Code = 0x10_0000;

    /// <summary>Physical address of the data.</summary>
    public const ulong Data = 0x20_0000;

    /// <summary>Physical address of the operating system's entry points, 64 bytes each.</summary>
    public const ulong Entries = 0x4000;

    /// <summary>First address of KSEG.</summary>
    public const ulong Kseg = PageTables.KsegBase;

    /// <summary>BR R31, to itself.</summary>
    public const uint BranchToSelf = 0xC3FF_FFFF;

    /// <summary>CALL_PAL RTI.</summary>
    public const uint ReturnFromInterrupt = 0x3F;

    private const ulong Boot = 0x6000, ControlBlock = 0x8000, Level1 = 0x1_0000, Level2 = 0x1_2000, Level3 = 0x1_4000, KernelStack = 0x2_4000, UserStack = 0x2F_F000;
    private const int Swpctx = 0x30, Wrent = 0x34, Wrkgp = 0x37, Swpipl = 0x35;
    private const int Sp = 30, A0 = 16, A1 = 17;
    private readonly TestDeviceContext _context = new();
    private readonly CodeMap _map;
    private readonly nint _memory;

    /// <summary>Creates a machine of one CPU, with an operating system whose entry points wait for ever.</summary>
    /// <param name="options">Decisions about execution.</param>
    public AlphaBench(EngineOptions options)
    {
        Space = new AddressSpace("phys", 44, new AlphaQuadwordBus(new AlphaQuadwordBusOptions()));
        IRamBlock ram = _context.Memory.Allocate("ram", MemoryLength, [new RamPlacement(0, MemoryLength, 0)]);
        Space.Map(new RamRegion("ram", ram), 0);
        _memory = ram.Pointer;
        _context.WithSpace("phys", Space);
        Cpu = new AlphaCpu(new AlphaOptions(), _context);
        _map = new CodeMap(_context.Memory);
        Execution = new CpuExecution(Cpu, _map, options);
        MapPages();
        StartSystem();
    }

    /// <summary>The CPU.</summary>
    public AlphaCpu Cpu { get; }

    /// <summary>Its execution.</summary>
    public CpuExecution Execution { get; }

    /// <summary>The physical space.</summary>
    public AddressSpace Space { get; }

    /// <summary>The CPU's state.</summary>
    public CpuState* State => Execution.State;

    /// <summary>RAM.</summary>
    public Span<byte> Memory => new((void*)_memory, (int)MemoryLength);

    /// <summary>The machine's time.</summary>
    public TestDeviceContext Context => _context;

    /// <summary>A slot.</summary>
    public ref ulong Slot(int number) => ref State->Slots[number];

    /// <summary>Writes instructions, as a loader would that tells the CPU.</summary>
    /// <param name="physical">Physical address.</param>
    /// <param name="words">Instructions.</param>
    public void Load(ulong physical, params ReadOnlySpan<uint> words)
    {
        words.CopyTo(new Span<uint>((void*)(_memory + (nint)physical), words.Length));
        _map.Changed(_memory + (nint)physical, words.Length * 4);
    }

    /// <summary>Reads a quadword of RAM.</summary>
    public ulong Read(ulong physical) => *(ulong*)(_memory + (nint)physical);

    /// <summary>Writes a quadword of RAM behind the CPU's back.</summary>
    public void Write(ulong physical, ulong value) => *(ulong*)(_memory + (nint)physical) = value;

    /// <summary>The address of physical memory as the mode's programs see it.</summary>
    public static ulong AddressOf(ulong physical, bool isUser) => isUser ? physical : Kseg + physical;

    /// <summary>Gives the CPU a mode, with floating point on, and a program counter.</summary>
    public void Start(ulong physical, bool isUser)
    {
        Cpu.SetContext(AlphaContext.FloatingPoint | (isUser ? AlphaContext.User : AlphaContext.None));
        Slot(Sp) = isUser ? UserStack : Kseg + KernelStack;
        State->Pc = AddressOf(physical, isUser);
    }

    /// <summary>Whether there is translated code for an address in the mode that the CPU had there.</summary>
    public bool IsTranslated(ulong physical, bool isUser)
    {
        uint context = (uint)(AlphaContext.FloatingPoint | (isUser ? AlphaContext.User : AlphaContext.None));
        CodeBlock* block = Execution.Cache.Find(AddressOf(physical, isUser), physical, context);
        return block != null && block->Entry != 0;
    }

    /// <summary>How the operating system was entered; null while the program counter is at none of its entry points.</summary>
    public SystemEntry? Entered()
    {
        ulong offset = State->Pc - (Kseg + Entries);
        if (offset >= 6 * 64)
        {
            return null;
        }

        ulong frame = Slot(Sp) - Kseg;
        return new SystemEntry((int)(offset / 64), Read(frame + 8), Slot(A0), Slot(A1), Slot(A1 + 1));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Execution.Dispose();
        _map.Dispose();
        _context.Dispose();
    }

    /// <summary>Carries out a PALcode call.</summary>
    public void Call(int function, ulong a0, ulong a1 = 0)
    {
        Load(Boot, (uint)function, BranchToSelf);
        (Slot(A0), Slot(A1)) = (a0, a1);
        State->Pc = Kseg + Boot;
        Execution.Run(2);
        if (Execution.Stopped is { } stopped)
        {
            throw new InvalidOperationException($"the bench's system does not start: {stopped.Message}");
        }
    }

    private void MapPages()
    {
        const ulong Table = 0x101, Page = 0x3301;
        Write(Level1, (Level2 >> 13 << 32) | Table);
        Write(Level2, (Level3 >> 13 << 32) | Table);
        for (ulong page = 0; page < MemoryLength >> 13; page++)
        {
            Write(Level3 + (page * 8), (page << 32) | Page);
        }
    }

    private void StartSystem()
    {
        for (int i = 0; i < 6; i++)
        {
            Load(Entries + (64 * (ulong)i), BranchToSelf);
        }

        Write(ControlBlock, Kseg + KernelStack);
        Write(ControlBlock + 8, UserStack);
        Write(ControlBlock + 0x10, Level1 >> 13);
        Write(ControlBlock + 0x28, 1);
        Call(Swpctx, ControlBlock);
        for (int i = 0; i < 6; i++)
        {
            Call(Wrent, Kseg + Entries + (64 * (ulong)i), (ulong)i);
        }

        Call(Wrkgp, Kseg);
        Call(Swpipl, 0);

        // One way down to user mode, so that the PALcode knows the kernel's stack.
        ulong frame = KernelStack - 48;
        Write(frame, 8);
        Write(frame + 8, Boot + 4);
        Slot(Sp) = Kseg + frame;
        Call((int)ReturnFromInterrupt, 0);
    }
}
