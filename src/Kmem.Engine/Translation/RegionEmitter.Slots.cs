using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.InteropServices;
using Kmem.Ir;

namespace Kmem.Engine.Translation;

/// <content>Slots as locals of the method.</content>
internal sealed partial class RegionEmitter
{
    private static readonly MethodInfo ToBits = ((Func<double, ulong>)BitConverter.DoubleToUInt64Bits).Method;
    private static readonly MethodInfo ToDouble = ((Func<ulong, double>)BitConverter.UInt64BitsToDouble).Method;
    private static readonly int SlotsOffset = (int)Marshal.OffsetOf<CpuState>(nameof(CpuState.Slots));

    private bool IsFloating(int slot) => slot >= _model.FirstFloatingSlot && slot < _model.FirstFloatingSlot + _model.FloatingSlots;

    private void FindRegisters()
    {
        foreach (RegionBlock block in _region.Blocks)
        {
            foreach (MicroOp operation in block.Operations)
            {
                if (UopTable.ReadsA(operation.Code) && operation.Code != Uop.ExitHelper)
                {
                    Use(operation.A);
                }

                if (UopTable.ReadsB(operation.Code))
                {
                    Use(operation.B);
                }

                if (UopTable.ThirdOf(operation) is >= 0 and int third)
                {
                    Use(third);
                }

                if (UopTable.SetsD(operation.Code))
                {
                    Use(operation.D);
                    if (operation.D < _model.RegisterCount)
                    {
                        _dirty.Add(operation.D);
                    }
                }

                if (operation.Code == Uop.Guarded)
                {
                    Use(GuestKernels.GuardedAt((int)(uint)operation.Immediate).ControlSlot);
                }
            }
        }
    }

    private void Use(int slot)
    {
        if (slot == _model.ZeroSlot || _locals[slot] is not null)
        {
            return;
        }

        _locals[slot] = _il.DeclareLocal(IsFloating(slot) ? typeof(double) : typeof(ulong));
        if (slot < _model.RegisterCount)
        {
            _registers.Add(slot);
        }
    }

    private void LoadRegisters(IEnumerable<int> slots)
    {
        foreach (int slot in slots)
        {
            LoadSlotAddress(slot);
            _il.Emit(IsFloating(slot) ? OpCodes.Ldind_R8 : OpCodes.Ldind_I8);
            _il.Emit(OpCodes.Stloc, _locals[slot]!);
        }
    }

    private void StoreRegisters()
    {
        foreach (int slot in _dirty)
        {
            LoadSlotAddress(slot);
            _il.Emit(OpCodes.Ldloc, _locals[slot]!);
            _il.Emit(IsFloating(slot) ? OpCodes.Stind_R8 : OpCodes.Stind_I8);
        }
    }

    private void LoadSlotAddress(int slot)
    {
        _il.Emit(OpCodes.Ldarg_1);
        _il.Emit(OpCodes.Ldc_I4, SlotsOffset + (8 * slot));
        _il.Emit(OpCodes.Add);
    }

    private void LoadInteger(int slot)
    {
        if (slot == _model.ZeroSlot)
        {
            _il.Emit(OpCodes.Ldc_I8, 0L);
            return;
        }

        _il.Emit(OpCodes.Ldloc, _locals[slot]!);
        if (IsFloating(slot))
        {
            _il.Emit(OpCodes.Call, ToBits);
        }
    }

    private void LoadDouble(int slot)
    {
        if (slot != _model.ZeroSlot && IsFloating(slot))
        {
            _il.Emit(OpCodes.Ldloc, _locals[slot]!);
            return;
        }

        LoadInteger(slot);
        _il.Emit(OpCodes.Call, ToDouble);
    }

    /// <summary>Stores the integer on the stack.</summary>
    private void StoreInteger(int slot)
    {
        if (IsFloating(slot))
        {
            _il.Emit(OpCodes.Call, ToDouble);
        }

        _il.Emit(OpCodes.Stloc, _locals[slot]!);
    }
}
