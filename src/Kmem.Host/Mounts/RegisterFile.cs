using System.Globalization;
using Kmem.Abstractions;
using Kmem.Host.Fuse;

namespace Kmem.Host.Mounts;

/// <summary>A register as a file: one hexadecimal number. Reading has no side effects; writing is a write of the whole register.</summary>
public static class RegisterFile
{
    /// <summary>Makes the file of a register.</summary>
    /// <param name="handler">The registers.</param>
    /// <param name="offset">Offset of the register there, in bytes.</param>
    /// <param name="width">Its width in bytes: 1, 2, 4 or 8.</param>
    /// <param name="canRead">Whether it can be read.</param>
    /// <param name="canWrite">Whether it can be written.</param>
    /// <param name="owner">Owner of the file, who alone may write.</param>
    public static FuseFile Create(IRegionHandler handler, ulong offset, int width, bool canRead, bool canWrite, uint owner)
    {
        const int ReadAll = 0b100_100_100, WriteOwner = 0b010_000_000;
        int digits = 2 * width;
        return new TextFile(() => Read(handler, offset, width), text => Write(handler, offset, width, text))
        {
            Mode = (canRead ? ReadAll : 0) | (canWrite ? WriteOwner : 0),
            UserId = owner,
            FixedSize = 3 + digits,
        };
    }

    /// <summary>A register's name as a file name: datasheets write <c>RBR/THR</c>.</summary>
    public static string FileName(string register) => register.Length == 0 ? "unnamed" : register.Replace('/', '-').Replace('\0', '-');

    private static string? Read(IRegionHandler handler, ulong offset, int width) =>
        handler.Read(offset, width, out ulong value, AccessAttributes.Debug) == AccessResult.Ok
            ? $"0x{value.ToString("X" + (2 * width).ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture)}\n"
            : null;

    private static Errno Write(IRegionHandler handler, ulong offset, int width, string text)
    {
        string digits = text.Replace("_", "", StringComparison.Ordinal);
        bool isNumber = digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            ? ulong.TryParse(digits.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong value)
            : ulong.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out value);
        if (!isNumber || value > ulong.MaxValue >> (64 - (8 * width)))
        {
            return Errno.EINVAL;
        }

        return handler.Write(offset, width, value, new AccessAttributes(BusMaster.Debugger)) switch
        {
            AccessResult.Ok => Errno.None,
            AccessResult.ReadOnly => Errno.EPERM,
            _ => Errno.EIO,
        };
    }
}
