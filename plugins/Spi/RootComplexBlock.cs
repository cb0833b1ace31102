using Kmem.Abstractions;

namespace Kmem.Plugins.Spi;

/// <summary>The 16 KiB behind RCBA: the SPI host interface and the general control and status registers; the rest reads as 0.</summary>
/// <remarks>Source: Intel I/O Controller Hub 7 datasheet (order number 307013), section 7.1, RC at 3400h to FD at 3418h; the ICH9 has them at the same offsets.</remarks>
internal sealed class RootComplexBlock(IchSpi spi) : IRegionHandler
{
    private const int General = 0x3400;
    private const int RC = 0x00, HPTC = 0x04, GCS = 0x10, BUC = 0x14, FD = 0x18, GeneralLength = 0x1C;
    private const uint BootFromSpi = 1 << 10;
    private const byte BILD = 0x01;

    private readonly RegisterFile _general = new RegisterFile(GeneralLength)
        .Define(RC, 4, 0, writable: 0x1C)
        .Define(HPTC, 4, 0, writable: 0x83)
        .Define(GCS, 4, BootFromSpi, writable: 0x0E67)
        .Define(BUC, 1, 0, writable: 0x05)
        .Define(FD, 4, 0, writable: 0x00FF_DFFC);

    public void Reset()
    {
        _general.Reset();
        spi.Reset();
    }

    public void Save(StateWriter writer)
    {
        _general.Save(writer, "general");
        spi.Save(writer);
    }

    public void Load(StateReader reader)
    {
        _general.Load(reader);
        spi.Load(reader);
    }

    public AccessResult Read(ulong offset, int width, out ulong value, in AccessAttributes attributes)
    {
        value = 0;
        for (int i = 0; i < width; i++)
        {
            value |= (ulong)ReadByte((int)offset + i) << (8 * i);
        }

        return AccessResult.Ok;
    }

    public AccessResult Write(ulong offset, int width, ulong value, in AccessAttributes attributes)
    {
        bool starts = false;
        for (int i = 0; i < width; i++)
        {
            int at = (int)offset + i;
            byte part = (byte)(value >> (8 * i));
            if (IsSpi(at))
            {
                starts |= spi.Write(at - spi.Base, part);
            }
            else if (at is >= General and < General + GeneralLength)
            {
                WriteGeneral(at - General, part);
            }
        }

        if (starts)
        {
            spi.Start();
        }

        return AccessResult.Ok;
    }

    private bool IsSpi(int at) => at >= spi.Base && at < spi.Base + spi.Length;

    private byte ReadByte(int at) => at switch
    {
        _ when IsSpi(at) => spi.Read(at - spi.Base),
        >= General and < General + GeneralLength => _general.Bytes[at - General],
        _ => 0,
    };

    /// <summary>BILD, once set, stays, and holds the boot straps and the top swap.</summary>
    private void WriteGeneral(int at, byte value)
    {
        bool isLocked = (_general.Bytes[GCS] & BILD) != 0;
        byte held = (isLocked, at) switch { (true, GCS) => BILD, (true, GCS + 1) => 0x0C, (true, BUC) => 0x01, _ => 0 };
        _general.Write(at, (byte)((value & ~held) | (_general.Bytes[at] & held)));
    }
}
