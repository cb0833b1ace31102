using System.Buffers.Binary;
using Kmem.Abstractions;
using Microsoft.Win32.SafeHandles;

namespace Kmem.Machine.Backends;

/// <summary>Written blocks in a sparse file: a header, a map with a bit for each block, and the blocks at their places.</summary>
/// <remarks>
/// Header, little endian: "KMEMOVL1", length of the disk below in bytes (8), length of a block (4), zeros to 4096 bytes. A block's bit is
/// set after the block itself has been written, so that a crash loses a write but never shows half a block as the disk's.
/// </remarks>
internal sealed class FileOverlay : IOverlayStore, IDisposable
{
    private const int HeaderLength = 4096, Block = OverlayBlockBackend.Block;
    private const long LongestDisk = 1L << 43;

    private readonly SafeFileHandle _file;
    private readonly byte[] _map;
    private readonly long _data;

    /// <summary>Opens an overlay, or makes a new one where there is no file.</summary>
    /// <exception cref="MachineException">The file can't be used, or it belongs to another disk.</exception>
    public FileOverlay(string path, string below, long length)
    {
        if (length > LongestDisk)
        {
            throw new MachineException($"the disk '{below}' is larger than 8 TiB, too large for an overlay");
        }

        long blocks = (length + Block - 1) / Block;
        _map = new byte[(blocks + 7) / 8];
        _data = HeaderLength + ((_map.Length + Block - 1L) / Block * Block);
        try
        {
            _file = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new MachineException($"the overlay '{path}' can't be opened: {e.Message}", e);
        }

        try
        {
            Prepare(path, below, length);
        }
        catch (Exception e) when (e is IOException or MachineException or UnauthorizedAccessException)
        {
            _file.Dispose();
            throw e as MachineException ?? new MachineException($"the overlay '{path}' can't be read: {e.Message}", e);
        }
    }

    public bool Holds(long block) => (_map[block / 8] & (1 << (int)(block % 8))) != 0;

    public bool Read(long block, int within, Span<byte> destination)
    {
        try
        {
            return RandomAccess.Read(_file, destination, _data + (block * Block) + within) == destination.Length;
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            return false;
        }
    }

    public bool Write(long block, int within, ReadOnlySpan<byte> source)
    {
        try
        {
            RandomAccess.Write(_file, source, _data + (block * Block) + within);
            if (!Holds(block))
            {
                byte bits = (byte)(_map[block / 8] | (1 << (int)(block % 8)));
                RandomAccess.Write(_file, [bits], HeaderLength + (block / 8));
                _map[block / 8] = bits;
            }

            return true;
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            return false;
        }
    }

    public bool Flush()
    {
        try
        {
            RandomAccess.FlushToDisk(_file);
            return true;
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            return false;
        }
    }

    public void Dispose() => _file.Dispose();

    private void Prepare(string path, string below, long length)
    {
        byte[] header = new byte[HeaderLength];
        if (RandomAccess.GetLength(_file) == 0)
        {
            "KMEMOVL1"u8.CopyTo(header);
            BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(8), length);
            BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(16), Block);
            RandomAccess.Write(_file, header, 0);
            RandomAccess.SetLength(_file, _data);
            return;
        }

        if (RandomAccess.Read(_file, header, 0) < HeaderLength || !header.AsSpan(0, 8).SequenceEqual("KMEMOVL1"u8) || BinaryPrimitives.ReadInt32LittleEndian(header.AsSpan(16)) != Block)
        {
            throw new MachineException($"'{path}' exists and is no overlay of kmem");
        }

        long other = BinaryPrimitives.ReadInt64LittleEndian(header.AsSpan(8));
        if (other != length)
        {
            throw new MachineException($"the overlay '{path}' belongs to a disk of {other} bytes, but '{below}' has {length}");
        }

        if (RandomAccess.Read(_file, _map, HeaderLength) < _map.Length)
        {
            throw new MachineException($"the overlay '{path}' is cut off within its map");
        }
    }
}
