using System.Reflection;
using Kmem.Abstractions;

namespace Kmem.Testing;

/// <summary>A device type together with the options under which the contract is tried on it.</summary>
/// <param name="Type">The name that <c>type:</c> uses.</param>
/// <param name="Create">Makes an instance.</param>
public sealed record DeviceSample(string Type, Func<TestDeviceContext, Device> Create)
{
    /// <summary>Fields of the saved state that a reset leaves alone on purpose, as a battery does; names as the device saves them.</summary>
    public IReadOnlyList<string> KeptOverReset { get; init; } = [];

    /// <summary>Makes the context of an instance; a plain one when not given.</summary>
    public Func<TestDeviceContext> Context { get; init; } = () => new TestDeviceContext();

    /// <summary>A sample of every class marked with <see cref="DeviceAttribute"/> in an assembly.</summary>
    /// <param name="assembly">The plugin.</param>
    /// <param name="options">Options by type name; types whose options all have defaults need none.</param>
    /// <exception cref="ArgumentException">A type needs options and there are none.</exception>
    public static IReadOnlyList<DeviceSample> Of(Assembly assembly, IReadOnlyDictionary<string, object>? options = null) =>
    [
        .. assembly.GetTypes()
            .Select(t => (Class: t, Mark: t.GetCustomAttribute<DeviceAttribute>()))
            .Where(t => t.Mark is not null)
            .OrderBy(t => t.Mark!.Type, StringComparer.Ordinal)
            .Select(t => new DeviceSample(t.Mark!.Type, Factory(t.Class, t.Mark.Type, options?.GetValueOrDefault(t.Mark.Type)))),
    ];

    /// <inheritdoc/>
    public override string ToString() => Type;

    private static Func<TestDeviceContext, Device> Factory(Type device, string name, object? options)
    {
        ConstructorInfo constructor = device.GetConstructors() is [var only]
            ? only
            : throw new ArgumentException($"{device} ('{name}') needs exactly one public constructor.", nameof(device));
        return context => (Device)constructor.Invoke(
            BindingFlags.DoNotWrapExceptions,
            binder: null,
            [.. constructor.GetParameters().Select(p => p.ParameterType == typeof(IDeviceContext) ? context : options ?? Defaults(p.ParameterType, name))],
            culture: null);
    }

    private static object Defaults(Type record, string name)
    {
        ConstructorInfo constructor = record.GetConstructors().OrderByDescending(c => c.GetParameters().Length).First();
        ParameterInfo? needed = Array.Find(constructor.GetParameters(), p => !p.HasDefaultValue);
        return needed is null
            ? constructor.Invoke([.. constructor.GetParameters().Select(p => p.DefaultValue)])
            : throw new ArgumentException($"'{name}' can't be tried without options: '{needed.Name}' of {record.Name} has no default.", nameof(record));
    }
}
