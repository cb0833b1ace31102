using System.Reflection.Emit;
using Kmem.Ir;

namespace Kmem.Engine.Translation;

/// <content>Loads and stores through a linear window whose place is found while code runs.</content>
internal sealed partial class RegionEmitter
{
    private LocalBuilder? _spanBase, _spanLength, _spanAddend;

    /// <summary>Whether an access has only been seen in the window.</summary>
    private bool UsesSpan(MicroOp operation) => _region.Constants is { HasWindow: true, IsFound: true } && operation.Site == SiteFlags.None;

    /// <summary>Takes the window as it is when the code is entered; it may grow later, and does not move before the code is left.</summary>
    private void LoadSpan()
    {
        if (_region.Constants is not { HasWindow: true, IsFound: true } || !_region.Blocks.Any(b => b.Operations.Any(o => UopTable.WidthOf(o.Code) != 0 && UsesSpan(o))))
        {
            return;
        }

        (_spanBase, _spanLength, _spanAddend) = (_il.DeclareLocal(typeof(ulong)), _il.DeclareLocal(typeof(ulong)), _il.DeclareLocal(typeof(ulong)));
        LoadField(nameof(CpuState.LinearBase));
        _il.Emit(OpCodes.Stloc, _spanBase);
        LoadField(nameof(CpuState.LinearLength));
        _il.Emit(OpCodes.Stloc, _spanLength);
        LoadField(nameof(CpuState.LinearHost));
        _il.Emit(OpCodes.Conv_U8);
        _il.Emit(OpCodes.Ldloc, _spanBase);
        _il.Emit(OpCodes.Sub);
        _il.Emit(OpCodes.Stloc, _spanAddend);
    }

    /// <summary>Brings the host address into its local by the window, else by the TLB, or leaves for the interpreter.</summary>
    private void ReachSpan(MicroOp operation, Place place, string tag)
    {
        Label done = _il.DefineLabel();
        CheckSpan(0, Stub(() =>
        {
            ReachPage(operation, tag, SideStub(place));
            _il.Emit(OpCodes.Br, done);
        }));
        _il.Emit(OpCodes.Ldloc, _address);
        _il.Emit(OpCodes.Ldloc, _spanAddend!);
        _il.Emit(OpCodes.Add);
        _il.Emit(OpCodes.Conv_I);
        _il.Emit(OpCodes.Stloc, _host);
        _il.MarkLabel(done);
    }

    /// <summary>Finds what takes addresses of a group to the host: the window, or the page that the TLB has.</summary>
    private void FindSpanAddend(AccessGroup group, Place place, LocalBuilder addend)
    {
        Label done = _il.DefineLabel();
        CheckSpan(group.Distance, Stub(() =>
        {
            FindPageAddend(group, place, addend);
            _il.Emit(OpCodes.Br, done);
        }));
        _il.Emit(OpCodes.Ldloc, _spanAddend!);
        _il.Emit(OpCodes.Conv_I);
        _il.Emit(OpCodes.Stloc, addend);
        _il.MarkLabel(done);
    }

    /// <summary>Goes elsewhere where the window does not hold the bytes from a distance on; its reserve speaks for those behind.</summary>
    private void CheckSpan(long distance, Label miss)
    {
        _il.Emit(OpCodes.Ldloc, _address);
        if (distance != 0)
        {
            _il.Emit(OpCodes.Ldc_I8, distance);
            _il.Emit(OpCodes.Add);
        }

        _il.Emit(OpCodes.Ldloc, _spanBase!);
        _il.Emit(OpCodes.Sub);
        _il.Emit(OpCodes.Ldloc, _spanLength!);
        _il.Emit(OpCodes.Bge_Un, miss);
    }
}
