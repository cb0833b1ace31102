using System.Text;
using Kmem.Abstractions;
using Kmem.Host.Fuse;

namespace Kmem.Host.Mounts;

/// <summary>A file whose text is made when a program reads its beginning, and stays until the program reads it again.</summary>
/// <param name="text">Gives the text; null when it can't be read.</param>
/// <param name="write">Takes a text that a program wrote in one call; null for a file that takes none.</param>
public sealed class TextFile(Func<string?> text, Func<string, Errno>? write = null) : FuseFile
{
    /// <summary>Size in bytes where every text has the same; else it is that of the text of the moment.</summary>
    public int? FixedSize { get; init; }

    /// <inheritdoc/>
    public override ulong Size => (ulong)(FixedSize ?? Encoding.UTF8.GetByteCount(text() ?? ""));

    /// <inheritdoc/>
    public override bool HasVariableSize => FixedSize is null;

    /// <inheritdoc/>
    public override Errno Open(FuseCaller caller, OpenFlags flags, out FuseHandle? handle)
    {
        handle = Permits(caller, flags) ? new Handle(text, write) : null;
        return handle is null ? Errno.EACCES : Errno.None;
    }

    private sealed class Handle(Func<string?> text, Func<string, Errno>? write) : FuseHandle
    {
        private const int Longest = 4096;

        private byte[]? _content;

        public override CallResult Read(ulong offset, Memory<byte> destination)
        {
            if (offset == 0 || _content is null)
            {
                if (text() is not { } fresh)
                {
                    return Errno.EPERM;
                }

                _content = Encoding.UTF8.GetBytes(fresh);
            }

            if (offset >= (ulong)_content.Length)
            {
                return 0;
            }

            int length = Math.Min(destination.Length, _content.Length - (int)offset);
            _content.AsSpan((int)offset, length).CopyTo(destination.Span);
            return length;
        }

        public override CallResult Write(ulong offset, Memory<byte> source)
        {
            if (write is null)
            {
                return Errno.EPERM;
            }

            Errno error = source.Length > Longest ? Errno.EFBIG : write(Encoding.UTF8.GetString(source.Span).Trim('\0', ' ', '\t', '\r', '\n'));
            return error == Errno.None ? source.Length : error;
        }
    }
}
