namespace Kmem.Plugins.CpuAlpha.Palcode;

/// <summary>Numbers of internal processor registers as PALcode images use them.</summary>
internal static class InternalRegister
{
#pragma warning disable CS1591 // Names as in the image's sources.
    public const int Ps = 0, Fen = 1, CycleOffset = 2, Argument0 = 3, ExceptionAddress = 6, PalBase = 7, PageTable = 8;
    public const int Unshadowed8 = 32, Unshadowed25 = 39;
    public const int VirtualNanoseconds = 249, WallNanoseconds = 250, Alarm = 251, Halt = 252, Wait = 253, InvalidateOne = 254, InvalidateAll = 255;
#pragma warning restore CS1591
}
