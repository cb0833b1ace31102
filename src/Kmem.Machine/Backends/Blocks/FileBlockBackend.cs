using System.Runtime.InteropServices;
using Kmem.Abstractions;
using Microsoft.Win32.SafeHandles;

namespace Kmem.Machine.Backends;

/// <summary>Who else may use the file of a disk.</summary>
public enum BlockSharing
{
    /// <summary>Nobody: the file is written.</summary>
    Alone,

    /// <summary>Others that only read.</summary>
    Readers,

    /// <summary>Anybody: what is read may change meanwhile.</summary>
    Anybody,
}

/// <summary>A raw file as a disk.</summary>
public sealed class FileBlockBackend : IBlockBackend, IDisposable
{
    private readonly SafeFileHandle _file;

    /// <summary>Opens a file; it is written only when nobody else may use it.</summary>
    /// <exception cref="MachineException">The file is missing, empty, of no use, or in use by another program.</exception>
    public FileBlockBackend(string path, BlockSharing sharing)
    {
        IsReadOnly = sharing != BlockSharing.Alone;
        FileAccess access = IsReadOnly ? FileAccess.Read : FileAccess.ReadWrite;
        FileShare share = sharing switch { BlockSharing.Alone => FileShare.None, BlockSharing.Readers => FileShare.Read, _ => FileShare.ReadWrite };
        if (Directory.Exists(path))
        {
            throw new MachineException($"the disk '{path}' is a folder");
        }

        try
        {
            _file = sharing == BlockSharing.Anybody && OperatingSystem.IsLinux() ? HostCalls.OpenUnlocked(path) : File.OpenHandle(path, FileMode.Open, access, share);
            if (_file.IsInvalid)
            {
                throw new IOException(Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError()));
            }

            Length = RandomAccess.GetLength(_file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            _file?.Dispose();
            throw new MachineException($"the disk '{path}' can't be opened: {e.Message}", e);
        }

        if (Length == 0)
        {
            _file.Dispose();
            throw new MachineException($"the disk '{path}' is empty or no file");
        }
    }

    /// <inheritdoc/>
    public long Length { get; }

    /// <inheritdoc/>
    public bool IsReadOnly { get; }

    /// <inheritdoc/>
    public bool Read(long offset, Span<byte> destination)
    {
        if (!BlockBounds.Hold(Length, offset, destination.Length))
        {
            return false;
        }

        try
        {
            while (!destination.IsEmpty)
            {
                int count = RandomAccess.Read(_file, destination, offset);
                if (count == 0)
                {
                    return false;
                }

                destination = destination[count..];
                offset += count;
            }

            return true;
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <inheritdoc/>
    public bool Write(long offset, ReadOnlySpan<byte> source)
    {
        if (IsReadOnly || !BlockBounds.Hold(Length, offset, source.Length))
        {
            return false;
        }

        try
        {
            RandomAccess.Write(_file, source, offset);
            return true;
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <inheritdoc/>
    public bool Flush()
    {
        try
        {
            if (!IsReadOnly)
            {
                RandomAccess.FlushToDisk(_file);
            }

            return true;
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            return false;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();
}
