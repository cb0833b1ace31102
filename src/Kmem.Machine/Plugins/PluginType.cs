using System.Reflection;

namespace Kmem.Machine.Plugins;

/// <summary>What a plugin brings.</summary>
public enum PluginKind
{
    /// <summary>A device.</summary>
    Device,

    /// <summary>The bus of an address space.</summary>
    Bus,

    /// <summary>A character device.</summary>
    CharDevice,

    /// <summary>A kernel in front of character devices.</summary>
    Kernel,
}

/// <summary>One type name that a plugin brings, found in its metadata; code is loaded when the type is first asked for.</summary>
/// <param name="Name">The name that <c>type:</c> uses, for example <c>uart.16550a</c>.</param>
/// <param name="Kind">What it is.</param>
/// <param name="ClassName">Full name of the class.</param>
/// <param name="Assembly">The plugin.</param>
public sealed record PluginType(string Name, PluginKind Kind, string ClassName, PluginAssembly Assembly)
{
    private PluginSignature? _signature;

    /// <summary>The class and its options record; loads the plugin's code.</summary>
    /// <exception cref="PluginException">The plugin can't be loaded or the class has no usable constructor.</exception>
    public PluginSignature Signature => _signature ??= PluginSignature.Of(this, Assembly.Load());
}

/// <summary>The constructor of a plugin's class.</summary>
/// <param name="Class">The class.</param>
/// <param name="Constructor">Its only public constructor.</param>
/// <param name="Options">The options record, or null when it takes none.</param>
/// <param name="Context">The context interface, or null when it takes none.</param>
public sealed record PluginSignature(Type Class, ConstructorInfo Constructor, Type? Options, Type? Context)
{
    /// <summary>Creates an instance.</summary>
    /// <exception cref="PluginException">The constructor throws something else than a <see cref="Abstractions.MachineException"/>.</exception>
    public object Create(object? options, object context)
    {
        object?[] arguments = [.. Constructor.GetParameters().Select(p => p.ParameterType == Options ? options : context)];
        try
        {
            return Constructor.Invoke(BindingFlags.DoNotWrapExceptions, binder: null, arguments, culture: null);
        }
        catch (Exception e) when (e is not Abstractions.MachineException)
        {
            throw new PluginException($"{Class.FullName} ({Class.Assembly.Location}) threw {e.GetType().Name} while it was created: {e.Message}", e);
        }
    }

    internal static PluginSignature Of(PluginType type, Assembly assembly)
    {
        Type found = assembly.GetType(type.ClassName, throwOnError: false)
            ?? throw new PluginException($"{type.Assembly.Path}: the class {type.ClassName} of '{type.Name}' can't be loaded.");
        Type wanted = type.Kind switch
        {
            PluginKind.Device => typeof(Abstractions.Device),
            PluginKind.Bus => typeof(Abstractions.Bus),
            PluginKind.CharDevice => typeof(Abstractions.CharacterDevice),
            _ => typeof(Abstractions.IKernel),
        };
        if (!wanted.IsAssignableFrom(found) || found.IsAbstract)
        {
            throw new PluginException($"{type.Assembly.Path}: {type.ClassName} is marked as '{type.Name}' but is no {wanted.Name}.");
        }

        ConstructorInfo[] constructors = found.GetConstructors();
        if (constructors.Length != 1)
        {
            throw new PluginException($"{type.Assembly.Path}: {type.ClassName} needs exactly one public constructor; it has {constructors.Length}.");
        }

        Type? options = null, context = null;
        foreach (ParameterInfo parameter in constructors[0].GetParameters())
        {
            if (parameter.ParameterType.IsInterface && context is null)
            {
                context = parameter.ParameterType;
            }
            else if (options is null && parameter.ParameterType.IsClass)
            {
                options = parameter.ParameterType;
            }
            else
            {
                throw new PluginException($"{type.Assembly.Path}: the constructor of {type.ClassName} takes an options record and a context; '{parameter.Name}' is neither.");
            }
        }

        return new PluginSignature(found, constructors[0], options, context);
    }
}

/// <summary>A plugin can't be used; the message names file, class and reason.</summary>
public sealed class PluginException : Exception
{
    /// <summary>Creates the error without details.</summary>
    public PluginException()
    {
    }

    /// <summary>Creates the error with a message.</summary>
    public PluginException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the error with a message and a cause.</summary>
    public PluginException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
