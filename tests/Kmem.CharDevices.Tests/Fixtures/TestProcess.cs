using Kmem.Abstractions;

namespace Kmem.CharDevices.Tests.Fixtures;

/// <summary>A process with a few mapped ranges.</summary>
internal sealed class TestProcess(ulong limit = TestProcess.X86Limit) : IUserMemory
{
    public const ulong X86Limit = 0x7FFF_FFFF_F000, AlphaLimit = 1UL << 42;

    /// <summary>Start of a range of 2 MiB.</summary>
    public const ulong Buffer = 0x1000_0000;

    /// <summary>Start of one page of 8 KiB behind which nothing is mapped.</summary>
    public const ulong LonelyPage = 0x2000_0000;

    public const int LonelyLength = 8192;

    private readonly (ulong Start, byte[] Bytes)[] _ranges = [(Buffer, new byte[2 << 20]), (LonelyPage, new byte[LonelyLength])];

    public ulong Limit { get; } = limit;

    public int Read(ulong address, Span<byte> destination)
    {
        Span<byte> found = Find(address, destination.Length);
        found.CopyTo(destination);
        return found.Length;
    }

    public int Write(ulong address, ReadOnlySpan<byte> source)
    {
        Span<byte> found = Find(address, source.Length);
        source[..found.Length].CopyTo(found);
        return found.Length;
    }

    /// <summary>The bytes of the process at an address.</summary>
    public Span<byte> At(ulong address, int length) => Find(address, length);

    /// <summary>Puts bytes at <see cref="Buffer"/> and gives their address.</summary>
    public ulong Put(params byte[] bytes)
    {
        bytes.CopyTo(Find(Buffer, bytes.Length));
        return Buffer;
    }

    private Span<byte> Find(ulong address, int length)
    {
        foreach ((ulong start, byte[] bytes) in _ranges)
        {
            if (address >= start && address - start < (ulong)bytes.Length)
            {
                return bytes.AsSpan((int)(address - start), (int)Math.Min((ulong)length, (ulong)bytes.Length - (address - start)));
            }
        }

        return [];
    }
}
