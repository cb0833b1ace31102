using System.Buffers.Binary;
using Kmem.Abstractions;

namespace Kmem.Plugins.Virtio;

/// <summary>What a driver leaves to the adapter of a frame that goes out: its checksum, and cutting it into segments.</summary>
/// <param name="NeedsSum">Whether a checksum is to be put in.</param>
/// <param name="Segments">Whether it is a TCP packet that is to be cut.</param>
/// <param name="SegmentLength">Payload of a segment in bytes.</param>
/// <param name="SumStart">Where the bytes to sum begin.</param>
/// <param name="SumOffset">Where the checksum stands behind that.</param>
/// <remarks>Source: Virtual I/O Device (VIRTIO) Version 1.1, section 5.1.6 "Device Operation", struct virtio_net_hdr.</remarks>
internal readonly record struct NetOffload(bool NeedsSum, bool Segments, int SegmentLength, int SumStart, int SumOffset)
{
    private const byte SumFlag = 1, Tcp4 = 1, Congestion = 0x80;

    /// <summary>Takes a frame.</summary>
    internal delegate void Sender(ReadOnlySpan<byte> frame);

    /// <summary>Reads the header before a frame.</summary>
    public static NetOffload Read(ReadOnlySpan<byte> header) => new(
        (header[0] & SumFlag) != 0, (header[1] & ~Congestion) == Tcp4, BinaryPrimitives.ReadUInt16LittleEndian(header[4..]),
        BinaryPrimitives.ReadUInt16LittleEndian(header[6..]), BinaryPrimitives.ReadUInt16LittleEndian(header[8..]));

    /// <summary>Sends a frame as it is to be on the wire; one whose header makes no sense is dropped.</summary>
    public void Apply(Span<byte> frame, Sender send)
    {
        if (Segments)
        {
            Cut(frame, send);
            return;
        }

        if (NeedsSum)
        {
            int at = SumStart + SumOffset;
            if (at + 2 > frame.Length)
            {
                return;
            }

            // The field holds the sum of the pseudo header.
            BinaryPrimitives.WriteUInt16BigEndian(frame[at..], InternetChecksum.Of(frame[SumStart..]));
        }

        send(frame);
    }

    private void Cut(ReadOnlySpan<byte> frame, Sender send)
    {
        const int EthernetHeader = 14, VlanTag = 4, IpHeader = 20, TcpHeader = 20;
        const ushort Vlan = 0x8100;
        const byte Fin = 1, Push = 8;
        int ip = frame.Length > EthernetHeader && BinaryPrimitives.ReadUInt16BigEndian(frame[12..]) == Vlan ? EthernetHeader + VlanTag : EthernetHeader, tcp = SumStart;
        if (!NeedsSum || SegmentLength == 0 || tcp < ip + IpHeader || tcp + TcpHeader > frame.Length)
        {
            return;
        }

        int header = tcp + ((frame[tcp + 12] >> 4) * 4);
        if (header < tcp + TcpHeader || header >= frame.Length)
        {
            return;
        }

        byte[] buffer = new byte[header + SegmentLength];
        for (int at = header, index = 0; at < frame.Length; at += SegmentLength, index++)
        {
            int length = Math.Min(SegmentLength, frame.Length - at);
            Span<byte> segment = buffer.AsSpan(0, header + length), packet = segment[ip..], inner = segment[tcp..];
            frame[..header].CopyTo(segment);
            frame.Slice(at, length).CopyTo(segment[header..]);
            BinaryPrimitives.WriteUInt16BigEndian(packet[2..], (ushort)packet.Length);
            BinaryPrimitives.WriteUInt16BigEndian(packet[4..], (ushort)(BinaryPrimitives.ReadUInt16BigEndian(packet[4..]) + index));
            packet.Slice(10, 2).Clear();
            BinaryPrimitives.WriteUInt16BigEndian(packet[10..], InternetChecksum.Of(packet[..(tcp - ip)]));
            BinaryPrimitives.WriteUInt32BigEndian(inner[4..], BinaryPrimitives.ReadUInt32BigEndian(inner[4..]) + (uint)(at - header));
            inner[13] = at + length == frame.Length ? inner[13] : (byte)(inner[13] & ~(Fin | Push));
            inner.Slice(16, 2).Clear();
            uint pseudo = InternetChecksum.PseudoHeader(packet, inner.Length);
            BinaryPrimitives.WriteUInt16BigEndian(inner[16..], InternetChecksum.Of(inner, pseudo));
            send(segment);
        }
    }
}
