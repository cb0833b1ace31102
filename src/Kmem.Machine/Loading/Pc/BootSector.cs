using Kmem.Ir;

namespace Kmem.Machine.Loading.Pc;

/// <summary>A boot sector, or more of a disk behind it, begun in real mode at 0000:7C00 without firmware's services.</summary>
/// <remarks>Source: IBM PC/AT Technical Reference, BIOS listing, INT 19h.</remarks>
internal sealed class BootSector(string path, ReadOnlyMemory<byte> image, ReadOnlyMemory<byte> initrd, string commandLine) : PcProgram(path, image, initrd, commandLine)
{
    private const ulong Origin = 0x7C00;
    private const int SectorLength = 512, MostLength = 0x8_0000;

    /// <summary>Whether a file has the boot signature.</summary>
    public static bool Recognises(ReadOnlySpan<byte> file) => file.Length >= SectorLength && file[SectorLength - 2] == 0x55 && file[SectorLength - 1] == 0xAA;

    /// <inheritdoc/>
    public override StartState Place(PcMemory memory)
    {
        memory.Write(Origin, Image.Span[..Math.Min(Image.Length, MostLength)]);
        return new StartState(StartMode.Real, 0, 0, Origin, new Dictionary<string, ulong>(StringComparer.Ordinal) { ["rdx"] = 0x80, ["rsp"] = Origin });
    }
}
