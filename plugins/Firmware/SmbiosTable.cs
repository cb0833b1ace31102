using System.Text;

namespace Kmem.Plugins.Firmware;

/// <summary>The structures of an SMBIOS table in order: formatted area, strings, two zeros.</summary>
/// <remarks>Source: DMTF DSP0134 2.8.0, sections 6.1.2 "Structure header format" and 6.1.3 "Text strings".</remarks>
internal sealed class SmbiosTable
{
    private readonly TableWriter _bytes = new();

    /// <summary>Number of structures.</summary>
    public int Count { get; private set; }

    /// <summary>Length of the longest structure in bytes, its strings included.</summary>
    public int LongestStructure { get; private set; }

    public byte[] ToArray() => _bytes.ToArray();

    /// <summary>Adds a structure.</summary>
    /// <param name="type">Its type.</param>
    /// <param name="handle">Its handle.</param>
    /// <param name="fill">Writes the formatted area after the header; the number of a string comes from its second argument.</param>
    public void Add(byte type, int handle, Action<TableWriter, SmbiosStrings> fill)
    {
        var strings = new SmbiosStrings();
        var body = new TableWriter();
        fill(body, strings);
        int start = _bytes.Length;
        _bytes.Bytes(type, (byte)(body.Length + 4)).Word(handle).Bytes(body.ToArray()).Bytes(strings.ToArray());
        Count++;
        LongestStructure = Math.Max(LongestStructure, _bytes.Length - start);
    }
}

/// <summary>The strings of one structure; the first has number 1.</summary>
internal sealed class SmbiosStrings
{
    private readonly List<string> _all = [];

    /// <summary>Adds a string and gives its number; an empty one is 0, "no string".</summary>
    public byte this[string text]
    {
        get
        {
            if (text.Length == 0)
            {
                return 0;
            }

            _all.Add(text);
            return (byte)_all.Count;
        }
    }

    public byte[] ToArray() => _all.Count == 0 ? [0, 0] : [.. _all.SelectMany(s => Encoding.ASCII.GetBytes(s).Append((byte)0)), 0];
}
