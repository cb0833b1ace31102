using Kmem.Abstractions;

namespace Kmem.Plugins.Floppy;

/// <summary>A drive with or without a disk, whose geometry follows from its length.</summary>
/// <param name="disk">The disk; null for none.</param>
internal sealed class FloppyDrive(IBlockBackend? disk)
{
    public const int SectorLength = 512, Heads = 2;

    private static readonly (long Length, int Cylinders, int Sectors)[] Formats =
    [
        (368_640, 40, 9), (737_280, 80, 9), (1_228_800, 80, 15), (1_474_560, 80, 18), (1_720_320, 80, 21), (2_949_120, 80, 36),
    ];

    /// <summary>Cylinder under the heads.</summary>
    public byte Cylinder { get; set; }

    /// <summary>Whether the disk may have been changed since the last step.</summary>
    public bool IsChanged { get; set; } = true;

    public bool HasDisk => disk is not null;

    public bool IsReadOnly => disk is { IsReadOnly: true };

    public int Sectors { get; } = SectorsOf(disk?.Length ?? 0);

    public int Cylinders => disk is null ? 80 : Math.Max((int)(disk.Length / SectorLength / Heads / Sectors), 1);

    public void Reset() => (Cylinder, IsChanged) = (0, true);

    /// <summary>A step of the heads tells whether there is a disk.</summary>
    public void Step(byte cylinder) => (Cylinder, IsChanged) = ((byte)Math.Min((int)cylinder, 83), !HasDisk);

    public bool Read(int cylinder, int head, int sector, Span<byte> data) => Offset(cylinder, head, sector) is { } at && disk!.Read(at, data);

    public bool Write(int cylinder, int head, int sector, ReadOnlySpan<byte> data) => Offset(cylinder, head, sector) is { } at && disk!.Write(at, data);

    private static int SectorsOf(long length)
    {
        foreach ((long known, int _, int sectors) in Formats)
        {
            if (length <= known)
            {
                return length == 0 ? 18 : sectors;
            }
        }

        return 36;
    }

    private long? Offset(int cylinder, int head, int sector)
    {
        if (disk is null || cylinder >= Cylinders || head >= Heads || sector < 1 || sector > Sectors)
        {
            return null;
        }

        long at = ((((long)cylinder * Heads) + head) * Sectors + sector - 1) * SectorLength;
        return at + SectorLength <= disk.Length ? at : null;
    }
}
