using Kmem.Abstractions;

namespace Kmem.Plugins.CharDevices.Kernels;

/// <content>The calls that move data.</content>
public sealed partial class SimulatedKernel
{
    private const int MostSegments = 1024, HighPriority = 1;
    private const ulong PipeCapacity = 65536;

    private enum Direction
    {
        Read,
        Write,
    }

    private ulong LongestTransfer => int.MaxValue & ~((ulong)PageSize - 1);

    /// <inheritdoc/>
    public CallResult Read(IOpenFile? file, IUserMemory memory, ulong buffer, ulong count) => Move(Direction.Read, file, memory, buffer, count, offset: null);

    /// <inheritdoc/>
    public CallResult Write(IOpenFile? file, IUserMemory memory, ulong buffer, ulong count) => Move(Direction.Write, file, memory, buffer, count, offset: null);

    /// <inheritdoc/>
    public CallResult ReadAt(IOpenFile? file, IUserMemory memory, ulong buffer, ulong count, long offset) => Move(Direction.Read, file, memory, buffer, count, offset);

    /// <inheritdoc/>
    public CallResult WriteAt(IOpenFile? file, IUserMemory memory, ulong buffer, ulong count, long offset) => Move(Direction.Write, file, memory, buffer, count, offset);

    /// <inheritdoc/>
    public CallResult ReadVector(IOpenFile? file, IUserMemory memory, IReadOnlyList<IoVector> vector, long? offset, int flags = 0) =>
        MoveVector(Direction.Read, file, memory, vector, offset, flags);

    /// <inheritdoc/>
    public CallResult WriteVector(IOpenFile? file, IUserMemory memory, IReadOnlyList<IoVector> vector, long? offset, int flags = 0) =>
        MoveVector(Direction.Write, file, memory, vector, offset, flags);

    /// <inheritdoc/>
    public CallResult Splice(IOpenFile? file, FileCall call, IUserMemory memory, ulong buffer, ulong count, long? offset)
    {
        Direction direction = call is FileCall.SpliceFrom or FileCall.SendfileFrom ? Direction.Read : Direction.Write;
        if (file is not OpenFile { Device: not null } open || !Permits(open, direction))
        {
            return Errno.EBADF;
        }

        if (!Profile.SpliceFallback)
        {
            return Errno.EINVAL;
        }

        ulong most = call is FileCall.SpliceFrom or FileCall.SpliceTo ? Math.Min(count, PipeCapacity) : count;
        return Move(direction, file, memory, buffer, most, offset);
    }

    private static bool Permits(OpenFile file, Direction direction) => direction == Direction.Read ? file.CanRead : file.CanWrite;

    private static CallResult Drive(Direction direction, OpenFile file, ref ulong position, IUserMemory memory, ulong buffer, ulong count) =>
        direction == Direction.Read
            ? file.Device!.Read(file, ref position, memory, buffer, count)
            : file.Device!.Write(file, ref position, memory, buffer, count);

    private static bool IsUserRange(IUserMemory memory, ulong buffer, ulong count) => count <= memory.Limit && buffer <= memory.Limit - count;

    private CallResult Move(Direction direction, IOpenFile? file, IUserMemory memory, ulong buffer, ulong count, long? offset)
    {
        if (offset < 0 && Profile.RefusesNegativeOffsets)
        {
            return Errno.EINVAL;
        }

        if (file is not OpenFile { Device: not null } open || !Permits(open, direction))
        {
            return Errno.EBADF;
        }

        if (!IsUserRange(memory, buffer, count))
        {
            return Errno.EFAULT;
        }

        ulong position = offset is { } given ? (ulong)given : open.Position;
        if (CheckArea(open, position, count) is var error and not Errno.None)
        {
            return error;
        }

        CallResult result = Drive(direction, open, ref position, memory, buffer, Math.Min(count, LongestTransfer));
        Keep(open, position, offset, result);
        return result;
    }

    private CallResult MoveVector(Direction direction, IOpenFile? file, IUserMemory memory, IReadOnlyList<IoVector> vector, long? offset, int flags)
    {
        if (offset < 0 && Profile.RefusesNegativeOffsets)
        {
            return Errno.EINVAL;
        }

        if (file is not OpenFile { Device: not null } open)
        {
            return Errno.EBADF;
        }

        if (Import(memory, vector, out ulong total) is var error and not Errno.None)
        {
            return error;
        }

        if (!Permits(open, direction))
        {
            return Errno.EBADF;
        }

        if (total == 0)
        {
            return 0;
        }

        ulong position = offset is { } given ? (ulong)given : open.Position;
        error = CheckArea(open, position, total);
        if (error == Errno.None && (flags & ~HighPriority) != 0)
        {
            error = Errno.EOPNOTSUPP;
        }

        if (error != Errno.None)
        {
            return error;
        }

        CallResult result = MoveSegments(direction, open, ref position, memory, vector, total);
        Keep(open, position, offset, result);
        return result;
    }

    private static CallResult MoveSegments(Direction direction, OpenFile file, ref ulong position, IUserMemory memory, IReadOnlyList<IoVector> vector, ulong total)
    {
        ulong done = 0;
        foreach (IoVector segment in vector)
        {
            ulong length = Math.Min(segment.Length, total - done);
            if (length == 0)
            {
                continue;
            }

            CallResult result = Drive(direction, file, ref position, memory, segment.Address, length);
            if (result.IsError)
            {
                return done > 0 ? (long)done : result;
            }

            done += (ulong)result.Value;
            if ((ulong)result.Value != length)
            {
                break;
            }
        }

        return (long)done;
    }

    private static void Keep(OpenFile file, ulong position, long? offset, CallResult result)
    {
        if (offset is null && !result.IsError)
        {
            file.PositionField = position;
        }
    }

    private Errno Import(IUserMemory memory, IReadOnlyList<IoVector> vector, out ulong total)
    {
        total = 0;
        if (vector.Count > MostSegments || vector.Any(static v => (long)v.Length < 0))
        {
            return Errno.EINVAL;
        }

        foreach (IoVector segment in vector)
        {
            if (!IsUserRange(memory, segment.Address, segment.Length))
            {
                return Errno.EFAULT;
            }

            total += Math.Min(segment.Length, LongestTransfer - total);
        }

        return Errno.None;
    }

    /// <summary>Whether position and length fit what the file's offsets can express.</summary>
    private static Errno CheckArea(OpenFile file, ulong position, ulong count)
    {
        bool isUnsigned = file.Device!.HasUnsignedOffsets;
        if ((long)count < 0)
        {
            return Errno.EINVAL;
        }

        if ((long)position >= 0)
        {
            return (long)(position + count) < 0 && !isUnsigned ? Errno.EINVAL : Errno.None;
        }

        if (!isUnsigned)
        {
            return Errno.EINVAL;
        }

        return count >= 0 - position ? Errno.EOVERFLOW : Errno.None;
    }
}
