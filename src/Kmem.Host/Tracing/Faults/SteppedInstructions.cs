using Iced.Intel;
using Kmem.Abstractions;
using Kmem.Host.Tracing.Native;
using Register = Iced.Intel.Register;

namespace Kmem.Host.Tracing.Faults;

/// <summary>Executes an instruction on the host's CPU with its memory operand copied into the supervisor's page: loaded before, stored after, so that every instruction keeps its own meaning and flags.</summary>
internal sealed class SteppedInstructions(ProgramMemory memory)
{
    private const int Widest = 64;

    private readonly InstructionInfoFactory _information = new();

    /// <summary>Executes an instruction; <see cref="MappingFault.SegmentationFault"/> when it is of a kind that can't be stepped.</summary>
    public MappingFault Execute(Tracee tracee, in Instruction instruction)
    {
        int operand = -1;
        for (int i = 0; i < instruction.OpCount; i++)
        {
            operand = instruction.GetOpKind(i) == OpKind.Memory ? i : operand;
        }

        int width = instruction.MemorySize.GetSize();
        if (operand < 0 || width is 0 or > Widest || instruction.FlowControl != FlowControl.Next || tracee.Addresses.Scratch == 0 || instruction.IsVsib)
        {
            return MappingFault.SegmentationFault;
        }

        ulong address = MemoryInstructions.AddressOf(tracee, instruction, operand);
        ulong code = tracee.Addresses.Scratch + SessionLayout.CodeOffset, data = tracee.Addresses.Scratch + SessionLayout.DataOffset;
        OpAccess access = _information.GetInfo(instruction).GetOpAccess(operand);
        bool reads = access is not (OpAccess.Write or OpAccess.NoMemAccess or OpAccess.None), writes = access is OpAccess.Write or OpAccess.ReadWrite or OpAccess.CondWrite or OpAccess.ReadCondWrite;
        Span<byte> bytes = stackalloc byte[Widest];
        bytes.Clear();
        if (reads && Load(tracee, address, bytes[..width]) is var fault and not MappingFault.None)
        {
            return fault;
        }

        Instruction copy = instruction;
        copy.MemoryBase = Register.RIP;
        copy.MemoryIndex = Register.None;
        copy.MemoryIndexScale = 1;
        copy.MemoryDisplSize = 8;
        copy.MemoryDisplacement64 = data;
        copy.SegmentPrefix = Register.None;
        var stream = new MemoryStream();
        var encoder = Encoder.Create(64, new StreamCodeWriter(stream));
        if (!encoder.TryEncode(copy, code, out uint length, out _))
        {
            return MappingFault.SegmentationFault;
        }

        tracee.Memory.Write(data, bytes[..width]);
        tracee.Memory.Write(code, stream.ToArray());
        UserRegisters before = tracee.Registers;
        tracee.Registers.Rip = code;
        if (!tracee.SingleStep(out int signal))
        {
            // The instruction itself raised something else, such as a divide error: the program gets it where it stands.
            tracee.Registers = before;
            tracee.Store();
            tracee.Signals.Enqueue(signal);
            return MappingFault.None;
        }

        if (tracee.Registers.Rip != code + length)
        {
            tracee.Registers = before;
            tracee.Store();
            return MappingFault.SegmentationFault;
        }

        Span<byte> after = stackalloc byte[Widest];
        after.Clear();
        tracee.Memory.Read(data, after[..width]);
        if (writes && Store(tracee, address, after[..width]) is var store and not MappingFault.None)
        {
            tracee.Registers = before;
            tracee.Store();
            return store;
        }

        tracee.Registers.Rip = instruction.NextIP;
        tracee.Store();
        return MappingFault.None;
    }

    /// <summary>Loads in pieces of at most 8 bytes, as a bus without wider transfers does.</summary>
    private MappingFault Load(Tracee tracee, ulong address, Span<byte> bytes)
    {
        for (int done = 0; done < bytes.Length;)
        {
            int width = Piece(bytes.Length - done);
            if (memory.Load(tracee, address + (ulong)done, width, out ulong value) is var fault and not MappingFault.None)
            {
                return fault;
            }

            for (int i = 0; i < width; i++)
            {
                bytes[done + i] = (byte)(value >> (8 * i));
            }

            done += width;
        }

        return MappingFault.None;
    }

    private MappingFault Store(Tracee tracee, ulong address, ReadOnlySpan<byte> bytes)
    {
        for (int done = 0; done < bytes.Length;)
        {
            int width = Piece(bytes.Length - done);
            ulong value = 0;
            for (int i = 0; i < width; i++)
            {
                value |= (ulong)bytes[done + i] << (8 * i);
            }

            if (memory.Store(tracee, address + (ulong)done, width, value) is var fault and not MappingFault.None)
            {
                return fault;
            }

            done += width;
        }

        return MappingFault.None;
    }

    private static int Piece(int left) => left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
}
