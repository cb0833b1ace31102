using Kmem.Abstractions;

namespace Kmem.Host.Recordings;

/// <content>Mappings.</content>
public sealed partial class AlphaVocabulary
{
    private const ulong Page = 8192;

    /// <summary>MAP_PRIVATE and the rest have other numbers on Alpha than on x86; SHARED and PRIVATE are the same.</summary>
    private const int SharedFlag = 1, PrivateFlag = 2;

    private IMapping? _private;
    private IMapping? _readOnly;
    private IMapping? _shared;

    private void Map(OperationLine line)
    {
        string note = Note(line), suffix = note.StartsWith("O_RDONLY", StringComparison.Ordinal) ? ":ro" : note.StartsWith("O_WRONLY", StringComparison.Ordinal) ? ":wo" : "";
        var protection = (MapProtection)(int)(line.Number("prot") ?? 0);
        MapFlags flags = (int)(line.Number("flags") ?? 0) switch { SharedFlag => MapFlags.Shared, PrivateFlag => MapFlags.Private, _ => MapFlags.None };
        CallResult result = Kernel.Map(
            _session.File(line.Device + suffix), new MapRequest(0, line.Number("length") ?? 0, protection, flags, line.Number("offset") ?? 0, (int)protection), out IMapping? mapping);
        Answer(line, result.IsError ? result : 0);
        mapping?.Dispose();
    }

    private CallResult MapScratch(MapProtection protection, MapFlags flags, out IMapping? mapping)
    {
        CallResult result = Kernel.Map(_session.File("/dev/mem"), new MapRequest(0, Page, protection, flags, Scratch, (int)protection), out mapping);
        return result.IsError ? result : 0;
    }

    private IMapping? MapFor(OperationLine line, bool write, out CallResult result, out ulong inner)
    {
        ulong at = line.Number("offset") ?? 0, width = line.Number("length") ?? 8;
        inner = at & (Page - 1);
        MapProtection protection = write ? MapProtection.Read | MapProtection.Write : MapProtection.Read;
        result = Kernel.Map(_session.File("/dev/mem"), new MapRequest(0, inner + width > Page ? 2 * Page : Page, protection, MapFlags.Shared, at & ~(Page - 1), (int)protection), out IMapping? mapping);
        return mapping;
    }

    private static int Width(OperationLine line) =>
        (line.Number("length") ?? 8) is var width && width is 1 or 2 or 4 or 8 ? (int)width : throw new FormatException("an access is 1, 2, 4 or 8 bytes wide");

    private void Load(OperationLine line)
    {
        int width = Width(line);
        IMapping? mapping = MapFor(line, write: false, out CallResult result, out ulong inner);
        if (mapping is null)
        {
            Answer(line, result);
            return;
        }

        MappingFault fault = LoadAny(mapping, inner, width, out ulong value);
        mapping.Dispose();
        if (fault is MappingFault.SegmentationFault or MappingFault.BusError)
        {
            Answer(line, -1);
            line.Answer("signal", fault == MappingFault.BusError ? "SIGBUS" : "SIGSEGV");
            return;
        }

        _session.Result(line, width);
        line.Answer("signal", "");
        if (fault == MappingFault.MachineCheck)
        {
            // The load is skipped; what the register holds then is the recorder's PALcode's affair.
            line.Answer("machine_check", true);
            line.AnswerRaw("data", "null");
            return;
        }

        // ldl sign-extends; the others that are narrower extend with zeros.
        ulong register = width == 4 ? (ulong)(int)value : value;
        line.Answer("register", "0x" + register.ToString("x16", System.Globalization.CultureInfo.InvariantCulture));
        AlphaSession.Data(line, BitConverter.GetBytes(value).AsSpan(0, width));
    }

    private void Store(OperationLine line)
    {
        int width = Width(line);
        ulong value = line.Number("value") ?? 0;
        IMapping? mapping = MapFor(line, write: true, out CallResult result, out ulong inner);
        if (mapping is null)
        {
            Answer(line, result);
            return;
        }

        MappingFault fault = StoreAny(mapping, inner, width, value);
        mapping.Dispose();
        bool isSignal = fault is MappingFault.SegmentationFault or MappingFault.BusError;
        Answer(line, isSignal ? -1 : width);
        line.Answer("signal", fault switch { MappingFault.SegmentationFault => "SIGSEGV", MappingFault.BusError => "SIGBUS", _ => "" });
        if (!isSignal)
        {
            AlphaSession.Data(line, BitConverter.GetBytes(value).AsSpan(0, width));
        }
    }

    /// <summary>An unaligned access traps, and the kernel completes it from aligned ones: for loads the two quadwords around it.</summary>
    private static MappingFault LoadAny(IMapping mapping, ulong offset, int width, out ulong value)
    {
        if (offset % (ulong)width == 0)
        {
            return mapping.Load(offset, width, out value);
        }

        value = 0;
        ulong first = offset & ~7UL, last = (offset + (ulong)width - 1) & ~7UL;
        MappingFault fault = mapping.Load(first, 8, out ulong low);
        ulong high = 0;
        if (fault == MappingFault.None && last != first)
        {
            fault = mapping.Load(last, 8, out high);
        }

        int shift = 8 * (int)(offset & 7);
        value = ((low >> shift) | (last == first || shift == 0 ? 0 : high << (64 - shift))) & (ulong.MaxValue >> (64 - (8 * width)));
        return fault;
    }

    private static MappingFault StoreAny(IMapping mapping, ulong offset, int width, ulong value)
    {
        if (offset % (ulong)width == 0)
        {
            return mapping.Store(offset, width, value);
        }

        for (int i = 0; i < width; i++)
        {
            MappingFault fault = mapping.Store(offset + (ulong)i, 1, (value >> (8 * i)) & 0xFF);
            if (fault != MappingFault.None)
            {
                return fault;
            }
        }

        return MappingFault.None;
    }

    private void PrivateWrite(OperationLine line)
    {
        MapScratch(MapProtection.Read | MapProtection.Write, MapFlags.Private, out _private);
        byte[] source = [1, 2, 3, 4, 5, 6, 7, 8];
        source.CopyTo(_session.Content, 0);
        Kernel.WriteAt(_session.File("/dev/mem"), _session.Memory, AlphaSession.Buffer, 8, (long)Scratch + 0x200);
        _private?.Store(0x200, 1, 0x77);
        Kernel.ReadAt(_session.File("/dev/mem"), _session.Memory, AlphaSession.Buffer, 8, (long)Scratch + 0x200);
        _session.Result(line, 0);
        AlphaSession.Data(line, _session.Content.AsSpan(0, 8));
    }

    private void PrivateView(OperationLine line)
    {
        _session.Result(line, 0);
        AlphaSession.Data(line, Bytes(_private, 0x200, 8));
        _private?.Dispose();
    }

    private static byte[] Bytes(IMapping? mapping, ulong offset, int length)
    {
        byte[] bytes = new byte[length];
        for (int i = 0; mapping is not null && i < length; i++)
        {
            mapping.Load(offset + (ulong)i, 1, out ulong value);
            bytes[i] = (byte)value;
        }

        return bytes;
    }

    private static void Fill(IMapping? mapping, ulong offset, ReadOnlySpan<byte> bytes)
    {
        for (int i = 0; mapping is not null && i < bytes.Length; i++)
        {
            mapping.Store(offset + (ulong)i, 1, bytes[i]);
        }
    }

    private void StoreReadOnly(OperationLine line)
    {
        CallResult result = MapScratch(MapProtection.Read, MapFlags.Shared, out _readOnly);
        MappingFault fault = _readOnly?.Store(0, 1, 1) ?? MappingFault.SegmentationFault;
        Answer(line, result.IsError ? result : fault == MappingFault.None ? 1 : -1);
        line.Answer("signal", fault switch { MappingFault.SegmentationFault => "SIGSEGV", MappingFault.BusError => "SIGBUS", _ => "" });
    }

    private void OnReadOnly(OperationLine line, Func<IMapping, Errno> call, bool isLast = false)
    {
        Errno error = _readOnly is null ? Errno.EINVAL : call(_readOnly);
        Answer(line, error == Errno.None ? 0 : error);
        if (isLast)
        {
            _readOnly?.Dispose();
        }
    }

    private void StoreThenRead(OperationLine line)
    {
        MapScratch(MapProtection.Read | MapProtection.Write, MapFlags.Shared, out _shared);
        byte[] fill = new byte[32];
        Array.Fill(fill, (byte)0x3C);
        Fill(_shared, 0x300, fill);
        Kernel.ReadAt(_session.File("/dev/mem"), _session.Memory, AlphaSession.Buffer, 32, (long)Scratch + 0x300);
        _session.Result(line, 32);
        AlphaSession.Data(line, _session.Content.AsSpan(0, 32));
    }

    private void WriteThenLoad(OperationLine line)
    {
        _session.Content.AsSpan(0, 32).Fill(0xC3);
        Kernel.WriteAt(_session.File("/dev/mem"), _session.Memory, AlphaSession.Buffer, 32, (long)Scratch + 0x300);
        _session.Result(line, 32);
        AlphaSession.Data(line, Bytes(_shared, 0x300, 32));
    }

    private void ReadIntoMapping(OperationLine line)
    {
        // The buffer of the read is a mapping of the same device: the kernel copies through it as through any memory.
        CallResult result = Kernel.ReadAt(_session.File("/dev/mem"), _session.Memory, AlphaSession.Buffer, 64, (long)Scratch + 0x300);
        Fill(_shared, 0x400, _session.Content.AsSpan(0, (int)Math.Clamp(result.Value, 0, 64)));
        _session.Result(line, result);
        AlphaSession.Data(line, Bytes(_shared, 0x400, (int)Math.Clamp(result.Value, 0, 64)));
        _shared?.Dispose();
    }
}
