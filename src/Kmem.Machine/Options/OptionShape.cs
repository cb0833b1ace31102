using System.Reflection;
using Kmem.Abstractions;

namespace Kmem.Machine.Options;

/// <summary>The form that an option's value takes in a description.</summary>
public enum OptionForm
{
    /// <summary>true or false.</summary>
    Boolean,

    /// <summary>A number, with the units of its <see cref="OptionKind"/>.</summary>
    Number,

    /// <summary>Text, a name, or a path.</summary>
    Text,

    /// <summary>One of a few words.</summary>
    Choice,

    /// <summary>A range of addresses, <c>first..last</c> or <c>start+length</c>.</summary>
    Range,

    /// <summary>A list.</summary>
    List,

    /// <summary>A mapping with fixed keys.</summary>
    Record,

    /// <summary>A mapping with keys of the user's own.</summary>
    Map,
}

/// <summary>One option of a plugin, read from its options record.</summary>
/// <param name="Name">Its key in a description, kebab-case.</param>
/// <param name="Type">Its C# type.</param>
/// <param name="Form">The form of its value.</param>
/// <param name="Kind">What the value stands for.</param>
/// <param name="IsRequired">True when it has no default.</param>
/// <param name="Default">Its default, or null.</param>
public sealed record OptionShape(string Name, Type Type, OptionForm Form, OptionKind Kind, bool IsRequired, object? Default)
{
    /// <summary>One sentence from the plugin's XML documentation, or empty; read when it is asked for.</summary>
    public string Summary => Parameter is null ? "" : XmlSummaries.OfParameter(Parameter.Member.DeclaringType!, Parameter.Name!);

    /// <summary>Least number, for <see cref="OptionForm.Number"/>.</summary>
    public ulong Min { get; init; }

    /// <summary>Greatest number.</summary>
    public ulong Max { get; init; } = ulong.MaxValue;

    /// <summary>True when only powers of two are allowed.</summary>
    public bool PowerOfTwo { get; init; }

    /// <summary>The words of a <see cref="OptionForm.Choice"/>.</summary>
    public IReadOnlyList<string> Choices { get; init; } = [];

    /// <summary>The keys of a <see cref="OptionForm.Record"/>.</summary>
    public IReadOnlyList<OptionShape> Members { get; init; } = [];

    /// <summary>The elements of a <see cref="OptionForm.List"/> or the values of a <see cref="OptionForm.Map"/>.</summary>
    public OptionShape? Element { get; init; }

    internal ParameterInfo? Parameter { get; init; }
}
