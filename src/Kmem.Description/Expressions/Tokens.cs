namespace Kmem.Description;

/// <summary>Kind of a piece of an expression.</summary>
internal enum TokenKind
{
    /// <summary>A number with its unit.</summary>
    Number,

    /// <summary>A name.</summary>
    Name,

    /// <summary>A quoted text.</summary>
    Text,

    /// <summary>An operator or a parenthesis.</summary>
    Symbol,

    /// <summary>The end.</summary>
    End,
}

/// <summary>One piece of an expression.</summary>
internal readonly record struct Token(TokenKind Kind, string Text);

/// <summary>Cuts an expression into pieces.</summary>
internal static class Tokenizer
{
    private static readonly string[] Symbols = ["<<", ">>", "==", "!=", "<=", ">=", "&&", "||", "+", "-", "*", "/", "%", "(", ")", ",", "<", ">", "!", "&", "|", "^", "~", "?", ":"];

    public static List<Token> Cut(string text)
    {
        var tokens = new List<Token>();
        int i = 0;
        while (i < text.Length)
        {
            char c = text[i];
            if (char.IsWhiteSpace(c))
            {
                i++;
            }
            else if (char.IsAsciiLetterOrDigit(c) || c == '_')
            {
                int start = i;
                bool isNumber = char.IsAsciiDigit(c);

                // Names may have dots and inner dashes (pc.ram, bus-width); a dash with a blank before it is a minus.
                while (i < text.Length && (char.IsAsciiLetterOrDigit(text[i]) || text[i] == '_' || (!isNumber && IsInner(text, i))))
                {
                    i++;
                }

                tokens.Add(new Token(isNumber ? TokenKind.Number : TokenKind.Name, text[start..i]));
            }
            else if (c is '\'' or '"')
            {
                int end = text.IndexOf(c, i + 1);
                if (end < 0)
                {
                    throw new ExpressionException(DiagnosticCodes.ExpressionSyntax, "a quote is not closed");
                }

                tokens.Add(new Token(TokenKind.Text, text[(i + 1)..end]));
                i = end + 1;
            }
            else
            {
                string symbol = Array.Find(Symbols, s => string.CompareOrdinal(text, i, s, 0, s.Length) == 0)
                    ?? throw new ExpressionException(DiagnosticCodes.ExpressionSyntax, $"'{c}' means nothing in an expression");
                tokens.Add(new Token(TokenKind.Symbol, symbol));
                i += symbol.Length;
            }
        }

        tokens.Add(new Token(TokenKind.End, ""));
        return tokens;
    }

    private static bool IsInner(string text, int i) =>
        text[i] is '.' or '-' && i + 1 < text.Length && char.IsAsciiLetter(text[i + 1]) && (char.IsAsciiLetterOrDigit(text[i - 1]) || text[i - 1] == '_');
}
