using System.Globalization;
using System.Security.Cryptography;
using Kmem.Abstractions;

namespace Kmem.Host.Recordings;

/// <summary>The process of the x86 recording program: its descriptors, its buffers and how it prints what comes back.</summary>
public sealed class X86Session
{
    /// <summary>Length of the program's big buffer in bytes.</summary>
    public const int BufferLength = 8 << 20;

    /// <summary>Distance of the big buffer from the top of user space: some gigabytes, as mmap(2) with a random base places it.</summary>
    private const ulong BelowTop = 0x2_0000_0000;

    /// <summary>Where a kernel's memory begins.</summary>
    public const ulong KernelPointer = 0xFFFF_8880_0000_0000;

    private static readonly Dictionary<string, (string Device, OpenFlags Flags)> Opens = new(StringComparer.Ordinal)
    {
        ["mem"] = ("mem", OpenFlags.ReadWrite),
        ["memro"] = ("mem", OpenFlags.ReadOnly),
        ["memwo"] = ("mem", OpenFlags.WriteOnly),
        ["memsync"] = ("mem", OpenFlags.ReadWrite | OpenFlags.Sync),
        ["port"] = ("port", OpenFlags.ReadWrite),
        ["portro"] = ("port", OpenFlags.ReadOnly),
        ["portwo"] = ("port", OpenFlags.WriteOnly),
        ["kmem"] = ("kmem", OpenFlags.ReadWrite),
    };

    private readonly Dictionary<string, IOpenFile?> _files = new(StringComparer.Ordinal);

    /// <summary>Creates the process.</summary>
    /// <param name="kernel">The kernel that answers.</param>
    /// <param name="physical">The machine's memory, in which the process has pages of its own; null when it has none.</param>
    /// <param name="ramEnd">End of the last RAM below 4 GiB.</param>
    public X86Session(IKernel kernel, IAddressSpace? physical, ulong ramEnd)
    {
        (Kernel, Physical, RamEnd) = (kernel, physical, ramEnd);
        Memory = new SimulatedProcess(kernel.UserLimit, kernel.PageSize);
        Content = Memory.Add(Buffer, BufferLength);
        Two = Memory.Add(TwoPages, kernel.PageSize);
        ScratchContent = Memory.Add(Scratch, 0x10000);
        Array.Fill(Two, (byte)0x5A);
    }

    /// <summary>Where the big buffer lies.</summary>
    public ulong Buffer => (Kernel.UserLimit - BelowTop) & ~0xFFFFFUL;

    /// <summary>Where a page lies whose neighbour is unmapped.</summary>
    public ulong TwoPages => Buffer - 0x100_0000;

    /// <summary>Where a piece for odds and ends lies.</summary>
    public ulong Scratch => Buffer - 0x200_0000;

    /// <summary>The kernel that answers.</summary>
    public IKernel Kernel { get; }

    /// <summary>The machine's memory.</summary>
    public IAddressSpace? Physical { get; }

    /// <summary>End of the last RAM below 4 GiB.</summary>
    public ulong RamEnd { get; }

    /// <summary>The process's memory.</summary>
    public SimulatedProcess Memory { get; }

    /// <summary>The big buffer.</summary>
    public byte[] Content { get; }

    /// <summary>The page whose neighbour is unmapped.</summary>
    public byte[] Two { get; }

    /// <summary>The piece for odds and ends.</summary>
    public byte[] ScratchContent { get; }

    /// <summary>A physical page that belongs to the process itself: in the middle of RAM, where nothing else of the recording reaches.</summary>
    public ulong OwnPage => (RamEnd / 2) & ~0xFFFUL;

    /// <summary>The node of a device with the number that Linux gives it.</summary>
    public static DeviceNode Node(string device, int mode = 0x1A0, int user = 0, int group = 0) =>
        new("dev/" + device, 1, device switch { "mem" => 1, "kmem" => 2, "null" => 3, "port" => 4, "zero" => 5, "full" => 7, _ => 0 }, mode, user, group);

    /// <summary>The descriptor of a name such as <c>memro</c>; opened when it is first used, null for a bad one.</summary>
    public IOpenFile? File(string name)
    {
        if (!_files.TryGetValue(name, out IOpenFile? file))
        {
            if (Opens.TryGetValue(name, out (string Device, OpenFlags Flags) open))
            {
                Kernel.Open(new OpenRequest(Node(open.Device), open.Flags, Credentials.Root), out file);
            }

            _files[name] = file;
        }

        return file;
    }

    /// <summary>Prints a result as the program does: -1 and the error's name, or the number.</summary>
    public static void Result(OperationLine line, CallResult result)
    {
        // The program can't tell a result in -4095..-1 from an error number, and no call gives one.
        line.Answer("result", result.IsError ? -1 : result.Value);
        line.AnswerRaw("errno", result.IsError ? $"\"{result.Error}\"" : "null");
    }

    /// <summary>Prints bytes as the program does.</summary>
    public static void Data(OperationLine line, ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length == 0)
        {
            return;
        }

        if (bytes.Length <= 64)
        {
            line.Answer("data", Hex(bytes));
        }
        else
        {
            line.Answer("data_sha256", Convert.ToHexStringLower(SHA256.HashData(bytes)));
            line.Answer("data_head", Hex(bytes[..16]));
            line.Answer("data_tail", Hex(bytes[^16..]));
        }

        if (bytes.Length > 1 && bytes.IndexOfAnyExcept(bytes[0]) < 0)
        {
            line.Answer("fill", bytes[0].ToString("x2", CultureInfo.InvariantCulture));
        }
    }

    /// <summary>Bytes in hexadecimal.</summary>
    public static string Hex(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(bytes);

    /// <summary>The position of a descriptor, as lseek(fd, 0, SEEK_CUR) tells.</summary>
    public ulong Position(IOpenFile? file) => (ulong)Kernel.Seek(file, 0, 1).Value;

    /// <summary>The user address of a buffer that the program calls by a name.</summary>
    public ulong Pointer(string name)
    {
        int digits = 0;
        while (digits < name.Length && char.IsAsciiDigit(name[digits]))
        {
            digits++;
        }

        if (digits > 0)
        {
            return TwoPages + (ulong)Memory.PageSize - ulong.Parse(name.AsSpan(0, digits), NumberStyles.None, CultureInfo.InvariantCulture);
        }

        return name switch
        {
            _ when name.StartsWith("kernel ptr", StringComparison.Ordinal) => KernelPointer,
            _ when name.StartsWith("noncanonical", StringComparison.Ordinal) => 0x8000_0000_0000,
            _ when name.StartsWith("task top", StringComparison.Ordinal) => Kernel.UserLimit,
            _ when name.StartsWith("one page good", StringComparison.Ordinal) || name.StartsWith("good page", StringComparison.Ordinal) => TwoPages,
            "ptr 8" => 8,
            _ => 0,
        };
    }
}
