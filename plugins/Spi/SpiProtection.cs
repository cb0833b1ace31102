namespace Kmem.Plugins.Spi;

/// <summary>The part of a chip that its status registers protect from programming and erasing.</summary>
/// <remarks>Source: Winbond W25Q80BV datasheet, revision J, section 7.1.13 "Status Register Memory Protection".</remarks>
internal static class SpiProtection
{
    private const byte Tb = 0x20, Sec = 0x40, Cmp = 0x40;

    /// <summary>First byte and length of the protected part.</summary>
    public static (int Start, int Length) Range(byte status1, byte status2, int size)
    {
        int bp = (status1 >> 2) & 7;
        bool isBottom = (status1 & Tb) != 0;
        int length = bp switch
        {
            0 => 0,
            7 => size,
            _ when (status1 & Sec) != 0 => Math.Min(4096 << (Math.Min(bp, 4) - 1), size),
            _ => Math.Min(Math.Max(64 * 1024, size / 64) << (bp - 1), size),
        };
        if ((status2 & Cmp) != 0)
        {
            (length, isBottom) = (size - length, !isBottom);
        }

        return (isBottom ? 0 : size - length, length);
    }
}
