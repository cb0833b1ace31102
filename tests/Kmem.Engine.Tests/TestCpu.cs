using System.Buffers.Binary;
using System.Globalization;
using Kmem.Abstractions;
using Kmem.Ir;

namespace Kmem.Engine.Tests;

/// <summary>What an instruction of a test does.</summary>
/// <param name="ir">Takes its micro-ops.</param>
/// <param name="pc">Its address.</param>
internal delegate void Instruction(Builder ir, ulong pc);

/// <summary>A CPU whose instructions are a test's lambdas: a word of code is an index into its list.</summary>
internal sealed unsafe class TestCpu(IAddressSpace space, string name) : IProcessor
{
    public const int RegisterCount = 32, Zero = 31, FirstFloating = 16, FloatingCount = 8, PageShift = 12;

    /// <summary>Codes of faults.</summary>
    public const int NotMapped = 1, Misaligned = 2, NoAnswer = 3, Undefined = 4;

    /// <summary>Where faults and interrupts go.</summary>
    public const ulong FaultHandler = 0xF000, InterruptHandler = 0xF800;

    /// <summary>First address of a window on physical 0 in mode 1.</summary>
    public const ulong Window = 0x4000_0000;

    private static readonly HelperFunction Undefine = GuestKernels.Helper(&UndefineOf, UndefineOf);

    private readonly List<Instruction> _instructions = [static (ir, _) => ir.ExitHelper(Undefine, ir.Const(0), 0)];

    /// <summary>Pages that lie elsewhere, by virtual page; ulong.MaxValue for none.</summary>
    public Dictionary<ulong, ulong> Pages { get; } = [];

    /// <summary>Faults delivered: code, program counter, address.</summary>
    public List<(int Fault, ulong Pc, ulong Address)> Faults { get; } = [];

    /// <summary>Interrupts taken: program counter and count of instructions.</summary>
    public List<(ulong Pc, ulong Executed)> Interrupts { get; } = [];

    public IExecution Execution { get; private set; } = null!;

    /// <summary>The interrupt line.</summary>
    public bool Line
    {
        get;
        set
        {
            field = value;
            if (value)
            {
                Execution.RequestAttention();
            }
        }
    }

    /// <summary>Whether interrupts are allowed; taking one forbids them.</summary>
    public bool IsEnabled { get; set; } = true;

    public int Cost { get; set; }

    public bool AllowsUnaligned { get; set; }

    public int BlockLimit { get; init; } = 64;

    public ProcessorModel Model => new()
    {
        RegisterCount = RegisterCount,
        ZeroSlot = Zero,
        PageShift = PageShift,
        Modes = 2,
        FirstFloatingSlot = FirstFloating,
        FloatingSlots = FloatingCount,
        BlockLimit = BlockLimit,
        AllowsUnaligned = AllowsUnaligned,
        SlotName = static s => $"r{s}",
    };

    public IAddressSpace Space => space;

    public BusMaster Master { get; } = new(name, MasterKind.Cpu);

    public ulong Frequency => 1_000_000_000;

    public int RegisterAccessCost => Cost;

    public ulong? LinearBase => Window;

    public bool HasPendingInterrupt => Line;

    /// <summary>Adds an instruction.</summary>
    /// <returns>Its word.</returns>
    public uint Add(Instruction instruction)
    {
        _instructions.Add(instruction);
        return (uint)_instructions.Count - 1;
    }

    public void Connect(IExecution execution) => Execution = execution;

    /// <summary>Takes a mode: 0 by page, 1 with the window.</summary>
    public void SetMode(int mode)
    {
        Execution.State->Context = (uint)mode;
        Execution.SelectMode(mode, window: mode == 1);
    }

    public int Lift(Builder ir, ulong pc, uint context, ICodeSource code, int limit)
    {
        Span<byte> word = stackalloc byte[4];
        int offset = 0;
        for (int count = 0; count < limit && code.Read(offset, word) == 4; count++, offset += 4)
        {
            ir.BeginInstruction(offset);
            int before = ir.Operations.Count;
            uint index = BinaryPrimitives.ReadUInt32LittleEndian(word);
            _instructions[index < _instructions.Count ? (int)index : 0](ir, pc + (ulong)offset);
            if (ir.IsEnded)
            {
                return offset + 4;
            }

            if (ir.Operations.Count == before)
            {
                ir.Nothing();
            }
        }

        ir.Jump(pc + (ulong)offset);
        return offset;
    }

    public TranslatedAddress Translate(ulong address, MemoryAccess access)
    {
        if (address >= Window && address < Window + 0x100_0000)
        {
            return new TranslatedAddress(0, address - Window, Writable: true, Readable: true, IsFixed: true);
        }

        ulong page = address >> PageShift, offset = address & ((1UL << PageShift) - 1);
        ulong physical = Pages.GetValueOrDefault(page, page);
        return physical == ulong.MaxValue ? new TranslatedAddress(NotMapped, 0) : new TranslatedAddress(0, (physical << PageShift) | offset, Writable: true, Readable: true);
    }

    public void RaiseMemoryFault(ulong address, MemoryAccess access, int width, TranslatedAddress translation, AccessResult result)
    {
        CpuState* state = Execution.State;
        state->Fault = translation.Fault != 0 ? NotMapped : result == AccessResult.Misaligned && translation.Physical == 0 ? Misaligned : NoAnswer;
        state->FaultAddress = address;
    }

    public void Deliver()
    {
        CpuState* state = Execution.State;
        Faults.Add((state->Fault, state->Pc, state->FaultAddress));
        state->Pc = FaultHandler;
    }

    public bool TakeInterrupt()
    {
        if (!Line || !IsEnabled)
        {
            return false;
        }

        IsEnabled = false;
        Interrupts.Add((Execution.State->Pc, Execution.Executed));
        Execution.State->Pc = InterruptHandler;
        return true;
    }

    public void EndTurn()
    {
    }

    public bool TryTranslateDebug(ulong address, out ulong physical, out ulong length)
    {
        (physical, length) = (address, 1);
        return true;
    }

    public string Describe() => string.Create(CultureInfo.InvariantCulture, $"pc {Execution.State->Pc:x}");

    private static int UndefineOf(CpuState* state, ulong a, ulong immediate)
    {
        state->Fault = Undefined;
        return (int)ExitReason.Fault;
    }
}
