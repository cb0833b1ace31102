namespace Kmem.Plugins.Spi;

/// <summary>Generations of the I/O controller hub.</summary>
public enum IchGeneration
{
    /// <summary>ICH7, 8086:27B8: SPI registers at 3020h of the root complex register block.</summary>
    Ich7,

    /// <summary>ICH9, 8086:2918: SPI registers at 3800h.</summary>
    Ich9,
}

/// <summary>Where a generation has the registers of the SPI host interface; the bits of control and status are the same in both.</summary>
/// <remarks>
/// Source: Intel I/O Controller Hub 7 datasheet (order number 307013), chapter "SPI Configuration Registers"; Intel I/O Controller Hub 9 datasheet
/// (order number 316972), section 22.1 "Serial Peripheral Interface Memory Mapped Configuration Registers".
/// </remarks>
/// <param name="Base">First byte in the root complex register block.</param>
/// <param name="Length">Length in bytes.</param>
/// <param name="Lock">Byte whose bit 7 locks the interface: in SPIS, in HSFS.</param>
/// <param name="Status">SPIS, or SSFS.</param>
/// <param name="StatusLength">Bytes before the control register: two of SPIS, one of SSFS.</param>
/// <param name="Address">SPIA, or FADDR.</param>
/// <param name="Data">SPID0, or FDATA0.</param>
/// <param name="Prefix">PREOP; OPTYPE and OPMENU follow.</param>
/// <param name="Bottom">BBAR.</param>
/// <param name="Ranges">PBR0, or PR0.</param>
/// <param name="RangeCount">Number of protected ranges.</param>
/// <param name="LimitShift">Place of a range's limit: bit 12, or 16.</param>
/// <param name="AccessError">Status bit for a forbidden access, beside the one of the failed cycle: AEL, or none.</param>
internal sealed record IchSpiLayout(
    int Base,
    int Length,
    int Lock,
    int Status,
    int StatusLength,
    int Address,
    int Data,
    int Prefix,
    int Bottom,
    int Ranges,
    int RangeCount,
    int LimitShift,
    byte AccessError)
{
    public static IchSpiLayout Ich7 { get; } = new(0x3020, 0x6C, 0x01, 0x00, 2, 0x04, 0x08, 0x54, 0x50, 0x60, 3, 12, 0x00);

    public static IchSpiLayout Ich9 { get; } = new(0x3800, 0x200, 0x05, 0x90, 1, 0x08, 0x10, 0x94, 0xA0, 0x74, 5, 16, 0x10);

    /// <summary>SPIC, or SSFC.</summary>
    public int Control => Status + StatusLength;

    public int OpcodeTypes => Prefix + 2;

    public int Menu => Prefix + 4;

    public static IchSpiLayout Of(IchGeneration generation) => generation == IchGeneration.Ich7 ? Ich7 : Ich9;
}
