namespace Kmem.Host.Tracing.Native;

/// <summary>Builds the filters that decide which system calls stop for the supervisor.</summary>
/// <remarks>Source: seccomp(2); Linux include/uapi/linux/seccomp.h, filter.h. Jumps are within 255 instructions, so every test carries its own verdict.</remarks>
internal sealed class SeccompProgram
{
    private const ushort Load = 0x20, JumpEqual = 0x15, JumpGreaterOrEqual = 0x35, JumpAny = 0x45, Return = 0x06;
    private const uint Allow = 0x7FFF_0000, Trace = 0x7FF0_0000, Error = 0x0005_0000;
    private const uint X86_64 = 0xC000_003E, X32Bit = 0x4000_0000;
    private const int NumberOffset = 0, ArchitectureOffset = 4, ArgumentOffset = 16;

    private readonly List<ulong> _code = [];

    /// <summary>Number of instructions.</summary>
    public int Length => _code.Count;

    /// <summary>The instructions, 8 bytes each.</summary>
    public byte[] ToBytes()
    {
        byte[] bytes = new byte[_code.Count * 8];
        Buffer.BlockCopy(_code.ToArray(), 0, bytes, 0, bytes.Length);
        return bytes;
    }

    /// <summary>Other instruction sets' ways into the kernel are closed: their numbers would name other calls.</summary>
    public SeccompProgram CloseForeignEntries(int errno)
    {
        Add(Load, ArchitectureOffset);
        Add(JumpEqual, X86_64, 1, 0);
        Add(Return, Error | (uint)errno);
        Add(Load, NumberOffset);
        Add(JumpGreaterOrEqual, X32Bit, 0, 1);
        Add(Return, Error | (uint)errno);
        return this;
    }

    /// <summary>Loads the number again, for the tests that follow.</summary>
    public SeccompProgram Begin()
    {
        Add(Load, NumberOffset);
        return this;
    }

    /// <summary>A call that stops every time.</summary>
    public SeccompProgram Stop(params ReadOnlySpan<Nr> calls) => Verdict(Trace, calls);

    /// <summary>A call that ends with an error.</summary>
    public SeccompProgram Refuse(int errno, params ReadOnlySpan<Nr> calls) => Verdict(Error | (uint)errno, calls);

    /// <summary>Frequent calls that stop when an argument lies in first..last and else are allowed at once; nothing later looks at them.</summary>
    public SeccompProgram DecideByArgument(int argument, uint first, uint last, params ReadOnlySpan<Nr> calls)
    {
        foreach (Nr call in calls)
        {
            Add(JumpEqual, (uint)call, 0, 5);
            Add(Load, (uint)(ArgumentOffset + (8 * argument)));
            Add(JumpGreaterOrEqual, first, 0, 1);
            Add(JumpGreaterOrEqual, last + 1, 0, 1);
            Add(Return, Allow);
            Add(Return, Trace);
        }

        return this;
    }

    /// <summary>Calls that stop when an argument lies in first..last.</summary>
    public SeccompProgram StopWhenArgument(int argument, uint first, uint last, params ReadOnlySpan<Nr> calls)
    {
        foreach (Nr call in calls)
        {
            // Not this call: over the test. After the test the number is loaded again.
            Add(JumpEqual, (uint)call, 0, 5);
            Add(Load, (uint)(ArgumentOffset + (8 * argument)));
            Add(JumpGreaterOrEqual, first, 0, 2);
            Add(JumpGreaterOrEqual, last + 1, 1, 0);
            Add(Return, Trace);
            Add(Load, NumberOffset);
        }

        return this;
    }

    /// <summary>Calls that stop when an argument has any of these bits.</summary>
    public SeccompProgram StopWhenBits(int argument, uint bits, params ReadOnlySpan<Nr> calls)
    {
        foreach (Nr call in calls)
        {
            Add(JumpEqual, (uint)call, 0, 4);
            Add(Load, (uint)(ArgumentOffset + (8 * argument)));
            Add(JumpAny, bits, 0, 1);
            Add(Return, Trace);
            Add(Load, NumberOffset);
        }

        return this;
    }

    /// <summary>A call that ends with an error when an argument has any of these bits.</summary>
    public SeccompProgram RefuseWhenBits(int errno, int argument, uint bits, Nr call)
    {
        Add(JumpEqual, (uint)call, 0, 4);
        Add(Load, (uint)(ArgumentOffset + (8 * argument)));
        Add(JumpAny, bits, 0, 1);
        Add(Return, Error | (uint)errno);
        Add(Load, NumberOffset);
        return this;
    }

    /// <summary>A call that ends with an error when an argument has this value.</summary>
    public SeccompProgram RefuseWhenArgument(int errno, int argument, uint value, Nr call)
    {
        Add(JumpEqual, (uint)call, 0, 4);
        Add(Load, (uint)(ArgumentOffset + (8 * argument)));
        Add(JumpEqual, value, 0, 1);
        Add(Return, Error | (uint)errno);
        Add(Load, NumberOffset);
        return this;
    }

    /// <summary>Everything else runs at full speed.</summary>
    public SeccompProgram AllowRest()
    {
        Add(Return, Allow);
        return this;
    }

    private SeccompProgram Verdict(uint verdict, ReadOnlySpan<Nr> calls)
    {
        foreach (Nr call in calls)
        {
            Add(JumpEqual, (uint)call, 0, 1);
            Add(Return, verdict);
        }

        return this;
    }

    private void Add(ushort code, uint value, byte whenTrue = 0, byte whenFalse = 0) => _code.Add(code | ((ulong)whenTrue << 16) | ((ulong)whenFalse << 24) | ((ulong)value << 32));
}
