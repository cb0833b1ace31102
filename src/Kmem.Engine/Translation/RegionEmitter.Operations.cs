using System.Numerics;
using System.Reflection;
using System.Reflection.Emit;
using Kmem.Ir;

namespace Kmem.Engine.Translation;

/// <content>One micro-op after the other.</content>
internal sealed partial class RegionEmitter
{
    private LocalBuilder? _value;

    /// <summary>Writes a micro-op.</summary>
    /// <returns>Whether it calls out of the code, so that somebody may want attention afterwards.</returns>
    private bool WriteOperation(MicroOp operation, Place place)
    {
        switch (UopTable.ShapeOf(operation.Code))
        {
            case UopShape.Nothing:
                return false;
            case UopShape.Constant:
                _il.Emit(OpCodes.Ldc_I8, (long)operation.Immediate);
                StoreInteger(operation.D);
                return false;
            case UopShape.Unary:
                LoadInteger(operation.A);
                Call(operation.Code);
                StoreInteger(operation.D);
                return false;
            case UopShape.Binary:
                LoadInteger(operation.A);
                LoadInteger(operation.B);
                Call(operation.Code);
                StoreInteger(operation.D);
                return false;
            case UopShape.BinaryImmediate:
                LoadInteger(operation.A);
                _il.Emit(OpCodes.Ldc_I8, (long)operation.Immediate);
                Call(operation.Code);
                StoreInteger(operation.D);
                return false;
            case UopShape.Ternary:
                LoadInteger(operation.A);
                LoadInteger(operation.B);
                _il.Emit(OpCodes.Ldc_I8, (long)operation.Immediate);
                Call(operation.Code);
                StoreInteger(operation.D);
                return false;
            case UopShape.Conditional:
                Label keep = _il.DefineLabel();
                LoadInteger(operation.A);
                Call(operation.Code);
                _il.Emit(OpCodes.Brfalse, keep);
                LoadInteger(operation.B);
                StoreInteger(operation.D);
                _il.MarkLabel(keep);
                return false;
            case UopShape.Load:
                return WriteLoad(operation, place);
            case UopShape.Store:
                return WriteStore(operation, place);
            case UopShape.Pure:
                LoadInteger(operation.A);
                LoadInteger(operation.B);
                _il.Emit(OpCodes.Call, GuestKernels.PureAt((int)operation.Immediate).Method);
                StoreInteger(operation.D);
                return false;
            case UopShape.Pure3:
                LoadInteger(operation.A);
                LoadInteger(operation.B);
                LoadInteger(UopTable.ThirdOf(operation));
                _il.Emit(OpCodes.Call, GuestKernels.Pure3At((int)(uint)operation.Immediate).Method);
                StoreInteger(operation.D);
                return false;
            case UopShape.Probe:
                return WriteProbe(operation, place);
            case UopShape.Limit:
                return WriteLimit(operation, place);
            case UopShape.Guarded:
                return WriteGuarded(operation, place);
            case UopShape.Helper:
                WriteHelper(place, () =>
                {
                    LoadInteger(operation.A);
                    _il.Emit(OpCodes.Ldc_I8, (long)operation.Immediate);
                    _il.Emit(OpCodes.Call, GuestKernels.HelperAt(operation.B).Method);
                });
                return true;
            case UopShape.Count:
                LoadField(nameof(CpuState.ExecutedAtZero));
                _il.Emit(OpCodes.Ldloc, _budget);
                _il.Emit(OpCodes.Sub);
                _il.Emit(OpCodes.Ldc_I8, (long)operation.Immediate);
                _il.Emit(OpCodes.Sub);
                StoreInteger(operation.D);
                return false;
            default:
                throw new NotSupportedException($"The micro-op {operation.Code} can't be translated.");
        }
    }

    private void Call(Uop code) => _il.Emit(OpCodes.Call, UopTable.KernelOf(code));

    private void LoadAddress(MicroOp operation)
    {
        LoadInteger(operation.A);
        if (operation.Immediate != 0)
        {
            _il.Emit(OpCodes.Ldc_I8, (long)operation.Immediate);
            _il.Emit(OpCodes.Add);
        }

        _il.Emit(OpCodes.Stloc, _address);
    }

    /// <summary>Brings the host address into its local, or leaves for the interpreter.</summary>
    private void Reach(MicroOp operation, Place place, string tag)
    {
        if (TryReachWithGroup(place))
        {
            return;
        }

        if (UsesSpan(operation))
        {
            ReachSpan(operation, place, tag);
        }
        else
        {
            ReachPage(operation, tag, SideStub(place));
        }
    }

    /// <summary>Brings the host address into its local where the TLB has the page.</summary>
    private void ReachPage(MicroOp operation, string tag, Label miss)
    {
        _il.Emit(OpCodes.Ldloc, _tlb);
        _il.Emit(OpCodes.Ldloc, _address);
        _il.Emit(OpCodes.Ldc_I4, _model.PageShift);
        _il.Emit(OpCodes.Call, Entry);
        _il.Emit(OpCodes.Stloc, _entry);
        _il.Emit(OpCodes.Ldloc, _entry);
        _il.Emit(OpCodes.Ldfld, typeof(TlbEntry).GetField(tag)!);
        _il.Emit(OpCodes.Ldloc, _address);
        _il.Emit(OpCodes.Ldc_I4, _model.PageShift);
        _il.Emit(OpCodes.Ldc_I4, UopTable.WidthOf(operation.Code));
        _il.Emit(OpCodes.Call, UopTable.IsUnaligned(operation.Code) ? HitsUnaligned : Hits);
        _il.Emit(OpCodes.Brfalse, miss);
        _il.Emit(OpCodes.Ldloc, _address);
        _il.Emit(OpCodes.Conv_I);
        _il.Emit(OpCodes.Ldloc, _entry);
        _il.Emit(OpCodes.Ldfld, typeof(TlbEntry).GetField(nameof(TlbEntry.Addend))!);
        _il.Emit(OpCodes.Add);
        _il.Emit(OpCodes.Stloc, _host);
    }

    private bool WriteLoad(MicroOp operation, Place place)
    {
        if (UsesWindow(operation))
        {
            WriteWindowLoad(operation, place);
            return false;
        }

        LoadAddress(operation);
        bool isSlow = (operation.Site & SiteFlags.Slow) != 0;
        Label done = default;
        if (isSlow)
        {
            // Often only a page that the TLB does not have: what it has goes the quick way here too.
            done = _il.DefineLabel();
            ReachPage(operation, nameof(TlbEntry.Read), Stub(() => WriteSlowLoad(operation, place, done)));
        }
        else
        {
            Reach(operation, place, nameof(TlbEntry.Read));
        }

        _il.Emit(OpCodes.Ldloc, _host);
        Call(operation.Code);
        StoreInteger(operation.D);
        if (isSlow)
        {
            _il.MarkLabel(done);
        }

        return isSlow;
    }

    private void WriteSlowLoad(MicroOp operation, Place place, Label done)
    {
        NotePlace(place);
        _il.Emit(OpCodes.Ldarg_1);
        _il.Emit(OpCodes.Ldloc, _address);
        _il.Emit(OpCodes.Ldc_I4, UopTable.WidthOf(operation.Code));
        _il.Emit(OpCodes.Call, CallLoad);
        if (operation.Code == Uop.Load32S)
        {
            Call(Uop.Sext32);
        }

        _il.Emit(OpCodes.Stloc, _address);
        LeaveOnFault();
        _il.Emit(OpCodes.Ldloc, _address);
        StoreInteger(operation.D);
        _il.Emit(OpCodes.Br, done);
    }

    private bool WriteStore(MicroOp operation, Place place)
    {
        if (UsesWindow(operation))
        {
            WriteWindowStore(operation, place);
            return false;
        }

        LoadAddress(operation);
        bool isSlow = (operation.Site & SiteFlags.Slow) != 0;
        Label done = default, miss;
        if (isSlow)
        {
            done = _il.DefineLabel();
            miss = Stub(() => WriteSlowStore(operation, place, done));
            ReachPage(operation, nameof(TlbEntry.Write), miss);
        }
        else
        {
            Reach(operation, place, nameof(TlbEntry.Write));
            miss = SideStub(place);
        }

        LoadPointer(_region.Constants!.CodeLines);
        _il.Emit(OpCodes.Ldloc, _host);
        if (!UopTable.IsUnaligned(operation.Code))
        {
            _il.Emit(OpCodes.Call, HitsCode);
        }
        else if ((operation.Site & (SiteFlags.Single | SiteFlags.Slow)) == 0)
        {
            // Both lines that the store may touch in one comparison. Where the second one is code again and again without being touched, the site asks exactly.
            _il.Emit(OpCodes.Call, MayHitCode);
        }
        else
        {
            _il.Emit(OpCodes.Ldc_I4, UopTable.WidthOf(operation.Code));
            _il.Emit(OpCodes.Call, HitsCodeUnaligned);
        }

        _il.Emit(OpCodes.Brtrue, miss);
        _il.Emit(OpCodes.Ldloc, _host);
        LoadInteger(operation.B);
        Call(operation.Code);
        if (isSlow)
        {
            _il.MarkLabel(done);
        }

        return isSlow;
    }

    private void WriteSlowStore(MicroOp operation, Place place, Label done)
    {
        NotePlace(place);
        _il.Emit(OpCodes.Ldarg_1);
        _il.Emit(OpCodes.Ldloc, _address);
        _il.Emit(OpCodes.Ldc_I4, UopTable.WidthOf(operation.Code));
        LoadInteger(operation.B);
        _il.Emit(OpCodes.Call, CallStore);
        LeaveOnFault();
        _il.Emit(OpCodes.Br, done);
    }

    private bool WriteProbe(MicroOp operation, Place place)
    {
        LoadAddress(operation);
        if ((operation.Site & SiteFlags.Slow) == 0)
        {
            Reach(operation with { Code = Uop.Store8, Site = SiteFlags.Tlb }, place, nameof(TlbEntry.Write));
            return false;
        }

        NotePlace(place);
        _il.Emit(OpCodes.Ldarg_1);
        _il.Emit(OpCodes.Ldloc, _address);
        _il.Emit(OpCodes.Ldc_I4_0);
        _il.Emit(OpCodes.Ldc_I8, 0L);
        _il.Emit(OpCodes.Call, CallStore);
        LeaveOnFault();
        return true;
    }

    private bool WriteLimit(MicroOp operation, Place place)
    {
        bool calls = (operation.Site & SiteFlags.Slow) != 0;
        Label fits = _il.DefineLabel();
        LoadInteger(operation.A);
        _il.Emit(OpCodes.Ldc_I8, (long)(byte)operation.Immediate);
        _il.Emit(OpCodes.Add);
        LoadInteger(operation.B);
        if (!calls)
        {
            _il.Emit(OpCodes.Bgt_Un, SideStub(place));
            return false;
        }

        _il.Emit(OpCodes.Ble_Un, fits);
        NotePlace(place);
        _il.Emit(OpCodes.Ldarg_1);
        LoadInteger(operation.A);
        _il.Emit(OpCodes.Ldc_I8, (long)operation.Immediate);
        _il.Emit(OpCodes.Call, GuestKernels.HelperAt((int)(operation.Immediate >> 32)).Method);
        _il.Emit(OpCodes.Conv_U8);
        _il.Emit(OpCodes.Stloc, _result);
        _il.Emit(OpCodes.Ldloc, _result);
        _il.Emit(OpCodes.Brtrue, _tail);
        _il.MarkLabel(fits);
        return true;
    }

    private bool WriteGuarded(MicroOp operation, Place place)
    {
        GuardedKernel kernel = GuestKernels.GuardedAt((int)(uint)operation.Immediate);
        _value ??= _il.DeclareLocal(typeof(double));
        LoadDouble(operation.A);
        LoadDouble(operation.B);
        _il.Emit(OpCodes.Call, kernel.Value);
        _il.Emit(OpCodes.Stloc, _value);
        LoadDouble(operation.A);
        LoadDouble(operation.B);
        _il.Emit(OpCodes.Ldloc, _value);
        LoadInteger(kernel.ControlSlot);
        _il.Emit(OpCodes.Call, kernel.Guard);
        bool calls = (operation.Site & SiteFlags.Slow) != 0;
        Label done = _il.DefineLabel(), slow = _il.DefineLabel();
        _il.Emit(OpCodes.Brfalse, calls ? slow : SideStub(place));
        _il.Emit(OpCodes.Ldloc, _value);
        if (IsFloating(operation.D))
        {
            _il.Emit(OpCodes.Stloc, _locals[operation.D]!);
        }
        else
        {
            _il.Emit(OpCodes.Call, ToBits);
            StoreInteger(operation.D);
        }

        if (!calls)
        {
            return false;
        }

        _il.Emit(OpCodes.Br, done);
        _il.MarkLabel(slow);
        WriteHelper(place, () =>
        {
            _il.Emit(OpCodes.Ldc_I8, (long)operation.Immediate);
            _il.Emit(OpCodes.Call, CallGuarded);
        });
        _il.MarkLabel(done);
        return true;
    }

    /// <summary>Calls a function that may read and write every register: they are in the state meanwhile.</summary>
    /// <param name="place">Where.</param>
    /// <param name="call">Loads the arguments behind the state, calls, and leaves the reason to go on the stack.</param>
    private void WriteHelper(Place place, Action call)
    {
        StoreRegisters();
        NotePlace(place);
        _il.Emit(OpCodes.Ldarg_1);
        call();
        _il.Emit(OpCodes.Conv_U8);
        _il.Emit(OpCodes.Stloc, _result);
        _il.Emit(OpCodes.Ldloc, _result);
        _il.Emit(OpCodes.Brtrue, _leave);
        LoadRegisters(_registers);
        LoadField(nameof(CpuState.Budget));
        _il.Emit(OpCodes.Stloc, _budget);
    }

    /// <summary>Tells the slow path where it stands, for exact time and precise faults.</summary>
    private unsafe void NotePlace(Place place)
    {
        StoreField(nameof(CpuState.Budget), () => _il.Emit(OpCodes.Ldloc, _budget));
        StoreField(nameof(CpuState.Block), () => LoadPointer(place.Block.Block));
        StoreField(nameof(CpuState.Current), () => LoadPointer((nint)(((CodeBlock*)place.Block.Block)->Operations + place.Operation)));
    }

    private void LeaveOnFault()
    {
        // A device may have shortened the slice.
        LoadField(nameof(CpuState.Budget));
        _il.Emit(OpCodes.Stloc, _budget);
        LoadField(nameof(CpuState.Fault));
        _il.Emit(OpCodes.Brtrue, Stub(() => Leave(ExitReason.Fault)));
    }

    private static readonly unsafe MethodInfo InWindow = ((Func<ulong, ulong, int, bool>)MemoryKernels.InWindow).Method;
    private static readonly MethodInfo Entry = typeof(MemoryKernels).GetMethod(nameof(MemoryKernels.Entry))!;
    private static readonly MethodInfo Hits = ((Func<ulong, ulong, int, int, bool>)MemoryKernels.Hits).Method;
    private static readonly MethodInfo HitsUnaligned = ((Func<ulong, ulong, int, int, bool>)MemoryKernels.HitsUnaligned).Method;
    private static readonly unsafe MethodInfo HitsCode = typeof(MemoryKernels).GetMethod(nameof(MemoryKernels.HitsCode), [typeof(byte*), typeof(nint)])!;
    private static readonly unsafe MethodInfo HitsCodeUnaligned = typeof(MemoryKernels).GetMethod(nameof(MemoryKernels.HitsCode), [typeof(byte*), typeof(nint), typeof(int)])!;
    private static readonly MethodInfo MayHitCode = typeof(MemoryKernels).GetMethod(nameof(MemoryKernels.MayHitCode))!;
    private static readonly MethodInfo CallLoad = typeof(RegionCalls).GetMethod(nameof(RegionCalls.Load))!;
    private static readonly MethodInfo CallStore = typeof(RegionCalls).GetMethod(nameof(RegionCalls.Store))!;
    private static readonly MethodInfo CallGuarded = typeof(RegionCalls).GetMethod(nameof(RegionCalls.Guarded))!;
}

/// <summary>What translated code calls.</summary>
internal static unsafe class RegionCalls
{
    public static ulong Load(CpuState* state, ulong address, int width)
    {
        ulong value = 0;
        _ = state->SlowLoad(state, address, width, &value);
        return value;
    }

    public static void Store(CpuState* state, ulong address, int width, ulong value) => _ = state->SlowStore(state, address, width, value);

    public static int Guarded(CpuState* state, ulong immediate) => Interpreter.CallGuarded(state, immediate);
}
