using Kmem.Abstractions;

namespace Kmem.Host.Recordings;

/// <summary>The operations of the Alpha recording program, each turned into the system calls that the program makes.</summary>
public sealed partial class AlphaVocabulary : IVocabulary
{
    private const byte Untouched = 0xA5;
    private const ulong Scratch = AlphaSession.ScratchMemory;

    private readonly AlphaSession _session;
    private readonly Dictionary<string, Action<OperationLine>> _operations;

    /// <summary>Creates the vocabulary for a process.</summary>
    public AlphaVocabulary(AlphaSession session)
    {
        _session = session;
        _operations = new Dictionary<string, Action<OperationLine>>(StringComparer.Ordinal)
        {
            ["ram_top"] = RamTop,
            ["pread"] = ReadAt,
            ["pwrite"] = WriteAt,
            ["lseek"] = Seek,
            ["lseek+read"] = SeekAndRead,
            ["lseek+write"] = SeekAndWrite,
            ["mmap"] = Map,
            ["mmap_load"] = Load,
            ["mmap_store"] = Store,
            ["private_cow"] = PrivateWrite,
            ["private_view"] = PrivateView,
            ["store_to_readonly_map"] = StoreReadOnly,
            ["mprotect_rw"] = line => OnReadOnly(line, m => m.Protect(0, 8192, MapProtection.Read | MapProtection.Write)),
            ["msync"] = line => OnReadOnly(line, m => m.Sync(), isLast: true),
            ["mmap_then_pread"] = StoreThenRead,
            ["pwrite_then_mmap"] = WriteThenLoad,
            ["pread_into_own_map"] = ReadIntoMapping,
            ["pread_badbuf"] = ReadBad,
            ["pwrite_badbuf"] = WriteBad,
            ["pread_huge"] = ReadHuge,
            ["write_on_ro_fd"] = line => Answer(line, Kernel.WriteAt(_session.File(line.Device + ":ro"), _session.Memory, AlphaSession.Buffer, 1, Offset(line))),
            ["read_on_wo_fd"] = line => Answer(line, Kernel.ReadAt(_session.File(line.Device + ":wo"), _session.Memory, AlphaSession.Buffer, 1, Offset(line))),
            ["ioctl_FIONREAD"] = line => Answer(line, Kernel.Ioctl(File(line), 0x4004_667F, AlphaSession.Buffer, _session.Memory)),
            ["ioctl_TCGETS"] = line => Answer(line, Kernel.Ioctl(File(line), 0x402C_7413, AlphaSession.Buffer, _session.Memory)),
            ["fsync"] = line => Answer(line, Kernel.Call(File(line), FileCall.Fsync)),
            ["fdatasync"] = line => Answer(line, Kernel.Call(File(line), FileCall.Fdatasync)),
            ["ftruncate"] = line => Answer(line, Kernel.Call(File(line), FileCall.Ftruncate, 0)),
            ["fallocate"] = line => Answer(line, Kernel.Call(File(line), FileCall.Fallocate, 0, 0, 4096)),
            ["fstat"] = Status,
            ["preadv"] = ReadVector,
            ["sendfile"] = line => Answer(line, Kernel.Splice(File(line), FileCall.SendfileFrom, _session.Memory, AlphaSession.Buffer, 16, Offset(line))),
            ["splice"] = line => Answer(line, Kernel.Splice(File(line), FileCall.SpliceFrom, _session.Memory, AlphaSession.Buffer, 16, Offset(line))),
            ["poll_revents"] = line => Answer(line, File(line) is { } file ? (long)Kernel.Poll(file, PollEvents.In | PollEvents.Out | PollEvents.Priority) : 0),
            ["open"] = line => OpenMinor(line, int.Parse(line.Device.AsSpan(line.Device.IndexOf(':', StringComparison.Ordinal) + 1), System.Globalization.NumberStyles.None, null)),
            ["open_1_2"] = line => OpenMinor(line, 2),
            ["open_1_1_creat_trunc"] = line => OpenMinor(line, 1, OpenFlags.Create | OpenFlags.Truncate),
            ["open_unprivileged"] = OpenUnprivileged,
        };
    }

    private IKernel Kernel => _session.Kernel;

    /// <inheritdoc/>
    public bool TryRun(OperationLine line)
    {
        if (!_operations.TryGetValue(line.Operation, out Action<OperationLine>? operation))
        {
            return false;
        }

        operation(line);
        if (line.Raw("signal") is not null && !line.Answers.Any(a => a.Name == "signal"))
        {
            line.Answer("signal", "");
        }

        return true;
    }

    private static long Offset(OperationLine line) => (long)(line.Number("offset") ?? 0);

    private static string Note(OperationLine line) => line.Text("note") ?? "";

    private IOpenFile? File(OperationLine line) => _session.File(line.Device);

    private void Answer(OperationLine line, CallResult result)
    {
        _session.Result(line, result);
        line.AnswerRaw("data", "null");
    }

    private void RamTop(OperationLine line)
    {
        // The program finds the end of RAM by trying reads; so do we, and the recorded one only bounds the search.
        ulong low = 0x40_0000, high = 1UL << 36;
        while (high - low > 8192)
        {
            ulong middle = (low + high) / 2 & ~8191UL;
            bool isReadable = Kernel.ReadAt(_session.File("/dev/mem"), _session.Memory, AlphaSession.Buffer, 1, (long)middle - 1) is { IsError: false, Value: 1 };
            (low, high) = isReadable ? (middle, high) : (low, middle);
        }

        _session.RamEnd = low;
        line.Answer("result", 0);
        line.Answer("errno", 0);
        line.AnswerRaw("data", "null");
    }

    private void Clear(ulong length) => _session.Content.AsSpan(0, (int)Math.Min(length + 64, AlphaSession.BufferLength)).Fill(Untouched);

    private void ReadAt(OperationLine line)
    {
        ulong length = line.Number("length") ?? 0;
        if (line.Device is "/dev/zero" or "/dev/null" or "/dev/full")
        {
            Answer(line, Kernel.ReadAt(File(line), _session.Memory, AlphaSession.Buffer, length, Offset(line)));
            return;
        }

        Clear(length);
        CallResult result = Kernel.ReadAt(File(line), _session.Memory, AlphaSession.Buffer, length, Offset(line));
        _session.Result(line, result);
        AlphaSession.Data(line, _session.Content.AsSpan(0, (int)Math.Clamp(result.Value, 0, AlphaSession.BufferLength)));
    }

    /// <summary>The bytes that a line writes stand in its data; before a partial quadword the program fills both quadwords with ff.</summary>
    private void WriteAt(OperationLine line)
    {
        if (Note(line).StartsWith("partial quadword", StringComparison.Ordinal))
        {
            _session.Content.AsSpan(0, 16).Fill(0xFF);
            Kernel.WriteAt(File(line), _session.Memory, AlphaSession.Buffer, 16, (long)Scratch + 0x40);
        }

        if (line.Device is "/dev/null" or "/dev/full")
        {
            Answer(line, Kernel.WriteAt(File(line), _session.Memory, AlphaSession.Buffer, line.Number("length") ?? 0, Offset(line)));
            return;
        }

        byte[] source = Source(line);
        _session.Result(line, Kernel.WriteAt(File(line), _session.Memory, AlphaSession.Buffer, (ulong)source.Length, Offset(line)));
        AlphaSession.Data(line, source);
    }

    private byte[] Source(OperationLine line)
    {
        byte[] source = line.Bytes("data") ?? new byte[(int)Math.Min(line.Number("length") ?? 0, 512)];
        source.CopyTo(_session.Content, 0);
        return source;
    }

    private void Seek(OperationLine line)
    {
        int whence = Note(line) == "SEEK_END" && line.Raw("whence") is null ? 2 : (int)(long)(line.Number("whence") ?? 0);
        Answer(line, Kernel.Seek(File(line), Offset(line), whence));
    }

    private void SeekAndRead(OperationLine line)
    {
        ulong length = line.Number("length") ?? 0;
        Clear(length);
        SeekFirst(line);
        CallResult result = Kernel.Read(File(line), _session.Memory, AlphaSession.Buffer, length);
        line.Answer("pos_after", Kernel.Seek(File(line), 0, 1).Value);
        _session.Result(line, result);
        AlphaSession.Data(line, _session.Content.AsSpan(0, (int)Math.Clamp(result.Value, 0, AlphaSession.BufferLength)));
    }

    private void SeekAndWrite(OperationLine line)
    {
        byte[] source = Source(line);
        SeekFirst(line);
        CallResult result = Kernel.Write(File(line), _session.Memory, AlphaSession.Buffer, (ulong)source.Length);
        line.Answer("pos_after", Kernel.Seek(File(line), 0, 1).Value);
        _session.Result(line, result);
        AlphaSession.Data(line, source);
    }

    private void SeekFirst(OperationLine line)
    {
        CallResult seek = Kernel.Seek(File(line), Offset(line), 0);
        line.Answer("seek_result", seek.IsError ? -1 : seek.Value);
        line.Answer("seek_errno", seek.IsError ? Kernel.NumberOf(seek.Error) : 0);
    }

    private void ReadBad(OperationLine line)
    {
        string note = Note(line);
        ulong buffer = note switch
        {
            _ when note.StartsWith("kernel address", StringComparison.Ordinal) => 0xFFFF_FC00_0031_0000,
            _ when note.StartsWith("8 good", StringComparison.Ordinal) => AlphaSession.TwoPages + 8184,
            _ when note.StartsWith("first 8K", StringComparison.Ordinal) => AlphaSession.TwoPages,
            _ => 0,
        };
        Answer(line, Kernel.ReadAt(File(line), _session.Memory, buffer, line.Number("length") ?? 0, Offset(line)));
    }

    private void WriteBad(OperationLine line)
    {
        ulong buffer = AlphaSession.TwoPages + (Note(line).StartsWith("8 good", StringComparison.Ordinal) ? 8184UL : 8192);
        Answer(line, Kernel.WriteAt(File(line), _session.Memory, buffer, line.Number("length") ?? 0, Offset(line)));
    }

    private void ReadHuge(OperationLine line) => Answer(line, Kernel.ReadAt(File(line), _session.Memory, AlphaSession.Buffer, line.Number("length") ?? 0, Offset(line)));

    private void Status(OperationLine line)
    {
        if (File(line) is { } file)
        {
            FileStatus status = Kernel.Status(file);
            line.Answer("st_size", status.Size);
            line.Answer("st_blksize", status.BlockSize);
            line.Answer("rdev", $"{status.Major}:{status.Minor}");
        }

        Answer(line, File(line) is null ? Errno.EBADF : 0);
    }

    private void ReadVector(OperationLine line)
    {
        IoVector[] vector = Note(line) switch
        {
            "iov 3,0,5" => [new(AlphaSession.Buffer, 3), new(AlphaSession.Buffer + 16, 0), new(AlphaSession.Buffer + 32, 5)],
            "iov 3,NULL/4,5" => [new(AlphaSession.Buffer, 3), new(0, 4), new(AlphaSession.Buffer + 32, 5)],
            _ => [new(AlphaSession.Buffer, 3), new(AlphaSession.Buffer + 16, 4), new(AlphaSession.Buffer + 32, 5)],
        };
        Array.Clear(_session.Content, 0, 64);
        CallResult result = Kernel.ReadVector(File(line), _session.Memory, vector, Offset(line));
        Answer(line, result);
        if (vector[1].Length == 0)
        {
            byte[] joined = [.. _session.Content.AsSpan(0, 3), .. _session.Content.AsSpan(32, 5)];
            AlphaSession.Data(line, joined.AsSpan(0, (int)Math.Clamp(result.Value, 0, 8)));
        }
    }

    /// <summary>A descriptor that the program prints is only told from an error; its number is the process's affair.</summary>
    private void OpenMinor(OperationLine line, int minor, OpenFlags more = OpenFlags.ReadOnly)
    {
        CallResult result = Kernel.Open(new OpenRequest(new DeviceNode("dev/x", 1, minor, 0x180, 0, 0), OpenFlags.ReadWrite | more, Credentials.Root), out IOpenFile? file);
        Answer(line, result.IsError ? result : 0);
        if (file is not null)
        {
            Kernel.Close(file);
        }
    }

    private void OpenUnprivileged(OperationLine line)
    {
        string device = line.Device["/dev/".Length..];
        CallResult result = Kernel.Open(new OpenRequest(X86Session.Node(device, 0x1B6), OpenFlags.ReadOnly, Credentials.User(65534, 65534)), out IOpenFile? file);
        Answer(line, result.IsError ? result : 0);
        if (file is not null)
        {
            Kernel.Close(file);
        }
    }
}
