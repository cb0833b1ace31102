namespace Kmem.Plugins.CpuAlpha.Palcode;

/// <summary>Numbers of OSF/1 PALcode calls.</summary>
/// <remarks>Source: Alpha Architecture Reference Manual, part II-B, appendix C.11 "OSF/1 PALcode opcodes".</remarks>
internal enum PalFunction
{
#pragma warning disable CS1591 // The manual's names.
    Halt = 0x00,
    Cflush = 0x01,
    Draina = 0x02,
    Cserve = 0x09,
    Swppal = 0x0A,
    Wripir = 0x0D,
    Rdmces = 0x10,
    Wrmces = 0x11,
    Wrfen = 0x2B,
    Wrvptptr = 0x2D,
    Swpctx = 0x30,
    Wrval = 0x31,
    Rdval = 0x32,
    Tbi = 0x33,
    Wrent = 0x34,
    Swpipl = 0x35,
    Rdps = 0x36,
    Wrkgp = 0x37,
    Wrusp = 0x38,
    Wrperfmon = 0x39,
    Rdusp = 0x3A,
    Whami = 0x3C,
    Retsys = 0x3D,
    Wtint = 0x3E,
    Rti = 0x3F,
    Bpt = 0x80,
    Bugchk = 0x81,
    Callsys = 0x83,
    Imb = 0x86,
    Rdunique = 0x9E,
    Wrunique = 0x9F,
    Gentrap = 0xAA,
#pragma warning restore CS1591

    /// <summary>Kmem's own: the console's callbacks, whose code is this call and a return.</summary>
    ConsoleDispatch = 0x3B,

    /// <summary>Kmem's own: the console's address fix-up.</summary>
    ConsoleFixup = 0x0E,
}
