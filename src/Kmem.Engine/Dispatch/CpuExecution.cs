using System.Runtime.InteropServices;
using Kmem.Abstractions;
using Kmem.Engine.Code;
using Kmem.Engine.Translation;
using Kmem.Ir;
using Kmem.Memory;

namespace Kmem.Engine;

/// <summary>Runs one CPU: the state it shares with code, its TLBs, its blocks, and the dispatch loop.</summary>
public sealed unsafe partial class CpuExecution : IExecution, IExecutionOwner, IDisposable
{
    private readonly IProcessor _cpu;
    private readonly IAddressSpace _space;
    private readonly EngineOptions _options;
    private readonly CodeMap _map;
    private readonly CodeCache _cache;
    private readonly Compiler _compiler;
    private readonly TlbEntry*[] _tlbs;
    private readonly int[] _filled;
    private readonly int[][] _fills;
    private readonly bool[] _hasGlobal;
    private readonly Builder _builder;
    private readonly int _pageShift;
    private readonly ulong _pageMask;
    private GCHandle _handle;
    private CodeBlock* _scratch;
    private int _mode;
    private bool _isInvalid;

    /// <summary>Creates the execution of a CPU and connects it.</summary>
    /// <param name="cpu">The CPU.</param>
    /// <param name="map">Where code lies, for all CPUs.</param>
    /// <param name="options">Decisions.</param>
    public CpuExecution(IProcessor cpu, CodeMap map, EngineOptions options)
    {
        (_cpu, _map, _options, _space) = (cpu, map, options, cpu.Space);
        _pageShift = cpu.Model.PageShift;
        _pageMask = ~0UL << _pageShift;
        State = (CpuState*)NativeMemory.AlignedAlloc((nuint)sizeof(CpuState), 64);
        *State = default;
        _tlbs = new TlbEntry*[cpu.Model.Modes];
        _spans = new Span[cpu.Model.Modes];
        (_filled, _fills, _hasGlobal) = (new int[cpu.Model.Modes], new int[cpu.Model.Modes][], new bool[cpu.Model.Modes]);
        for (int i = 0; i < _tlbs.Length; i++)
        {
            _tlbs[i] = (TlbEntry*)NativeMemory.AlignedAlloc((nuint)(sizeof(TlbEntry) << CpuState.TlbBits), 64);
            _fills[i] = new int[1024];
            _filled[i] = int.MaxValue;
            Clear(i);
        }

        _handle = GCHandle.Alloc(this);
        State->Owner = GCHandle.ToIntPtr(_handle);
        State->Jumps = (CodeBlock**)NativeMemory.AllocZeroed((nuint)(sizeof(nint) << CpuState.JumpBits));
        State->CodeLines = map.Biased;
        State->SlowLoad = &SlowLoad;
        State->SlowStore = &SlowStore;
        State->HotThreshold = options.Threshold;
        _cache = new CodeCache(State, map);
        _builder = new Builder(cpu.Model.RegisterCount, cpu.Model.ZeroSlot) { KeepsTemporaries = cpu.Model.Optimizes };
        _compiler = new Compiler(cpu.Model);
        _space.Changed += _ => _isInvalid = true;
        SelectMode(0, window: false);
        cpu.Connect(this);
        FindWindow();
    }

    /// <inheritdoc/>
    public CpuState* State { get; }

    /// <inheritdoc/>
    public ulong Executed
    {
        get
        {
            ulong executed = State->ExecutedAtZero - (ulong)State->Budget;
            return State->Block == null ? executed : executed - (ulong)(State->Block->Instructions - CurrentInstruction());
        }
    }

    /// <summary>Whether the CPU sleeps until an interrupt.</summary>
    public bool IsWaiting { get; private set; }

    /// <summary>Why the machine must stop; null while it need not.</summary>
    public MachineStop? Stopped { get; private set; }

    /// <summary>Who gives turns to this CPU and others; null for one that is alone.</summary>
    public ITurns? Turns { get; set; }

    /// <summary>Its blocks.</summary>
    public CodeCache Cache => _cache;

    /// <summary>Times that translated code asked the interpreter.</summary>
    public long SideExits { get; private set; }

    /// <summary>The CPU.</summary>
    public IProcessor Processor => _cpu;

    /// <summary>Moves the count of instructions forward, as time does while the CPU sleeps.</summary>
    public void Skip(ulong instructions) => State->ExecutedAtZero += instructions;

    /// <summary>Forgets why it stopped and that it slept, as a reset does.</summary>
    public void Restart()
    {
        (Stopped, IsWaiting, _nested, _equal) = (null, false, 0, 0);
        FlushTranslations();
    }

    /// <inheritdoc/>
    public void SelectMode(int mode, bool window)
    {
        _mode = mode;
        State->Tlb = _tlbs[mode];
        if (_cpu.Model.FindsSpans)
        {
            TakeSpan();
        }
        else
        {
            State->LinearLength = window ? _windowLength : 0;
        }
    }

    /// <inheritdoc/>
    public void RequestAttention()
    {
        State->Attention = 1;
        Turns?.Rouse(this);
    }

    /// <inheritdoc/>
    public void Yield() => Turns?.Yield(this);

    /// <inheritdoc/>
    public void ForgetCode()
    {
        _isInvalid = true;
        State->Attention = 1;
    }

    /// <inheritdoc/>
    public void Wait()
    {
        IsWaiting = !_cpu.HasPendingInterrupt;
        State->Attention = 1;
    }

    /// <summary>Ends a sleep.</summary>
    public void Wake() => IsWaiting = false;

    /// <inheritdoc/>
    public void Stop(MachineStop stop)
    {
        Stopped ??= stop;
        State->Attention = 1;
    }

    /// <summary>Shortens the present slice: it ends when so many instructions have been executed.</summary>
    public void EndSliceAt(ulong executed)
    {
        executed = Math.Max(executed, Executed + 1);
        if (executed < State->ExecutedAtZero)
        {
            State->Budget -= (long)(State->ExecutedAtZero - executed);
            State->ExecutedAtZero = executed;
            State->Attention = 1;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _compiler.Dispose();
        _cache.Dispose();
        foreach (TlbEntry* tlb in _tlbs)
        {
            NativeMemory.AlignedFree(tlb);
        }

        NativeMemory.Free(State->Jumps);
        NativeMemory.AlignedFree(State);
        NativeMemory.Free(_scratch);
        NativeMemory.AlignedFree(_probe);
        _handle.Free();
    }

    private static CpuExecution Of(CpuState* state) => (CpuExecution)state->Managed!;

    private int CurrentInstruction() => State->Block->InstructionOf((int)(State->Current - State->Block->Operations));
}
