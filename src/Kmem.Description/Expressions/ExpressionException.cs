namespace Kmem.Description;

/// <summary>An expression can't be parsed or computed; becomes a diagnostic where the expression stands.</summary>
internal sealed class ExpressionException : Exception
{
    public ExpressionException()
    {
    }

    public ExpressionException(string message)
        : base(message)
    {
    }

    public ExpressionException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    public ExpressionException(string code, string message, string? suggestion = null)
        : base(message)
    {
        (Code, Suggestion) = (code, suggestion);
    }

    public string Code { get; } = DiagnosticCodes.ExpressionSyntax;

    public string? Suggestion { get; }
}
