namespace Kmem.Machine.Backends;

/// <summary>Whether an access lies within a disk.</summary>
internal static class BlockBounds
{
    public static bool Hold(long length, long offset, int count) => offset >= 0 && offset <= length && count <= length - offset;
}
