using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.Plugins.CpuX86.Segmentation;

/// <summary>Numbers for the bases and limits of code segments, so that lifted code can take them as constants.</summary>
internal sealed class CodeSegments
{
    private readonly Dictionary<(uint Base, uint Limit), uint> _numbers = new() { [(0, uint.MaxValue)] = 0 };
    private readonly List<(uint Base, uint Limit)> _segments = [(0, uint.MaxValue)];

    /// <summary>The context bits of a base and limit.</summary>
    /// <param name="first">Linear base address.</param>
    /// <param name="limit">Highest offset.</param>
    /// <param name="beginsAnew">Whether all numbers were used and begin anew, so that code lifted with the old ones must go.</param>
    public X86Context Number(uint first, uint limit, out bool beginsAnew)
    {
        beginsAnew = false;
        if (!_numbers.TryGetValue((first, limit), out uint number))
        {
            if (_segments.Count > ushort.MaxValue)
            {
                beginsAnew = true;
                _segments.RemoveRange(1, _segments.Count - 1);
                _numbers.Clear();
                _numbers.Add(_segments[0], 0);
            }

            number = (uint)_segments.Count;
            _segments.Add((first, limit));
            _numbers.Add((first, limit), number);
        }

        return (X86Context)(number << 16);
    }

    /// <summary>The linear base address of a context's code segment.</summary>
    public ulong BaseOf(X86Context context) => _segments[(int)((uint)context >> 16)].Base;

    /// <summary>The limit of a context's code segment.</summary>
    public uint LimitOf(X86Context context) => _segments[(int)((uint)context >> 16)].Limit;
}
