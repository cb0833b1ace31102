using Iced.Intel;
using Kmem.Abstractions;
using Kmem.Host.Tracing.Native;
using Register = Iced.Intel.Register;

namespace Kmem.Host.Tracing.Faults;

/// <summary>Instructions with a memory operand on a closed page: the common ones are carried out here, all others stepped beside the program with the operand in its own page.</summary>
/// <remarks>Source: Intel SDM volume 2, the instructions' own pages; widths are those of the operand.</remarks>
internal sealed class MemoryInstructions(Supervisor supervisor)
{
    private const ulong DirectionFlag = 0x400;
    private const ulong MostRepetitions = 65536;

    private readonly ProgramMemory _memory = new(supervisor);
    private readonly StringComparisons _comparisons = new(new ProgramMemory(supervisor));
    private readonly SteppedInstructions _stepped = new(new ProgramMemory(supervisor));

    /// <summary>Carries out an instruction; false when the program is to get the signal.</summary>
    public bool TryExecute(Tracee tracee, in Instruction instruction)
    {
        MappingFault fault = instruction.Mnemonic switch
        {
            Mnemonic.Mov or Mnemonic.Movzx or Mnemonic.Movsx or Mnemonic.Movsxd or Mnemonic.Movnti or Mnemonic.Movbe when IsPlain(instruction) => Move(tracee, instruction),
            Mnemonic.Test or Mnemonic.Cmp or Mnemonic.Or or Mnemonic.And or Mnemonic.Add or Mnemonic.Sub or Mnemonic.Xor when IsPlain(instruction) && !instruction.HasLockPrefix => Arithmetic(tracee, instruction),
            Mnemonic.Movsb or Mnemonic.Movsw or Mnemonic.Movsq => Row(tracee, instruction, loads: true, stores: true),
            Mnemonic.Movsd when instruction.IsStringInstruction => Row(tracee, instruction, loads: true, stores: true),
            Mnemonic.Stosb or Mnemonic.Stosw or Mnemonic.Stosd or Mnemonic.Stosq => Row(tracee, instruction, loads: false, stores: true),
            Mnemonic.Lodsb or Mnemonic.Lodsw or Mnemonic.Lodsd or Mnemonic.Lodsq => Row(tracee, instruction, loads: true, stores: false),
            Mnemonic.Scasb or Mnemonic.Scasw or Mnemonic.Scasd or Mnemonic.Scasq => _comparisons.Execute(tracee, instruction, isScan: true),
            Mnemonic.Cmpsb or Mnemonic.Cmpsw or Mnemonic.Cmpsq => _comparisons.Execute(tracee, instruction, isScan: false),
            Mnemonic.Cmpsd when instruction.IsStringInstruction => _comparisons.Execute(tracee, instruction, isScan: false),
            Mnemonic.Push => Push(tracee, instruction),
            Mnemonic.Pop => Pop(tracee, instruction),
            Mnemonic.Call or Mnemonic.Jmp when instruction.Op0Kind == OpKind.Memory => Jump(tracee, instruction),
            _ => _stepped.Execute(tracee, instruction),
        };
        return fault switch
        {
            MappingFault.None => true,
            MappingFault.BusError => Raise(tracee, 7),
            _ => false,
        };
    }

    /// <summary>Address of the memory operand.</summary>
    public static ulong AddressOf(Tracee tracee, in Instruction instruction, int operand)
    {
        UserRegisters registers = tracee.Registers;
        return instruction.GetVirtualAddress(operand, 0, (register, _, _) => RegisterAccess.Get(registers, register));
    }

    /// <summary>The program gets another signal than the one that stopped it: there is no answer behind its mapping.</summary>
    private static bool Raise(Tracee tracee, int signal)
    {
        tracee.Signals.Enqueue(signal);
        return true;
    }

    private static bool IsPlain(in Instruction instruction)
    {
        for (int i = 0; i < instruction.OpCount; i++)
        {
            if (instruction.GetOpKind(i) == OpKind.Register && !instruction.GetOpRegister(i).IsGPR())
            {
                return false;
            }
        }

        return true;
    }

    private static int MemoryOperand(in Instruction instruction) => instruction.Op0Kind == OpKind.Memory ? 0 : 1;

    private static void Finish(Tracee tracee, in Instruction instruction)
    {
        tracee.Registers.Rip = instruction.NextIP;
        tracee.Store();
    }

    private static ulong Mask(int width) => ulong.MaxValue >> (64 - (8 * width));

    /// <summary>Value of an operand that is no memory, cut to a width.</summary>
    private static ulong Value(Tracee tracee, in Instruction instruction, int operand, int width) =>
        (instruction.GetOpKind(operand) == OpKind.Register ? RegisterAccess.Get(tracee.Registers, instruction.GetOpRegister(operand)) : instruction.GetImmediate(operand)) & Mask(width);

    private MappingFault Move(Tracee tracee, in Instruction instruction)
    {
        int operand = MemoryOperand(instruction), width = instruction.MemorySize.GetSize();
        ulong address = AddressOf(tracee, instruction, operand);
        bool swaps = instruction.Mnemonic == Mnemonic.Movbe;
        MappingFault fault;
        if (operand == 0)
        {
            ulong value = Value(tracee, instruction, 1, width);
            fault = _memory.Store(tracee, address, width, swaps ? Swap(value, width) : value);
        }
        else
        {
            fault = _memory.Load(tracee, address, width, out ulong value);
            if (fault == MappingFault.None)
            {
                value = swaps ? Swap(value, width) : value;
                bool extends = instruction.Mnemonic is Mnemonic.Movsx or Mnemonic.Movsxd;
                RegisterAccess.Set(ref tracee.Registers, instruction.Op0Register, extends ? (ulong)((long)(value << (64 - (8 * width))) >> (64 - (8 * width))) : value);
            }
        }

        if (fault == MappingFault.None)
        {
            Finish(tracee, instruction);
        }

        return fault;
    }

    private static ulong Swap(ulong value, int width) => System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(value) >> (64 - (8 * width));

    private MappingFault Arithmetic(Tracee tracee, in Instruction instruction)
    {
        int operand = MemoryOperand(instruction), width = instruction.MemorySize.GetSize();
        ulong address = AddressOf(tracee, instruction, operand);
        MappingFault fault = _memory.Load(tracee, address, width, out ulong loaded);
        if (fault != MappingFault.None)
        {
            return fault;
        }

        ulong other = Value(tracee, instruction, 1 - operand, width);
        (ulong left, ulong right) = operand == 0 ? (loaded, other) : (other, loaded);
        ulong flags = tracee.Registers.Eflags;
        ulong result = ArithmeticFlags.Compute(instruction.Mnemonic, left, right, width, ref flags);
        if (instruction.Mnemonic is not (Mnemonic.Test or Mnemonic.Cmp))
        {
            if (operand == 0)
            {
                fault = _memory.Store(tracee, address, width, result);
                if (fault != MappingFault.None)
                {
                    return fault;
                }
            }
            else
            {
                RegisterAccess.Set(ref tracee.Registers, instruction.Op0Register, result);
            }
        }

        tracee.Registers.Eflags = flags;
        Finish(tracee, instruction);
        return MappingFault.None;
    }

    private MappingFault Row(Tracee tracee, in Instruction instruction, bool loads, bool stores)
    {
        int width = instruction.MemorySize.GetSize();
        bool repeats = instruction.HasRepPrefix || instruction.HasRepnePrefix;
        ulong left = repeats ? Math.Min(tracee.Registers.Rcx, MostRepetitions) : 1;
        ulong step = (tracee.Registers.Eflags & DirectionFlag) != 0 ? unchecked((ulong)-width) : (ulong)width;
        ulong source = RegisterAccess.Get(tracee.Registers, instruction.SegmentPrefix);
        while (left > 0)
        {
            ulong value = tracee.Registers.Rax & Mask(width);
            MappingFault fault = loads ? _memory.Load(tracee, source + tracee.Registers.Rsi, width, out value) : MappingFault.None;
            if (fault == MappingFault.None && stores)
            {
                fault = _memory.Store(tracee, tracee.Registers.Rdi, width, value);
            }

            if (fault != MappingFault.None)
            {
                tracee.Store();
                return fault;
            }

            if (!stores)
            {
                RegisterAccess.Set(ref tracee.Registers, width switch { 1 => Register.AL, 2 => Register.AX, 4 => Register.EAX, _ => Register.RAX }, value);
            }

            tracee.Registers.Rsi += loads ? step : 0;
            tracee.Registers.Rdi += stores ? step : 0;
            tracee.Registers.Rcx -= repeats ? 1UL : 0;
            left--;
        }

        if (repeats && tracee.Registers.Rcx != 0)
        {
            tracee.Store();
        }
        else
        {
            Finish(tracee, instruction);
        }

        return MappingFault.None;
    }

    private MappingFault Push(Tracee tracee, in Instruction instruction)
    {
        ulong value;
        int width = instruction.MemorySize == MemorySize.Unknown ? 8 : instruction.MemorySize.GetSize();
        if (instruction.Op0Kind == OpKind.Memory)
        {
            if (_memory.Load(tracee, AddressOf(tracee, instruction, 0), width, out value) is var fault and not MappingFault.None)
            {
                return fault;
            }
        }
        else
        {
            // A push of a register faults when the stack itself is a device.
            return _stepped.Execute(tracee, instruction);
        }

        if (_memory.Store(tracee, tracee.Registers.Rsp - (ulong)width, width, value) is var store and not MappingFault.None)
        {
            return store;
        }

        tracee.Registers.Rsp -= (ulong)width;
        Finish(tracee, instruction);
        return MappingFault.None;
    }

    private MappingFault Pop(Tracee tracee, in Instruction instruction)
    {
        if (instruction.Op0Kind != OpKind.Memory)
        {
            return MappingFault.SegmentationFault;
        }

        int width = instruction.MemorySize.GetSize();
        if (_memory.Load(tracee, tracee.Registers.Rsp, width, out ulong value) is var fault and not MappingFault.None)
        {
            return fault;
        }

        // The address counts with the stack pointer after the pop.
        tracee.Registers.Rsp += (ulong)width;
        if (_memory.Store(tracee, AddressOf(tracee, instruction, 0), width, value) is var store and not MappingFault.None)
        {
            return store;
        }

        Finish(tracee, instruction);
        return MappingFault.None;
    }

    private MappingFault Jump(Tracee tracee, in Instruction instruction)
    {
        if (_memory.Load(tracee, AddressOf(tracee, instruction, 0), 8, out ulong target) is var fault and not MappingFault.None)
        {
            return fault;
        }

        if (instruction.Mnemonic == Mnemonic.Call)
        {
            if (_memory.Store(tracee, tracee.Registers.Rsp - 8, 8, instruction.NextIP) is var store and not MappingFault.None)
            {
                return store;
            }

            tracee.Registers.Rsp -= 8;
        }

        tracee.Registers.Rip = target;
        tracee.Store();
        return MappingFault.None;
    }
}
