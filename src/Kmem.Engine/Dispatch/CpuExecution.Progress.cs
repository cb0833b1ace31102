using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Kmem.Abstractions;
using Kmem.Ir;

namespace Kmem.Engine;

/// <content>Finds out when a CPU gets nowhere and nothing can help it, and tells where it was.</content>
public sealed unsafe partial class CpuExecution
{
    /// <summary>Exceptions in a row, each at the first instruction of the handler before, after which the machine stops.</summary>
    private const int MostNested = 256;

    /// <summary>Times that one instruction may raise one exception with interrupts off before its registers are compared.</summary>
    private const int MostEqual = 100_000;

    /// <summary>Blocks that a loop may have and still be recognised.</summary>
    private const int LongestLoop = 64;

    private readonly (ulong Pc, uint Context, int Fault)[] _trail = new (ulong, uint, int)[16];
    private uint _trailLength;
    private ulong _lastException;
    private int _nested;
    private int _equal;
    private (ulong Pc, int Fault, ulong Address) _exception;
    private ulong[]? _exceptionRegisters;
    private CpuState* _probe;

    /// <summary>Why the CPU is where it is: its registers, the code at its program counter, and the blocks and exceptions before.</summary>
    public string Report()
    {
        var text = new StringBuilder(_cpu.Describe());
        if (text.Length > 0 && text[^1] != '\n')
        {
            text.Append('\n');
        }

        text.Append(CultureInfo.InvariantCulture, $"code at {State->Pc:x}:");
        for (ulong i = 0; i < 4; i++)
        {
            bool isThere = _cpu.TryTranslateDebug(State->Pc + (4 * i), out ulong physical, out _)
                & _space.Read(physical, 4, out ulong word, new AccessAttributes(_cpu.Master, IsDebug: true)) == AccessResult.Ok;
            text.Append(isThere ? string.Create(CultureInfo.InvariantCulture, $" {word:x8}") : " ????????");
        }

        text.Append("\nlast blocks that were looked up, and exceptions, the latest last:\n");
        for (uint i = _trailLength - Math.Min(_trailLength, (uint)_trail.Length); i != _trailLength; i++)
        {
            (ulong pc, uint context, int fault) = _trail[i % (uint)_trail.Length];
            text.Append(CultureInfo.InvariantCulture, $"  {pc:x16} mode {context}{(fault == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $": exception {fault}"))}\n");
        }

        return text.ToString();
    }

    /// <summary>Whether an interrupt or another CPU may yet end what the CPU does.</summary>
    private bool CanBeHelped => _cpu.CanBeInterrupted || Turns?.HasLivingOthers(this) == true;

    private void Note(ulong pc, int fault = 0) => _trail[_trailLength++ % (uint)_trail.Length] = (pc, State->Context, fault);

    /// <summary>Counts an exception that is about to be delivered.</summary>
    /// <returns>Whether it may be: false when the guest only raises exceptions and never executes anything.</returns>
    private bool MayDeliver()
    {
        Note(State->Pc, State->Fault);
        ulong executed = Executed;
        _nested = executed - _lastException <= 1 ? _nested + 1 : 0;
        _lastException = executed;
        if (_nested >= MostNested)
        {
            Stop(new MachineStop(StopKind.Crash, string.Create(CultureInfo.InvariantCulture, $"exceptions without end: the handler's own first instruction raises one, {MostNested} times in a row by now, at 0x{State->Pc:x}")));
            return false;
        }

        var exception = (State->Pc, State->Fault, State->FaultAddress);
        if (exception != _exception)
        {
            (_exception, _equal) = (exception, 0);
            return true;
        }

        if (++_equal < MostEqual || CanBeHelped)
        {
            return true;
        }

        var registers = new ReadOnlySpan<ulong>(State->Slots, _cpu.Model.RegisterCount);
        if (_equal == MostEqual || !registers.SequenceEqual(_exceptionRegisters))
        {
            (_equal, _exceptionRegisters) = (MostEqual, registers.ToArray());
            return true;
        }

        Stop(new MachineStop(StopKind.Crash, string.Create(CultureInfo.InvariantCulture, $"exceptions without end: the instruction at 0x{State->Pc:x} raised the same one {MostEqual} times with interrupts off, and nothing has changed")));
        return false;
    }

    /// <summary>Stops the machine when the CPU is in a loop that neither memory, nor a device, nor an interrupt can end.</summary>
    private void StopDeadLoop()
    {
        if (CanBeHelped || State->Fault != 0)
        {
            return;
        }

        if (_probe == null)
        {
            _probe = (CpuState*)NativeMemory.AlignedAlloc((nuint)sizeof(CpuState), 64);
        }

        *_probe = *State;
        _probe->HotThreshold = int.MaxValue;
        ulong[] before = [];
        ulong beforePc = 0;
        for (int i = 0, renewal = 1; i < LongestLoop; i++)
        {
            // The state is compared with one that is renewed ever more seldom, so the loop may begin late and be of any length.
            var registers = new ReadOnlySpan<ulong>(_probe->Slots, _cpu.Model.RegisterCount);
            if (i > 0 && _probe->Pc == beforePc && registers.SequenceEqual(before))
            {
                Stop(new MachineStop(StopKind.Crash, string.Create(CultureInfo.InvariantCulture, $"a loop without end at 0x{beforePc:x}: interrupts are off, and it looks at nothing that could change")));
                return;
            }

            if (i == renewal)
            {
                renewal *= 2;
            }

            if (i == 0 || i == renewal / 2)
            {
                (before, beforePc) = (registers.ToArray(), _probe->Pc);
            }

            if (!ProbeBlock())
            {
                return;
            }
        }
    }

    /// <summary>Runs a block on the copy of the state.</summary>
    /// <returns>False when it does anything but compute.</returns>
    private bool ProbeBlock()
    {
        ulong pc = State->Pc;
        CodeBlock* block = Lookup(_probe->Pc);
        (State->Pc, State->Fault) = (pc, 0);
        if (block == null || block == _uncached)
        {
            return false;
        }

        for (int i = 0; i < block->OperationCount; i++)
        {
            if (UopTable.ShapeOf(block->Operations[i].Code) is UopShape.Load or UopShape.Store or UopShape.Guarded or UopShape.Helper or UopShape.Count or UopShape.ExitHelper or UopShape.Stop)
            {
                return false;
            }
        }

        int executions = block->Executions;
        _probe->Budget = block->Instructions;
        _probe->Attention = 0;
        ExitReason reason = Interpreter.Run(_probe, block, _pageShift, ignoreEntry: true);
        block->Executions = executions;
        if (reason == ExitReason.Link)
        {
            _probe->Pc = _probe->Successor->Pc;
        }

        return reason is ExitReason.Link or ExitReason.Budget or ExitReason.Indirect or ExitReason.Compiled;
    }
}
