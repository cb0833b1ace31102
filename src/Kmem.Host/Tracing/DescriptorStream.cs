using Kmem.Host.Tracing.Native;

namespace Kmem.Host.Tracing;

/// <summary>Writes to a descriptor that is shared with others: at its own position, as write(2) does, not at one of the runtime's.</summary>
/// <param name="descriptor">The descriptor, which stays open.</param>
public sealed unsafe class DescriptorStream(int descriptor) : Stream
{
    /// <inheritdoc/>
    public override bool CanRead => false;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => true;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <inheritdoc/>
    public override void Flush()
    {
        // Nothing is kept back.
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <summary>Writes all of it; what nobody reads any more is dropped.</summary>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        fixed (byte* bytes = buffer)
        {
            for (int done = 0; done < buffer.Length;)
            {
                nint written = Linux.Write(descriptor, bytes + done, (nuint)(buffer.Length - done));
                if (written <= 0 && Linux.LastError != Errors.EINTR)
                {
                    return;
                }

                done += (int)Math.Max(written, 0);
            }
        }
    }
}
