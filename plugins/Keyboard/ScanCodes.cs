namespace Kmem.Plugins.Keyboard;

/// <summary>The codes that keys have: in set 1 by their USB usage, and between sets 1 and 2.</summary>
/// <remarks>
/// Source: IBM PS/2 Hardware Interface Technical Reference, "Keyboard and auxiliary device controller", table of the controller's
/// translation; USB HID Usage Tables 1.12, section 10 "Keyboard/Keypad page (0x07)".
/// </remarks>
internal static class ScanCodes
{
    public const byte Extended = 0xE0, Break2 = 0xF0;

    /// <summary>Marks a code that follows <see cref="Extended"/>.</summary>
    private const ushort E = 0x100;
    private const int FirstUsage = 0x04, FirstModifier = 0xE0;

    private static readonly ushort[] Keys =
    [
        0x1E, 0x30, 0x2E, 0x20, 0x12, 0x21, 0x22, 0x23, 0x17, 0x24, 0x25, 0x26, 0x32,           // A to M
        0x31, 0x18, 0x19, 0x10, 0x13, 0x1F, 0x14, 0x16, 0x2F, 0x11, 0x2D, 0x15, 0x2C,           // N to Z
        0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0A, 0x0B,                             // 1 to 0
        0x1C, 0x01, 0x0E, 0x0F, 0x39, 0x0C, 0x0D, 0x1A, 0x1B, 0x2B, 0x2B, 0x27, 0x28, 0x29,     // Enter to grave
        0x33, 0x34, 0x35, 0x3A,                                                                 // comma, full stop, slash, Caps Lock
        0x3B, 0x3C, 0x3D, 0x3E, 0x3F, 0x40, 0x41, 0x42, 0x43, 0x44, 0x57, 0x58,                 // F1 to F12
        E | 0x37, 0x46, 0x00, E | 0x52, E | 0x47, E | 0x49, E | 0x53, E | 0x4F, E | 0x51,       // Print to Page Down; Pause has a code of its own
        E | 0x4D, E | 0x4B, E | 0x50, E | 0x48,                                                 // Right, Left, Down, Up
        0x45, E | 0x35, 0x37, 0x4A, 0x4E, E | 0x1C,                                             // Num Lock to keypad Enter
        0x4F, 0x50, 0x51, 0x4B, 0x4C, 0x4D, 0x47, 0x48, 0x49, 0x52, 0x53, 0x56, E | 0x5D,       // keypad 1 to Application
    ];

    private static readonly ushort[] Modifiers = [0x1D, 0x2A, 0x38, E | 0x5B, E | 0x1D, 0x36, E | 0x38, E | 0x5C];

    /// <summary>Set 2 to set 1, for codes below 0x80.</summary>
    private static readonly byte[] FirstOfSecond = Convert.FromHexString(
        "FF43413F3D3B3C58644442403E0F2959"
        + "65382A701D10025A66712C1F1E11035B"
        + "672E2D201205045C68392F211413065D"
        + "693130232215075E6A7232241608095F"
        + "6B332517180B0A606C34352627190C61"
        + "6D7328741A0D626E3A361C1B752B6376"
        + "55567778797A0E7B7C4F7D4B477E7F6F"
        + "5253504C4D480145574E514A37494654");

    private static readonly byte[] SecondOfFirst = Invert();

    /// <summary>What the controller makes of a byte of set 2; the break prefix is the caller's business.</summary>
    public static byte Translate(byte code) => code switch
    {
        < 0x80 => FirstOfSecond[code],
        0x83 => 0x41,
        0x84 => 0x54,
        _ => code,
    };

    /// <summary>The bytes that a keyboard sends for a key; empty when it has no such key.</summary>
    public static byte[] Of(int usage, bool pressed, int set)
    {
        ushort key = usage >= FirstModifier && usage < FirstModifier + Modifiers.Length ? Modifiers[usage - FirstModifier]
            : usage >= FirstUsage && usage < FirstUsage + Keys.Length ? Keys[usage - FirstUsage] : (ushort)0;
        if (key == 0)
        {
            return [];
        }

        byte code = (byte)key;
        byte[] bytes = set == 1 ? [(byte)(code | (pressed ? 0 : 0x80))] : pressed ? [SecondOfFirst[code]] : [Break2, SecondOfFirst[code]];
        return (key & E) != 0 ? [Extended, .. bytes] : bytes;
    }

    private static byte[] Invert()
    {
        byte[] second = new byte[128];
        for (int code = 0x7F; code > 0; code--)
        {
            if (FirstOfSecond[code] < 0x80)
            {
                second[FirstOfSecond[code]] = (byte)code;
            }
        }

        // F7 has the one make code of set 2 above 0x7F.
        second[0x41] = 0x83;
        return second;
    }
}
