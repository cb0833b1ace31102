using System.Reflection.Emit;
using Kmem.Ir;

namespace Kmem.Engine.Translation;

/// <content>Loads and stores through the linear window.</content>
internal sealed partial class RegionEmitter
{
    private WindowCheck[] _windowChecks = [];

    private bool UsesWindow(MicroOp operation) =>
        _region.Constants is { HasWindow: true, IsFound: false, LinearLength: not 0 } && operation.Site == SiteFlags.None && !UopTable.IsUnaligned(operation.Code);

    private void FindWindowChecks(RegionBlock block)
    {
        if (_region.Constants is { HasWindow: true, IsFound: false, LinearLength: not 0 } constants)
        {
            _windowChecks = WindowProofs.Find(block.Operations, constants.LinearLength);
        }
    }

    private void WriteWindowLoad(MicroOp operation, Place place)
    {
        if (!_windowChecks[place.Operation].IsChecked)
        {
            // One constant takes a proven address to the host.
            LoadShifted(operation, (ulong)_region.Constants!.LinearHost - _region.Constants.LinearBase);
            _il.Emit(OpCodes.Conv_I);
        }
        else
        {
            CheckWindow(operation, place);
            _il.Emit(OpCodes.Ldloc, _address);
            AddToAddress((ulong)_region.Constants!.LinearHost);
        }

        Call(operation.Code);
        StoreInteger(operation.D);
    }

    private void WriteWindowStore(MicroOp operation, Place place)
    {
        if (_windowChecks[place.Operation].IsChecked)
        {
            CheckWindow(operation, place);
        }
        else
        {
            LoadShifted(operation, 0 - _region.Constants!.LinearBase);
            _il.Emit(OpCodes.Stloc, _address);
        }

        // The marks of lines by offset and not by host address: that is one addition less before the store.
        LoadPointer(_region.Constants!.CodeLines + (_region.Constants.LinearHost >> 6));
        _il.Emit(OpCodes.Ldloc, _address);
        _il.Emit(OpCodes.Conv_I);
        _il.Emit(OpCodes.Call, HitsCode);
        _il.Emit(OpCodes.Brtrue, SideStub(place));
        _il.Emit(OpCodes.Ldloc, _address);
        AddToAddress((ulong)_region.Constants.LinearHost);
        LoadInteger(operation.B);
        Call(operation.Code);
    }

    /// <summary>Brings the offset in the window into its local, or leaves for the interpreter.</summary>
    private void CheckWindow(MicroOp operation, Place place)
    {
        WindowCheck check = _windowChecks[place.Operation];
        LoadShifted(operation, 0 - _region.Constants!.LinearBase);
        _il.Emit(OpCodes.Stloc, _address);
        _il.Emit(OpCodes.Ldloc, _address);
        if (check.Distance != 0)
        {
            _il.Emit(OpCodes.Ldc_I8, check.Distance);
            _il.Emit(OpCodes.Add);
        }

        _il.Emit(OpCodes.Ldc_I8, (long)check.Length);
        _il.Emit(OpCodes.Ldc_I4, check.Log2);
        _il.Emit(OpCodes.Call, InWindow);
        _il.Emit(OpCodes.Brfalse, SideStub(place));
    }

    private void LoadShifted(MicroOp operation, ulong constant)
    {
        LoadInteger(operation.A);
        _il.Emit(OpCodes.Ldc_I8, (long)(operation.Immediate + constant));
        _il.Emit(OpCodes.Add);
    }

    private void AddToAddress(ulong constant)
    {
        _il.Emit(OpCodes.Ldc_I8, (long)constant);
        _il.Emit(OpCodes.Add);
        _il.Emit(OpCodes.Conv_I);
    }
}
