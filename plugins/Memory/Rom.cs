using Kmem.Abstractions;

namespace Kmem.Plugins.Memory;

/// <summary>Where an image lies in a part that is larger.</summary>
public enum ImageAlignment
{
    /// <summary>At the first byte.</summary>
    Start,

    /// <summary>At the last byte, as boot code that ends at the reset vector does.</summary>
    End,
}

/// <summary>Options of <c>mem.rom</c>.</summary>
/// <param name="Size">Size in bytes.</param>
/// <param name="Image">File with the contents; without one the part is blank.</param>
/// <param name="Fill">Value of the bytes that the image does not cover; 0xFF is a blank part.</param>
/// <param name="Align">Where a smaller image lies.</param>
/// <param name="GuestWrite">What becomes of writes.</param>
public sealed record RomOptions(
    [property: Option(OptionKind.Size, Min = 1)] ulong Size,
    [property: Option(OptionKind.File)] string? Image = null,
    byte Fill = 0xFF,
    ImageAlignment Align = ImageAlignment.Start,
    GuestWrite GuestWrite = GuestWrite.Ignore);

/// <summary>Words for what becomes of a write into ROM.</summary>
public enum GuestWrite
{
    /// <summary>The data vanish.</summary>
    Ignore,

    /// <summary>The data vanish and the machine's log says so.</summary>
    Log,

    /// <summary>The access ends with an error.</summary>
    Refuse,
}

/// <summary>A ROM.</summary>
[Device("mem.rom")]
public sealed class Rom : Device, IHasBanks
{
    /// <summary>Creates the ROM and reads its image.</summary>
    public Rom(RomOptions options, IDeviceContext context)
    {
        IRamBlock block = context.AllocateMemory("", options.Size);
        if (options.Fill != 0)
        {
            MemoryFill.Fill(block, 0, options.Size, options.Fill);
        }

        if (options.Image is { } path)
        {
            byte[] image = context.ReadImage(path, options.Size);
            if (image.Length == 0 && path.Length > 0)
            {
                throw new MachineException($"the image '{path}' is empty") { Option = "image" };
            }

            MemoryFill.Copy(block, options.Align == ImageAlignment.End ? options.Size - (ulong)image.Length : 0, image);
        }

        RomWrite onWrite = options.GuestWrite switch { GuestWrite.Ignore => RomWrite.Ignore, GuestWrite.Log => RomWrite.Report, _ => RomWrite.Refuse };
        Banks =
        [
            new DeviceBank("", new RomRegion(context.Id, block, onWrite, (offset, width, value) =>
                context.Log(LogLevel.Guest, $"a write of {width} bytes to ROM at offset 0x{offset:X} has no effect"))),
        ];
    }

    /// <inheritdoc/>
    public IReadOnlyList<DeviceBank> Banks { get; }
}
