using System.Collections.Concurrent;
using System.Reflection;
using System.Text;
using System.Xml;
using System.Xml.Linq;

namespace Kmem.Machine.Options;

/// <summary>Sentences from the XML documentation that lies beside a plugin; empty where there is none.</summary>
internal static class XmlSummaries
{
    private static readonly ConcurrentDictionary<string, Dictionary<string, XElement>> Files = new(StringComparer.Ordinal);

    /// <summary>The summary of a type.</summary>
    public static string OfType(Type type) => Member(type) is { } member ? TextOf(member.Element("summary")) : "";

    /// <summary>The remarks of a type, where its source is named.</summary>
    public static string RemarksOf(Type type) => Member(type) is { } member ? TextOf(member.Element("remarks")) : "";

    /// <summary>The sentence about a record's parameter, taken from its <c>param</c> or from the property.</summary>
    public static string OfParameter(Type type, string name)
    {
        string text = TextOf(Member(type)?.Elements("param").FirstOrDefault(p => p.Attribute("name")?.Value == name));
        return text.Length > 0 ? text : TextOf(Find(type.Assembly, $"P:{NameOf(type)}.{name}")?.Element("summary"));
    }

    private static XElement? Member(Type type) => Find(type.Assembly, "T:" + NameOf(type));

    private static string NameOf(Type type) => type.FullName!.Replace('+', '.');

    private static XElement? Find(Assembly assembly, string member) =>
        assembly.Location is { Length: > 0 } location ? Files.GetOrAdd(location, Read).GetValueOrDefault(member) : null;

    private static Dictionary<string, XElement> Read(string location)
    {
        var members = new Dictionary<string, XElement>(StringComparer.Ordinal);
        string path = Path.ChangeExtension(location, ".xml");
        try
        {
            if (File.Exists(path))
            {
                foreach (XElement member in XDocument.Load(path).Descendants("member"))
                {
                    members[member.Attribute("name")?.Value ?? ""] = member;
                }
            }
        }
        catch (Exception e) when (e is XmlException or IOException or UnauthorizedAccessException)
        {
            // Help without sentences is better than no help: the documentation file is not the plugin.
        }

        return members;
    }

    private static string TextOf(XElement? element)
    {
        if (element is null)
        {
            return "";
        }

        var text = new StringBuilder();
        foreach (XNode node in element.DescendantNodes())
        {
            if (node is XText part)
            {
                text.Append(part.Value);
            }
            else if (node is XElement { IsEmpty: true } reference)
            {
                string target = reference.Attribute("cref")?.Value ?? reference.Attribute("name")?.Value ?? reference.Attribute("langword")?.Value ?? "";
                text.Append(target[(target.LastIndexOf('.') + 1)..]);
            }
        }

        return string.Join(' ', text.ToString().Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
    }
}
