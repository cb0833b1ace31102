namespace Kmem.Machine.Backends;

/// <summary>Finds the escape key Ctrl-A in what is typed: the key after it is a command to the program, and Ctrl-A A sends Ctrl-A itself.</summary>
internal sealed class EscapeKeys
{
    public const byte Escape = 1;

    private bool _escaped;

    /// <summary>Splits typed bytes into those for the guest and commands.</summary>
    /// <param name="typed">What was typed.</param>
    /// <param name="command">Called with the letter of each command, in lower case.</param>
    /// <returns>The bytes for the guest.</returns>
    public byte[] Split(ReadOnlySpan<byte> typed, Action<char> command)
    {
        var guest = new List<byte>(typed.Length);
        foreach (byte value in typed)
        {
            if (!_escaped)
            {
                _escaped = value == Escape;
                if (!_escaped)
                {
                    guest.Add(value);
                }

                continue;
            }

            _escaped = false;
            if (value is Escape or (byte)'a' or (byte)'A')
            {
                guest.Add(Escape);
            }
            else
            {
                command(char.ToLowerInvariant((char)value));
            }
        }

        return [.. guest];
    }
}
