using Kmem.Abstractions;
using Kmem.Host.Tracing.Paths;

namespace Kmem.Host.Tracing.Calls;

/// <summary>An open live file of a session.</summary>
internal sealed class LiveFile(string path, ISessionFile content, OpenFlags flags) : IOpenFile
{
    /// <inheritdoc/>
    public DeviceNode Node { get; } = new(path.TrimStart('/'), 0, 0, 0x1A4, 0, 0);

    /// <inheritdoc/>
    public OpenFlags Flags { get; } = flags;

    /// <inheritdoc/>
    public ulong Position { get; set; }

    /// <summary>Its contents.</summary>
    public ISessionFile Content { get; } = content;
}

/// <summary>The simulated kernel, with the live files of the session beside its devices.</summary>
/// <param name="inner">Answers for everything that is no live file.</param>
internal sealed class SessionKernel(IKernel inner) : IKernel
{
    private const int RegularFile = 0x8000, Largest = 1 << 16;

    /// <inheritdoc/>
    public string Flavour => inner.Flavour;

    /// <inheritdoc/>
    public int PageSize => inner.PageSize;

    /// <inheritdoc/>
    public ulong UserLimit => inner.UserLimit;

    /// <inheritdoc/>
    public IReadOnlyList<DeviceNode> Nodes => inner.Nodes;

    /// <inheritdoc/>
    public Func<bool>? SignalPending
    {
        get => inner.SignalPending;
        set => inner.SignalPending = value;
    }

    /// <inheritdoc/>
    public int NumberOf(Errno error) => inner.NumberOf(error);

    /// <inheritdoc/>
    public CallResult Open(OpenRequest request, out IOpenFile? file) => inner.Open(request, out file);

    /// <inheritdoc/>
    public void Close(IOpenFile file)
    {
        if (file is not LiveFile)
        {
            inner.Close(file);
        }
    }

    /// <inheritdoc/>
    public CallResult Seek(IOpenFile? file, long offset, int whence)
    {
        if (file is not LiveFile live)
        {
            return inner.Seek(file, offset, whence);
        }

        long target = whence switch { 0 => offset, 1 => (long)live.Position + offset, 2 => live.Content.Length + offset, _ => -1 };
        if (target < 0)
        {
            return Errno.EINVAL;
        }

        live.Position = (ulong)target;
        return target;
    }

    /// <inheritdoc/>
    public CallResult Read(IOpenFile? file, IUserMemory memory, ulong buffer, ulong count) =>
        file is LiveFile live ? Advance(live, Read(live, memory, buffer, count, (long)live.Position)) : inner.Read(file, memory, buffer, count);

    /// <inheritdoc/>
    public CallResult Write(IOpenFile? file, IUserMemory memory, ulong buffer, ulong count) =>
        file is LiveFile live ? Advance(live, Write(live, memory, buffer, count, (long)live.Position)) : inner.Write(file, memory, buffer, count);

    /// <inheritdoc/>
    public CallResult ReadAt(IOpenFile? file, IUserMemory memory, ulong buffer, ulong count, long offset) =>
        file is LiveFile live ? Read(live, memory, buffer, count, offset) : inner.ReadAt(file, memory, buffer, count, offset);

    /// <inheritdoc/>
    public CallResult WriteAt(IOpenFile? file, IUserMemory memory, ulong buffer, ulong count, long offset) =>
        file is LiveFile live ? Write(live, memory, buffer, count, offset) : inner.WriteAt(file, memory, buffer, count, offset);

    /// <inheritdoc/>
    public CallResult ReadVector(IOpenFile? file, IUserMemory memory, IReadOnlyList<IoVector> vector, long? offset, int flags = 0) =>
        file is LiveFile live ? Each(live, vector, offset, (v, at) => Read(live, memory, v.Address, v.Length, at)) : inner.ReadVector(file, memory, vector, offset, flags);

    /// <inheritdoc/>
    public CallResult WriteVector(IOpenFile? file, IUserMemory memory, IReadOnlyList<IoVector> vector, long? offset, int flags = 0) =>
        file is LiveFile live ? Each(live, vector, offset, (v, at) => Write(live, memory, v.Address, v.Length, at)) : inner.WriteVector(file, memory, vector, offset, flags);

    /// <inheritdoc/>
    public CallResult Map(IOpenFile? file, MapRequest request, out IMapping? mapping)
    {
        if (file is not LiveFile live)
        {
            return inner.Map(file, request, out mapping);
        }

        mapping = null;
        ulong page = (ulong)PageSize - 1;
        if (live.Content.MappedAddress is not { } address)
        {
            return Errno.ENODEV;
        }

        if (request.Offset + request.Length > (((ulong)live.Content.Length + page) & ~page) || request.Offset + request.Length < request.Offset)
        {
            return Errno.EINVAL;
        }

        // The function's memory, which /dev/mem shows at its physical address.
        if (inner.Nodes.FirstOrDefault(n => n is { Major: 1, Minor: 1 }) is not { } node || inner.Open(new OpenRequest(node, OpenFlags.ReadWrite, Credentials.Root), out IOpenFile? memory).IsError)
        {
            return Errno.ENODEV;
        }

        CallResult result = inner.Map(memory, request with { Offset = address + request.Offset }, out mapping);
        inner.Close(memory!);
        return result;
    }

    /// <inheritdoc/>
    public PollEvents Poll(IOpenFile file, PollEvents events) => file is LiveFile ? events : inner.Poll(file, events);

    /// <inheritdoc/>
    public CallResult Ioctl(IOpenFile? file, uint request, ulong argument, IUserMemory memory) =>
        file is LiveFile ? Errno.ENOTTY : inner.Ioctl(file, request, argument, memory);

    /// <inheritdoc/>
    public FileStatus Status(IOpenFile file) =>
        file is LiveFile live ? new FileStatus(RegularFile | live.Node.Mode, 0, 0, live.Content.Length, PageSize, 0, 1, 0, 0) : inner.Status(file);

    /// <inheritdoc/>
    public CallResult Call(IOpenFile? file, FileCall call, params ReadOnlySpan<long> arguments) => file is not LiveFile live
        ? inner.Call(file, call, arguments)
        : call switch
        {
            FileCall.Fsync or FileCall.Fdatasync or FileCall.Flock or FileCall.Fadvise or FileCall.Ftruncate or FileCall.Syncfs => 0,
            FileCall.Fcntl when !arguments.IsEmpty && arguments[0] == 3 => (long)live.Flags,
            FileCall.Fcntl => 0,
            FileCall.Getdents or FileCall.Fchdir => Errno.ENOTDIR,
            FileCall.EpollAdd => Errno.EPERM,
            _ => Errno.EINVAL,
        };

    /// <inheritdoc/>
    public CallResult Splice(IOpenFile? file, FileCall call, IUserMemory memory, ulong buffer, ulong count, long? offset) =>
        file is LiveFile ? Errno.EINVAL : inner.Splice(file, call, memory, buffer, count, offset);

    private static CallResult Advance(LiveFile live, CallResult result)
    {
        live.Position += result.IsError ? 0 : (ulong)result.Value;
        return result;
    }

    private static CallResult Each(LiveFile live, IReadOnlyList<IoVector> vector, long? offset, Func<IoVector, long, CallResult> move)
    {
        long at = offset ?? (long)live.Position, total = 0;
        foreach (IoVector piece in vector)
        {
            CallResult result = move(piece, at + total);
            if (result.IsError)
            {
                return total > 0 ? total : result;
            }

            total += result.Value;
            if ((ulong)result.Value < piece.Length)
            {
                break;
            }
        }

        live.Position += offset is null ? (ulong)total : 0;
        return total;
    }

    private static CallResult Read(LiveFile live, IUserMemory memory, ulong buffer, ulong count, long offset)
    {
        if ((live.Flags & OpenFlags.AccessMode) == OpenFlags.WriteOnly)
        {
            return Errno.EBADF;
        }

        if (offset < 0)
        {
            return Errno.EINVAL;
        }

        byte[] bytes = new byte[Math.Clamp(live.Content.Length - offset, 0, (long)Math.Min(count, Largest))];
        live.Content.Read(offset, bytes);
        return memory.Write(buffer, bytes) == bytes.Length ? bytes.Length : Errno.EFAULT;
    }

    private static CallResult Write(LiveFile live, IUserMemory memory, ulong buffer, ulong count, long offset)
    {
        if ((live.Flags & OpenFlags.AccessMode) == OpenFlags.ReadOnly)
        {
            return Errno.EBADF;
        }

        if (offset < 0)
        {
            return Errno.EINVAL;
        }

        byte[] bytes = new byte[Math.Clamp(live.Content.Length - offset, 0, (long)Math.Min(count, Largest))];
        if (memory.Read(buffer, bytes) != bytes.Length)
        {
            return Errno.EFAULT;
        }

        live.Content.Write(offset, bytes);
        return bytes.Length;
    }
}
