using System.Buffers;
using System.Runtime.InteropServices;
using System.Runtime.InteropServices.Marshalling;
using System.Text;
using System.Text.Unicode;

namespace Kmem.Host.Tracing.Native;

/// <summary>Paths of the host as text without loss: a path is bytes, and each byte that is no UTF-8 becomes a lone surrogate and comes back as itself.</summary>
/// <remarks>A path that was read wrongly would be walked as another one than the kernel opens.</remarks>
internal static class HostPath
{
    private const int Escape = 0xDC00;

    /// <summary>The text of a path, without its terminating zero.</summary>
    public static string Decode(ReadOnlySpan<byte> bytes)
    {
        if (Utf8.IsValid(bytes))
        {
            return Encoding.UTF8.GetString(bytes);
        }

        var text = new StringBuilder(bytes.Length);
        while (!bytes.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(bytes, out Rune rune, out int length) == OperationStatus.Done)
            {
                text.Append(rune.ToString());
            }
            else
            {
                length = 1;
                text.Append((char)(Escape + bytes[0]));
            }

            bytes = bytes[length..];
        }

        return text.ToString();
    }

    /// <summary>The bytes of a path and a terminating zero.</summary>
    public static byte[] Encode(string path)
    {
        var bytes = new List<byte>(path.Length + 1);
        ReadOnlySpan<char> rest = path;
        Span<byte> one = stackalloc byte[4];
        while (!rest.IsEmpty)
        {
            if (Rune.DecodeFromUtf16(rest, out Rune rune, out int length) == OperationStatus.Done)
            {
                bytes.AddRange(one[..rune.EncodeToUtf8(one)]);
            }
            else
            {
                length = 1;
                bytes.Add((byte)rest[0]);
            }

            rest = rest[length..];
        }

        bytes.Add(0);
        return [.. bytes];
    }
}

/// <summary>Hands paths to the C library as <see cref="HostPath"/> has them.</summary>
[CustomMarshaller(typeof(string), MarshalMode.ManagedToUnmanagedIn, typeof(HostPathMarshaller))]
internal static unsafe class HostPathMarshaller
{
    /// <summary>A copy in unmanaged memory.</summary>
    public static byte* ConvertToUnmanaged(string managed)
    {
        byte[] bytes = HostPath.Encode(managed);
        byte* copy = (byte*)NativeMemory.Alloc((nuint)bytes.Length);
        bytes.CopyTo(new Span<byte>(copy, bytes.Length));
        return copy;
    }

    /// <summary>Frees it.</summary>
    public static void Free(byte* unmanaged) => NativeMemory.Free(unmanaged);
}
