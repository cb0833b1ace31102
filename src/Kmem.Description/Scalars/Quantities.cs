namespace Kmem.Description;

/// <summary>Reads quantities with units outside of a machine file, such as those of a command line.</summary>
public static class Quantities
{
    /// <summary>Reads a time such as <c>500ms</c> or <c>10s</c>.</summary>
    /// <param name="text">The text.</param>
    /// <param name="nanoseconds">The time in ns.</param>
    public static bool TryTime(string text, out long nanoseconds)
    {
        nanoseconds = 0;
        try
        {
            if (!text.EndsWith('s'))
            {
                return false;
            }

            Int128 value = NumberText.Parse(text);
            nanoseconds = value >= 0 && value <= long.MaxValue ? (long)value : -1;
            return nanoseconds >= 0;
        }
        catch (ExpressionException)
        {
            return false;
        }
    }
}
