using System.Globalization;

namespace Kmem.Description;

/// <summary>The value of an expression: a number, a text, a truth value, or a word that nobody has defined.</summary>
internal readonly record struct Value
{
    private Value(Int128? number, bool? truth, string? text, bool isWord)
    {
        (Number, Truth, Text, IsWord) = (number, truth, text, isWord);
    }

    public Int128? Number { get; }

    public bool? Truth { get; }

    public string? Text { get; }

    /// <summary>A bare name that is neither parameter nor variable: it may be the word of an enumeration.</summary>
    public bool IsWord { get; }

    public string KindName => Number is not null ? "a number" : Truth is not null ? "a truth value" : IsWord ? "an unknown name" : "a text";

    public static Value Of(Int128 number) => new(number, null, null, false);

    public static Value Of(bool truth) => new(null, truth, null, false);

    public static Value Of(string text) => new(null, null, text, false);

    public static Value Word(string name) => new(null, null, name, true);

    /// <summary>As it appears in the text that contained the expression: large numbers in hexadecimal, as addresses are read.</summary>
    public override string ToString()
    {
        if (Number is { } number)
        {
            return number < 4096 ? number.ToString(CultureInfo.InvariantCulture) : "0x" + number.ToString("X", CultureInfo.InvariantCulture).TrimStart('0');
        }

        return Truth is { } truth ? (truth ? "true" : "false") : Text ?? "";
    }
}
