namespace Kmem.Plugins.Ethernet;

/// <summary>Offsets of registers and their bits, under the names of the manual.</summary>
/// <remarks>Source: Intel, PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual, chapter 13 "Register Descriptions".</remarks>
internal static class Offsets
{
    public const uint CTRL = 0x0000, STATUS = 0x0008, EECD = 0x0010, EERD = 0x0014, CTRL_EXT = 0x0018, FLA = 0x001C, MDIC = 0x0020, FCAL = 0x0028, FCAH = 0x002C, FCT = 0x0030, VET = 0x0038;
    public const uint ICR = 0x00C0, ITR = 0x00C4, ICS = 0x00C8, IMS = 0x00D0, IMC = 0x00D8, RCTL = 0x0100, FCTTV = 0x0170, TXCW = 0x0178, RXCW = 0x0180, TCTL = 0x0400, TIPG = 0x0410, AIFS = 0x0458;
    public const uint LEDCTL = 0x0E00, PBA = 0x1000, FCRTL = 0x2160, FCRTH = 0x2168;
    public const uint RDBAL = 0x2800, RDBAH = 0x2804, RDLEN = 0x2808, RDH = 0x2810, RDT = 0x2818, RDTR = 0x2820, RXDCTL = 0x2828, RADV = 0x282C, RSRPD = 0x2C00;
    public const uint TXDMAC = 0x3000, TDBAL = 0x3800, TDBAH = 0x3804, TDLEN = 0x3808, TDH = 0x3810, TDT = 0x3818, TIDV = 0x3820, TXDCTL = 0x3828, TADV = 0x382C, TSPMT = 0x3830;
    public const uint RXCSUM = 0x5000, MTA = 0x5200, RAL = 0x5400, RAH = 0x5404, VFTA = 0x5600, WUC = 0x5800, WUFC = 0x5808, WUS = 0x5810, MANC = 0x5820, IPAV = 0x5838;
    public const uint IP4AT = 0x5840, IP6AT = 0x5880, WUPL = 0x5900, WUPM = 0x5A00, FFLT = 0x5F00, FFMT = 0x9000, FFVT = 0x9800;

    public const uint CtrlSetLinkUp = 1 << 6, CtrlReset = 1 << 26, CtrlVlan = 1 << 30, CtrlPhyReset = 1U << 31;
    public const uint RctlEnable = 1 << 1, RctlStoreBad = 1 << 2, RctlUnicastAll = 1 << 3, RctlMulticastAll = 1 << 4, RctlLong = 1 << 5, RctlLoopback = 3 << 6, RctlBroadcast = 1 << 15;
    public const uint RctlVlanFilter = 1 << 18, RctlCfiFilter = 1 << 19, RctlCfi = 1 << 20, RctlLarger = 1 << 25, RctlStripCrc = 1 << 26;
    public const uint TctlEnable = 1 << 1, TctlPad = 1 << 3;
    public const uint RxcsumIp = 1 << 8, RxcsumTcp = 1 << 9;
    public const uint FlushPartial = 1U << 31;
}

/// <summary>Causes of interrupts, as they stand in ICR, ICS, IMS and IMC.</summary>
/// <remarks>Source: the same manual, section 13.4.17 "Interrupt Cause Read Register".</remarks>
[Flags]
internal enum Cause : uint
{
    None = 0,
    TransmitWrittenBack = 1 << 0,
    TransmitQueueEmpty = 1 << 1,
    LinkChanged = 1 << 2,
    ReceiveFew = 1 << 4,
    ReceiveOverrun = 1 << 6,
    ReceiveTimer = 1 << 7,
    MdioDone = 1 << 9,
    TransmitLow = 1 << 15,
    SmallPacket = 1 << 16,
    All = 0x0001_FFFF,
}
