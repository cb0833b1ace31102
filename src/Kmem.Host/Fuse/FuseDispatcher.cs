using Kmem.Abstractions;

namespace Kmem.Host.Fuse;

/// <summary>Answers requests out of a tree; called by one thread at a time.</summary>
/// <param name="root">The tree.</param>
/// <param name="openBacking">Makes the kernel know a file for passthrough mapping: its number, or 0 when that is not permitted.</param>
/// <param name="report">Takes what went wrong inside.</param>
internal sealed class FuseDispatcher(FuseDirectory root, Func<int, int> openBacking, Action<string> report)
{
    private const FuseFeatures Wanted = FuseFeatures.AsyncRead | FuseFeatures.BigWrites | FuseFeatures.AsyncDirectIo | FuseFeatures.ParallelDirectoryOps
        | FuseFeatures.MaxPages | FuseFeatures.InitExtended | FuseFeatures.Passthrough;

    /// <summary>The bits of open(2) that a simulated kernel knows; O_LARGEFILE is always set on 64-bit hosts.</summary>
    private const OpenFlags Passed = OpenFlags.AccessMode | OpenFlags.Truncate | OpenFlags.Append | OpenFlags.NonBlocking | OpenFlags.Sync | OpenFlags.Direct | OpenFlags.NoAccessTime;
    private const int NoReply = int.MaxValue, ProtocolError = -71, TooManyOpenFiles = -23, MostHandles = 1 << 20;

    private readonly FuseNodeTable _nodes = new(root);
    private readonly FuseWriter _writer = new((ulong)DateTimeOffset.UtcNow.ToUnixTimeSeconds());
    private readonly Dictionary<ulong, FuseHandle> _files = [];
    private readonly Dictionary<ulong, KeyValuePair<string, FuseNode>[]> _listings = [];
    private readonly Dictionary<FuseFile, int> _backings = [];
    private FuseFeatures _features;
    private ulong _lastHandle;

    /// <summary>Open files and directories.</summary>
    public int OpenCount => _files.Count + _listings.Count;

    /// <summary>Answers one request: the length of the reply, or 0 for a request without one.</summary>
    public int Answer(FuseRequest request, FuseReply reply)
    {
        int outcome;
        try
        {
            outcome = request.ArgumentLength < Least(request.Opcode) ? -(int)Errno.EINVAL : Dispatch(request, reply);
        }
        catch (Exception e)
        {
            // A device that throws is wrong, but its clients and the other files must not suffer for it.
            report($"{request.Opcode} failed inside: {e}");
            outcome = -(int)Errno.EIO;
        }

        return outcome == NoReply || request.Opcode is FuseOpcode.Forget or FuseOpcode.BatchForget ? 0 : reply.Finish(request.Unique, outcome);
    }

    /// <summary>Closes what clients have left open.</summary>
    public void CloseAll()
    {
        foreach (FuseHandle handle in _files.Values)
        {
            handle.Close();
        }

        _files.Clear();
        _listings.Clear();
    }

    private static int Least(FuseOpcode opcode) => opcode switch
    {
        FuseOpcode.Init => FuseProtocol.InitIn,
        FuseOpcode.Forget or FuseOpcode.BatchForget => FuseProtocol.ForgetIn,
        FuseOpcode.SetAttributes => FuseProtocol.SetAttributesIn,
        FuseOpcode.Open or FuseOpcode.OpenDirectory => FuseProtocol.OpenIn,
        FuseOpcode.Read or FuseOpcode.ReadDirectory => FuseProtocol.ReadIn,
        FuseOpcode.Write => FuseProtocol.WriteIn,
        FuseOpcode.Release or FuseOpcode.ReleaseDirectory => FuseProtocol.ReleaseIn,
        _ => 0,
    };

    private int Dispatch(FuseRequest request, FuseReply reply)
    {
        switch (request.Opcode)
        {
            case FuseOpcode.Init:
                return Init(request, reply);
            case FuseOpcode.Lookup:
                return Lookup(request, reply);
            case FuseOpcode.Forget:
                _nodes.Forget(request.NodeId, request.U64(0));
                return NoReply;
            case FuseOpcode.BatchForget:
                ForgetMany(request);
                return NoReply;
            case FuseOpcode.GetAttributes:
                return _nodes.Find(request.NodeId) is { } node ? _writer.AttributesReply(reply, node, request.NodeId) : -(int)Errno.ENOENT;
            case FuseOpcode.SetAttributes:
                return SetAttributes(request, reply);
            case FuseOpcode.Open:
                return Open(request, reply);
            case FuseOpcode.Read:
                return Read(request, reply);
            case FuseOpcode.Write:
                return Write(request, reply);
            case FuseOpcode.Release:
                return Release(request);
            case FuseOpcode.OpenDirectory:
                return OpenDirectory(request, reply);
            case FuseOpcode.ReadDirectory:
                return ReadDirectory(request, reply);
            case FuseOpcode.ReleaseDirectory:
                return _listings.Remove(request.U64(0)) ? 0 : -(int)Errno.EBADF;
            case FuseOpcode.StatFs:
                return FuseWriter.StatFs(reply);
            case FuseOpcode.Seek:
                return -(int)Errno.EINVAL;
            case FuseOpcode.Interrupt or FuseOpcode.Destroy:
                return NoReply;
            case FuseOpcode.SymbolicLink or FuseOpcode.MakeNode or FuseOpcode.MakeDirectory or FuseOpcode.Unlink or FuseOpcode.RemoveDirectory
                or FuseOpcode.Rename or FuseOpcode.RenameTwo or FuseOpcode.Link or FuseOpcode.Create:
                return -(int)Errno.EPERM;
            default:
                return -(int)Errno.ENOSYS;
        }
    }

    private int Init(FuseRequest request, FuseReply reply)
    {
        (uint major, uint minor) = (request.U32(0), request.U32(4));
        if (major != FuseProtocol.Major || minor < FuseProtocol.OldestMinor)
        {
            report($"the host's kernel speaks FUSE {major}.{minor}; this needs {FuseProtocol.Major}.{FuseProtocol.OldestMinor} or a later 7");
            return ProtocolError;
        }

        var offered = (FuseFeatures)request.U32(12);
        if ((offered & FuseFeatures.InitExtended) != 0 && request.ArgumentLength >= FuseProtocol.InitIn + 4)
        {
            offered |= (FuseFeatures)((ulong)request.U32(16) << 32);
        }

        _features = offered & Wanted;
        return FuseWriter.Init(reply, request.U32(8), _features);
    }

    private int Lookup(FuseRequest request, FuseReply reply)
    {
        if (_nodes.Find(request.NodeId) is not FuseDirectory directory)
        {
            return -(int)Errno.ENOTDIR;
        }

        if (request.Name() is not { } name || directory.Find(name) is not { } node)
        {
            return -(int)Errno.ENOENT;
        }

        _nodes.Remember(node);
        return _writer.Entry(reply, node, node.Id);
    }

    private void ForgetMany(FuseRequest request)
    {
        uint count = Math.Min(request.U32(0), (uint)((request.ArgumentLength - FuseProtocol.ForgetIn) / FuseProtocol.ForgetOne));
        for (int i = 0; i < count; i++)
        {
            int at = FuseProtocol.ForgetIn + (i * FuseProtocol.ForgetOne);
            _nodes.Forget(request.U64(at), request.U64(at + 8));
        }
    }

    private int SetAttributes(FuseRequest request, FuseReply reply)
    {
        if (_nodes.Find(request.NodeId) is not { } node)
        {
            return -(int)Errno.ENOENT;
        }

        // Times and truncation are taken and change nothing, as on a device node; a shell's ">" truncates before it writes.
        bool changesOwner = (request.U32(0) & (FuseProtocol.ChangesMode | FuseProtocol.ChangesUser | FuseProtocol.ChangesGroup)) != 0;
        return changesOwner ? -(int)Errno.EPERM : _writer.AttributesReply(reply, node, request.NodeId);
    }

    private int Open(FuseRequest request, FuseReply reply)
    {
        if (_nodes.Find(request.NodeId) is not FuseFile file)
        {
            return -(int)Errno.EISDIR;
        }

        if (_files.Count >= MostHandles)
        {
            return TooManyOpenFiles;
        }

        Errno error = file.Open(request.Caller, (OpenFlags)request.U32(0) & Passed, out FuseHandle? handle);
        if (error != Errno.None || handle is null)
        {
            return -(int)(error == Errno.None ? Errno.EIO : error);
        }

        FuseOpenFlags flags = FuseOpenFlags.DirectIo | FuseOpenFlags.ParallelDirectWrites;
        int backing = Backing(file);
        _files.Add(++_lastHandle, handle);
        return FuseWriter.Opened(reply, _lastHandle, backing > 0 ? flags | FuseOpenFlags.Passthrough : flags, backing);
    }

    /// <summary>The kernel's number for the file behind a mapping; asked for once, for all opens of a file must agree.</summary>
    private int Backing(FuseFile file)
    {
        if ((_features & FuseFeatures.Passthrough) == 0 || file.BackingFile < 0)
        {
            return 0;
        }

        if (!_backings.TryGetValue(file, out int number))
        {
            number = openBacking(file.BackingFile);
            _backings.Add(file, number);
        }

        return number;
    }

    private int Read(FuseRequest request, FuseReply reply)
    {
        if (!_files.TryGetValue(request.U64(0), out FuseHandle? handle))
        {
            return -(int)Errno.EBADF;
        }

        int size = (int)Math.Min(request.U32(16), FuseProtocol.MaxTransfer);
        CallResult result = handle.Read(request.U64(8), reply.Data(size));
        return result.IsError ? -(int)result.Error : (int)Math.Clamp(result.Value, 0, size);
    }

    private int Write(FuseRequest request, FuseReply reply)
    {
        if (!_files.TryGetValue(request.U64(0), out FuseHandle? handle))
        {
            return -(int)Errno.EBADF;
        }

        uint size = request.U32(16);
        if (size > request.ArgumentLength - FuseProtocol.WriteIn)
        {
            return -(int)Errno.EINVAL;
        }

        CallResult result = handle.Write(request.U64(8), request.Data(FuseProtocol.WriteIn, (int)size));
        return result.IsError ? -(int)result.Error : FuseWriter.Written(reply, (uint)Math.Clamp(result.Value, 0, size));
    }

    private int Release(FuseRequest request)
    {
        if (!_files.Remove(request.U64(0), out FuseHandle? handle))
        {
            return -(int)Errno.EBADF;
        }

        handle.Close();
        return 0;
    }

    private int OpenDirectory(FuseRequest request, FuseReply reply)
    {
        if (_nodes.Find(request.NodeId) is not FuseDirectory directory)
        {
            return -(int)Errno.ENOTDIR;
        }

        if (_listings.Count >= MostHandles)
        {
            return TooManyOpenFiles;
        }

        _listings.Add(++_lastHandle, [new(".", directory), new("..", directory), .. directory.Entries]);
        return FuseWriter.Opened(reply, _lastHandle, FuseOpenFlags.None);
    }

    private int ReadDirectory(FuseRequest request, FuseReply reply)
    {
        if (!_listings.TryGetValue(request.U64(0), out KeyValuePair<string, FuseNode>[]? entries))
        {
            return -(int)Errno.EBADF;
        }

        Span<byte> data = reply.Data((int)Math.Min(request.U32(16), FuseProtocol.MaxTransfer)).Span;
        int used = 0;
        for (ulong next = request.U64(8); next < (ulong)entries.Length; next++)
        {
            (string name, FuseNode node) = entries[next];
            int length = FuseWriter.Directory(data, used, name, _nodes.IdOf(node), node is FuseDirectory, next + 1);
            if (length < 0)
            {
                break;
            }

            used = length;
        }

        return used;
    }
}
