using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using Kmem.Abstractions;

namespace Kmem.Machine.Plugins;

/// <summary>Reads from a DLL's metadata which types it brings, without loading any of its code.</summary>
internal static class PluginScanner
{
    private static readonly Dictionary<string, PluginKind> Kinds = new(StringComparer.Ordinal)
    {
        [nameof(DeviceAttribute)] = PluginKind.Device,
        [nameof(BusAttribute)] = PluginKind.Bus,
        [nameof(CharDeviceAttribute)] = PluginKind.CharDevice,
        [nameof(KernelAttribute)] = PluginKind.Kernel,
    };

    /// <summary>Scans one file.</summary>
    /// <exception cref="PluginException">The file is no .NET assembly, uses no plugin contract, or one of another version.</exception>
    public static IReadOnlyList<PluginType> Scan(string path)
    {
        try
        {
            using FileStream file = File.OpenRead(path);
            using var portable = new PEReader(file);
            if (!portable.HasMetadata)
            {
                throw new PluginException($"{path}: this is no .NET assembly.");
            }

            return Scan(path, portable.GetMetadataReader());
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new PluginException($"{path}: {e.Message}", e);
        }
        catch (Exception e) when (e is BadImageFormatException or InvalidOperationException or OverflowException or ArgumentException)
        {
            throw new PluginException($"{path}: this is no usable .NET assembly ({e.Message}).", e);
        }
    }

    private static List<PluginType> Scan(string path, MetadataReader reader)
    {
        AssemblyDefinition definition = reader.GetAssemblyDefinition();
        string name = reader.GetString(definition.Name);
        int? contract = null;
        foreach (CustomAttributeHandle handle in definition.GetCustomAttributes())
        {
            CustomAttribute attribute = reader.GetCustomAttribute(handle);
            if (NameOf(reader, attribute) == nameof(PluginContractAttribute))
            {
                contract = attribute.DecodeValue(AttributeTypes.Instance).FixedArguments[0].Value as int?;
            }
        }

        var found = new List<(string Type, PluginKind Kind, string Class)>();
        foreach (TypeDefinitionHandle handle in reader.TypeDefinitions)
        {
            TypeDefinition type = reader.GetTypeDefinition(handle);
            foreach (CustomAttributeHandle attributeHandle in type.GetCustomAttributes())
            {
                CustomAttribute attribute = reader.GetCustomAttribute(attributeHandle);
                if (NameOf(reader, attribute) is { } attributeName && Kinds.TryGetValue(attributeName, out PluginKind kind))
                {
                    string @class = FullName(reader, type);
                    found.AddRange(Arguments(attribute).Select(a => (a, kind, @class)));
                }
            }
        }

        if (found.Count == 0 && contract is null)
        {
            throw new PluginException($"{path}: there is no device, bus, character device or kernel in this assembly.");
        }

        if (contract != PluginContractAttribute.Current)
        {
            throw new PluginException(contract is null
                ? $"{path}: the assembly does not say for which contract it was written; add [assembly: PluginContract({PluginContractAttribute.Current})]."
                : $"{path}: written for version {contract} of the plugin contract, but this Kmem has version {PluginContractAttribute.Current}.");
        }

        var assembly = new PluginAssembly(path, name, definition.Version.ToString(3), contract.Value);
        return [.. found.Select(f => new PluginType(f.Type, f.Kind, f.Class, assembly))];
    }

    /// <summary>The attribute's class name when it comes from the contract assembly, else null.</summary>
    private static string? NameOf(MetadataReader reader, CustomAttribute attribute)
    {
        if (attribute.Constructor.Kind != HandleKind.MemberReference)
        {
            return null;
        }

        EntityHandle parent = reader.GetMemberReference((MemberReferenceHandle)attribute.Constructor).Parent;
        if (parent.Kind != HandleKind.TypeReference)
        {
            return null;
        }

        TypeReference type = reader.GetTypeReference((TypeReferenceHandle)parent);
        return reader.GetString(type.Namespace) == "Kmem.Abstractions" ? reader.GetString(type.Name) : null;
    }

    private static IEnumerable<string> Arguments(CustomAttribute attribute)
    {
        foreach (CustomAttributeTypedArgument<string> argument in attribute.DecodeValue(AttributeTypes.Instance).FixedArguments)
        {
            if (argument.Value is string text)
            {
                yield return text;
            }
            else if (argument.Value is System.Collections.Immutable.ImmutableArray<CustomAttributeTypedArgument<string>> list)
            {
                foreach (CustomAttributeTypedArgument<string> item in list)
                {
                    yield return (string)item.Value!;
                }
            }
        }
    }

    private static string FullName(MetadataReader reader, TypeDefinition type)
    {
        string name = reader.GetString(type.Name);
        if (!type.GetDeclaringType().IsNil)
        {
            return FullName(reader, reader.GetTypeDefinition(type.GetDeclaringType())) + "+" + name;
        }

        string @namespace = reader.GetString(type.Namespace);
        return @namespace.Length == 0 ? name : @namespace + "." + name;
    }

    /// <summary>Names of the few types that the contract's attributes take.</summary>
    private sealed class AttributeTypes : ICustomAttributeTypeProvider<string>
    {
        public static AttributeTypes Instance { get; } = new();

        public string GetPrimitiveType(PrimitiveTypeCode typeCode) => typeCode.ToString();

        public string GetSystemType() => "Type";

        public string GetSZArrayType(string elementType) => elementType + "[]";

        public string GetTypeFromDefinition(MetadataReader reader, TypeDefinitionHandle handle, byte rawTypeKind) => "definition";

        public string GetTypeFromReference(MetadataReader reader, TypeReferenceHandle handle, byte rawTypeKind) => "reference";

        public string GetTypeFromSerializedName(string name) => name;

        public PrimitiveTypeCode GetUnderlyingEnumType(string type) => PrimitiveTypeCode.Int32;

        public bool IsSystemType(string type) => type == "Type";
    }
}
