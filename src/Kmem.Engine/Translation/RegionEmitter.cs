using System.Reflection;
using System.Reflection.Emit;
using Kmem.Ir;

namespace Kmem.Engine.Translation;

/// <summary>Writes a region as IL: registers in locals, one tail that stores them, exits before whatever code can't do.</summary>
/// <remarks>
/// The budget is paid at the head of each block and looked at where control goes backwards, for the region's whole length at once; so code never
/// runs past the instruction at which the dispatch loop wants to be asked.
/// </remarks>
internal sealed partial class RegionEmitter
{
    private readonly Region _region;
    private readonly ProcessorModel _model;
    private readonly DynamicMethod _method;
    private readonly ILGenerator _il;
    private readonly Dictionary<nint, int> _places = [];
    private readonly Label[] _heads;
    private readonly LocalBuilder?[] _locals = new LocalBuilder?[CpuState.SlotCount];
    private readonly SortedSet<int> _registers = [];
    private readonly SortedSet<int> _dirty = [];
    private readonly LocalBuilder _budget;
    private readonly LocalBuilder _result;
    private readonly LocalBuilder _address;
    private readonly LocalBuilder _host;
    private readonly LocalBuilder _entry;
    private readonly LocalBuilder _tlb;
    private readonly Label _tail;
    private readonly Label _leave;
    private readonly List<(Label Label, Action Write)> _stubs = [];
    private (Place? Place, Label Label) _side;

    public RegionEmitter(Region region, ProcessorModel model)
    {
        (_region, _model) = (region, model);

        // The region comes first, unused: a delegate that is bound to an object calls at once, one without goes through a stub that moves the arguments.
        _method = new DynamicMethod($"region_{region.Blocks[0].Pc:x}", typeof(ulong), [typeof(Region), typeof(nint)], typeof(RegionEmitter).Module, skipVisibility: true);
        _il = _method.GetILGenerator(4096);
        _budget = _il.DeclareLocal(typeof(long));
        _result = _il.DeclareLocal(typeof(ulong));
        _address = _il.DeclareLocal(typeof(ulong));
        _host = _il.DeclareLocal(typeof(nint));
        _entry = _il.DeclareLocal(typeof(nint));
        _tlb = _il.DeclareLocal(typeof(nint));
        _tail = _il.DefineLabel();
        _leave = _il.DefineLabel();
        _heads = [.. region.Blocks.Select(_ => _il.DefineLabel())];
        for (int i = 0; i < region.Blocks.Count; i++)
        {
            _places[region.Blocks[i].Block] = i;
        }
    }

    public RegionCode Emit()
    {
        FindRegisters();
        LoadField(nameof(CpuState.Budget));
        _il.Emit(OpCodes.Stloc, _budget);
        LoadField(nameof(CpuState.Tlb));
        _il.Emit(OpCodes.Stloc, _tlb);
        LoadSpan();
        LoadRegisters(_registers);
        CheckBudget(_region.Blocks[0].Pc);
        for (int i = 0; i < _region.Blocks.Count; i++)
        {
            WriteBlock(i);
        }

        // The list grows while it is written.
        for (int i = 0; i < _stubs.Count; i++)
        {
            _il.MarkLabel(_stubs[i].Label);
            _stubs[i].Write();
        }

        _il.MarkLabel(_tail);
        StoreRegisters();
        StoreField(nameof(CpuState.Budget), () => _il.Emit(OpCodes.Ldloc, _budget));
        _il.MarkLabel(_leave);
        _il.Emit(OpCodes.Ldloc, _result);
        _il.Emit(OpCodes.Ret);
        return _method.CreateDelegate<RegionCode>(_region);
    }

    private void WriteBlock(int index)
    {
        RegionBlock block = _region.Blocks[index];
        int count = block.Marks.Length, instruction = 0;
        bool mayCall = false;
        FindWindowChecks(block);
        FindPageGroups(block);
        _il.MarkLabel(_heads[index]);
        _il.Emit(OpCodes.Ldloc, _budget);
        _il.Emit(OpCodes.Ldc_I8, (long)count);
        _il.Emit(OpCodes.Sub);
        _il.Emit(OpCodes.Stloc, _budget);
        for (int i = 0; i < block.Operations.Length; i++)
        {
            if (instruction + 1 < count && block.Marks[instruction + 1].Operation == i)
            {
                instruction++;
                if (mayCall)
                {
                    LeaveOnAttention(block.Pc + (ulong)block.Marks[instruction].Offset, count - instruction);
                    mayCall = false;
                }
            }

            var place = new Place(block, i, instruction, block.Pc + (ulong)block.Marks[instruction].Offset, count - instruction);
            MicroOp operation = block.Operations[i];
            if (instruction == count - 1 && i == block.Marks[instruction].Operation && block.Operations[^1].Code == Uop.ExitHelper)
            {
                // The interpreter carries out the last instruction whole, with all that it does before its helper.
                Side(place);
                break;
            }

            if (UopTable.EndsBlock(operation.Code))
            {
                if (mayCall)
                {
                    // Only a plain jump ends such a block, see RegionFormer.
                    LeaveOnAttention(block.Successors[0].Pc, 0);
                }

                WriteEnd(index, operation, place);
            }
            else
            {
                mayCall |= WriteOperation(operation, place);
            }
        }
    }

    private void WriteEnd(int index, MicroOp operation, Place place)
    {
        RegionBlock block = place.Block;
        switch (UopTable.ShapeOf(operation.Code))
        {
            case UopShape.Jump:
                Go(index, 0);
                break;
            case UopShape.Branch:
                Label taken = _il.DefineLabel();
                if (!TryWriteComparedBranch(block, operation, taken))
                {
                    LoadInteger(operation.A);
                    _il.Emit(OpCodes.Call, UopTable.KernelOf(operation.Code));
                    _il.Emit(OpCodes.Brtrue, taken);
                }

                Go(index, 0);
                _il.MarkLabel(taken);
                Go(index, 1);
                break;
            case UopShape.BranchIf or UopShape.BranchIfImmediate:
                Label holds = _il.DefineLabel();
                WriteComparison(operation, holds);
                Go(index, 0);
                _il.MarkLabel(holds);
                Go(index, 1);
                break;
            case UopShape.JumpTo:
                LoadInteger(operation.A);
                _il.Emit(OpCodes.Stloc, _address);
                for (int k = 0; k < block.Successors.Length; k++)
                {
                    if (block.Successors[k].Target == 0 || !_places.ContainsKey(block.Successors[k].Target))
                    {
                        continue;
                    }

                    Label other = _il.DefineLabel();
                    _il.Emit(OpCodes.Ldloc, _address);
                    _il.Emit(OpCodes.Ldc_I8, (long)block.Successors[k].Pc);
                    _il.Emit(OpCodes.Bne_Un, other);
                    Go(index, k);
                    _il.MarkLabel(other);
                }

                StoreField(nameof(CpuState.Pc), () => _il.Emit(OpCodes.Ldloc, _address));
                StoreField(nameof(CpuState.Block), () => LoadPointer(block.Block));
                Leave(ExitReason.Indirect);
                break;
            default:
                Side(place);
                break;
        }
    }

    /// <summary>Compares and branches; the host's compiler makes one comparison of it where it sees it whole.</summary>
    private void WriteComparison(MicroOp operation, Label holds)
    {
        bool isImmediate = operation.Code >= Uop.BranchIfEqI;
        int condition = operation.Code - (isImmediate ? Uop.BranchIfEqI : Uop.BranchIfEq);
        bool isNarrow = condition >= 6;
        LoadInteger(operation.A);
        Narrow();
        if (isImmediate && isNarrow)
        {
            _il.Emit(OpCodes.Ldc_I4, (int)operation.Immediate);
        }
        else if (isImmediate)
        {
            _il.Emit(OpCodes.Ldc_I8, (long)operation.Immediate);
        }
        else
        {
            LoadInteger(operation.B);
            Narrow();
        }

        _il.Emit(Comparisons[condition % 6], holds);

        void Narrow()
        {
            if (isNarrow)
            {
                _il.Emit(OpCodes.Conv_I4);
            }
        }
    }

    /// <summary>In the order of <see cref="Uop.BranchIfEq"/> and those that follow.</summary>
    private static readonly OpCode[] Comparisons = [OpCodes.Beq, OpCodes.Bne_Un, OpCodes.Blt, OpCodes.Bge, OpCodes.Blt_Un, OpCodes.Bge_Un];

    /// <summary>Control goes to a successor: inside of the region where it is a member, else out by its link.</summary>
    private void Go(int from, int successor)
    {
        (ulong pc, nint target) = _region.Blocks[from].Successors[successor];
        if (target != 0 && _places.TryGetValue(target, out int to))
        {
            if (to <= from)
            {
                CheckBudget(pc);
            }

            _il.Emit(OpCodes.Br, _heads[to]);
            return;
        }

        unsafe
        {
            Successor* link = &((CodeBlock*)_region.Blocks[from].Block)->Successor0 + successor;
            LoadPointer((nint)link);
        }

        _il.Emit(OpCodes.Conv_U8);
        _il.Emit(OpCodes.Stloc, _result);
        _il.Emit(OpCodes.Br, _tail);
    }

    /// <summary>Leaves when the budget does not last for the region's longest way without a backward step.</summary>
    private void CheckBudget(ulong pc)
    {
        _il.Emit(OpCodes.Ldloc, _budget);
        _il.Emit(OpCodes.Ldc_I8, (long)_region.Instructions);
        _il.Emit(OpCodes.Blt, Stub(() => Leave(new RegionExit(ExitReason.Budget, pc, 0))));
    }

    private void LeaveOnAttention(ulong pc, int refund)
    {
        LoadField(nameof(CpuState.Attention));
        _il.Emit(OpCodes.Brtrue, Stub(() => Leave(new RegionExit(ExitReason.Attention, pc, refund))));
    }

    /// <summary>Leaves the instruction to the interpreter.</summary>
    private void Side(Place place) => Leave(new RegionExit(ExitReason.Side, place.Pc, place.Ahead));

    /// <summary>Leaves the instruction to the interpreter, and has it counted; one stub serves all checks of a micro-op.</summary>
    private Label SideStub(Place place)
    {
        if (_side.Place != place)
        {
            _side = (place, Stub(() => Leave(new RegionExit(ExitReason.Side, place.Pc, place.Ahead, place.Block.Block, place.Operation))));
        }

        return _side.Label;
    }

    private void Leave(RegionExit exit)
    {
        _il.Emit(OpCodes.Ldc_I8, _region.AddExit(exit));
        _il.Emit(OpCodes.Stloc, _result);
        _il.Emit(OpCodes.Br, _tail);
    }

    private Label Stub(Action write)
    {
        Label label = _il.DefineLabel();
        _stubs.Add((label, write));
        return label;
    }

    private void Leave(ExitReason reason)
    {
        _il.Emit(OpCodes.Ldc_I8, (long)reason);
        _il.Emit(OpCodes.Stloc, _result);
        _il.Emit(OpCodes.Br, _tail);
    }

    private void LoadPointer(nint pointer)
    {
        _il.Emit(OpCodes.Ldc_I8, (long)pointer);
        _il.Emit(OpCodes.Conv_I);
    }

    private void LoadField(string name)
    {
        _il.Emit(OpCodes.Ldarg_1);
        _il.Emit(OpCodes.Ldfld, Field(name));
    }

    private void StoreField(string name, Action value)
    {
        _il.Emit(OpCodes.Ldarg_1);
        value();
        _il.Emit(OpCodes.Stfld, Field(name));
    }

    private static FieldInfo Field(string name) => typeof(CpuState).GetField(name)!;

    /// <summary>A micro-op's place in a region.</summary>
    /// <param name="Block">Its block.</param>
    /// <param name="Operation">Its index.</param>
    /// <param name="Instruction">Index of its instruction.</param>
    /// <param name="Pc">Virtual address of its instruction.</param>
    /// <param name="Ahead">Instructions of the block from this one on.</param>
    private sealed record Place(RegionBlock Block, int Operation, int Instruction, ulong Pc, int Ahead);
}
