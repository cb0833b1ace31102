using Kmem.Abstractions;

namespace Kmem.Host.Recordings;

/// <summary>The process of the Alpha recording program: its descriptors, its buffers and how it prints what comes back.</summary>
public sealed class AlphaSession
{
    /// <summary>Length of the program's big buffer in bytes.</summary>
    public const int BufferLength = 2 << 20;

    /// <summary>Where the big buffer lies.</summary>
    public const ulong Buffer = 0x200_0000_0000;

    /// <summary>A page of 8 KiB whose neighbour is unmapped.</summary>
    public const ulong TwoPages = 0x200_1000_0000;

    /// <summary>RAM of the machine that the program uses as scratch memory.</summary>
    public const ulong ScratchMemory = 0x30_C000;

    private readonly Dictionary<string, IOpenFile?> _files = new(StringComparer.Ordinal);

    /// <summary>Creates the process.</summary>
    /// <param name="kernel">The kernel that answers.</param>
    /// <param name="ramEnd">End of RAM, until the recording's <c>ram_top</c> line tells.</param>
    public AlphaSession(IKernel kernel, ulong ramEnd)
    {
        (Kernel, RamEnd) = (kernel, ramEnd);
        Memory = new SimulatedProcess(kernel.UserLimit, kernel.PageSize);
        Content = Memory.Add(Buffer, BufferLength);
        Memory.Add(TwoPages, 8192);
    }

    /// <summary>The kernel that answers.</summary>
    public IKernel Kernel { get; }

    /// <summary>End of RAM.</summary>
    public ulong RamEnd { get; set; }

    /// <summary>The process's memory.</summary>
    public SimulatedProcess Memory { get; }

    /// <summary>The big buffer.</summary>
    public byte[] Content { get; }

    /// <summary>The descriptor of a name such as <c>/dev/mem</c>, <c>/dev/mem:ro</c>; opened when it is first used.</summary>
    public IOpenFile? File(string name)
    {
        if (!_files.TryGetValue(name, out IOpenFile? file))
        {
            OpenFlags flags = name switch
            {
                _ when name.EndsWith(":ro", StringComparison.Ordinal) => OpenFlags.ReadOnly,
                _ when name.EndsWith(":wo", StringComparison.Ordinal) => OpenFlags.WriteOnly,
                "/dev/mem" => OpenFlags.ReadWrite | OpenFlags.Sync,
                _ => OpenFlags.ReadWrite,
            };
            string device = name["/dev/".Length..].Split(':')[0];
            Kernel.Open(new OpenRequest(X86Session.Node(device, mode: device is "null" or "zero" or "full" ? 0x1B6 : 0x180), flags, Credentials.Root), out file);
            _files[name] = file;
        }

        return file;
    }

    /// <summary>Prints a result as the program does: the value, the number of the error and its name.</summary>
    public void Result(OperationLine line, CallResult result)
    {
        line.Answer("result", result.IsError ? -1 : result.Value);
        line.Answer("errno", result.IsError ? Kernel.NumberOf(result.Error) : 0);
        line.Answer("errname", result.IsError ? result.Error.ToString() : "");
    }

    /// <summary>Prints bytes as the program does: up to 256 whole, more as a prefix and a checksum.</summary>
    public static void Data(OperationLine line, ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length == 0)
        {
            line.AnswerRaw("data", "null");
        }
        else if (bytes.Length <= 256)
        {
            line.Answer("data", X86Session.Hex(bytes));
        }
        else
        {
            line.Answer("data", X86Session.Hex(bytes[..32]));
            line.Answer("data_is_prefix", true);
            line.Answer("fnv1a64", "0x" + Fnv(bytes).ToString("x16", System.Globalization.CultureInfo.InvariantCulture));
        }
    }

    /// <summary>FNV-1a of 64 bits.</summary>
    private static ulong Fnv(ReadOnlySpan<byte> bytes)
    {
        ulong hash = 0xCBF2_9CE4_8422_2325;
        foreach (byte value in bytes)
        {
            hash = unchecked((hash ^ value) * 0x100_0000_01B3);
        }

        return hash;
    }
}
