namespace Kmem.Abstractions;

/// <summary>The outcome of a system call: a count, or an error.</summary>
/// <param name="Value">The return value when there is no error; as the kernel's 64-bit register, so a position may look negative.</param>
/// <param name="Error">The error, or <see cref="Errno.None"/>.</param>
public readonly record struct CallResult(long Value, Errno Error)
{
    /// <summary>True when the call failed.</summary>
    public bool IsError => Error != Errno.None;

    /// <summary>A count.</summary>
    public static implicit operator CallResult(long value) => new(value, Errno.None);

    /// <summary>An error; <see cref="Errno.None"/> is success with the value 0.</summary>
    public static implicit operator CallResult(Errno error) => new(error == Errno.None ? 0 : -1, error);

    /// <summary>A count.</summary>
    public static CallResult FromInt64(long value) => value;

    /// <summary>An error.</summary>
    public static CallResult FromErrno(Errno error) => error;
}

/// <summary>Bits of poll(2).</summary>
[Flags]
public enum PollEvents
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>POLLIN.</summary>
    In = 1,

    /// <summary>POLLPRI.</summary>
    Priority = 2,

    /// <summary>POLLOUT.</summary>
    Out = 4,

    /// <summary>POLLERR.</summary>
    Error = 8,

    /// <summary>POLLHUP.</summary>
    HangUp = 0x10,

    /// <summary>POLLRDNORM.</summary>
    ReadNormal = 0x40,

    /// <summary>POLLWRNORM.</summary>
    WriteNormal = 0x100,
}

/// <summary>What fstat(2) tells.</summary>
/// <param name="Mode">File type and permission bits.</param>
/// <param name="Major">Major number of the device.</param>
/// <param name="Minor">Minor number of the device.</param>
/// <param name="Size">Size in bytes.</param>
/// <param name="BlockSize">Preferred block size in bytes.</param>
/// <param name="Blocks">Blocks of 512 bytes in use.</param>
/// <param name="Links">Hard links.</param>
/// <param name="UserId">Owner.</param>
/// <param name="GroupId">Group.</param>
public sealed record FileStatus(int Mode, int Major, int Minor, long Size, int BlockSize, long Blocks, int Links, int UserId, int GroupId);

/// <summary>An open file description: shared by descriptors that dup(2) and fork(2) make.</summary>
public interface IOpenFile
{
    /// <summary>The node that was opened.</summary>
    DeviceNode Node { get; }

    /// <summary>The flags of the open, as fcntl(F_SETFL) has changed them since.</summary>
    OpenFlags Flags { get; }

    /// <summary>The position; above 2^63 where the device's offsets are unsigned.</summary>
    ulong Position { get; }
}

/// <summary>Calls on a descriptor that don't move data; the kernel answers them from the kind of file.</summary>
public enum FileCall
{
    /// <summary>fsync(2).</summary>
    Fsync,

    /// <summary>fdatasync(2).</summary>
    Fdatasync,

    /// <summary>ftruncate(2); argument 0 is the length.</summary>
    Ftruncate,

    /// <summary>truncate(2) by path; argument 0 is the length.</summary>
    Truncate,

    /// <summary>fallocate(2); arguments mode, offset, length.</summary>
    Fallocate,

    /// <summary>posix_fadvise(2); arguments offset, length, advice.</summary>
    Fadvise,

    /// <summary>readahead(2); arguments offset, count.</summary>
    Readahead,

    /// <summary>sync_file_range(2); arguments offset, count, flags.</summary>
    SyncFileRange,

    /// <summary>syncfs(2).</summary>
    Syncfs,

    /// <summary>flock(2); argument 0 is the operation.</summary>
    Flock,

    /// <summary>fcntl(2); arguments command, argument.</summary>
    Fcntl,

    /// <summary>getdents64(2).</summary>
    Getdents,

    /// <summary>fchdir(2).</summary>
    Fchdir,

    /// <summary>epoll_ctl(2) with EPOLL_CTL_ADD.</summary>
    EpollAdd,

    /// <summary>splice(2) from the device; arguments offset or -1 for the position, count.</summary>
    SpliceFrom,

    /// <summary>splice(2) into the device; arguments offset or -1 for the position, count.</summary>
    SpliceTo,

    /// <summary>sendfile(2) from the device; arguments offset, count.</summary>
    SendfileFrom,

    /// <summary>sendfile(2) into the device; arguments offset, count.</summary>
    SendfileTo,

    /// <summary>copy_file_range(2) in either direction.</summary>
    CopyFileRange,

    /// <summary>tee(2).</summary>
    Tee,
}

/// <summary>A simulated kernel in front of a machine: the system calls that a program can make on its character devices.</summary>
/// <remarks>
/// Every frontend (JSON lines, FUSE, the ptrace supervisor) sends its calls here, so the order of checks, short counts, positions and side
/// effects stand once. A null file stands for a bad descriptor, because some checks come before that one.
/// </remarks>
public interface IKernel
{
    /// <summary>Name of the flavour, for example <c>linux-6.1-x86_64</c>.</summary>
    string Flavour { get; }

    /// <summary>Page size in bytes.</summary>
    int PageSize { get; }

    /// <summary>First address that no user buffer may reach.</summary>
    ulong UserLimit { get; }

    /// <summary>The nodes of the machine's frontends.</summary>
    IReadOnlyList<DeviceNode> Nodes { get; }

    /// <summary>What the kernel shows in a file under /proc: <c>iomem</c>, <c>cmdline</c>; null where it shows none.</summary>
    string? Text(string name) => null;

    /// <summary>Who makes a call when the frontend's client says nothing about itself: what the flavour's <c>uid:</c> and <c>caps:</c> give.</summary>
    Credentials DefaultCredentials => Credentials.Root;

    /// <summary>The number that this kernel's architecture gives an error.</summary>
    int NumberOf(Errno error);

    /// <summary>open(2), after the path walk.</summary>
    CallResult Open(OpenRequest request, out IOpenFile? file);

    /// <summary>Takes one reference to an open file away; the last one closes it.</summary>
    void Close(IOpenFile file);

    /// <summary>lseek(2).</summary>
    CallResult Seek(IOpenFile? file, long offset, int whence);

    /// <summary>read(2).</summary>
    CallResult Read(IOpenFile? file, IUserMemory memory, ulong buffer, ulong count);

    /// <summary>write(2).</summary>
    CallResult Write(IOpenFile? file, IUserMemory memory, ulong buffer, ulong count);

    /// <summary>pread(2).</summary>
    CallResult ReadAt(IOpenFile? file, IUserMemory memory, ulong buffer, ulong count, long offset);

    /// <summary>pwrite(2).</summary>
    CallResult WriteAt(IOpenFile? file, IUserMemory memory, ulong buffer, ulong count, long offset);

    /// <summary>readv(2), preadv(2) and preadv2(2): offset null means the position; flags are RWF_*.</summary>
    CallResult ReadVector(IOpenFile? file, IUserMemory memory, IReadOnlyList<IoVector> vector, long? offset, int flags = 0);

    /// <summary>writev(2), pwritev(2) and pwritev2(2).</summary>
    CallResult WriteVector(IOpenFile? file, IUserMemory memory, IReadOnlyList<IoVector> vector, long? offset, int flags = 0);

    /// <summary>mmap(2).</summary>
    CallResult Map(IOpenFile? file, MapRequest request, out IMapping? mapping);

    /// <summary>poll(2) on one descriptor: the events that are ready of those asked for.</summary>
    PollEvents Poll(IOpenFile file, PollEvents events);

    /// <summary>ioctl(2).</summary>
    CallResult Ioctl(IOpenFile? file, uint request, ulong argument, IUserMemory memory);

    /// <summary>fstat(2).</summary>
    FileStatus Status(IOpenFile file);

    /// <summary>A call that moves no data.</summary>
    CallResult Call(IOpenFile? file, FileCall call, params ReadOnlySpan<long> arguments);

    /// <summary>splice(2) and sendfile(2) between the device and a pipe or file whose contents stand in <paramref name="memory"/>.</summary>
    /// <param name="file">The device.</param>
    /// <param name="call">One of the four splice and sendfile calls.</param>
    /// <param name="memory">Stands for the other end.</param>
    /// <param name="buffer">Where the other end's bytes begin in <paramref name="memory"/>.</param>
    /// <param name="count">Bytes to move.</param>
    /// <param name="offset">Offset in the device, or null for its position.</param>
    CallResult Splice(IOpenFile? file, FileCall call, IUserMemory memory, ulong buffer, ulong count, long? offset) => Call(file, call, offset ?? -1, (long)count);

    /// <summary>Asks running reads and writes to stop as a pending signal would: after the page in hand.</summary>
    /// <remarks>Used by frontends whose client received a signal, and by tests; cleared by the call that it stopped.</remarks>
    Func<bool>? SignalPending { get; set; }
}
