using Kmem.Abstractions;

namespace Kmem.Plugins.Memory;

/// <summary>Options of <c>mem.ram</c>.</summary>
/// <param name="Size">Size of the bank in bytes.</param>
/// <param name="Fill">Value of every byte after power-on; 0 costs no memory of the host.</param>
/// <param name="Image">File of which the bank holds the last bytes after every reset, as shadow memory does that hardware fills from a ROM.</param>
public sealed record RamBankOptions(
    [property: Option(OptionKind.Size, Min = 1)] ulong Size,
    byte Fill = 0,
    [property: Option(OptionKind.File)] string? Image = null);

/// <summary>A bank of RAM.</summary>
[Device("mem.ram")]
public sealed class RamBank : Device, IHasBanks
{
    private readonly RamBankOptions _options;
    private readonly IRamBlock _block;
    private readonly byte[] _image;
    private bool _filled;

    /// <summary>Creates the bank.</summary>
    public RamBank(RamBankOptions options, IDeviceContext context)
    {
        _options = options;
        _block = context.AllocateMemory("", options.Size);
        byte[] image = string.IsNullOrEmpty(options.Image) ? [] : context.ReadImage(options.Image, 64 << 20);
        _image = (ulong)image.Length > options.Size ? image[^(int)options.Size..] : image;
        Banks = [new DeviceBank("", new RamRegion(context.Id, _block))];
    }

    /// <inheritdoc/>
    public IReadOnlyList<DeviceBank> Banks { get; }

    /// <summary>RAM keeps its contents over a reset; only power-on fills it.</summary>
    public override void Reset()
    {
        if (!_filled && _options.Fill != 0)
        {
            MemoryFill.Fill(_block, 0, _options.Size, _options.Fill);
        }

        _filled = true;
        MemoryFill.Copy(_block, _options.Size - (ulong)_image.Length, _image);
    }
}

/// <summary>Writes into a block from the host's side.</summary>
internal static class MemoryFill
{
    /// <summary>Sets <paramref name="length"/> bytes from <paramref name="offset"/>; the range lies within the block.</summary>
    public static unsafe void Fill(IRamBlock block, ulong offset, ulong length, byte value)
    {
        while (length > 0)
        {
            int part = (int)Math.Min(length, 1 << 30);
            new Span<byte>((void*)(block.Pointer + (nint)offset), part).Fill(value);
            (offset, length) = (offset + (ulong)part, length - (ulong)part);
        }
    }

    /// <summary>Copies bytes to <paramref name="offset"/>; they fit the block.</summary>
    public static unsafe void Copy(IRamBlock block, ulong offset, ReadOnlySpan<byte> source) =>
        source.CopyTo(new Span<byte>((void*)(block.Pointer + (nint)offset), source.Length));
}
