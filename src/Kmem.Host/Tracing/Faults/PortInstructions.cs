using Iced.Intel;
using Kmem.Abstractions;
using Kmem.Host.Tracing.Native;
using Register = Iced.Intel.Register;

namespace Kmem.Host.Tracing.Faults;

/// <summary>IN, OUT, INS, OUTS, CLI and STI of programs that have asked for ports.</summary>
/// <remarks>Source: Intel SDM volume 2, "IN", "OUT", "INS", "OUTS"; ioperm(2), iopl(2).</remarks>
internal sealed class PortInstructions(Supervisor supervisor)
{
    private const ulong InterruptFlag = 0x200, DirectionFlag = 0x400;
    private const ulong MostRepetitions = 65536;

    private readonly AccessAttributes _attributes = new(new BusMaster("exec", MasterKind.Cpu));

    /// <summary>Carries out a port instruction; false when it is none, or the program has no right to it.</summary>
    public bool TryExecute(Tracee tracee, in Instruction instruction)
    {
        switch (instruction.Mnemonic)
        {
            case Mnemonic.In:
                return In(tracee, instruction);
            case Mnemonic.Out:
                return Out(tracee, instruction);
            case Mnemonic.Insb or Mnemonic.Insw or Mnemonic.Insd:
                return Row(tracee, instruction, isInput: true);
            case Mnemonic.Outsb or Mnemonic.Outsw or Mnemonic.Outsd:
                return Row(tracee, instruction, isInput: false);
            case Mnemonic.Cli or Mnemonic.Sti when tracee.Ports.Level == 3:
                // Interrupts of the simulated machine are not this program's; the flag is only shown.
                tracee.Registers.Eflags = instruction.Mnemonic == Mnemonic.Sti ? tracee.Registers.Eflags | InterruptFlag : tracee.Registers.Eflags;
                Finish(tracee, instruction);
                return true;
            default:
                return false;
        }
    }

    private static void Finish(Tracee tracee, in Instruction instruction)
    {
        tracee.Registers.Rip = instruction.NextIP;
        tracee.Store();
    }

    private static int Port(Tracee tracee, in Instruction instruction, int operand) =>
        instruction.GetOpKind(operand) == OpKind.Immediate8 ? instruction.Immediate8 : (ushort)tracee.Registers.Rdx;

    private bool In(Tracee tracee, in Instruction instruction)
    {
        Register target = instruction.Op0Register;
        int width = target.GetSize(), port = Port(tracee, instruction, 1);
        if (!tracee.Ports.Allows(port, width))
        {
            return false;
        }

        RegisterAccess.Set(ref tracee.Registers, target, Read(tracee, port, width));
        Finish(tracee, instruction);
        return true;
    }

    private bool Out(Tracee tracee, in Instruction instruction)
    {
        int width = instruction.Op1Register.GetSize(), port = Port(tracee, instruction, 0);
        if (!tracee.Ports.Allows(port, width))
        {
            return false;
        }

        Write(tracee, port, width, RegisterAccess.Get(tracee.Registers, instruction.Op1Register));
        Finish(tracee, instruction);
        return true;
    }

    private bool Row(Tracee tracee, in Instruction instruction, bool isInput)
    {
        int width = instruction.MemorySize.GetSize(), port = (ushort)tracee.Registers.Rdx;
        if (!tracee.Ports.Allows(port, width))
        {
            return false;
        }

        bool repeats = instruction.HasRepPrefix || instruction.HasRepnePrefix;
        ulong left = repeats ? Math.Min(tracee.Registers.Rcx, MostRepetitions) : 1;
        ulong step = (tracee.Registers.Eflags & DirectionFlag) != 0 ? unchecked((ulong)-width) : (ulong)width;
        Span<byte> bytes = stackalloc byte[8];
        while (left > 0)
        {
            if (isInput)
            {
                System.Buffers.Binary.BinaryPrimitives.WriteUInt64LittleEndian(bytes, Read(tracee, port, width));
                if (tracee.Memory.Write(tracee.Registers.Rdi, bytes[..width]) < width)
                {
                    return Stop(tracee);
                }

                tracee.Registers.Rdi += step;
            }
            else
            {
                bytes.Clear();
                if (tracee.Memory.Read(tracee.Registers.Rsi, bytes[..width]) < width)
                {
                    return Stop(tracee);
                }

                Write(tracee, port, width, System.Buffers.Binary.BinaryPrimitives.ReadUInt64LittleEndian(bytes));
                tracee.Registers.Rsi += step;
            }

            left--;
            tracee.Registers.Rcx -= repeats ? 1UL : 0;
        }

        // A long row goes on with the next trap, so that signals come through.
        if (repeats && tracee.Registers.Rcx != 0)
        {
            tracee.Store();
        }
        else
        {
            Finish(tracee, instruction);
        }

        return true;
    }

    /// <summary>What has been moved stays moved; the program gets its signal at the element that faults.</summary>
    private static bool Stop(Tracee tracee)
    {
        tracee.Store();
        return false;
    }

    private ulong Read(Tracee tracee, int port, int width)
    {
        IAddressSpace space = supervisor.Machine.Ports!;
        AccessResult result = space.Read((ulong)port, width, out ulong value, _attributes);
        if (result != AccessResult.Ok)
        {
            value = ulong.MaxValue >> (64 - (8 * width));
        }

        supervisor.Accessed?.Invoke(new TracedAccess(TracedAccessKind.Port, tracee.Process, tracee.Registers.Rip, space, "", (ulong)port, (ulong)width, false, value, result == AccessResult.Ok ? "" : result.ToString()));
        return value;
    }

    private void Write(Tracee tracee, int port, int width, ulong value)
    {
        IAddressSpace space = supervisor.Machine.Ports!;
        AccessResult result = space.Write((ulong)port, width, value, _attributes);
        supervisor.Accessed?.Invoke(new TracedAccess(TracedAccessKind.Port, tracee.Process, tracee.Registers.Rip, space, "", (ulong)port, (ulong)width, true, value, result == AccessResult.Ok ? "" : result.ToString()));
    }
}
