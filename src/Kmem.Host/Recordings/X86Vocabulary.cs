using System.Globalization;
using Kmem.Abstractions;

namespace Kmem.Host.Recordings;

/// <summary>The operations of the x86 recording program, each turned into the system calls that the program makes.</summary>
/// <remarks>
/// The words and the unrecorded steps between them come from the recording program; results come from the kernel alone.
/// </remarks>
public sealed partial class X86Vocabulary : IVocabulary
{
    private const int SeekSet = 0;

    private static readonly Dictionary<string, OpenFlags> FlagNames = new(StringComparer.Ordinal)
    {
        ["O_RDONLY"] = OpenFlags.ReadOnly,
        ["O_WRONLY"] = OpenFlags.WriteOnly,
        ["O_RDWR"] = OpenFlags.ReadWrite,
        ["O_SYNC"] = OpenFlags.Sync,
        ["O_DSYNC"] = OpenFlags.DataSync,
        ["O_NONBLOCK"] = OpenFlags.NonBlocking,
        ["O_APPEND"] = OpenFlags.Append,
        ["O_TRUNC"] = OpenFlags.Truncate,
        ["O_CREAT"] = OpenFlags.Create,
        ["O_EXCL"] = OpenFlags.Exclusive,
        ["O_DIRECT"] = OpenFlags.Direct,
        ["O_DIRECTORY"] = OpenFlags.Directory,
        ["O_PATH"] = OpenFlags.Path,
        ["accmode3"] = OpenFlags.AccessMode,
        ["O_NOFOLLOW"] = OpenFlags.NoFollow,
        ["O_TMPFILE"] = OpenFlags.TemporaryFile,
        ["O_NOATIME"] = OpenFlags.NoAccessTime,
    };

    private readonly X86Session _session;
    private readonly Dictionary<string, Action<OperationLine>> _operations;

    /// <summary>Creates the vocabulary for a process.</summary>
    public X86Vocabulary(X86Session session)
    {
        _session = session;
        _operations = new Dictionary<string, Action<OperationLine>>(StringComparer.Ordinal)
        {
            ["open"] = Open,
            ["open_priv"] = OpenAs,
            ["lseek"] = Seek,
            ["fstat"] = line => X86Session.Result(line, File(line) is null ? Errno.EBADF : 0),
            ["fstat_fields"] = Status,
            ["poll"] = Poll,
            ["select"] = Select,
            ["epoll_ctl"] = line => Simple(line, FileCall.EpollAdd),
            ["ioctl"] = Ioctl,
            ["fsync"] = line => Simple(line, FileCall.Fsync),
            ["fdatasync"] = line => Simple(line, FileCall.Fdatasync),
            ["ftruncate"] = line => Simple(line, FileCall.Ftruncate, long.Parse(line.Text("args") ?? "0", CultureInfo.InvariantCulture)),
            ["truncate"] = line => Simple(line, FileCall.Truncate, 0),
            ["fallocate"] = line => Simple(line, FileCall.Fallocate, 0, 0, 4096),
            ["fadvise64"] = line => Simple(line, FileCall.Fadvise, 0, 0, 4),
            ["readahead"] = line => Simple(line, FileCall.Readahead, 0, 4096),
            ["sync_file_range"] = line => Simple(line, FileCall.SyncFileRange, 0, 4096, 2),
            ["syncfs"] = line => Simple(line, FileCall.Syncfs),
            ["flock"] = line => Simple(line, FileCall.Flock, line.Text("args") == "LOCK_UN" ? 8 : 6),
            ["fcntl"] = Fcntl,
            ["splice"] = Splice,
            ["sendfile"] = Sendfile,
            ["copy_file_range"] = line => Simple(line, FileCall.CopyFileRange, 16),
            ["tee"] = line => Simple(line, FileCall.Tee, 16),
            ["readv"] = ReadVector,
            ["preadv"] = ReadVectorAt,
            ["preadv2"] = ReadVectorFlags,
            ["name_to_handle"] = line => Simple(line, FileCall.Getdents),
            ["fchdir"] = line => Simple(line, FileCall.Fchdir),
            ["inotify_read_dup"] = DuplicateShares,
            ["inherited_fd"] = Inherited,
            ["pread"] = ReadAt,
            ["pwrite"] = WriteAt,
            ["read"] = Read,
            ["write"] = Write,
            ["pread_signal"] = ReadUnderSignals,
            ["mmap"] = Map,
            ["mmap_access"] = MapAccess,
            ["mmap_conflict"] = MapConflict,
            ["mprotect"] = line => OnMapping(line, m => m.Protect(0, 4096, line.Text("args")?.EndsWith("none", StringComparison.Ordinal) == true ? MapProtection.None : MapProtection.Read | MapProtection.Write)),
            ["madvise"] = line => OnMapping(line, m => m.Advise(line.Text("args") switch { "DONTNEED" => 4, "WILLNEED" => 3, "DONTFORK" => 10, _ => 11 })),
            ["msync"] = line => OnMapping(line, m => m.Sync()),
            ["mlock"] = line => OnMapping(line, m => m.Lock()),
            ["mincore"] = Resident,
            ["mremap"] = line => OnMapping(line, m => m.Resize(line.Text("args")?.StartsWith("grow", StringComparison.Ordinal) == true ? 16384UL : 4096, line.Text("args")?.Contains("MAYMOVE", StringComparison.Ordinal) == true)),
            ["write_from_mapping"] = WriteFromMapping,
            ["proc_self_mem"] = ReadThroughSelf,
        };
    }

    /// <summary>The flag of a name such as <c>O_SYNC</c>; none for an unknown one.</summary>
    public static OpenFlags FlagOf(string name) => FlagNames.GetValueOrDefault(name);

    private IKernel Kernel => _session.Kernel;

    /// <inheritdoc/>
    public bool TryRun(OperationLine line)
    {
        if (line.Raw("skipped") is not null)
        {
            return true;
        }

        if (!_operations.TryGetValue(line.Operation, out Action<OperationLine>? operation))
        {
            return false;
        }

        operation(line);
        return true;
    }

    private IOpenFile? File(OperationLine line) => _session.File(line.Device);

    private void Simple(OperationLine line, FileCall call, params ReadOnlySpan<long> arguments) => X86Session.Result(line, Kernel.Call(File(line), call, arguments));

    private void Open(OperationLine line)
    {
        string words = line.Text("args") ?? "O_RDWR";
        DeviceNode node;
        OpenFlags flags = OpenFlags.ReadWrite;
        if (line.Device == "mem_major")
        {
            // "kmem 1:2" and "minor N": a node made for the purpose.
            int minor = words.StartsWith("kmem", StringComparison.Ordinal) ? 2 : int.Parse(words.AsSpan(words.LastIndexOf(' ') + 1), NumberStyles.None, CultureInfo.InvariantCulture);
            node = new DeviceNode("dev/x", 1, minor, 0x180, 0, 0);
        }
        else
        {
            node = X86Session.Node(line.Device);
            if (!words.Contains(':', StringComparison.Ordinal))
            {
                flags = words.Split('|').Aggregate(OpenFlags.ReadOnly, (all, w) => all | FlagNames.GetValueOrDefault(w));
            }
        }

        CallResult result = Kernel.Open(new OpenRequest(node, flags, Credentials.Root), out IOpenFile? file);
        X86Session.Result(line, result.IsError ? result : 0);
        if (file is not null)
        {
            Kernel.Close(file);
        }
    }

    /// <summary>Opens as somebody else: mode 0640 or 0666 (octal), owner root, group kmem (15).</summary>
    private void OpenAs(OperationLine line)
    {
        string words = line.Text("args") ?? "";
        int mode = words.Contains("mode0666", StringComparison.Ordinal) ? 0x1B6 : 0x1A0;
        Credentials credentials = words switch
        {
            _ when words.StartsWith("uid1000 gid kmem", StringComparison.Ordinal) => Credentials.User(1000, 15),
            _ when words.StartsWith("uid1000", StringComparison.Ordinal) => Credentials.User(1000, 1000),
            _ when words.Contains("DAC", StringComparison.Ordinal) => Credentials.Root with { Capabilities = Capabilities.All & ~(Capabilities.SysRawio | Capabilities.DacOverride | Capabilities.DacReadSearch) },
            _ => Credentials.Root with { Capabilities = Capabilities.All & ~Capabilities.SysRawio },
        };
        CallResult result = Kernel.Open(new OpenRequest(X86Session.Node(line.Device, mode, 0, 15), OpenFlags.ReadOnly, credentials), out IOpenFile? file);
        X86Session.Result(line, result.IsError ? result : 0);
        if (file is not null)
        {
            Kernel.Close(file);
        }
    }

    private void Seek(OperationLine line)
    {
        IOpenFile? file = File(line);
        Kernel.Seek(file, (long)(line.Number("pos_before") ?? 0), SeekSet);
        line.AnswerHex("pos_before", _session.Position(file));
        CallResult result = Kernel.Seek(file, (long)(line.Number("offset") ?? 0), (int)(long)(line.Number("whence") ?? 0));
        X86Session.Result(line, result);
        if (!result.IsError)
        {
            line.AnswerHex("result_hex", (ulong)result.Value);
        }

        line.AnswerHex("pos_after", _session.Position(file));
        Kernel.Seek(file, 0, SeekSet);
    }

    private void Status(OperationLine line)
    {
        if (File(line) is not { } file)
        {
            X86Session.Result(line, Errno.EBADF);
            return;
        }

        FileStatus status = Kernel.Status(file);
        line.Answer("mode", "0" + Convert.ToString(status.Mode, 8));
        line.Answer("rdev", $"{status.Major}:{status.Minor}");
        line.Answer("size", status.Size);
        line.Answer("blksize", status.BlockSize);
        line.Answer("blocks", status.Blocks);
        line.Answer("nlink", status.Links);
        X86Session.Result(line, 0);
    }

    private void Poll(OperationLine line)
    {
        if (File(line) is not { } file)
        {
            X86Session.Result(line, Errno.EBADF);
            return;
        }

        PollEvents ready = Kernel.Poll(file, (PollEvents)(line.Number("events") ?? 0));
        X86Session.Result(line, ready == PollEvents.None ? 0 : 1);
        line.AnswerHex("revents", (ulong)ready);
    }

    private void Select(OperationLine line)
    {
        PollEvents ready = File(line) is { } file ? Kernel.Poll(file, PollEvents.In | PollEvents.Out | PollEvents.Priority | PollEvents.ReadNormal | PollEvents.WriteNormal) : PollEvents.None;
        int read = (ready & PollEvents.In) != 0 ? 1 : 0, write = (ready & PollEvents.Out) != 0 ? 1 : 0, except = (ready & PollEvents.Priority) != 0 ? 1 : 0;
        line.Answer("r", read);
        line.Answer("w", write);
        line.Answer("x", except);
        X86Session.Result(line, read + write + except);
    }

    private void Ioctl(OperationLine line)
    {
        string words = line.Text("args") ?? "0";
        uint request = words switch
        {
            "FIONREAD" => 0x541B,
            "TCGETS" => 0x5401,
            "FIOQSIZE" => 0x5460,
            "BLKGETSIZE64" => 0x8008_1272,
            "TIOCGWINSZ" => 0x5413,
            "unknown 0xdeadbeef" => 0xDEAD_BEEF,
            "FIGETBSZ" => 2,
            "FIBMAP" => 1,
            "FIFREEZE" => 0xC004_5877,
            "FICLONE" => 0x4004_9409,
            "FS_IOC_FIEMAP" => 0xC020_660B,
            "FIOASYNC" => 0x5452,
            "FIONBIO 0" => 0x5421,
            "FIOCLEX" => 0x5451,
            "FIONCLEX" => 0x5450,
            _ => 0,
        };
        Array.Clear(_session.ScratchContent, 0, 64);
        X86Session.Result(line, Kernel.Ioctl(File(line), request, request is 0x5450 or 0x5451 ? 0 : _session.Scratch, _session.Memory));
    }

    private void Fcntl(OperationLine line)
    {
        (long command, long argument) = line.Text("args") switch
        {
            "F_SETLK wr 0,16" => (6, 0),
            "F_SETLK wr SEEK_END 0,16" => (6, 2),
            "F_SETFL O_APPEND" => (4, (long)(OpenFlags.ReadWrite | OpenFlags.Append)),
            "F_SETFL O_DIRECT" => (4, (long)(OpenFlags.ReadWrite | OpenFlags.Direct)),
            "F_SETPIPE_SZ" => (1031, 4096),
            "F_SETLEASE RDLCK" => (1024, 0),
            "F_ADD_SEALS" => (1033, 1),
            _ => (8L, 1L),
        };
        Simple(line, FileCall.Fcntl, command, argument);
        if (line.Text("args") == "F_SETFL O_DIRECT")
        {
            // The program sets the flags back before it goes on.
            Kernel.Call(File(line), FileCall.Fcntl, 4, (long)OpenFlags.ReadWrite);
        }
    }

    private static long Base(OperationLine line) => line.Device == "mem" ? 0xF0000 : 0x80;

    private void Splice(OperationLine line)
    {
        bool into = line.Text("args")?.StartsWith("pipe->", StringComparison.Ordinal) == true, byPosition = line.Text("args")?.EndsWith("fpos", StringComparison.Ordinal) == true;
        if (byPosition)
        {
            Kernel.Seek(File(line), Base(line), SeekSet);
        }

        "ABCD"u8.CopyTo(_session.ScratchContent);
        X86Session.Result(line, Kernel.Splice(File(line), into ? FileCall.SpliceTo : FileCall.SpliceFrom, _session.Memory, _session.Scratch, into ? 4UL : 16, byPosition ? null : Base(line)));
    }

    private void Sendfile(OperationLine line)
    {
        bool into = line.Text("args")?.StartsWith("file->", StringComparison.Ordinal) == true;
        if (into)
        {
            Kernel.Seek(File(line), Base(line), SeekSet);
        }

        "ABCDEFGH"u8.CopyTo(_session.ScratchContent);
        X86Session.Result(line, Kernel.Splice(File(line), into ? FileCall.SendfileTo : FileCall.SendfileFrom, _session.Memory, _session.Scratch, into ? 4UL : 16, into ? null : Base(line)));
    }

    private void DuplicateShares(OperationLine line)
    {
        // A duplicate is the same open file description, so that its position is this one.
        Kernel.Seek(File(line), 0x123, SeekSet);
        X86Session.Result(line, Kernel.Seek(File(line), 0, 1));
    }
}
