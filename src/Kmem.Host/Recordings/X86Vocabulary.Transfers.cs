using System.Globalization;
using Kmem.Abstractions;

namespace Kmem.Host.Recordings;

/// <content>Reads and writes.</content>
public sealed partial class X86Vocabulary
{
    private const byte Untouched = 0xCC;
    private const ulong LargestBuffer = 256 << 20;

    private static bool IsPattern(string? where) => where is "memmap reserved, straddles pages" or "reserved page then System RAM page";

    private IOpenFile? Named(OperationLine line) => line.Text("args") switch
    {
        { } words when words.StartsWith("O_RDONLY", StringComparison.Ordinal) => _session.File(line.Device + "ro"),
        { } words when words.StartsWith("O_WRONLY", StringComparison.Ordinal) => _session.File(line.Device + "wo"),
        { } words when words.StartsWith("bad fd", StringComparison.Ordinal) => null,
        _ => File(line),
    };

    private void Clear(ulong length) => _session.Content.AsSpan(0, (int)Math.Min(length, X86Session.BufferLength)).Fill(Untouched);

    private void ReadAt(OperationLine line)
    {
        string? words = line.Text("args");
        if (words is not null)
        {
            long at = words.EndsWith("negative offset", StringComparison.Ordinal) ? -1 : words.StartsWith("bad fd", StringComparison.Ordinal) ? 0 : Base(line);
            X86Session.Result(line, Kernel.ReadAt(Named(line), _session.Memory, _session.Buffer, 1, at));
            return;
        }

        if (line.Text("offset") == "userpage")
        {
            ReadOwnPage(line);
            return;
        }

        ulong length = line.Number("length") ?? 0;
        Clear(length);
        CallResult result = Kernel.ReadAt(File(line), _session.Memory, _session.Buffer, length, (long)(line.Number("offset") ?? 0));
        X86Session.Result(line, result);

        // The huge lengths are printed without data, or with the few bytes that came.
        bool isHuge = length > X86Session.BufferLength;
        if (result.Value > 0 && (!isHuge || result.Value <= 16))
        {
            X86Session.Data(line, _session.Content.AsSpan(0, (int)Math.Min(result.Value, X86Session.BufferLength)));
        }
    }

    private void WriteAt(OperationLine line)
    {
        string? words = line.Text("args");
        if (words is not null)
        {
            _session.ScratchContent[0] = (byte)'x';
            ulong count = words.EndsWith("len 0", StringComparison.Ordinal) ? 0UL : 1;
            X86Session.Result(line, Kernel.WriteAt(Named(line), _session.Memory, _session.Scratch, count, line.Device == "mem" ? 0xB8000 : 0x80));
            return;
        }

        if (line.Text("bad_buffer") is { } buffer)
        {
            WriteFromBadBuffer(line, buffer);
            return;
        }

        if (line.Text("offset") is { } own && own.StartsWith("userpage", StringComparison.Ordinal))
        {
            WriteOwnPage(line);
            return;
        }

        ulong length = line.Number("length") ?? 0, source = _session.Buffer;
        if (line.Bytes("src") is { } bytes)
        {
            bytes.CopyTo(_session.ScratchContent, 0);
            source = _session.Scratch;
        }
        else if (IsPattern(line.Text("where")))
        {
            for (int i = 0; i < 8192; i++)
            {
                _session.ScratchContent[i] = (byte)((i * 7) + 3);
            }

            source = _session.Scratch;
        }

        X86Session.Result(line, Kernel.WriteAt(File(line), _session.Memory, source, length, (long)(line.Number("offset") ?? 0)));
    }

    /// <summary>lseek, read or write, tell; then the position goes back to 0.</summary>
    private void Read(OperationLine line)
    {
        IOpenFile? file = File(line);
        ulong length = line.Number("length") ?? 0;
        bool isBad = line.Text("bad_buffer") is not null;
        SeekTo(line, file, isBad);
        ulong buffer = isBad ? _session.Pointer(line.Text("bad_buffer")!) : _session.Buffer;
        if (isBad)
        {
            Array.Fill(_session.Two, (byte)0xEE);
        }
        else
        {
            Clear(length);
        }

        CallResult result = Kernel.Read(file, _session.Memory, buffer, length);
        X86Session.Result(line, result);
        if (!isBad)
        {
            X86Session.Data(line, _session.Content.AsSpan(0, (int)Math.Clamp(result.Value, 0, X86Session.BufferLength)));
        }

        line.AnswerHex("pos_after", _session.Position(file));
        if (isBad && line.Device == "mem" && buffer >= _session.TwoPages && buffer < _session.TwoPages + 4096)
        {
            int at = (int)(buffer - _session.TwoPages);
            line.Answer("dest_first8", X86Session.Hex(_session.Two.AsSpan(at, 8)));
            line.Answer("dest_last8", X86Session.Hex(_session.Two.AsSpan(4088, 8)));
        }

        if (!isBad)
        {
            Kernel.Seek(file, 0, SeekSet);
        }
    }

    private void Write(OperationLine line)
    {
        IOpenFile? file = File(line);
        ulong length = line.Number("length") ?? 0;
        bool isBad = line.Text("bad_buffer") is not null;
        SeekTo(line, file, isBad);
        ulong buffer = isBad ? _session.Pointer(line.Text("bad_buffer")!) : _session.Scratch;
        if (isBad)
        {
            Array.Fill(_session.Two, (byte)0x5A);
        }
        else
        {
            (line.Bytes("src") ?? "0123456789abcdef0123456789abcdef"u8.ToArray()).CopyTo(_session.ScratchContent, 0);
        }

        X86Session.Result(line, Kernel.Write(file, _session.Memory, buffer, length));
        line.AnswerHex("pos_after", _session.Position(file));
        if (!isBad)
        {
            Kernel.Seek(file, 0, SeekSet);
        }
    }

    private void SeekTo(OperationLine line, IOpenFile? file, bool isBad)
    {
        CallResult seek = Kernel.Seek(file, (long)(line.Number("offset") ?? 0), SeekSet);
        if (seek.IsError && !isBad)
        {
            line.Answer("seek_errno", seek.Error.ToString());
        }
    }

    private void ReadVector(OperationLine line)
    {
        IOpenFile? file = File(line);
        Kernel.Seek(file, Base(line), SeekSet);
        CallResult result = Kernel.ReadVector(file, _session.Memory, Three, null);
        X86Session.Result(line, result);
        line.AnswerHex("pos_after", _session.Position(file));
        if (result.Value == 8)
        {
            byte[] joined = [.. _session.ScratchContent.AsSpan(0, 3), .. _session.ScratchContent.AsSpan(16, 5)];
            X86Session.Data(line, joined);
        }
    }

    private IoVector[] Three => [new(_session.Scratch, 3), new(_session.Scratch + 16, 0), new(_session.Scratch + 16, 5)];

    private void ReadVectorAt(OperationLine line)
    {
        IoVector[] vector = line.Text("args") switch
        {
            "bad ptr 0x8 len 4" => [new(8, 4)],
            "good 4, bad ptr 4" => [new(_session.Scratch, 4), new(8, 4)],
            "iovcnt 0" => [],
            "iovcnt 1025" => [.. Enumerable.Repeat(Three[0], 1025)],
            _ => Three,
        };
        X86Session.Result(line, Kernel.ReadVector(File(line), _session.Memory, vector, Base(line)));
    }

    private void ReadVectorFlags(OperationLine line)
    {
        int flags = line.Text("args") switch { "RWF_HIPRI" => 1, "RWF_DSYNC" => 2, "RWF_SYNC" => 4, "RWF_NOWAIT" => 8, "RWF_APPEND" => 16, _ => 0x8000 };
        X86Session.Result(line, Kernel.ReadVector(File(line), _session.Memory, [Three[0]], Base(line), flags));
    }

    /// <summary>A descriptor that was opened by root keeps working for user 1000: the kernel asks only at open.</summary>
    private void Inherited(OperationLine line)
    {
        string words = line.Text("args") ?? "";
        if (words.Contains("mmap", StringComparison.Ordinal))
        {
            bool isHpet = words.Contains("0xfed00000", StringComparison.Ordinal);
            CallResult mapped = Kernel.Map(File(line), new MapRequest(0, 4096, isHpet ? MapProtection.None : MapProtection.Read, MapFlags.Shared, isHpet ? 0xFED0_0000UL : 0xF0000), out IMapping? mapping);
            X86Session.Result(line, mapped.IsError ? mapped : 0);
            mapping?.Dispose();
            return;
        }

        string[] parts = words.Split(' ');
        long at = (long)ulong.Parse(parts[2].AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        X86Session.Result(line, Kernel.ReadAt(File(line), _session.Memory, _session.Scratch, ulong.Parse(parts[3], NumberStyles.None, CultureInfo.InvariantCulture), at));
    }

    private void ReadUnderSignals(OperationLine line)
    {
        // A timer of 1 ms: the signal is pending after some pages, whichever.
        ulong length = line.Number("length") ?? 0;
        if (_session.RamEnd != 0 && length >= _session.RamEnd)
        {
            // The program maps its buffer first, and one mapping may not be larger than all of memory (vm.overcommit_memory 0).
            X86Session.Result(line, Errno.ENOMEM);
            return;
        }

        if (length > LargestBuffer)
        {
            throw new FormatException($"a buffer has at most {LargestBuffer} bytes");
        }

        ulong target = _session.Buffer - 0x4000_0000;
        _session.Memory.Add(target, (int)length);
        int pages = 0;
        Kernel.SignalPending = () => ++pages > 64;
        CallResult result = Kernel.ReadAt(File(line), _session.Memory, target, length, IsStrict(line) ? 0 : 0x10_0000);
        Kernel.SignalPending = null;
        _session.Memory.Remove(target);
        X86Session.Result(line, result);
        if (!result.IsError)
        {
            line.Answer("short", (ulong)result.Value < length);
            line.Answer("page_multiple", (result.Value & 4095) == 0);
            line.Answer("signals", (ulong)result.Value < length ? 1 : 0);
        }
    }

    private static bool IsStrict(OperationLine line) => line.Raw("config")?.Contains("\"strict_devmem\":true", StringComparison.Ordinal) == true;

    /// <summary>The program writes from bad buffers into a page of a5: reserved RAM under a strict kernel, else a page of its own.</summary>
    private void WriteFromBadBuffer(OperationLine line, string buffer)
    {
        bool isOwn = line.Text("offset") is { } text && text.StartsWith("userpage", StringComparison.Ordinal);
        ulong delta = isOwn ? ulong.Parse(line.Text("offset")!.AsSpan(line.Text("offset")!.IndexOf("0x", StringComparison.Ordinal) + 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture) : 0;
        ulong at = isOwn ? _session.OwnPage + delta : line.Number("offset") ?? 0;
        if (buffer == "NULL")
        {
            // The first of the series fills the page.
            Prefill(at & ~0xFFFUL, isOwn);
        }

        Array.Fill(_session.Two, (byte)0x5A);
        X86Session.Result(line, Kernel.WriteAt(File(line), _session.Memory, _session.Pointer(buffer), line.Number("length") ?? 0, (long)at));
        Kernel.ReadAt(File(line), _session.Memory, _session.Scratch, 32, (long)at);
        X86Session.Data(line, _session.ScratchContent.AsSpan(0, 32));
    }

    private void Prefill(ulong page, bool isOwn)
    {
        byte[] fill = new byte[4096];
        Array.Fill(fill, (byte)0xA5);
        if (isOwn)
        {
            _session.Physical?.WriteBlock(page, fill, new AccessAttributes(BusMaster.Debugger), out _);
        }
        else
        {
            fill.CopyTo(_session.Content, 0);
            Kernel.WriteAt(_session.File("mem"), _session.Memory, _session.Buffer, 4096, (long)page);
        }
    }

    private void FillOwnPage()
    {
        byte[] page = new byte[8192];
        Array.Fill(page, (byte)0xA5);
        "user page here!!"u8.CopyTo(page);
        _session.Physical?.WriteBlock(_session.OwnPage, page, new AccessAttributes(BusMaster.Debugger), out _);
    }

    private string SeenByProcess()
    {
        byte[] seen = new byte[16];
        _session.Physical?.ReadBlock(_session.OwnPage, seen, AccessAttributes.Debug, out _);
        return System.Text.Encoding.Latin1.GetString(seen);
    }

    private void ReadOwnPage(OperationLine line)
    {
        FillOwnPage();
        CallResult result = Kernel.ReadAt(File(line), _session.Memory, _session.Buffer, 16, (long)_session.OwnPage);
        X86Session.Result(line, result);
        if (!result.IsError)
        {
            X86Session.Data(line, _session.Content.AsSpan(0, (int)result.Value));
        }
    }

    private void WriteOwnPage(OperationLine line)
    {
        "PHYS"u8.CopyTo(_session.ScratchContent);
        X86Session.Result(line, Kernel.WriteAt(File(line), _session.Memory, _session.Scratch, 4, (long)_session.OwnPage + 4));
        line.Answer("seen_through_va", SeenByProcess());
    }
}
