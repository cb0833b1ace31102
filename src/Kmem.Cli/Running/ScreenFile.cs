using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Kmem.Abstractions;
using Kmem.Machine;

namespace Kmem.Cli.Running;

/// <summary>Writes what a machine's screen shows into a file: a PNG picture when its name ends so, else text.</summary>
/// <remarks>Source: Portable Network Graphics (PNG) Specification, second edition, sections 5 "Datastream structure" and 11 "Chunk specifications".</remarks>
internal static class ScreenFile
{
    /// <summary>Writes the file.</summary>
    /// <exception cref="MachineException">The machine has no screen, or the file can't be written.</exception>
    public static void Write(RunningMachine machine, string path)
    {
        IEnumerable<Device> devices = machine.Devices.Values.Select(d => d.Instance);
        try
        {
            if (path.EndsWith(".png", StringComparison.OrdinalIgnoreCase))
            {
                IHasPicture screen = devices.OfType<IHasPicture>().FirstOrDefault() ?? throw new MachineException("the machine has no screen");
                File.WriteAllBytes(path, Png(screen.ReadPicture()));
            }
            else
            {
                IHasScreen screen = devices.OfType<IHasScreen>().FirstOrDefault() ?? throw new MachineException("the machine has no screen");
                File.WriteAllText(path, (screen.ReadScreen()?.ToString() ?? "") + "\n");
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new MachineException($"the screen can't be written to '{path}': {e.Message}", e);
        }
    }

    /// <summary>A picture as PNG, 8 bits of red, green and blue a dot.</summary>
    internal static byte[] Png(ScreenPicture picture)
    {
        // The format knows no empty picture.
        int width = Math.Max(picture.Width, 1), height = Math.Max(picture.Height, 1);
        ReadOnlySpan<byte> dots = picture.Dots.Length == 0 ? new byte[3] : picture.Dots.Span;
        using var file = new MemoryStream();
        file.Write([0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A]);
        byte[] header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9]) = (8, 2);
        Chunk(file, "IHDR", header);
        using var data = new MemoryStream();
        using (var packed = new ZLibStream(data, CompressionLevel.Optimal, leaveOpen: true))
        {
            for (int row = 0; row < height; row++)
            {
                packed.WriteByte(0);
                packed.Write(dots.Slice(3 * width * row, 3 * width));
            }
        }

        Chunk(file, "IDAT", data.ToArray());
        Chunk(file, "IEND", []);
        return file.ToArray();
    }

    private static void Chunk(Stream file, string type, ReadOnlySpan<byte> data)
    {
        byte[] body = [.. Encoding.ASCII.GetBytes(type), .. data];
        Span<byte> word = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(word, data.Length);
        file.Write(word);
        file.Write(body);
        BinaryPrimitives.WriteUInt32BigEndian(word, Crc(body));
        file.Write(word);
    }

    private static uint Crc(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte value in bytes)
        {
            crc ^= value;
            for (int bit = 0; bit < 8; bit++)
            {
                crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xEDB8_8320u : 0);
            }
        }

        return ~crc;
    }
}
