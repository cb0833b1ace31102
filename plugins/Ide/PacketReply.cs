using System.Buffers.Binary;

namespace Kmem.Plugins.Ide;

/// <summary>Writes the answers to packet commands; all numbers are big endian.</summary>
/// <remarks>Source: SPC-2 (T10/1236-D), sections 7.3 INQUIRY and 7.20 REQUEST SENSE; MMC-4 (T10/1545-D), sections 6 "Commands" and 7 "Mode parameters".</remarks>
internal static class PacketReply
{
    private const int CapabilitiesPage = 0x2A, ErrorRecoveryPage = 0x01, AllPages = 0x3F;

    public static int Inquiry(Span<byte> reply)
    {
        reply[..36].Clear();
        (reply[0], reply[1], reply[3], reply[4]) = (0x05, 0x80, 0x21, 31);
        Text(reply[8..16], "KMEM");
        Text(reply[16..32], "CD-ROM");
        Text(reply[32..36], "1.0");
        return 36;
    }

    public static int Sense(Span<byte> reply, byte key, byte code)
    {
        reply[..18].Clear();
        (reply[0], reply[2], reply[7], reply[12]) = (0x70, key, 10, code);
        return 18;
    }

    public static int Capacity(Span<byte> reply, long blocks)
    {
        BinaryPrimitives.WriteUInt32BigEndian(reply, (uint)(blocks - 1));
        BinaryPrimitives.WriteUInt32BigEndian(reply[4..], AtapiDrive.Block);
        return 8;
    }

    /// <summary>READ TOC: one data track from 0 to the lead-out.</summary>
    /// <returns>The length, or 0 for a format that is not there.</returns>
    public static int TableOfContents(Span<byte> reply, ReadOnlySpan<byte> packet, long blocks)
    {
        bool minutes = (packet[1] & 2) != 0;
        int format = packet[2] & 0xF, first = packet[6];
        format = format == 0 ? packet[9] >> 6 : format;
        reply[..20].Clear();
        (reply[2], reply[3]) = (1, 1);
        int length = 4;
        switch (format)
        {
            case 0 when first is <= 1 or 0xAA:
                if (first <= 1)
                {
                    length += Track(reply[length..], 1, 0, minutes);
                }

                length += Track(reply[length..], 0xAA, blocks, minutes);
                break;
            case 1:
                length += Track(reply[length..], 1, 0, minutes);
                break;
            default:
                return 0;
        }

        BinaryPrimitives.WriteUInt16BigEndian(reply, (ushort)(length - 2));
        return length;
    }

    /// <summary>MODE SENSE: the error recovery page and the capabilities page.</summary>
    /// <returns>The length, or 0 for a page that is not there.</returns>
    public static int ModePages(Span<byte> reply, int page, bool isShort, bool isLocked, bool hasMedium)
    {
        reply[..64].Clear();
        int header = isShort ? 4 : 8, length = header;
        if (page is ErrorRecoveryPage or AllPages)
        {
            (reply[length], reply[length + 1], reply[length + 3]) = (ErrorRecoveryPage, 6, 5);
            length += 8;
        }

        if (page is CapabilitiesPage or AllPages)
        {
            Span<byte> capabilities = reply[length..];
            (capabilities[0], capabilities[1], capabilities[2]) = (CapabilitiesPage, 18, 0x03);
            (capabilities[4], capabilities[6]) = (0x70, (byte)(0x29 | (isLocked ? 2 : 0)));
            BinaryPrimitives.WriteUInt16BigEndian(capabilities[8..], 706);    // speed, kB/s
            BinaryPrimitives.WriteUInt16BigEndian(capabilities[12..], 64);    // buffer, KiB
            BinaryPrimitives.WriteUInt16BigEndian(capabilities[14..], 706);
            length += 20;
        }

        byte medium = hasMedium ? (byte)0x01 : (byte)0x70;
        if (isShort)
        {
            (reply[0], reply[1]) = ((byte)(length - 1), medium);
        }
        else
        {
            BinaryPrimitives.WriteUInt16BigEndian(reply, (ushort)(length - 2));
            reply[2] = medium;
        }

        return length > header ? length : 0;
    }

    /// <summary>GET EVENT STATUS NOTIFICATION: there is never news, for media do not change yet.</summary>
    public static int Events(Span<byte> reply, int classes, bool hasMedium)
    {
        reply[..8].Clear();
        reply[3] = 0x10;
        if ((classes & 0x10) == 0)
        {
            (reply[1], reply[2]) = (2, 0x80);
            return 4;
        }

        (reply[1], reply[2], reply[5]) = (6, 4, hasMedium ? (byte)2 : (byte)0);
        return 8;
    }

    /// <summary>GET CONFIGURATION: the profile of a CD-ROM, current while a medium is in.</summary>
    public static int Profiles(Span<byte> reply, bool hasMedium)
    {
        reply[..16].Clear();
        byte current = hasMedium ? (byte)1 : (byte)0;
        (reply[3], reply[7], reply[10], reply[11], reply[13], reply[14]) = (12, (byte)(8 * current), 3, 4, 8, current);
        return 16;
    }

    private static int Track(Span<byte> entry, byte number, long address, bool minutes)
    {
        entry[..8].Clear();
        (entry[1], entry[2]) = (0x14, number);
        if (minutes)
        {
            // 75 frames in a second; the first block stands at two seconds.
            long frames = address + 150;
            (entry[5], entry[6], entry[7]) = ((byte)(frames / 75 / 60), (byte)(frames / 75 % 60), (byte)(frames % 75));
        }
        else
        {
            BinaryPrimitives.WriteUInt32BigEndian(entry[4..], (uint)address);
        }

        return 8;
    }

    private static void Text(Span<byte> field, string text)
    {
        for (int i = 0; i < field.Length; i++)
        {
            field[i] = (byte)(i < text.Length ? text[i] : ' ');
        }
    }
}
