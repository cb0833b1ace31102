using System.Collections.Concurrent;
using System.Reflection;
using System.Text;
using Kmem.Abstractions;

namespace Kmem.Machine.Options;

/// <summary>Reads the shape of an options record from its constructor: the one definition behind binding, schema and help.</summary>
public static class OptionReflection
{
    private static readonly ConcurrentDictionary<Type, IReadOnlyList<OptionShape>> Cache = new();

    /// <summary>The options of a record, in the order of its constructor.</summary>
    public static IReadOnlyList<OptionShape> ShapesOf(Type record) => Cache.GetOrAdd(record, static r => Read(r, depth: 0));

    /// <summary>The constructor through which a record is made.</summary>
    public static ConstructorInfo ConstructorOf(Type record) =>
        record.GetConstructors().Where(c => c.GetParameters() is not [{ } only] || only.ParameterType != record)
            .OrderByDescending(c => c.GetParameters().Length).FirstOrDefault()
        ?? throw new Plugins.PluginException($"{record.FullName} ({record.Assembly.Location}) has no public constructor, so its options can't be bound.");

    /// <summary>The key of a C# name: <c>RegShift</c> becomes <c>reg-shift</c>.</summary>
    public static string KeyOf(string name)
    {
        var key = new StringBuilder();
        for (int i = 0; i < name.Length; i++)
        {
            bool starts = char.IsUpper(name[i]) && i > 0
                && (!char.IsUpper(name[i - 1]) || (i + 1 < name.Length && char.IsLower(name[i + 1])));
            if (starts)
            {
                key.Append('-');
            }

            key.Append(char.ToLowerInvariant(name[i]));
        }

        return key.ToString().Replace('_', '-');
    }

    private static OptionShape[] Read(Type record, int depth)
    {
        if (depth > 8)
        {
            throw new Plugins.PluginException($"{record.FullName}: options are nested deeper than 8 levels; a record that holds itself can't be bound.");
        }

        return [.. ConstructorOf(record).GetParameters().Select(p => ShapeOf(p, depth))];
    }

    private static OptionShape ShapeOf(ParameterInfo parameter, int depth)
    {
        OptionAttribute? attribute = parameter.GetCustomAttribute<OptionAttribute>()
            ?? parameter.Member.DeclaringType!.GetProperty(parameter.Name!)?.GetCustomAttribute<OptionAttribute>();
        OptionShape shape = ShapeOf(KeyOf(parameter.Name!), parameter.ParameterType, attribute?.Kind ?? OptionKind.Plain, depth);
        return shape with
        {
            IsRequired = !parameter.HasDefaultValue,
            Default = parameter.HasDefaultValue ? parameter.DefaultValue : null,
            Parameter = parameter,
            Min = attribute?.Min ?? shape.Min,
            Max = attribute is null ? shape.Max : Math.Min(attribute.Max, shape.Max),
            PowerOfTwo = attribute?.PowerOfTwo ?? false,
        };
    }

    private static OptionShape ShapeOf(string name, Type type, OptionKind kind, int depth)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        var shape = new OptionShape(name, type, OptionForm.Text, kind, IsRequired: true, Default: null);
        if (type == typeof(bool))
        {
            return shape with { Form = OptionForm.Boolean };
        }

        if (type.IsEnum)
        {
            return shape with { Form = OptionForm.Choice, Choices = [.. Enum.GetNames(type).Select(KeyOf)] };
        }

        if (LargestOf(type) is { } largest)
        {
            return shape with { Form = OptionForm.Number, Max = largest };
        }

        if (type == typeof(AddressRange))
        {
            return shape with { Form = OptionForm.Range };
        }

        if (type == typeof(string) || type == typeof(byte[]) || type == typeof(DateTime) || type == typeof(DateTimeOffset))
        {
            return shape with { Kind = type == typeof(byte[]) ? OptionKind.Bytes : kind };
        }

        if (type.IsGenericType && type.GetGenericTypeDefinition() is { } generic)
        {
            Type[] arguments = type.GetGenericArguments();
            if (generic == typeof(IReadOnlyDictionary<,>) && arguments[0] == typeof(string))
            {
                return shape with { Form = OptionForm.Map, Element = ShapeOf("value", arguments[1], kind, depth + 1) };
            }

            if (generic == typeof(IReadOnlyList<>))
            {
                return shape with { Form = OptionForm.List, Element = ShapeOf("element", arguments[0], kind, depth + 1) };
            }
        }

        if (type.IsClass)
        {
            return shape with { Form = OptionForm.Record, Members = Read(type, depth + 1) };
        }

        throw new Plugins.PluginException($"Option '{name}' is of type {type.FullName}, which a description can't express.");
    }

    private static ulong? LargestOf(Type type) => Type.GetTypeCode(type) switch
    {
        TypeCode.Byte => byte.MaxValue,
        TypeCode.UInt16 => ushort.MaxValue,
        TypeCode.UInt32 => uint.MaxValue,
        TypeCode.UInt64 => ulong.MaxValue,
        TypeCode.SByte => (ulong)sbyte.MaxValue,
        TypeCode.Int16 => (ulong)short.MaxValue,
        TypeCode.Int32 => int.MaxValue,
        TypeCode.Int64 => long.MaxValue,
        _ => null,
    };
}
