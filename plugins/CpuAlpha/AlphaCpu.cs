using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Kmem.Abstractions;
using Kmem.Ir;
using Kmem.Plugins.CpuAlpha.Palcode;

namespace Kmem.Plugins.CpuAlpha;

/// <summary>An Alpha EV67: architecture 2 with BWX, FIX, CIX and MVI, precise traps, and OSF/1 PALcode.</summary>
/// <remarks>Source: Alpha Architecture Reference Manual, fourth edition; Alpha 21264/EV67 Hardware Reference Manual.</remarks>
[Device("cpu.alpha")]
public sealed unsafe class AlphaCpu : Device, IProcessor, IBootable
{
    /// <summary>MMU modes.</summary>
    private const int KernelMode = 0, UserMode = 1;

    private static readonly ProcessorModel AlphaModel = new()
    {
        RegisterCount = AlphaSlots.Count,
        ZeroSlot = AlphaSlots.Zero,
        PageShift = PageTables.PageShift,
        Modes = 2,
        FirstFloatingSlot = AlphaSlots.F0,
        FloatingSlots = 32,
        SlotName = AlphaSlots.Name,
    };

    private readonly PageTables _tables;
    private readonly BusMaster _master;
    private readonly BusMaster _palMaster;
    private LiftContext? _lifting;
    private AlphaInterrupts _lines;
    private bool _alarmStands;
    private IDisposable? _alarm;

    /// <summary>Creates the CPU.</summary>
    public AlphaCpu(AlphaOptions options, IDeviceContext context)
    {
        Options = options;
        Space = context.Space(options.Space);
        (_master, _palMaster) = (new BusMaster(context.Id, MasterKind.Cpu), new BusMaster(context.Id, MasterKind.Pal));
        _tables = new PageTables(this);
        Palcode = options.Pal == "native" ? new NativePalcode(this) : new ImagePalcode(this, context.ReadImage(options.Pal, 16 << 20));
        context.Input("device", level => Line(AlphaInterrupts.Device, level));
        context.Input("timer", level => Line(AlphaInterrupts.Clock, level));
        context.Input("ipi", level => Line(AlphaInterrupts.Interprocessor, level));
        context.Input("error", level => Line(AlphaInterrupts.MachineCheck, level));
        Clock = context.Clock;
    }

    /// <inheritdoc/>
    public ProcessorModel Model => AlphaModel;

    /// <inheritdoc/>
    public IAddressSpace Space { get; }

    /// <inheritdoc/>
    public BusMaster Master => IsPalMode ? _palMaster : _master;

    /// <inheritdoc/>
    public ulong Frequency => Options.Frequency;

    /// <inheritdoc/>
    public int RegisterAccessCost => Options.AccessCycles;

    /// <inheritdoc/>
    public ulong? LinearBase => PageTables.KsegBase;

    /// <inheritdoc/>
    public bool HasPendingInterrupt => Pending != 0;

    /// <inheritdoc/>
    public bool CanBeInterrupted => Palcode.CanBeInterrupted;

    /// <summary>What AMASK clears: BWX, FIX, CIX, MVI, precise traps, prefetch with intent to modify.</summary>
    internal const ulong Features = 0x1307;

    internal AlphaOptions Options { get; }

    internal IClock Clock { get; }

    internal OsfPalcode Palcode { get; }

    internal IExecution Execution { get; private set; } = null!;

    internal CpuState* State => Execution.State;

    /// <summary>Interrupts that are asserted.</summary>
    internal AlphaInterrupts Pending => _lines | (_alarmStands ? AlphaInterrupts.Clock : 0);

    /// <summary>Physical address of the first-level page table.</summary>
    internal ulong PageTableBase { get; set; }

    internal bool IsPalMode => Execution is not null && ((AlphaContext)State->Context & AlphaContext.Pal) != 0;

    /// <summary>Whether user rights count; PALmode has the kernel's, whatever mode it serves.</summary>
    internal bool IsUserMode => ((AlphaContext)State->Context & (AlphaContext.User | AlphaContext.Pal)) == AlphaContext.User;

    /// <summary>The CPU behind a state.</summary>
    internal static AlphaCpu Of(CpuState* state) => (AlphaCpu)((IExecutionOwner)state->Managed!).Processor;

    /// <inheritdoc/>
    public void Connect(IExecution execution)
    {
        Execution = execution;
        Reset();
    }

    /// <inheritdoc/>
    public override void Reset()
    {
        if (Execution is null)
        {
            return;
        }

        for (int i = 0; i < AlphaSlots.Count; i++)
        {
            State->Slots[i] = 0;
        }

        PageTableBase = 0;
        SetAlarm(0);
        TakeAlarm();
        SetContext(AlphaContext.None);
        Palcode.Reset();
    }

    /// <inheritdoc/>
    public override void Save(StateWriter writer)
    {
        if (Execution is null)
        {
            return;
        }

        for (int i = 0; i < AlphaSlots.Count; i++)
        {
            writer.U64(State->Slots[i], AlphaSlots.Name(i) ?? $"slot{i}");
        }

        writer.U64(State->Pc, "pc");
        writer.U32(State->Context, "context");
        writer.U64(PageTableBase, "ptbr");
        writer.U64((ulong)AlarmTime, "alarm");
        writer.Bool(_alarmStands);
        Palcode.Save(writer);
    }

    /// <inheritdoc/>
    public override void Load(StateReader reader)
    {
        if (Execution is null)
        {
            return;
        }

        for (int i = 0; i < AlphaSlots.Count; i++)
        {
            State->Slots[i] = reader.U64();
        }

        State->Pc = reader.U64();
        SetContext((AlphaContext)reader.U32());
        PageTableBase = reader.U64();
        SetAlarm((long)reader.U64());
        _alarmStands = reader.Bool();
        Palcode.Load(reader);
        Execution.FlushTranslations();
    }

    /// <inheritdoc/>
    public int Lift(Builder ir, ulong pc, uint context, ICodeSource code, int limit)
    {
        if (_lifting is null || !ReferenceEquals(_lifting.Ir, ir))
        {
            _lifting = new LiftContext(this, ir);
        }

        _lifting.Context = (AlphaContext)context;
        Span<byte> word = stackalloc byte[4];
        int offset = 0;
        for (int count = 0; count < limit && code.Read(offset, word) == 4; count++)
        {
            ir.BeginInstruction(offset);
            _lifting.Pc = pc + (ulong)offset;
            _lifting.Instruction = new AlphaInstruction(BinaryPrimitives.ReadUInt32LittleEndian(word));
            int before = ir.Operations.Count;
            AlphaTable.Find(_lifting.Instruction)(_lifting);
            offset += 4;
            if (ir.IsEnded)
            {
                return offset;
            }

            // An instruction without any effect still is one: its mark needs a micro-op of its own.
            if (ir.Operations.Count == before)
            {
                ir.Nothing();
            }
        }

        ir.Jump(pc + (ulong)offset);
        return offset;
    }

    /// <inheritdoc/>
    public TranslatedAddress Translate(ulong address, MemoryAccess access) => _tables.Translate(address, access, IsUserMode);

    /// <summary>Translates with given rights, as HW_LD does.</summary>
    internal TranslatedAddress TranslateAs(ulong address, MemoryAccess access, bool isUser) => _tables.Translate(address, access, isUser);

    /// <inheritdoc/>
    public void RaiseMemoryFault(ulong address, MemoryAccess access, int width, TranslatedAddress translation, AccessResult result)
    {
        if (translation.Fault != 0)
        {
            AlphaHelpers.Raise(State, AlphaFault.Memory, address, (uint)(translation.Fault - 1) | ((ulong)access << 32));
        }
        else if (result == AccessResult.Misaligned && translation.Physical == 0)
        {
            AlphaHelpers.Raise(State, AlphaFault.Unaligned, address, 0);
        }
        else
        {
            AlphaHelpers.Raise(State, AlphaFault.MachineCheck, address, ((ulong)access << 32) | (uint)result);
        }
    }

    /// <inheritdoc/>
    public void Deliver()
    {
        State->Slots[AlphaSlots.LockFlag] = 0;
        Palcode.Deliver((AlphaFault)State->Fault, State->FaultAddress, State->FaultDetail);
    }

    /// <inheritdoc/>
    public bool TakeInterrupt() => Pending != 0 && Palcode.TakeInterrupt();

    /// <inheritdoc/>
    public void EndTurn() => State->Slots[AlphaSlots.LockFlag] = 0;

    /// <inheritdoc/>
    public bool TryTranslateDebug(ulong address, out ulong physical, out ulong length)
    {
        TranslatedAddress translation = _tables.Translate(address, MemoryAccess.Load, isUser: false);
        physical = translation.Physical;
        length = (1UL << PageTables.PageShift) - (address & ((1UL << PageTables.PageShift) - 1));
        return translation.Fault == 0;
    }

    /// <inheritdoc/>
    public string Describe()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"pc {State->Pc:x16}  {(IsPalMode ? "PALmode" : IsUserMode ? "user" : "kernel")}  ptbr {PageTableBase:x}  {Palcode.Describe()}\n");
        for (int i = 0; i < 32; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"r{i,-3}{State->Slots[i]:x16}{(i % 4 == 3 ? "\n" : "  ")}");
        }

        return text.ToString();
    }

    /// <inheritdoc/>
    public void Boot(BootImage image)
    {
        DirectMemory memory = Space.FindMemory(0, write: true, AccessAttributes.Firmware);
        if (memory.Length == 0)
        {
            throw new MachineException("there is no memory at physical 0 to boot from");
        }

        KernelPlacement.Place(image, Space, memory.Length);
        Palcode.Boot(new AlphaBoot(memory.Length, image.Entry, 1));
    }

    /// <summary>When the alarm is due, in ns of guest time; 0 for never.</summary>
    internal long AlarmTime { get; private set; }

    /// <summary>Sets the alarm: a clock interrupt at one time, which stands until it is taken. QEMU's PALcode and kernels that know QEMU use it.</summary>
    /// <param name="time">Guest time in ns; 0 for never.</param>
    internal void SetAlarm(long time)
    {
        _alarm?.Dispose();
        AlarmTime = Math.Max(time, 0);
        _alarm = AlarmTime == 0 ? null : Clock.Schedule(AlarmTime, RaiseAlarm);
    }

    /// <summary>Takes the alarm away that stands.</summary>
    internal void TakeAlarm() => _alarmStands = false;

    /// <summary>Takes another mode.</summary>
    internal void SetContext(AlphaContext context)
    {
        State->Context = (uint)context;
        Execution.SelectMode(IsUserMode ? UserMode : KernelMode, window: !IsUserMode);
    }

    /// <summary>The instruction at the program counter, for faults that tell of it.</summary>
    internal uint FetchCurrent()
    {
        TranslatedAddress translation = _tables.Translate(State->Pc, MemoryAccess.Fetch, IsUserMode);
        return translation.Fault == 0 && Execution.ReadPhysical(translation.Physical & ~7UL, 8, out ulong value) ? (uint)(value >> (int)(State->Pc & 4) * 8) : 0;
    }

    private void RaiseAlarm()
    {
        (AlarmTime, _alarmStands) = (0, true);
        Execution.RequestAttention();
    }

    private void Line(AlphaInterrupts line, bool level)
    {
        _lines = level ? _lines | line : _lines & ~line;
        if (level)
        {
            Execution?.RequestAttention();
        }
    }
}
