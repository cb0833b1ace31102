namespace Kmem.Description;

/// <summary>Computes expressions; one pass of precedence climbing, no tree.</summary>
internal sealed class Evaluator
{
    private const int MostDepth = 64;

    /// <summary>Binary operators, weakest first.</summary>
    private static readonly string[][] Levels =
    [
        ["||"], ["&&"], ["==", "!="], ["<", "<=", ">", ">="], ["|"], ["^"], ["&"], ["<<", ">>"], ["+", "-"], ["*", "/", "%"],
    ];

    private readonly List<Token> _tokens;
    private readonly IExpressionScope? _scope;
    private int _next;
    private int _depth;

    private Evaluator(List<Token> tokens, IExpressionScope? scope) => (_tokens, _scope) = (tokens, scope);

    /// <summary>Computes an expression.</summary>
    /// <param name="text">The expression, without <c>$(</c> and <c>)</c>.</param>
    /// <param name="scope">Its names; null where only constants may stand.</param>
    /// <exception cref="ExpressionException">It can't be parsed or computed.</exception>
    public static Value Compute(string text, IExpressionScope? scope)
    {
        if (text.Length > YamlLimits.ScalarLength)
        {
            throw new ExpressionException(DiagnosticCodes.Limit, "the expression is too long");
        }

        var evaluator = new Evaluator(Tokenizer.Cut(text), scope);
        Value value = evaluator.Choice();
        return evaluator.Peek.Kind == TokenKind.End
            ? value
            : throw new ExpressionException(DiagnosticCodes.ExpressionSyntax, $"'{evaluator.Peek.Text}' is left over");
    }

    private Token Peek => _tokens[_next];

    private bool Take(string symbol)
    {
        bool match = Peek.Kind == TokenKind.Symbol && Peek.Text == symbol;
        _next += match ? 1 : 0;
        return match;
    }

    private void Need(string symbol)
    {
        if (!Take(symbol))
        {
            throw new ExpressionException(DiagnosticCodes.ExpressionSyntax, Peek.Kind == TokenKind.End ? $"a '{symbol}' is missing at the end" : $"a '{symbol}' is missing before '{Peek.Text}'");
        }
    }

    private Value Choice()
    {
        if (++_depth > MostDepth)
        {
            throw new ExpressionException(DiagnosticCodes.Limit, "the expression is nested too deeply");
        }

        Value value = Binary(0);
        if (Take("?"))
        {
            Value yes = Choice();
            Need(":");
            Value no = Choice();
            value = Truth(value) ? yes : no;
        }

        _depth--;
        return value;
    }

    private Value Binary(int level)
    {
        if (level == Levels.Length)
        {
            return Unary();
        }

        Value left = Binary(level + 1);
        while (Array.Find(Levels[level], Take) is { } symbol)
        {
            left = Apply(symbol, left, Binary(level + 1));
        }

        return left;
    }

    private Value Unary()
    {
        if (++_depth > MostDepth)
        {
            throw new ExpressionException(DiagnosticCodes.Limit, "the expression is nested too deeply");
        }

        Value value = Take("-") ? Value.Of(-Number(Unary()))
            : Take("!") ? Value.Of(!Truth(Unary()))
            : Take("~") ? Value.Of(Number(Unary()) ^ ulong.MaxValue)
            : Primary();
        _depth--;
        return value;
    }

    private Value Primary()
    {
        Token token = Peek;
        _next++;
        switch (token.Kind)
        {
            case TokenKind.Number:
                return Value.Of(NumberText.Parse(token.Text));
            case TokenKind.Text:
                return Value.Of(token.Text);
            case TokenKind.Name when Take("("):
                return Call(token.Text);
            case TokenKind.Name:
                return token.Text switch
                {
                    "true" => Value.Of(true),
                    "false" => Value.Of(false),
                    _ => _scope?.Find(token.Text) ?? Value.Word(token.Text),
                };
            case TokenKind.Symbol when token.Text == "(":
                Value inner = Choice();
                Need(")");
                return inner;
            default:
                throw new ExpressionException(DiagnosticCodes.ExpressionSyntax, token.Kind == TokenKind.End ? "the expression ends where a value is due" : $"'{token.Text}' stands where a value is due");
        }
    }

    private Value Call(string function)
    {
        var arguments = new List<Value>();
        if (!Take(")"))
        {
            do
            {
                arguments.Add(Choice());
            }
            while (Take(","));
            Need(")");
        }

        void Count(int count)
        {
            if (arguments.Count != count)
            {
                throw new ExpressionException(DiagnosticCodes.ExpressionSyntax, $"{function}() takes {count} argument{(count == 1 ? "" : "s")}, not {arguments.Count}");
            }
        }

        switch (function)
        {
            case "min" or "max":
                if (arguments.Count == 0)
                {
                    Count(2);
                }

                IEnumerable<Int128> numbers = arguments.Select(Number);
                return Value.Of(function == "min" ? numbers.Min() : numbers.Max());
            case "align" or "up":
                Count(2);
                return Value.Of(Checked(() => (Number(arguments[0]) + Step(arguments[1]) - 1) / Step(arguments[1]) * Step(arguments[1])));
            case "down":
                Count(2);
                return Value.Of(Number(arguments[0]) / Step(arguments[1]) * Step(arguments[1]));
            case "log2":
                Count(1);
                Int128 n = Number(arguments[0]);
                return n > 0 ? Value.Of(Int128.Log2(n)) : throw new ExpressionException(DiagnosticCodes.Arithmetic, $"log2({n}) does not exist");
            case "file_size":
                Count(1);
                return Value.Of(Names.FileSize(Text(arguments[0])));
            case "env":
                Count(1);
                return Value.Of(Names.Environment(Text(arguments[0])));
            default:
                string[] known = ["min", "max", "align", "up", "down", "log2", "file_size", "env"];
                throw new ExpressionException(DiagnosticCodes.UnknownName, $"there is no function {function}()", Suggestions.Nearest(function, known));
        }
    }

    private IExpressionScope Names => _scope ?? throw new ExpressionException(DiagnosticCodes.ExpressionSyntax, "functions of files and environment can stand only inside $(...)");

    private Value Apply(string symbol, Value left, Value right)
    {
        switch (symbol)
        {
            case "||":
                return Value.Of(Truth(left) | Truth(right));
            case "&&":
                return Value.Of(Truth(left) & Truth(right));
            case "==":
                return Value.Of(Same(left, right));
            case "!=":
                return Value.Of(!Same(left, right));
        }

        Int128 a = Number(left), b = Number(right);
        return symbol switch
        {
            "<" => Value.Of(a < b),
            "<=" => Value.Of(a <= b),
            ">" => Value.Of(a > b),
            ">=" => Value.Of(a >= b),
            "|" => Value.Of(a | b),
            "^" => Value.Of(a ^ b),
            "&" => Value.Of(a & b),
            "<<" => b >= 0 && b < 64 ? Value.Of(Checked(() => a * ((Int128)1 << (int)b))) : throw new ExpressionException(DiagnosticCodes.Arithmetic, $"a shift by {b} is not 0..63"),
            ">>" => b >= 0 && b < 64 ? Value.Of(a >> (int)b) : throw new ExpressionException(DiagnosticCodes.Arithmetic, $"a shift by {b} is not 0..63"),
            "+" => Value.Of(Checked(() => a + b)),
            "-" => Value.Of(Checked(() => a - b)),
            "*" => Value.Of(Checked(() => a * b)),
            _ when b == 0 => throw new ExpressionException(DiagnosticCodes.Arithmetic, "division by zero"),
            "/" => Value.Of(a / b),
            _ => Value.Of(a % b),
        };
    }

    private bool Same(Value left, Value right)
    {
        if (left.IsWord && right.IsWord)
        {
            Number(left);
        }

        return left.Number is { } a && right.Number is { } b ? a == b : left.ToString() == right.ToString();
    }

    /// <summary>Keeps results in a range in which no later step can overflow unseen.</summary>
    private static Int128 Checked(Func<Int128> compute)
    {
        try
        {
            Int128 value = checked(compute());
            if (value > -(Int128)ulong.MaxValue - 1 && value <= (Int128)ulong.MaxValue + 1)
            {
                return value;
            }
        }
        catch (OverflowException)
        {
            // Said below, with the other overflows.
        }

        throw new ExpressionException(DiagnosticCodes.Arithmetic, "the result has more than 64 bits");
    }

    private Int128 Step(Value value) =>
        Number(value) is var step && step > 0 ? step : throw new ExpressionException(DiagnosticCodes.Arithmetic, $"an alignment of {value} is not positive");

    private Int128 Number(Value value)
    {
        if (value.Number is { } number)
        {
            return number;
        }

        if (value.IsWord)
        {
            throw new ExpressionException(DiagnosticCodes.UnknownName, $"there is no parameter or variable '{value.Text}'", Suggestions.Nearest(value.Text!, _scope?.Names ?? []));
        }

        throw new ExpressionException(DiagnosticCodes.Arithmetic, $"'{value}' is {value.KindName}, not a number");
    }

    private bool Truth(Value value)
    {
        if (value.IsWord)
        {
            Number(value);
        }

        return value.Truth ?? throw new ExpressionException(DiagnosticCodes.Arithmetic, $"'{value}' is {value.KindName}, not true or false");
    }

    private string Text(Value value)
    {
        if (value.IsWord)
        {
            Number(value);
        }

        return value.ToString();
    }
}
