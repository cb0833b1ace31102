using System.Buffers.Binary;
using Kmem.Abstractions;
using static Kmem.Plugins.Ethernet.Offsets;

namespace Kmem.Plugins.Ethernet;

/// <summary>Takes frames from the buffers of the transmit ring: legacy, with checksums, and cut into segments.</summary>
/// <param name="registers">The registers.</param>
/// <param name="statistics">The counters.</param>
/// <param name="memory">The guest's memory.</param>
/// <param name="attributes">Who reads it.</param>
/// <remarks>Source: Intel, the family's manual, sections 3.3 "Packet Transmission" to 3.6.</remarks>
internal sealed class TransmitUnit(RegisterFile registers, Statistics statistics, IAddressSpace memory, AccessAttributes attributes)
{
    private const int DescriptorLength = 16, Longest = 0x4_0000, Shortest = 60, VlanAt = 12, VlanTag = 4, EthernetHeader = 14;
    private const byte EndOfPacket = 1, InsertChecksum = 4, ReportStatus = 8, Extended = 0x20, InsertVlan = 0x40, PutOff = 0x80;
    private const byte Segment = 4, DataDescriptor = 1, InsertIpSum = 1, InsertTcpSum = 2, Done = 1;

    private TransmitContext _context, _segmentation;
    private byte[] _packet = new byte[4096];
    private int _length;
    private bool _isBegun, _isSegmented;
    private byte _sums;

    /// <summary>Takes each frame.</summary>
    public SpanAction? Send { get; set; }

    /// <summary>Called when descriptors that want it have been reported; the argument says whether the interrupt may be put off.</summary>
    public Action<bool>? Reported { get; set; }

    /// <summary>Called when the ring is empty.</summary>
    public Action? Emptied { get; set; }

    /// <summary>Takes a frame.</summary>
    internal delegate void SpanAction(ReadOnlySpan<byte> frame);

    /// <summary>Sends what software has put into the ring.</summary>
    public void Run()
    {
        uint entries = registers[TDLEN] / DescriptorLength;
        if ((registers[TCTL] & TctlEnable) == 0 || entries == 0 || registers[TDH] >= entries || registers[TDT] >= entries)
        {
            return;
        }

        bool reports = false, reportsNow = false;
        Span<byte> descriptor = stackalloc byte[DescriptorLength];
        uint steps = 0;
        for (; registers[TDH] != registers[TDT] && steps < entries; steps++)
        {
            ulong place = registers.Base(TDBAL) + (registers[TDH] * DescriptorLength);
            if (memory.ReadBlock(place, descriptor, attributes, out _) != AccessResult.Ok)
            {
                break;
            }

            Take(descriptor);
            byte command = descriptor[11];
            if ((command & ReportStatus) != 0)
            {
                _ = memory.Write(place + 12, 1, (uint)descriptor[12] | Done, attributes);
                reports = true;
                reportsNow |= (command & PutOff) == 0;
            }

            registers[TDH] = (registers[TDH] + 1) % entries;
        }

        if (reports)
        {
            Reported?.Invoke(!reportsNow);
        }

        if (steps > 0)
        {
            Emptied?.Invoke();
        }
    }

    public void Reset()
    {
        (_context, _segmentation) = (default, default);
        (_length, _isBegun, _isSegmented, _sums) = (0, false, false, 0);
    }

    public void Save(StateWriter writer)
    {
        Save(writer, _context, "context");
        Save(writer, _segmentation, "segmentation");
        writer.Bytes(_packet.Take(_length), "packet");
        writer.Bool(_isBegun);
        writer.Bool(_isSegmented);
        writer.U8(_sums);
    }

    public void Load(StateReader reader)
    {
        (_context, _segmentation) = (LoadContext(reader), LoadContext(reader));
        byte[] packet = reader.Bytes();
        _length = Math.Min(packet.Length, Longest);
        _packet = new byte[Math.Max(4096, _length)];
        packet.AsSpan(0, _length).CopyTo(_packet);
        (_isBegun, _isSegmented, _sums) = (reader.Bool(), reader.Bool(), reader.U8());
    }

    private static void Save(StateWriter writer, in TransmitContext context, string name)
    {
        byte[] descriptor = new byte[DescriptorLength];
        (descriptor[0], descriptor[1], descriptor[4], descriptor[5], descriptor[13]) = (context.IpStart, context.IpOffset, context.TcpStart, context.TcpOffset, context.HeaderLength);
        BinaryPrimitives.WriteUInt16LittleEndian(descriptor.AsSpan(2), context.IpEnd);
        BinaryPrimitives.WriteUInt16LittleEndian(descriptor.AsSpan(6), context.TcpEnd);
        BinaryPrimitives.WriteUInt32LittleEndian(descriptor.AsSpan(8), context.PayloadLength | (context.IsTcp ? 1u << 24 : 0) | (context.IsIp4 ? 1u << 25 : 0));
        BinaryPrimitives.WriteUInt16LittleEndian(descriptor.AsSpan(14), context.Mss);
        writer.Bytes(descriptor, name);
    }

    private static TransmitContext LoadContext(StateReader reader)
    {
        byte[] descriptor = new byte[DescriptorLength];
        reader.Bytes(descriptor.AsSpan());
        return TransmitContext.Read(descriptor);
    }

    private void Take(ReadOnlySpan<byte> descriptor)
    {
        byte command = descriptor[11];
        bool isExtended = (command & Extended) != 0;
        if (isExtended && descriptor[10] >> 4 != DataDescriptor)
        {
            if ((command & Segment) != 0)
            {
                _segmentation = TransmitContext.Read(descriptor);
                statistics.Count(Statistics.TSCTC);
            }
            else
            {
                _context = TransmitContext.Read(descriptor);
            }

            return;
        }

        uint word = BinaryPrimitives.ReadUInt32LittleEndian(descriptor[8..]);
        Append(BinaryPrimitives.ReadUInt64LittleEndian(descriptor), (int)(isExtended ? word & 0xF_FFFF : word & 0xFFFF));
        if (isExtended && !_isBegun)
        {
            (_isSegmented, _sums) = ((command & Segment) != 0, descriptor[13]);
        }

        _isBegun = true;
        if ((command & EndOfPacket) == 0)
        {
            return;
        }

        ushort? tag = (command & InsertVlan) != 0 && (registers[CTRL] & CtrlVlan) != 0 ? BinaryPrimitives.ReadUInt16LittleEndian(descriptor[14..]) : null;
        Span<byte> packet = _packet.AsSpan(0, _length);
        if (!isExtended)
        {
            if ((command & InsertChecksum) != 0)
            {
                TransmitContext.Insert(packet, descriptor[13], 0, descriptor[10]);
            }

            Finish(packet, tag);
        }
        else if (_isSegmented)
        {
            Cut(packet, tag);
        }
        else
        {
            InsertSums(_context, packet);
            Finish(packet, tag);
        }

        (_length, _isBegun, _isSegmented, _sums) = (0, false, false, 0);
    }

    private void Append(ulong address, int length)
    {
        length = Math.Min(length, Longest - _length);
        if (_length + length > _packet.Length)
        {
            Array.Resize(ref _packet, Math.Min(Longest, Math.Max(2 * _packet.Length, _length + length)));
        }

        Span<byte> piece = _packet.AsSpan(_length, length);
        if (memory.ReadBlock(address, piece, attributes, out int done) != AccessResult.Ok)
        {
            piece[done..].Clear();
        }

        _length += length;
    }

    private void InsertSums(in TransmitContext context, Span<byte> frame)
    {
        if ((_sums & InsertTcpSum) != 0)
        {
            context.InsertTcp(frame);
        }

        if ((_sums & InsertIpSum) != 0)
        {
            context.InsertIp(frame);
        }
    }

    /// <summary>Cuts a packet into segments, each with the packet's header, brought up to date.</summary>
    private void Cut(ReadOnlySpan<byte> packet, ushort? tag)
    {
        const int TcpHeader = 20, UdpHeader = 8, IpHeader = 20, LongestSegment = 16288;
        TransmitContext context = _segmentation;
        int header = context.HeaderLength, mss = context.Mss, least = context.TcpStart + (context.IsTcp ? TcpHeader : UdpHeader);
        if (mss == 0 || header < least || header >= packet.Length || context.IpStart + IpHeader > header || context.TcpOffset + 2 > header || header + mss > LongestSegment)
        {
            return;
        }

        byte[] buffer = new byte[header + mss];
        for (int at = header, index = 0; at < packet.Length; at += mss, index++)
        {
            int length = Math.Min(mss, packet.Length - at);
            Span<byte> frame = buffer.AsSpan(0, header + length);
            packet[..header].CopyTo(frame);
            packet.Slice(at, length).CopyTo(frame[header..]);
            Update(context, frame, at - header, index, isLast: at + length == packet.Length);
            InsertSums(context, frame);
            Finish(frame, tag);
        }
    }

    private static void Update(in TransmitContext context, Span<byte> frame, int offset, int index, bool isLast)
    {
        const int Ip6Header = 40;
        const byte Fin = 1, Push = 8;
        Span<byte> ip = frame[context.IpStart..], tcp = frame[context.TcpStart..];
        if (context.IsIp4)
        {
            BinaryPrimitives.WriteUInt16BigEndian(ip[2..], (ushort)ip.Length);
            BinaryPrimitives.WriteUInt16BigEndian(ip[4..], (ushort)(BinaryPrimitives.ReadUInt16BigEndian(ip[4..]) + index));
        }
        else
        {
            BinaryPrimitives.WriteUInt16BigEndian(ip[4..], (ushort)(ip.Length - Ip6Header));
        }

        if (context.IsTcp)
        {
            BinaryPrimitives.WriteUInt32BigEndian(tcp[4..], BinaryPrimitives.ReadUInt32BigEndian(tcp[4..]) + (uint)offset);
            tcp[13] = isLast ? tcp[13] : (byte)(tcp[13] & ~(Fin | Push));
        }
        else
        {
            BinaryPrimitives.WriteUInt16BigEndian(tcp[4..], (ushort)tcp.Length);
        }

        // Software has put the pseudo header's sum there without a length.
        Span<byte> sum = frame[context.TcpOffset..];
        uint value = (uint)BinaryPrimitives.ReadUInt16BigEndian(sum) + (ushort)tcp.Length;
        BinaryPrimitives.WriteUInt16BigEndian(sum, (ushort)(value + (value >> 16)));
    }

    private void Finish(ReadOnlySpan<byte> frame, ushort? tag)
    {
        if (frame.Length < EthernetHeader)
        {
            return;
        }

        bool isShort = frame.Length < Shortest && (registers[TCTL] & TctlPad) != 0;
        if (tag is null && !isShort)
        {
            Deliver(frame);
            return;
        }

        byte[] changed = new byte[Math.Max(frame.Length + (tag is null ? 0 : VlanTag), isShort ? Shortest : 0)];
        frame[..VlanAt].CopyTo(changed);
        int at = VlanAt;
        if (tag is { } value)
        {
            BinaryPrimitives.WriteUInt16BigEndian(changed.AsSpan(VlanAt), (ushort)registers[VET]);
            BinaryPrimitives.WriteUInt16BigEndian(changed.AsSpan(VlanAt + 2), value);
            at += VlanTag;
        }

        frame[VlanAt..].CopyTo(changed.AsSpan(at));
        Deliver(changed);
    }

    private void Deliver(ReadOnlySpan<byte> frame)
    {
        statistics.Sent(frame);
        Send?.Invoke(frame);
    }
}
