namespace Kmem.Plugins.Ethernet;

/// <summary>The sum of a frame that its sender appends.</summary>
/// <remarks>Source: IEEE 802.3, clause 3.2.9 "Frame Check Sequence".</remarks>
internal static class FrameCheck
{
    private static readonly uint[] Table = [.. Enumerable.Range(0, 256).Select(i =>
    {
        uint value = (uint)i;
        for (int bit = 0; bit < 8; bit++)
        {
            value = (value >> 1) ^ ((value & 1) * 0xEDB8_8320);
        }

        return value;
    })];

    /// <summary>The sum of a frame.</summary>
    public static uint Of(ReadOnlySpan<byte> frame)
    {
        uint value = uint.MaxValue;
        foreach (byte b in frame)
        {
            value = (value >> 8) ^ Table[(byte)value ^ b];
        }

        return ~value;
    }
}
