using System.Globalization;
using System.Text;

namespace Kmem.Plugins.Firmware;

/// <summary>The few words of the ACPI machine language that a description of the root bridge needs.</summary>
/// <remarks>Source: ACPI specification 3.0b, section 19.2 "AML Grammar Definition"; the packing of EISA IDs is that of 18.5.36 "EISAID".</remarks>
internal static class Aml
{
    private const byte NameOp = 0x08, BytePrefix = 0x0A, DwordPrefix = 0x0C, StringPrefix = 0x0D, ScopeOp = 0x10, BufferOp = 0x11, EndTag = 0x79, PackageOp = 0x12, ExtendedOp = 0x5B, DeviceOp = 0x82;

    /// <summary>A named object.</summary>
    public static byte[] Name(string name, byte[] value) => [NameOp, .. Segment(name), .. value];

    /// <summary>The contents of an object of the root, for example <c>_SB_</c>.</summary>
    public static byte[] Scope(string name, params byte[][] body) => [ScopeOp, .. WithLength([(byte)'\\', .. Segment(name), .. body.SelectMany(b => b)])];

    /// <summary>A device.</summary>
    public static byte[] Device(string name, params byte[][] body) => [ExtendedOp, DeviceOp, .. WithLength([.. Segment(name), .. body.SelectMany(b => b)])];

    /// <summary>A string constant.</summary>
    public static byte[] Text(string value) => [StringPrefix, .. Encoding.ASCII.GetBytes(value), 0];

    /// <summary>A buffer with resource descriptors and the tag that ends them.</summary>
    public static byte[] Resources(params byte[][] descriptors)
    {
        byte[] bytes = [.. descriptors.SelectMany(d => d), EndTag, 0];
        return [BufferOp, .. WithLength([.. Integer((uint)bytes.Length), .. bytes])];
    }

    /// <summary>A package of objects.</summary>
    public static byte[] Package(params byte[][] elements) => [PackageOp, .. WithLength([(byte)elements.Length, .. elements.SelectMany(e => e)])];

    /// <summary>An integer constant of up to 32 bits.</summary>
    public static byte[] Integer(uint value) => value switch
    {
        0 or 1 => [(byte)value],
        <= 0xFF => [BytePrefix, (byte)value],
        _ => [DwordPrefix, (byte)value, (byte)(value >> 8), (byte)(value >> 16), (byte)(value >> 24)],
    };

    /// <summary>A compressed EISA ID such as <c>PNP0A03</c>: three letters of 5 bits and four digits, most significant byte first.</summary>
    public static byte[] EisaId(string id)
    {
        uint letters = id[..3].Aggregate(0u, (word, letter) => (word << 5) | (uint)(letter - '@'));
        uint digits = uint.Parse(id[3..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        return [DwordPrefix, (byte)(letters >> 8), (byte)letters, (byte)(digits >> 8), (byte)digits];
    }

    private static byte[] Segment(string name) => Encoding.ASCII.GetBytes(name);

    /// <summary>Puts a PkgLength before a body; the length counts itself.</summary>
    private static byte[] WithLength(byte[] body)
    {
        const int OneByte = 0x3F, TwoBytes = 0xFFF;
        int length = body.Length + 1;
        return length switch
        {
            <= OneByte => [(byte)length, .. body],
            < TwoBytes => [(byte)(0x40 | ((length + 1) & 0x0F)), (byte)((length + 1) >> 4), .. body],
            _ => [(byte)(0x80 | ((length + 2) & 0x0F)), (byte)((length + 2) >> 4), (byte)((length + 2) >> 12), .. body],
        };
    }
}
