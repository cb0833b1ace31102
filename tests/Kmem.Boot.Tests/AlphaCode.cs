using System.Buffers.Binary;

namespace Kmem.Boot.Tests;

/// <summary>Instruction words for programs that tests write themselves.</summary>
/// <remarks>Source: Alpha Architecture Reference Manual, 3.3 "Instruction Formats", appendix C "Instruction Summary".</remarks>
internal static class AlphaCode
{
    /// <summary>A reserved opcode.</summary>
    public const uint Illegal = 0x0400_0000;

    /// <summary>A branch to itself.</summary>
    public const uint Stay = 0xC3FF_FFFF;

    public const uint Halt = 0, Wrent = 0x34, Rti = 0x3F, Swpipl = 0x35, Wtint = 0x3E;

    public static uint Lda(int ra, int displacement, int rb = 31) => Memory(0x08, ra, rb, displacement);

    public static uint Ldq(int ra, int displacement, int rb = 31) => Memory(0x29, ra, rb, displacement);

    public static uint Stl(int ra, int displacement, int rb = 31) => Memory(0x2C, ra, rb, displacement);

    public static uint Stq(int ra, int displacement, int rb = 31) => Memory(0x2D, ra, rb, displacement);

    /// <summary>Addition of a literal, 0..255.</summary>
    public static uint Addq(int ra, int literal, int rc) => (0x10u << 26) | ((uint)ra << 21) | ((uint)literal << 13) | 0x1000 | (0x20 << 5) | (uint)rc;

    public static uint Br(int ra, int words) => (0x30u << 26) | ((uint)ra << 21) | ((uint)words & 0x1F_FFFF);

    public static uint Jmp(int rb) => (0x1Au << 26) | (31u << 21) | ((uint)rb << 16);

    /// <summary>A program whose constants follow it: register 28 points behind its first instruction.</summary>
    /// <param name="code">Makes the instructions; <c>load(register, value)</c> is one of them, a load of a constant.</param>
    public static uint[] WithConstants(Func<Func<int, ulong, uint>, uint[]> code)
    {
        // The first pass finds out how many instructions there are.
        int length = code((_, _) => 0).Length + 1;
        length += length & 1;
        var constants = new List<ulong>();
        var words = new List<uint> { Br(28, 0) };
        words.AddRange(code((register, value) =>
        {
            constants.Add(value);
            return Ldq(register, ((length - 1) * 4) + ((constants.Count - 1) * 8), 28);
        }));
        while (words.Count < length)
        {
            words.Add(Stay);
        }

        words.AddRange(constants.SelectMany(c => new[] { (uint)c, (uint)(c >> 32) }));
        return [.. words];
    }

    /// <summary>An ELF file of one segment that holds a program at its beginning.</summary>
    public static byte[] Elf(ulong address, uint[] words)
    {
        const int Header = 64, Segment = 56;
        byte[] file = new byte[Header + Segment + (words.Length * 4)];
        new byte[] { 0x7F, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1 }.CopyTo(file, 0);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(16), 2);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(18), 0x9026);
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(20), 1);
        BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(24), address);
        BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(32), Header);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(52), Header);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(54), Segment);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(56), 1);
        Span<byte> segment = file.AsSpan(Header);
        BinaryPrimitives.WriteUInt32LittleEndian(segment, 1);
        BinaryPrimitives.WriteUInt32LittleEndian(segment[4..], 7);
        BinaryPrimitives.WriteUInt64LittleEndian(segment[8..], Header + Segment);
        BinaryPrimitives.WriteUInt64LittleEndian(segment[16..], address);
        BinaryPrimitives.WriteUInt64LittleEndian(segment[24..], address);
        BinaryPrimitives.WriteUInt64LittleEndian(segment[32..], (ulong)words.Length * 4);
        BinaryPrimitives.WriteUInt64LittleEndian(segment[40..], (ulong)words.Length * 4);
        Buffer.BlockCopy(words, 0, file, Header + Segment, words.Length * 4);
        return file;
    }

    private static uint Memory(uint opcode, int ra, int rb, int displacement) => (opcode << 26) | ((uint)ra << 21) | ((uint)rb << 16) | (ushort)displacement;
}
