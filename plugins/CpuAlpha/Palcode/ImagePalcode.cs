using System.Globalization;
using Kmem.Abstractions;
using Kmem.Ir;

namespace Kmem.Plugins.CpuAlpha.Palcode;

/// <summary>PALcode that is an image: the CPU vectors to it and gives it PALmode's instructions and registers.</summary>
/// <remarks>
/// The internal registers are those of the EV67 model for which QEMU's PALcode is written; code and data of PALmode go through KSEG.
/// Source: qemu-palcode, file "sys-clipper.h" and the machine's measured behaviour.
/// </remarks>
internal sealed unsafe partial class ImagePalcode(AlphaCpu cpu, byte[] image) : OsfPalcode
{
    private const int ResetVector = 0x000, MachineCheckVector = 0x080, InterprocessorVector = 0x100, ClockVector = 0x180, DeviceVector = 0x200, MemoryVector = 0x280;
    private const int UnalignedVector = 0x300, IllegalVector = 0x380, ArithmeticVector = 0x400, FloatingPointVector = 0x480;

    private static readonly HelperFunction Call = GuestKernels.Helper(&CallOf, CallOf);

    private readonly ulong[] _registers = new ulong[256];

    private ulong* Slots => cpu.State->Slots;

    private ulong Status => _registers[InternalRegister.Ps];

    /// <inheritdoc/>
    public override bool CanBeInterrupted => !cpu.IsPalMode && (Status & 7) < 7;

    /// <inheritdoc/>
    public override void Reset()
    {
        Array.Clear(_registers);
        _registers[InternalRegister.Ps] = 7;
        _registers[InternalRegister.Fen] = 1;
        ApplyContext(isPalMode: true);
    }

    /// <inheritdoc/>
    public override void Boot(AlphaBoot boot)
    {
        PalImage.Load(image, cpu, out ulong entry);
        _registers[InternalRegister.PalBase] = entry;
        _registers[InternalRegister.Argument0] = boot.Memory;
        _registers[InternalRegister.Argument0 + 1] = boot.Entry;
        _registers[InternalRegister.Argument0 + 2] = (ulong)boot.Cpus;
        cpu.State->Pc = entry + ResetVector;
    }

    /// <inheritdoc/>
    public override void Save(StateWriter writer)
    {
        foreach (ulong register in _registers)
        {
            writer.U64(register, "ipr");
        }
    }

    /// <inheritdoc/>
    public override void Load(StateReader reader)
    {
        for (int i = 0; i < _registers.Length; i++)
        {
            _registers[i] = reader.U64();
        }
    }

    /// <inheritdoc/>
    public override string Describe() => string.Create(CultureInfo.InvariantCulture, $"ps {Status:x}  exc_addr {_registers[InternalRegister.ExceptionAddress]:x}  palbr {_registers[InternalRegister.PalBase]:x}");

    /// <inheritdoc/>
    public override void LiftCall(LiftContext x, uint function)
    {
        bool isPrivileged = function < 0x40, isUser = (x.Context & AlphaContext.User) != 0;
        if (function is < 0x40 or (>= 0x80 and < 0xC0) && !(isPrivileged && isUser))
        {
            x.Ir.ExitHelper(Call, x.Ir.Const(x.Pc + 4), function);
        }
        else
        {
            x.Illegal();
        }
    }

    /// <inheritdoc/>
    public override void Deliver(AlphaFault fault, ulong address, ulong detail)
    {
        ulong pc = cpu.State->Pc;
        if (cpu.IsPalMode && fault != AlphaFault.MachineCheck)
        {
            cpu.Execution.Stop(new MachineStop(StopKind.Crash, string.Create(CultureInfo.InvariantCulture, $"a fault in PALmode at 0x{pc:x}: {fault}, address 0x{address:x}, detail 0x{detail:x}")));
            return;
        }

        switch (fault)
        {
            case AlphaFault.Memory:
                ulong cause = (MemoryAccess)(detail >> 32) switch { MemoryAccess.Fetch => ulong.MaxValue, MemoryAccess.Store => 1, _ => 0 };
                Vector(MemoryVector, pc, address, (uint)detail, cause);
                break;
            case AlphaFault.Unaligned:
                uint word = cpu.FetchCurrent();
                // The image adds 4 by itself.
                Vector(UnalignedVector, pc, address, word >> 26, (word >> 21) & 31);
                break;
            case AlphaFault.IllegalInstruction:
                Vector(IllegalVector, pc + 4);
                break;
            case AlphaFault.FloatingPointOff:
                Vector(FloatingPointVector, pc);
                break;
            case AlphaFault.Arithmetic:
                Vector(ArithmeticVector, pc + 4, address, detail);
                break;
            default:
                // The image returns behind the instruction by itself.
                Vector(MachineCheckVector, pc, address, (MemoryAccess)(detail >> 32) == MemoryAccess.Store ? 1UL : 0);
                break;
        }
    }

    /// <inheritdoc/>
    public override bool TakeInterrupt()
    {
        if (cpu.IsPalMode)
        {
            return false;
        }

        AlphaInterrupts pending = cpu.Pending;
        ulong level = Status & 7, pc = cpu.State->Pc;
        int vector = (pending & AlphaInterrupts.MachineCheck) != 0 && level <= 6 ? MachineCheckVector
            : (pending & AlphaInterrupts.Interprocessor) != 0 && level <= 5 ? InterprocessorVector
            : (pending & AlphaInterrupts.Clock) != 0 && level <= 4 ? ClockVector
            : (pending & AlphaInterrupts.Device) != 0 && level <= 3 ? DeviceVector : -1;
        if (vector < 0)
        {
            return false;
        }

        if (vector == ClockVector)
        {
            cpu.TakeAlarm();
        }

        Vector(vector, pc);
        return true;
    }

    private static int CallOf(CpuState* state, ulong next, ulong function)
    {
        AlphaCpu cpu = AlphaCpu.Of(state);
        if (cpu.IsPalMode && function == (ulong)PalFunction.Halt)
        {
            string reason = state->Slots[0] switch { 2 => "the kernel's stack is not valid", 6 => "a second machine check came while one was being handled", 7 => "a machine check or fault came in PALmode", _ => "it gave no reason" };
            cpu.Execution.Stop(new MachineStop(StopKind.Crash, string.Create(CultureInfo.InvariantCulture, $"PALcode has halted at 0x{next - 4:x} with code {state->Slots[0]}: {reason}")));
            state->Pc = next - 4;
            return (int)ExitReason.Indirect;
        }

        var palcode = (ImagePalcode)cpu.Palcode;
        palcode.Vector(function < 0x40 ? 0x1000 + (64 * (int)function) : 0x2000 + (64 * ((int)function - 0x80)), next);
        return (int)ExitReason.Indirect;
    }

    private void Vector(int offset, ulong exceptionAddress, ulong argument0 = 0, ulong argument1 = 0, ulong argument2 = 0)
    {
        _registers[InternalRegister.ExceptionAddress] = exceptionAddress | (cpu.IsPalMode ? 1UL : 0);
        if (offset is MachineCheckVector or MemoryVector or UnalignedVector or ArithmeticVector)
        {
            (_registers[InternalRegister.Argument0], _registers[InternalRegister.Argument0 + 1], _registers[InternalRegister.Argument0 + 2]) = (argument0, argument1, argument2);
        }

        ApplyContext(isPalMode: true);
        cpu.State->Pc = _registers[InternalRegister.PalBase] + (uint)offset;
    }

    private void ApplyContext(bool isPalMode)
    {
        AlphaContext context = (isPalMode ? AlphaContext.Pal : 0) | ((Status & 8) != 0 ? AlphaContext.User : 0) | ((_registers[InternalRegister.Fen] & 1) != 0 ? AlphaContext.FloatingPoint : 0);
        cpu.SetContext(context);
        cpu.State->Attention = 1;
    }
}
