using Kmem.Abstractions;
using Kmem.Ir;

namespace Kmem.Plugins.CpuAlpha.Palcode;

/// <content>PALmode's own instructions.</content>
internal sealed unsafe partial class ImagePalcode
{
    private static readonly HelperFunction MoveFrom = GuestKernels.Helper(&MoveFromOf, MoveFromOf);
    private static readonly HelperFunction MoveTo = GuestKernels.Helper(&MoveToOf, MoveToOf);
    private static readonly HelperFunction LoadHardware = GuestKernels.Helper(&LoadHardwareOf, LoadHardwareOf);
    private static readonly HelperFunction StoreHardware = GuestKernels.Helper(&StoreHardwareOf, StoreHardwareOf);
    private static readonly HelperFunction ReturnHardware = GuestKernels.Helper(&ReturnHardwareOf, ReturnHardwareOf);

    /// <inheritdoc/>
    public override void LiftHardware(LiftContext x)
    {
        AlphaInstruction i = x.Instruction;
        int slot = AlphaSlots.Integer(i.Ra, isPalMode: true);
        switch (i.Opcode)
        {
            case 0x19:
                x.Ir.Helper(MoveFrom, x.Ir.Const((uint)slot), i.Word & 0xFFFF);
                break;
            case 0x1D:
                // The write may change the mode or stop the CPU, so it ends the block; the next address travels in the high half.
                x.Ir.Helper(MoveTo, x.Base, i.Word & 0xFFFF);
                x.Ir.Jump(x.Pc + 4);
                break;
            case 0x1B:
                x.Ir.Helper(LoadHardware, x.Base + (ulong)Displacement(i), (uint)slot | ((i.Word >> 4) & 0xF00));
                break;
            case 0x1F:
                x.Ir.Helper(StoreHardware, x.Base + (ulong)Displacement(i), (uint)slot | ((i.Word >> 4) & 0xF00));
                break;
            default:
                x.Ir.ExitHelper(ReturnHardware, i.Rb == 31 ? x.Ir.Const(0) : x.Base, i.Rb == 31 ? 0u : 1);
                break;
        }
    }

    private static long Displacement(AlphaInstruction i) => (long)(int)(i.Word << 20) >> 20;

    private static ImagePalcode Of(CpuState* state) => (ImagePalcode)AlphaCpu.Of(state).Palcode;

    private static int MoveFromOf(CpuState* state, ulong slot, ulong register)
    {
        if (slot != AlphaSlots.Zero)
        {
            state->Slots[slot] = Of(state).ReadRegister((int)register);
        }

        return 0;
    }

    private static int MoveToOf(CpuState* state, ulong value, ulong register)
    {
        Of(state).WriteRegister((int)register, value);
        return 0;
    }

    /// <summary>HW_LD: types 0 to 3 are physical, A and B kernel virtual, E and F user virtual.</summary>
    private static int LoadHardwareOf(CpuState* state, ulong address, ulong immediate)
    {
        int slot = (int)(immediate & 0xFF), type = (int)(immediate >> 8), width = (type & 1) != 0 ? 8 : 4;
        ImagePalcode palcode = Of(state);
        if (!palcode.Reach(address, type, width, out ulong physical))
        {
            return type is < 4 or 0xA or 0xB or 0xE or 0xF ? (int)ExitReason.Fault : AlphaHelpers.Raise(state, AlphaFault.IllegalInstruction, 0, 0);
        }

        if (!palcode.Memory.ReadPhysical(physical, width, out ulong value))
        {
            return AlphaHelpers.Raise(state, AlphaFault.MachineCheck, address, (ulong)MemoryAccess.Load << 32);
        }

        if (type is 2 or 3)
        {
            (state->Slots[AlphaSlots.LockFlag], state->Slots[AlphaSlots.LockAddress]) = (1, address);
        }

        if (slot != AlphaSlots.Zero)
        {
            state->Slots[slot] = width == 4 ? Kernels.Sext32(value) : value;
        }

        return 0;
    }

    private static int StoreHardwareOf(CpuState* state, ulong address, ulong immediate)
    {
        int slot = (int)(immediate & 0xFF), type = (int)(immediate >> 8), width = (type & 1) != 0 ? 8 : 4;
        ImagePalcode palcode = Of(state);
        if (!palcode.Reach(address, type, width, out ulong physical))
        {
            return AlphaHelpers.Raise(state, AlphaFault.IllegalInstruction, 0, 0);
        }

        bool conditional = type is 2 or 3, stands = !conditional || (state->Slots[AlphaSlots.LockFlag] != 0 && state->Slots[AlphaSlots.LockAddress] == address);
        if (stands && !palcode.Memory.WritePhysical(physical, width, state->Slots[slot]))
        {
            return AlphaHelpers.Raise(state, AlphaFault.MachineCheck, address, (ulong)MemoryAccess.Store << 32);
        }

        if (conditional)
        {
            state->Slots[AlphaSlots.LockFlag] = 0;
            if (slot != AlphaSlots.Zero)
            {
                state->Slots[slot] = stands ? 1UL : 0;
            }
        }

        return 0;
    }

    private static int ReturnHardwareOf(CpuState* state, ulong target, ulong hasTarget)
    {
        ImagePalcode palcode = Of(state);
        ulong pc = hasTarget != 0 ? target : palcode._registers[InternalRegister.ExceptionAddress];
        state->Slots[AlphaSlots.LockFlag] = 0;
        state->Slots[AlphaSlots.InterruptFlag] = 0;
        palcode.ApplyContext(isPalMode: (pc & 1) != 0);
        state->Pc = pc & ~3UL;
        return (int)ExitReason.Indirect;
    }

    private IExecution Memory => cpu.Execution;

    /// <summary>Physical address of a hardware load or store; a fault of translation is in the state then.</summary>
    private bool Reach(ulong address, int type, int width, out ulong physical)
    {
        physical = address & ~(ulong)(width - 1);
        if (type < 4)
        {
            return true;
        }

        if (type is not (0xA or 0xB or 0xE or 0xF))
        {
            return false;
        }

        TranslatedAddress translation = cpu.TranslateAs(address, MemoryAccess.Load, isUser: type >= 0xE);
        if (translation.Fault != 0)
        {
            cpu.RaiseMemoryFault(address, MemoryAccess.Load, width, translation, AccessResult.Ok);
            return false;
        }

        physical = translation.Physical;
        return true;
    }

    private ulong ReadRegister(int register) => register switch
    {
        InternalRegister.CycleOffset => (ulong)((long)Slots[AlphaSlots.CycleOffset] >> 32),
        >= InternalRegister.Unshadowed8 and < InternalRegister.Unshadowed25 => Slots[register - InternalRegister.Unshadowed8 + 8],
        InternalRegister.Unshadowed25 => Slots[25],
        InternalRegister.VirtualNanoseconds => (ulong)cpu.Clock.Now,
        InternalRegister.WallNanoseconds => (ulong)(cpu.Clock.UtcNow - DateTime.UnixEpoch).Ticks * 100,
        InternalRegister.Alarm => (ulong)cpu.AlarmTime,
        < 64 => _registers[register],
        _ => 0,
    };

    private void WriteRegister(int register, ulong value)
    {
        switch (register)
        {
            case InternalRegister.Ps:
                _registers[register] = value & 0xFF;
                ApplyContext(isPalMode: true);
                break;
            case InternalRegister.Fen:
                _registers[register] = value & 1;
                ApplyContext(isPalMode: true);
                break;
            case InternalRegister.CycleOffset:
                Slots[AlphaSlots.CycleOffset] = value << 32;
                break;
            case InternalRegister.PageTable:
                _registers[register] = cpu.PageTableBase = value;
                Memory.FlushTranslations();
                break;
            case >= InternalRegister.Unshadowed8 and < InternalRegister.Unshadowed25:
                Slots[register - InternalRegister.Unshadowed8 + 8] = value;
                break;
            case InternalRegister.Unshadowed25:
                Slots[25] = value;
                break;
            case InternalRegister.InvalidateAll:
                Memory.FlushTranslations();
                break;
            case InternalRegister.InvalidateOne:
                Memory.FlushTranslation(value);
                break;
            case InternalRegister.Wait:
                Memory.Wait();
                break;
            case InternalRegister.Halt:
                Memory.Stop(value == 0 ? new MachineStop(StopKind.PowerOff, "the guest halted the CPU") : new MachineStop(StopKind.Reset, "the guest asked for a reset"));
                break;
            case InternalRegister.Alarm:
                cpu.SetAlarm((long)value);
                break;
            case < 64:
                _registers[register] = value;
                break;
            default:
                break;
        }
    }
}
