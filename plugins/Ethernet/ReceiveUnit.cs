using System.Buffers.Binary;
using Kmem.Abstractions;
using static Kmem.Plugins.Ethernet.Offsets;

namespace Kmem.Plugins.Ethernet;

/// <summary>Puts frames into the buffers of the receive ring.</summary>
/// <param name="registers">The registers.</param>
/// <param name="statistics">The counters.</param>
/// <param name="memory">The guest's memory.</param>
/// <param name="attributes">Who writes it.</param>
/// <remarks>Source: Intel, the family's manual, section 3.2 "Packet Reception".</remarks>
internal sealed class ReceiveUnit(RegisterFile registers, Statistics statistics, IAddressSpace memory, AccessAttributes attributes)
{
    private const int DescriptorLength = 16, ShortestFrame = 60, LongestFrame = 1518, LongestOfAll = 16384, CrcLength = 4, VlanAt = 12, VlanTag = 4;
    private const byte Done = 1, EndOfPacket = 2, HasVlan = 8;

    private readonly byte[] _packet = new byte[LongestOfAll + CrcLength];
    private bool _isHeld;

    /// <summary>Called with the length of each frame that was stored.</summary>
    public Action<int>? Stored { get; set; }

    /// <summary>Called when few descriptors are left.</summary>
    public Action? Few { get; set; }

    private uint Entries => registers[RDLEN] / DescriptorLength;

    private uint Free => (registers[RDT] + Entries - registers[RDH]) % Math.Max(Entries, 1);

    private int BufferLength
    {
        get
        {
            uint control = registers[RCTL], size = (control >> 16) & 3;
            int small = 2048 >> (int)size;
            return (control & RctlLarger) != 0 && size != 0 ? 16 * small : small;
        }
    }

    public void Reset() => _isHeld = false;

    public void Save(StateWriter writer) => writer.Bool(_isHeld);

    public void Load(StateReader reader) => _isHeld = reader.Bool();

    /// <summary>Takes a frame.</summary>
    /// <returns>False when there is no room for it now.</returns>
    public bool Take(ReadOnlySpan<byte> frame)
    {
        uint control = registers[RCTL];
        if ((control & RctlEnable) == 0 || frame.Length < 14 || !AddressFilter.IsWanted(registers, frame))
        {
            return true;
        }

        int limit = (control & RctlLong) != 0 ? LongestOfAll - CrcLength : LongestFrame;
        if (frame.Length > limit)
        {
            statistics.Count(Statistics.ROC);
            return true;
        }

        ushort tag = 0;
        bool isTagged = frame.Length >= 14 + VlanTag && BinaryPrimitives.ReadUInt16BigEndian(frame[VlanAt..]) == (ushort)registers[VET];
        if (isTagged)
        {
            tag = BinaryPrimitives.ReadUInt16BigEndian(frame[(VlanAt + 2)..]);
            if (!AddressFilter.IsWantedVlan(registers, tag))
            {
                return true;
            }
        }

        bool strips = isTagged && (registers[CTRL] & CtrlVlan) != 0;
        int length = Prepare(frame, strips);
        int needed = (length + BufferLength - 1) / BufferLength;
        if (needed >= Entries)
        {
            statistics.Count(Statistics.MPC);
            return true;
        }

        if (Free < needed || registers[RDH] >= Entries)
        {
            if (!_isHeld)
            {
                statistics.Count(Statistics.RNBC);
            }

            _isHeld = true;
            return false;
        }

        _isHeld = false;
        statistics.Received(frame);
        Store(length, strips ? tag : (ushort)0, strips);
        Stored?.Invoke(length);
        uint threshold = Entries >> (int)(1 + ((control >> 8) & 3));
        if (Free <= threshold)
        {
            Few?.Invoke();
        }

        return true;
    }

    /// <summary>Copies a frame as it will stand in memory; its length.</summary>
    private int Prepare(ReadOnlySpan<byte> frame, bool strips)
    {
        int length;
        if (strips)
        {
            frame[..VlanAt].CopyTo(_packet);
            frame[(VlanAt + VlanTag)..].CopyTo(_packet.AsSpan(VlanAt));
            length = frame.Length - VlanTag;
        }
        else
        {
            frame.CopyTo(_packet);
            length = frame.Length;
        }

        if (length < ShortestFrame)
        {
            _packet.AsSpan(length, ShortestFrame - length).Clear();
            length = ShortestFrame;
        }

        if ((registers[RCTL] & RctlStripCrc) == 0)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(_packet.AsSpan(length), FrameCheck.Of(_packet.AsSpan(0, length)));
            length += CrcLength;
        }

        return length;
    }

    private void Store(int length, ushort tag, bool hasTag)
    {
        uint sums = registers[RXCSUM];
        int data = length - ((registers[RCTL] & RctlStripCrc) == 0 ? CrcLength : 0), from = Math.Min((int)(sums & 0xFF), data);
        ReceivedPacket found = ReceivedPacket.Check(_packet.AsSpan(0, data), (sums & RxcsumIp) != 0, (sums & RxcsumTcp) != 0, (ushort)registers[VET]);
        ushort sum = InternetChecksum.Sum(_packet.AsSpan(from, data - from));
        Span<byte> descriptor = stackalloc byte[DescriptorLength];
        for (int at = 0; at < length;)
        {
            uint head = registers[RDH];
            ulong place = registers.Base(RDBAL) + (head * DescriptorLength);
            if (memory.ReadBlock(place, descriptor, attributes, out _) != AccessResult.Ok)
            {
                descriptor.Clear();
            }

            int piece = Math.Min(BufferLength, length - at);
            ulong buffer = BinaryPrimitives.ReadUInt64LittleEndian(descriptor);
            if (buffer != 0)
            {
                _ = memory.WriteBlock(buffer, _packet.AsSpan(at, piece), attributes, out _);
            }

            at += piece;
            bool isLast = at == length;
            BinaryPrimitives.WriteUInt16LittleEndian(descriptor[8..], (ushort)piece);
            BinaryPrimitives.WriteUInt16LittleEndian(descriptor[10..], isLast ? BinaryPrimitives.ReverseEndianness(sum) : (ushort)0);
            descriptor[12] = (byte)(Done | (isLast ? EndOfPacket | found.Status | (hasTag ? HasVlan : 0) : 0));
            descriptor[13] = isLast ? found.Errors : (byte)0;
            BinaryPrimitives.WriteUInt16LittleEndian(descriptor[14..], isLast ? tag : (ushort)0);
            _ = memory.WriteBlock(place + 8, descriptor[8..], attributes, out _);
            registers[RDH] = (head + 1) % Entries;
        }
    }
}
