using System.Globalization;
using System.Text;
using Kmem.Abstractions;
using Kmem.Ir;
using Kmem.Plugins.CpuX86.Decoding;
using Kmem.Plugins.CpuX86.Interrupts;
using Kmem.Plugins.CpuX86.Lifting;
using Kmem.Plugins.CpuX86.Memory;
using Kmem.Plugins.CpuX86.Models;
using Kmem.Plugins.CpuX86.Registers;
using Kmem.Plugins.CpuX86.Segmentation;
using Kmem.Plugins.CpuX86.SystemManagement;

namespace Kmem.Plugins.CpuX86;

/// <summary>An x86 CPU: real, virtual-8086, protected, long and system management mode.</summary>
/// <remarks>Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volumes 1 to 4.</remarks>
[Device("cpu.x86")]
public sealed unsafe partial class X86Cpu : Device, IProcessor
{
    private static readonly ProcessorModel Numbers = new()
    {
        RegisterCount = X86Slots.Count,
        ZeroSlot = X86Slots.Zero,
        ScratchSlot = X86Slots.FarSelector,
        FirstFloatingSlot = X86Slots.XmmLow,
        FloatingSlots = 16,
        PageShift = 12,
        Modes = 3,
        AllowsUnaligned = true,
        Optimizes = true,
        SlotName = X86Slots.Name,
    };

    private readonly PageTables _tables;
    private readonly CodeSegments _codeSegments = new();
    private readonly X86Decoder _decoder;
    private LiftContext? _lifting;

    /// <summary>Creates the CPU.</summary>
    public X86Cpu(X86Options options, IDeviceContext context)
    {
        Options = options;
        Space = context.Space(options.Space);
        Ports = options.Ports.Length == 0 ? null : context.Space(options.Ports);
        Master = new BusMaster(context.Id, MasterKind.Cpu);
        Clock = context.Clock;
        CpuModel = X86Model.Find(options.Model);
        _tables = new PageTables(this);
        _decoder = new X86Decoder(CpuModel);
        Management = new ManagementMode(this, context);
        Interrupts = new InterruptUnit(this, context);
        context.Input("a20", GateA20);
        context.Input("reset", level =>
        {
            if (level)
            {
                context.RequestPower(new PowerRequest(PowerAction.Reset, "the CPU's reset line was pulled"));
            }
        });
        FloatingError = context.Irq("ferr");
    }

    /// <inheritdoc/>
    public ProcessorModel Model => Numbers;

    /// <inheritdoc/>
    public IAddressSpace Space { get; }

    /// <inheritdoc/>
    public BusMaster Master { get; }

    /// <inheritdoc/>
    public ulong Frequency => Options.Frequency;

    /// <inheritdoc/>
    public int RegisterAccessCost => Options.AccessCycles;

    /// <inheritdoc/>
    public ulong? LinearBase => null;

    /// <inheritdoc/>
    public bool HasPendingInterrupt => Interrupts.CanWake;

    /// <inheritdoc/>
    public bool CanBeInterrupted => Interrupts.CanBeWoken || (!Interrupts.StartUp.IsAwaiting && (Slots[X86Slots.Eflags] & Eflags.If) != 0);

    /// <summary>Whether it is the bootstrap processor, which runs after a reset while the others wait.</summary>
    internal bool IsBootstrap => Options.Number == 0;

    internal X86Options Options { get; }

    internal IAddressSpace? Ports { get; }

    internal IClock Clock { get; }

    internal X86Model CpuModel { get; }

    internal InterruptUnit Interrupts { get; }

    internal ManagementMode Management { get; }

    internal IExecution Execution { get; private set; } = null!;

    internal CpuState* State => Execution.State;

    internal ulong* Slots => State->Slots;

    /// <summary>The current privilege level, 0..3.</summary>
    internal int Cpl { get; set; }

    internal X86Context Context => (X86Context)State->Context;

    internal bool IsLongMode => (Slots[X86Slots.Efer] & Efer.Lma) != 0;

    internal bool IsProtected => (Slots[X86Slots.Cr0] & Cr0.Pe) != 0 && !IsVirtual8086;

    internal bool IsVirtual8086 => (Slots[X86Slots.Eflags] & Eflags.Vm) != 0;

    internal bool Is64 => (Context & X86Context.Code64) != 0;

    /// <summary>Offset of the instruction at the program counter in the code segment.</summary>
    internal ulong Ip => Is64 ? State->Pc : (uint)(State->Pc - Slots[X86Slots.SegmentBase + X86Slots.Cs]);

    internal PageTables Tables => _tables;

    /// <summary>The CPU behind a state.</summary>
    internal static X86Cpu Of(CpuState* state) => (X86Cpu)((IExecutionOwner)state->Managed!).Processor;

    /// <inheritdoc/>
    public void Connect(IExecution execution)
    {
        Execution = execution;
        _tables.Connect();
        Reset();
    }

    /// <inheritdoc/>
    public override void Save(StateWriter writer)
    {
        if (Execution is null)
        {
            return;
        }

        for (int i = 0; i < X86Slots.Count; i++)
        {
            writer.U64(Slots[i], X86Slots.Name(i) ?? $"slot{i}");
        }

        writer.U64(State->Pc, "pc");
        writer.U32((uint)Cpl, "cpl");
        Msrs.Save(writer);
        Interrupts.Save(writer);
        Management.Save(writer);
    }

    /// <inheritdoc/>
    public override void Load(StateReader reader)
    {
        if (Execution is null)
        {
            return;
        }

        for (int i = 0; i < X86Slots.Count; i++)
        {
            Slots[i] = reader.U64();
        }

        State->Pc = reader.U64();
        Cpl = (int)reader.U32();
        Msrs.Load(reader);
        Interrupts.Load(reader);
        Management.Load(reader);
        SignalFloatingPoint((Slots[X86Slots.X87Status] & Floating.FpuRegisters.ErrorSummary) != 0);
        _tables.LoadDirectoryPointers();
        Execution.FlushTranslations();
        UpdateContext();
    }

    /// <inheritdoc/>
    public int Lift(Builder ir, ulong pc, uint context, ICodeSource code, int limit)
    {
        if (_lifting is null || !ReferenceEquals(_lifting.Ir, ir))
        {
            _lifting = new LiftContext(this, ir);
        }

        _lifting.Begin((X86Context)context, _codeSegments.BaseOf((X86Context)context));
        return _decoder.Lift(_lifting, pc, code, limit);
    }

    /// <inheritdoc/>
    public TranslatedAddress Translate(ulong address, MemoryAccess access) => _tables.Translate(address, access);

    /// <inheritdoc/>
    public void BeginTurn() => Management.ShowMemory(isTurn: true);

    /// <inheritdoc/>
    public void EndTurn() => Management.ShowMemory(isTurn: false);

    /// <inheritdoc/>
    public bool TryTranslateDebug(ulong address, out ulong physical, out ulong length) => _tables.TryTranslateDebug(address, out physical, out length);

    /// <inheritdoc/>
    public string Describe()
    {
        var text = new StringBuilder();
        ulong* s = Slots;
        text.Append(CultureInfo.InvariantCulture, $"cs:ip {s[X86Slots.Selector + X86Slots.Cs]:x4}:{Ip:x}  linear {State->Pc:x}  cpl {Cpl}  flags {EflagsNow:x}  {Context & ~X86Context.CodeSegment}{(Interrupts.StartUp.IsAwaiting ? "  waits for a start-up message" : "")}\n");
        for (int i = 0; i < 16; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"{X86Slots.Name(i),-4}{s[i]:x16}{(i % 4 == 3 ? "\n" : "  ")}");
        }

        for (int i = 0; i < 6; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"{X86Slots.Name(X86Slots.Selector + i)} {s[X86Slots.Selector + i]:x4} base {s[X86Slots.SegmentBase + i]:x} limit {s[X86Slots.SegmentLimit + i]:x} attributes {s[X86Slots.Attributes + i]:x}{(i % 2 == 1 ? "\n" : "  ")}");
        }

        text.Append(CultureInfo.InvariantCulture, $"cr0 {s[X86Slots.Cr0]:x}  cr2 {s[X86Slots.Cr2]:x}  cr3 {s[X86Slots.Cr3]:x}  cr4 {s[X86Slots.Cr4]:x}  efer {s[X86Slots.Efer]:x}  gdt {s[X86Slots.GdtrBase]:x}/{s[X86Slots.GdtrLimit]:x}  idt {s[X86Slots.IdtrBase]:x}/{s[X86Slots.IdtrLimit]:x}\n");
        return text.ToString();
    }

    /// <summary>All flags.</summary>
    internal ulong EflagsNow => FlagKernels.Flags(Slots[X86Slots.FlagA], Slots[X86Slots.FlagB], Slots[X86Slots.FlagKind]) | Slots[X86Slots.Eflags] | Eflags.Fixed;

    /// <summary>The limit of a context's code segment.</summary>
    internal uint CodeLimit(X86Context context) => _codeSegments.LimitOf(context);

    /// <summary>Sets all flags; whoever changes modes by it calls <see cref="UpdateContext"/>.</summary>
    internal void SetEflags(ulong flags)
    {
        Slots[X86Slots.FlagA] = flags & Eflags.Arithmetic;
        Slots[X86Slots.FlagKind] = FlagKernels.Number(FlagKind.Explicit, 1);
        Slots[X86Slots.Eflags] = flags & (Eflags.Tf | Eflags.If | Eflags.Df | Eflags.Iopl | Eflags.Nt | Eflags.Rf | Eflags.Vm | Eflags.Ac | Eflags.Vif | Eflags.Vip | Eflags.Id);
    }

    /// <summary>Takes the mode bits that follow from the registers, and the MMU mode.</summary>
    internal void UpdateContext()
    {
        ulong* s = Slots;
        ulong cr0 = s[X86Slots.Cr0], cr4 = s[X86Slots.Cr4], flags = s[X86Slots.Eflags];
        ulong code = s[X86Slots.Attributes + X86Slots.Cs], stack = s[X86Slots.Attributes + X86Slots.Ss];
        X86Context context = X86Context.None;
        bool isLong = (s[X86Slots.Efer] & Efer.Lma) != 0, is64 = isLong && (code & SegmentAttributes.Long) != 0 && (flags & Eflags.Vm) == 0;
        if (is64)
        {
            context |= X86Context.Code64 | X86Context.Flat;
        }
        else
        {
            context |= (code & SegmentAttributes.Big) != 0 ? X86Context.Code32 : 0;
            context |= (stack & SegmentAttributes.Big) != 0 ? X86Context.Stack32 : 0;
            context |= IsFlat(X86Slots.Cs, isCode: true) && IsFlat(X86Slots.Ss) && IsFlat(X86Slots.Ds) && IsFlat(X86Slots.Es) ? X86Context.Flat : 0;
            context |= _codeSegments.Number((uint)s[X86Slots.SegmentBase + X86Slots.Cs], (uint)s[X86Slots.SegmentLimit + X86Slots.Cs], out bool beginsAnew);
            if (beginsAnew)
            {
                Execution.ForgetCode();
            }
        }

        context |= (cr0 & Cr0.Pe) != 0 ? X86Context.Protected : 0;
        context |= (cr0 & Cr0.Pg) != 0 ? X86Context.Paging : 0;
        context |= (flags & Eflags.Vm) != 0 ? X86Context.Virtual8086 : 0;
        context |= Cpl == 3 ? X86Context.User : 0;
        context |= isLong ? X86Context.Long : 0;
        context |= (flags & Eflags.Tf) != 0 ? X86Context.Trap : 0;
        context |= WatchesMemory || (flags & Eflags.Rf) != 0 ? X86Context.Debug : 0;
        context |= (cr0 & (Cr0.Em | Cr0.Ts)) != 0 ? X86Context.FloatingOff : 0;
        context |= (cr0 & Cr0.Em) == 0 && (cr4 & Cr4.Osfxsr) != 0 ? X86Context.Vectors : 0;
        context |= (cr0 & Cr0.Ts) != 0 ? X86Context.VectorsOff : 0;
        context |= (cr0 & (Cr0.Mp | Cr0.Ts)) == (Cr0.Mp | Cr0.Ts) ? X86Context.WaitOff : 0;
        context |= Interrupts.IsShadowed ? X86Context.Shadow : 0;
        State->Context = (uint)context;
        _mmuMode = Cpl == 3 ? 1 : (cr4 & Cr4.Smap) != 0 && (flags & Eflags.Ac) == 0 ? 2 : 0;
        Execution.SelectMode(_mmuMode, window: false);

        bool IsFlat(int segment, bool isCode = false) =>
            s[X86Slots.SegmentBase + segment] == 0 && s[X86Slots.ReadEnd + segment] == 1UL << 32 && (isCode || s[X86Slots.WriteEnd + segment] == 1UL << 32);
    }
}
