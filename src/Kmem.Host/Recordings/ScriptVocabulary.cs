using Kmem.Abstractions;

namespace Kmem.Host.Recordings;

/// <summary>Operations for scripts, with descriptors of their own: <c>{"op":"open","dev":"mem","fd":"a"}</c>, then <c>{"op":"pread","fd":"a",...}</c>.</summary>
/// <remarks>Bytes are hexadecimal in <c>data</c> (answers) and <c>src</c> (what is written); a mapping has its name in <c>map_name</c>.</remarks>
public sealed class ScriptVocabulary(X86Session session) : IVocabulary
{
    private readonly Dictionary<string, IOpenFile> _files = new(StringComparer.Ordinal);
    private readonly Dictionary<string, IMapping> _mappings = new(StringComparer.Ordinal);

    private IKernel Kernel => session.Kernel;

    /// <inheritdoc/>
    public bool TryRun(OperationLine line)
    {
        string name = line.Text("fd") ?? line.Raw("fd") ?? "";
        IOpenFile? file = _files.GetValueOrDefault(name);
        ulong length = line.Number("length") ?? 0;
        long offset = (long)(line.Number("offset") ?? 0);
        switch (line.Operation)
        {
            case "open":
                Open(line, name);
                return true;
            case "close":
                X86Session.Result(line, file is null ? Errno.EBADF : 0);
                if (file is not null)
                {
                    Kernel.Close(file);
                    _files.Remove(name);
                }

                return true;
            case "lseek":
                X86Session.Result(line, Kernel.Seek(file, offset, (int)(long)(line.Number("whence") ?? 0)));
                return true;
            case "read" or "pread" when length <= X86Session.BufferLength:
                CallResult read = line.Operation == "read" ? Kernel.Read(file, session.Memory, session.Buffer, length) : Kernel.ReadAt(file, session.Memory, session.Buffer, length, offset);
                X86Session.Result(line, read);
                if (read.Value > 0 && !read.IsError)
                {
                    line.Answer("data", X86Session.Hex(session.Content.AsSpan(0, (int)read.Value)));
                }

                return true;
            case "write" or "pwrite" when (line.Bytes("src")?.Length ?? 0) <= X86Session.BufferLength:
                byte[] source = line.Bytes("src") ?? [];
                source.CopyTo(session.Content, 0);
                X86Session.Result(line, line.Operation == "write"
                    ? Kernel.Write(file, session.Memory, session.Buffer, (ulong)source.Length)
                    : Kernel.WriteAt(file, session.Memory, session.Buffer, (ulong)source.Length, offset));
                return true;
            case "mmap":
                Map(line, file, length, (ulong)offset);
                return true;
            case "load" or "store" or "munmap":
                UseMapping(line);
                return true;
            case "ioctl":
                X86Session.Result(line, Kernel.Ioctl(file, (uint)(line.Number("request") ?? 0), session.Scratch, session.Memory));
                return true;
            case "fsync":
                X86Session.Result(line, Kernel.Call(file, FileCall.Fsync));
                return true;
            default:
                return false;
        }
    }

    private void Open(OperationLine line, string name)
    {
        string device = line.Device;
        DeviceNode node = Kernel.Nodes.FirstOrDefault(n => n.Path == device || n.Path == "dev/" + device) ?? X86Session.Node(device);
        OpenFlags flags = (line.Text("flags") ?? "O_RDWR").Split('|').Aggregate(OpenFlags.ReadOnly, (all, f) => all | X86Vocabulary.FlagOf(f));
        Credentials who = line.Number("uid") is { } user && user != 0 ? Credentials.User((int)user, (int)(line.Number("gid") ?? user)) : Kernel.DefaultCredentials;
        CallResult result = Kernel.Open(new OpenRequest(node, flags, who), out IOpenFile? file);
        X86Session.Result(line, result.IsError ? result : 0);
        if (file is not null)
        {
            _files[name] = file;
        }
    }

    private void Map(OperationLine line, IOpenFile? file, ulong length, ulong offset)
    {
        string bits = line.Text("prot") ?? "rw-";
        MapProtection protection = (bits.Contains('r', StringComparison.Ordinal) ? MapProtection.Read : 0) | (bits.Contains('w', StringComparison.Ordinal) ? MapProtection.Write : 0) | (bits.Contains('x', StringComparison.Ordinal) ? MapProtection.Execute : 0);
        MapFlags flags = line.Text("flags") == "private" ? MapFlags.Private : MapFlags.Shared;
        CallResult result = Kernel.Map(file, new MapRequest(0, length, protection, flags, offset, (int)protection), out IMapping? mapping);
        X86Session.Result(line, result.IsError ? result : 0);
        if (mapping is not null)
        {
            _mappings[line.Text("map_name") ?? ""] = mapping;
        }
    }

    private void UseMapping(OperationLine line)
    {
        string name = line.Text("map_name") ?? "";
        if (!_mappings.TryGetValue(name, out IMapping? mapping))
        {
            X86Session.Result(line, Errno.EINVAL);
            return;
        }

        if (line.Operation == "munmap")
        {
            mapping.Dispose();
            _mappings.Remove(name);
            X86Session.Result(line, 0);
            return;
        }

        int width = (int)(line.Number("width") ?? 4);
        if (width is not (1 or 2 or 4 or 8))
        {
            throw new FormatException("a width is 1, 2, 4 or 8");
        }

        ulong offset = line.Number("offset") ?? 0, value = line.Number("value") ?? 0;
        MappingFault fault = line.Operation == "load" ? mapping.Load(offset, width, out value) : mapping.Store(offset, width, value);
        X86Session.Result(line, fault is MappingFault.None or MappingFault.MachineCheck ? width : Errno.EFAULT);
        if (fault == MappingFault.None && line.Operation == "load")
        {
            line.AnswerHex("value_read", value);
        }
        else if (fault == MappingFault.MachineCheck)
        {
            line.Answer("machine_check", true);
        }
        else if (fault != MappingFault.None)
        {
            line.Answer("signal", fault == MappingFault.BusError ? "SIGBUS" : "SIGSEGV");
        }
    }
}
