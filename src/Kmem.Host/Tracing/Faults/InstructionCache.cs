using Iced.Intel;

namespace Kmem.Host.Tracing.Faults;

/// <summary>Decoded instructions by address. The bytes are compared every time, so that code that changes is never mistaken.</summary>
internal sealed class InstructionCache
{
    private const int LongestInstruction = 15, MostEntries = 4096;

    private readonly Dictionary<(int Process, ulong Address), (UInt128 Bytes, Instruction Instruction)> _known = [];

    /// <summary>The instruction at an address; false when it can't be read or is none.</summary>
    public bool TryGet(Tracee tracee, ulong address, out Instruction instruction)
    {
        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        int length = tracee.Memory.Read(address, bytes[..LongestInstruction]);
        UInt128 key = System.Buffers.Binary.BinaryPrimitives.ReadUInt128LittleEndian(bytes);
        if (_known.TryGetValue((tracee.Process, address), out (UInt128 Bytes, Instruction Instruction) entry) && entry.Bytes == key)
        {
            instruction = entry.Instruction;
            return true;
        }

        var decoder = Decoder.Create(64, new ByteArrayCodeReader(bytes[..length].ToArray()));
        decoder.IP = address;
        decoder.Decode(out instruction);
        if (instruction.IsInvalid)
        {
            return false;
        }

        if (_known.Count >= MostEntries)
        {
            _known.Clear();
        }

        _known[(tracee.Process, address)] = (key, instruction);
        return true;
    }
}
