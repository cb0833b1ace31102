namespace Kmem.Plugins.Spi;

/// <summary>First byte of a transaction.</summary>
/// <remarks>Source: Winbond W25Q80BV datasheet, revision J, section 7.2.2 "Instruction Set Table".</remarks>
internal enum SpiInstruction : byte
{
    WriteStatus = 0x01,
    PageProgram = 0x02,
    ReadData = 0x03,
    WriteDisable = 0x04,
    ReadStatus1 = 0x05,
    WriteEnable = 0x06,
    FastRead = 0x0B,
    SectorErase = 0x20,
    ReadStatus2 = 0x35,
    VolatileWriteEnable = 0x50,
    BlockErase32 = 0x52,
    ChipErase60 = 0x60,
    ManufacturerDevice = 0x90,
    JedecId = 0x9F,
    ReleasePowerDown = 0xAB,
    PowerDown = 0xB9,
    ChipErase = 0xC7,
    BlockErase64 = 0xD8,
}
