namespace Kmem.Plugins.Network;

/// <summary>Puts the pieces of datagrams together.</summary>
/// <remarks>Source: RFC 791, section 3.2 "Fragmentation and Reassembly"; RFC 815 for holes.</remarks>
internal sealed class Fragments
{
    private const int MostDatagrams = 16, MostLength = 65535;
    private const long Patience = 30_000_000_000;

    private readonly List<Datagram> _waiting = [];

    /// <summary>Takes a piece.</summary>
    /// <param name="packet">The piece.</param>
    /// <param name="now">Guest time in ns.</param>
    /// <param name="header">The header of the datagram, once it is whole.</param>
    /// <returns>What is inside the datagram once it is whole, else null.</returns>
    public byte[]? Add(in IpPacket packet, long now, out byte[] header)
    {
        _waiting.RemoveAll(d => now - d.Begun > Patience);
        (uint, uint, ushort, byte) key = (packet.Source, packet.Destination, packet.Identification, packet.Protocol);
        Datagram? datagram = _waiting.Find(d => d.Key == key);
        if (datagram is null)
        {
            if (_waiting.Count == MostDatagrams)
            {
                _waiting.RemoveAt(0);
            }

            _waiting.Add(datagram = new Datagram(key, now));
        }

        header = [];
        int start = packet.FragmentOffset, end = start + packet.Payload.Length;
        if (end > MostLength || packet.Payload.IsEmpty || (packet.HasMoreFragments && packet.Payload.Length % 8 != 0))
        {
            _waiting.Remove(datagram);
            return null;
        }

        datagram.Add(packet, start, end);
        if (!datagram.IsWhole)
        {
            return null;
        }

        _waiting.Remove(datagram);
        header = datagram.Header;
        return datagram.Bytes[..datagram.Length];
    }

    public void Clear() => _waiting.Clear();

    private sealed class Datagram((uint, uint, ushort, byte) key, long begun)
    {
        private readonly System.Collections.BitArray _present = new((MostLength / 8) + 1);
        private int _units;

        public (uint, uint, ushort, byte) Key => key;

        public long Begun => begun;

        public byte[] Header { get; private set; } = [];

        public byte[] Bytes { get; private set; } = [];

        /// <summary>Length in bytes; 0 while the last piece is missing.</summary>
        public int Length { get; private set; }

        public bool IsWhole => Length > 0 && Header.Length > 0 && _units >= (Length + 7) / 8 && Length <= Bytes.Length;

        public void Add(in IpPacket packet, int start, int end)
        {
            if (end > Bytes.Length)
            {
                byte[] longer = new byte[end];
                Bytes.CopyTo(longer, 0);
                Bytes = longer;
            }

            packet.Payload.CopyTo(Bytes.AsSpan(start));
            Header = start == 0 ? packet.Header.ToArray() : Header;
            Length = packet.HasMoreFragments ? Length : end;
            for (int unit = start / 8; unit < (end + 7) / 8; unit++)
            {
                _units += _present[unit] ? 0 : 1;
                _present[unit] = true;
            }
        }
    }
}
