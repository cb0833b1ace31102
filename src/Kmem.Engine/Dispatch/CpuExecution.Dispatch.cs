using Kmem.Abstractions;
using Kmem.Engine.Code;
using Kmem.Engine.Translation;
using Kmem.Ir;

namespace Kmem.Engine;

/// <content>The dispatch loop.</content>
public sealed unsafe partial class CpuExecution
{
    private bool _ignoreEntry;

    /// <summary>Runs until so many instructions have been executed, the CPU sleeps, or the machine must stop.</summary>
    /// <param name="instructions">Most instructions; exactly so many are executed unless the CPU sleeps or stops.</param>
    public void Run(long instructions)
    {
        State->ExecutedAtZero = State->ExecutedAtZero - (ulong)State->Budget + (ulong)instructions;
        State->Budget = instructions;
        State->Attention = 1;
        StopDeadLoop();
        while (true)
        {
            if (State->Attention != 0 && !Attend())
            {
                return;
            }

            if (State->Budget <= 0)
            {
                return;
            }

            CodeBlock* block = Lookup(State->Pc);
            if (block == null)
            {
                State->Budget--;
                DeliverFault();
                continue;
            }

            Execute(block);
        }
    }

    private void Execute(CodeBlock* block)
    {
        bool ignoreEntry = _ignoreEntry;
        _ignoreEntry = false;
        while (true)
        {
            ExitReason reason = block->Entry != 0 && !ignoreEntry ? RunRegions(block) : Interpreter.Run(State, block, _pageShift, ignoreEntry);
            ignoreEntry = false;
            switch (reason)
            {
                case ExitReason.Link:
                    State->Block = null;
                    Successor* successor = State->Successor;
                    block = Lookup(successor->Pc);
                    State->Pc = successor->Pc;
                    if (block == null || State->Attention != 0)
                    {
                        // A fetch that faults is found again, and delivered, by the outer loop.
                        return;
                    }

                    if (block != _uncached)
                    {
                        successor->Target = block;
                    }

                    continue;
                case ExitReason.Compiled:
                    State->Block = null;
                    block = State->Next;
                    continue;
                case ExitReason.Hot:
                    State->Block = null;
                    block = State->Next;
                    Heat(block);
                    continue;
                case ExitReason.Indirect:
                    CodeBlock* from = State->Block;
                    State->Block = null;
                    if (State->Attention != 0)
                    {
                        return;
                    }

                    block = Lookup(State->Pc);
                    if (block == null)
                    {
                        return;
                    }

                    Remember(from, block);
                    continue;
                case ExitReason.Side:
                    State->Block = null;
                    SideExits++;
                    _ignoreEntry = true;
                    return;
                case ExitReason.Budget:
                    State->Block = null;
                    RunPart();
                    return;
                case ExitReason.Fault:
                    LeaveAtCurrent(executes: true);
                    DeliverFault();
                    return;
                case ExitReason.Again:
                    LeaveAtCurrent(executes: true);
                    return;
                default:
                    if (State->Block != null)
                    {
                        FinishInstruction();
                    }

                    return;
            }
        }
    }

    /// <summary>Looks at everything that code does not look at itself.</summary>
    /// <returns>Whether to go on.</returns>
    private bool Attend()
    {
        State->Attention = 0;
        if (Stopped is not null)
        {
            return false;
        }

        if (_isInvalid)
        {
            _isInvalid = false;
            _compiler.Drop();
            _cache.Clear();
            FlushTranslations();
            FindWindow();
        }

        while (_compiler.TryTake(out Region? region))
        {
            _cache.Install(region!);
        }

        if (_cache.Allocated > _options.BlockLimit)
        {
            _compiler.Drop();
            _cache.Clear();
        }

        if (_cpu.HasPendingInterrupt)
        {
            IsWaiting = false;
        }

        _ = _cpu.TakeInterrupt();
        return !IsWaiting && Stopped is null;
    }

    private void DeliverFault()
    {
        if (MayDeliver())
        {
            _cpu.Deliver();
        }

        State->Fault = 0;
    }

    /// <summary>Runs translated code, region after region as long as one leads to the next and nothing wants attention.</summary>
    private ExitReason RunRegions(CodeBlock* block)
    {
        while (true)
        {
            Region region = _cache.RegionAt(block->Entry);
            ulong left = region.Code!((nint)State);
            CodeBlock* next;
            if ((long)left > (long)ExitReason.Again)
            {
                State->Successor = (Successor*)left;
                next = State->Successor->Target;
                if (next == null)
                {
                    return ExitReason.Link;
                }
            }
            else if (left == (ulong)ExitReason.Indirect)
            {
                next = *(State->Jumps + CpuState.JumpIndex(State->Pc));
                if (next == null || next->Pc != State->Pc || next->Context != State->Context)
                {
                    return ExitReason.Indirect;
                }
            }
            else
            {
                return (long)left < 0 ? LeaveRegion(region, left) : (ExitReason)left;
            }

            if (next->Entry == 0 || State->Attention != 0 || ((next->Epoch ^ State->Epoch) & next->EpochMask) != 0)
            {
                return left != (ulong)ExitReason.Indirect ? ExitReason.Link : ExitReason.Indirect;
            }

            State->Block = null;
            block = next;
        }
    }

    /// <summary>Does what code has left to do on its way out, and tells the dispatch loop why it ended.</summary>
    private ExitReason LeaveRegion(Region region, ulong left)
    {
        RegionExit exit = region.ExitOf(left);
        State->Pc = exit.Pc;
        State->Budget += exit.Refund;
        State->Block = null;
        if (exit.Reason == ExitReason.Side)
        {
            region.CountSideExit(left, _options.SideExitLimit, out bool again);
            if (again)
            {
                _cache.Remove(region);
                if (region.Members[0] is var head && ((CodeBlock*)head)->Epoch != CodeCache.DeadEpoch)
                {
                    Compile((CodeBlock*)head);
                }
            }
        }
        else if (exit.Reason == ExitReason.Budget)
        {
            State->Next = Lookup(exit.Pc);
            if (State->Next == null)
            {
                return ExitReason.Indirect;
            }
        }

        return exit.Reason;
    }

    private void Heat(CodeBlock* block)
    {
        // Whatever becomes of it, this block does not report itself again soon.
        block->Executions = Region.RestingExecutions;
        Compile(block);
    }

    private void Compile(CodeBlock* head)
    {
        if (_compiler.IsWaiting(head) || RegionFormer.Form(head, _options, State) is not { } region)
        {
            return;
        }

        region.Constants = new RegionConstants(State->LinearBase, _windowLength, State->LinearHost, (nint)State->CodeLines, State->LinearLength != 0, _cpu.Model.FindsSpans);
        if (_options.Mode == EngineMode.Translate)
        {
            if (_compiler.Compile(region))
            {
                _cache.Install(region);
            }
        }
        else
        {
            _compiler.Queue(region);
        }
    }

    /// <summary>Runs what the budget still allows of the block in <see cref="CpuState.Next"/>.</summary>
    private void RunPart()
    {
        CodeBlock* block = State->Next;
        int count = (int)Math.Min(State->Budget, block->Instructions);
        if (count <= 0)
        {
            return;
        }

        if (count == block->Instructions)
        {
            _ignoreEntry = true;
            return;
        }

        // Registers that passes leave out of sight in the middle of a block are not those of the guest: the part is lifted as a block of its own.
        if (_cpu.Model.Optimizes && _cpu.Translate(block->Pc, MemoryAccess.Fetch) is { Fault: 0 } translation && Lift(block->Pc, translation, uint.MaxValue, count) is var part && part != null)
        {
            RunUncached(part);
            return;
        }

        InstructionMark stop = block->Marks[count];
        RunCopy(block, 0, stop.Operation, 0, count, block->Pc, block->Pc + (ulong)stop.Offset);
    }

    /// <summary>Runs a block that is not kept.</summary>
    private void RunUncached(CodeBlock* block)
    {
        switch (Interpreter.Run(State, block, _pageShift, ignoreEntry: true))
        {
            case ExitReason.Fault:
                LeaveAtCurrent(executes: true);
                DeliverFault();
                break;
            case ExitReason.Again:
                LeaveAtCurrent(executes: true);
                break;
            case ExitReason.Attention:
                FinishInstruction();
                break;
            default:
                State->Block = null;
                break;
        }
    }

    /// <summary>Carries out the micro-ops that are left of the instruction at which a block was stopped.</summary>
    private void FinishInstruction()
    {
        CodeBlock* block = State->Block;
        int instruction = CurrentInstruction(), first = (int)(State->Current - block->Operations) + 1;
        bool isLast = instruction == block->Instructions - 1;
        int end = isLast ? block->OperationCount : block->Marks[instruction + 1].Operation;
        ulong pc = block->Pc + (ulong)block->Marks[instruction].Offset;
        State->Budget += block->Instructions - instruction;
        State->Block = null;
        ulong next = isLast ? 0 : block->Pc + (ulong)block->Marks[instruction + 1].Offset;
        int attention = State->Attention;
        State->Attention = 0;

        // The instruction has begun, so it ends, whatever its time has cost.
        const long Credit = 1L << 40;
        State->Budget += Credit;
        State->ExecutedAtZero += (ulong)Credit;
        RunCopy(block, first, end, instruction, 1, pc, next);
        State->Budget -= Credit;
        State->ExecutedAtZero -= (ulong)Credit;
        State->Attention |= attention;
    }

    /// <summary>Runs micro-ops <paramref name="first"/> to <paramref name="end"/> of a block as a block of its own.</summary>
    private void RunCopy(CodeBlock* block, int first, int end, int before, int instructions, ulong pc, ulong next)
    {
        bool ends = end > first && UopTable.EndsBlock(block->Operations[end - 1].Code);
        var operations = new MicroOp[end - first + (ends ? 0 : 1)];
        new ReadOnlySpan<MicroOp>(block->Operations + first, end - first).CopyTo(operations);
        if (!ends)
        {
            operations[^1] = new MicroOp { Code = Uop.Stop, Immediate = next };
        }

        var marks = new InstructionMark[instructions];
        for (int i = 0; i < instructions; i++)
        {
            marks[i] = instructions == 1 ? new InstructionMark(0, 0) : block->Marks[i];
        }

        for (int i = 0; i < operations.Length; i++)
        {
            if (operations[i].Code == Uop.Count)
            {
                operations[i].Immediate -= (ulong)(block->Instructions - before - instructions);
            }
        }

        System.Runtime.InteropServices.NativeMemory.Free(_scratch);
        _scratch = CodeCache.Allocate(new CodeBlock { Pc = pc, Context = block->Context, Epoch = State->Epoch, Executions = Region.RestingExecutions }, operations, marks);
        _scratch->Successor0.Pc = block->Successor0.Pc;
        _scratch->Successor1.Pc = block->Successor1.Pc;
        RunUncached(_scratch);
    }

    /// <summary>Sets the program counter to the instruction at which a block was stopped and gives back what the block paid for the rest.</summary>
    private void LeaveAtCurrent(bool executes)
    {
        CodeBlock* block = State->Block;
        int instruction = CurrentInstruction();
        State->Pc = block->Pc + (ulong)block->Marks[instruction].Offset;
        State->Budget += block->Instructions - instruction - (executes ? 1 : 0);
        State->Block = null;
    }

    private void Remember(CodeBlock* from, CodeBlock* to)
    {
        if (from == null || from == _scratch || from == _uncached || to == _uncached || from->Operations[from->OperationCount - 1].Code != Uop.JumpTo)
        {
            return;
        }

        Successor* successor = &from->Successor0;
        int place = 0;
        while (place < CodeBlock.SuccessorCount - 1 && successor[place].Target != null && successor[place].Pc != to->Pc)
        {
            place++;
        }

        successor[place] = new Successor { Pc = to->Pc, Target = to };
    }
}
