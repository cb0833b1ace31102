using System.Globalization;
using System.Text;

namespace Kmem.Cli.Running;

/// <summary>Texts of <c>--expect</c>, <c>--send</c> and <c>--until</c>: UTF-8 with escapes for what can't be typed.</summary>
internal static class ScriptText
{
    /// <summary>The escapes, for help and messages.</summary>
    public const string Escapes = @"\n \r \t \e \0 \\ and \xHH";

    /// <summary>The bytes of a text; null for an escape that does not exist.</summary>
    public static byte[]? Parse(string text)
    {
        var bytes = new List<byte>();
        for (int at = 0; at < text.Length; at++)
        {
            if (text[at] != '\\')
            {
                int length = char.IsHighSurrogate(text[at]) && at + 1 < text.Length ? 2 : 1;
                bytes.AddRange(Encoding.UTF8.GetBytes(text.Substring(at, length)));
                at += length - 1;
                continue;
            }

            if (++at == text.Length)
            {
                return null;
            }

            byte value;
            switch (text[at])
            {
                case 'n':
                    value = (byte)'\n';
                    break;
                case 'r':
                    value = (byte)'\r';
                    break;
                case 't':
                    value = (byte)'\t';
                    break;
                case 'e':
                    value = 0x1B;
                    break;
                case '0':
                    value = 0;
                    break;
                case '\\':
                    value = (byte)'\\';
                    break;
                case 'x' when at + 2 < text.Length && byte.TryParse(text.AsSpan(at + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value):
                    at += 2;
                    break;
                default:
                    return null;
            }

            bytes.Add(value);
        }

        return [.. bytes];
    }
}
