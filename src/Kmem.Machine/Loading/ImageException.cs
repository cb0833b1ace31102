namespace Kmem.Machine.Loading;

/// <summary>An image file can't be loaded; the message names the file and the reason.</summary>
public sealed class ImageException : Exception
{
    /// <summary>Creates the error without details.</summary>
    public ImageException()
    {
    }

    /// <summary>Creates the error with a message.</summary>
    public ImageException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the error with a message and a cause.</summary>
    public ImageException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    internal static ImageException For(string path, string reason) => new($"the image '{path}' {reason}");
}
