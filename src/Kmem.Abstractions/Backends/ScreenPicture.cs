namespace Kmem.Abstractions;

/// <summary>A device with a screen that can be seen as a picture.</summary>
public interface IHasPicture
{
    /// <summary>What the screen shows now; of 0 by 0 dots before a mode has been set. Call on the machine's thread; changes nothing.</summary>
    ScreenPicture ReadPicture();
}

/// <summary>A picture of a screen.</summary>
/// <param name="width">Dots in a row.</param>
/// <param name="height">Rows.</param>
/// <param name="dots">Red, green and blue of each dot, 8 bits each, row by row.</param>
public sealed class ScreenPicture(int width, int height, byte[] dots)
{
    /// <summary>Dots in a row.</summary>
    public int Width { get; } = width;

    /// <summary>Rows.</summary>
    public int Height { get; } = height;

    /// <summary>Red, green and blue of each dot, 8 bits each, row by row.</summary>
    public ReadOnlyMemory<byte> Dots { get; } = dots;
}
