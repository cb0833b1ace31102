namespace Kmem.CpuX86.Tests.Vectors;

/// <summary>How a real-mode case must end.</summary>
internal sealed class RealOutcome
{
    /// <summary>The registers of a case.</summary>
    public static readonly string[] Names = ["ax", "bx", "cx", "dx", "cs", "ss", "ds", "es", "sp", "bp", "si", "di", "ip", "flags"];

    /// <summary>Registers after the HLT.</summary>
    public Dictionary<string, ulong> Registers { get; } = [];

    /// <summary>Bytes that are written before the case begins, besides its own.</summary>
    public List<(ulong Address, byte Value)> Setup { get; } = [];

    /// <summary>Bytes of memory, with the bits that are not compared.</summary>
    public List<(ulong Address, byte Value, byte Ignored)> Memory { get; } = [];

    /// <summary>Flags that are not compared.</summary>
    public ulong Undefined { get; init; }

    /// <summary>Physical address of the HLT.</summary>
    public ulong End => (Registers["cs"] << 4) + ((Registers["ip"] - 1) & 0xFFFF);

    /// <summary>An exception that leaves everything as it was but for its frame on the stack.</summary>
    /// <param name="test">The case.</param>
    /// <param name="vector">Number of the exception, 0..31.</param>
    /// <returns>Null where there is no room for it: the frame would not fit the stack segment or touch the vector's entry.</returns>
    public static RealOutcome? Fault(RealCase test, int vector)
    {
        ulong stack = test.Before("ss") << 4, sp = test.Before("sp"), entry = (ulong)vector * 4;
        byte?[] pointer = [.. Enumerable.Range(0, 4).Select(i => test.ByteBefore(entry + (uint)i))];
        bool isGiven = Array.TrueForAll(pointer, b => b is not null);
        if (sp is 1 or 3 or 5 || (!isGiven && Array.Exists(pointer, b => b is not null)))
        {
            return null;
        }

        // The handler of the case, or one where the case has nothing.
        ulong segment = 0x50, offset = 0;
        if (isGiven)
        {
            (offset, segment) = (pointer[0]!.Value | ((ulong)pointer[1]!.Value << 8), pointer[2]!.Value | ((ulong)pointer[3]!.Value << 8));
        }
        else
        {
            while (test.ByteBefore(segment << 4) is not null || (segment << 4 >= stack && segment << 4 < stack + 0x10000))
            {
                segment += segment < 0x500 ? 0x10UL : 0x1000;
            }
        }

        var outcome = new RealOutcome();
        foreach (string name in Names)
        {
            outcome.Registers[name] = test.Before(name);
        }

        ulong flags = test.Before("flags") & 0xFD5;
        (ulong Value, byte Ignored, byte IgnoredHigh)[] frame = [(flags, 0x2A, 0xF0), (test.Before("cs"), 0, 0), (test.Before("ip"), 0, 0)];
        foreach ((ulong value, byte ignored, byte ignoredHigh) in frame)
        {
            sp = (sp - 2) & 0xFFFF;
            outcome.Memory.Add((stack + sp, (byte)value, ignored));
            outcome.Memory.Add((stack + ((sp + 1) & 0xFFFF), (byte)(value >> 8), ignoredHigh));
        }

        const ulong Cleared = 0x300;
        (outcome.Registers["sp"], outcome.Registers["flags"]) = (sp, flags & ~Cleared);
        (outcome.Registers["cs"], outcome.Registers["ip"]) = (segment, (offset + 1) & 0xFFFF);
        if (!isGiven)
        {
            outcome.Setup.AddRange([(entry, 0), (entry + 1, 0), (entry + 2, (byte)segment), (entry + 3, (byte)(segment >> 8))]);
        }

        return outcome.Memory.Exists(m => m.Address >= entry && m.Address < entry + 4) ? null : outcome;
    }
}
