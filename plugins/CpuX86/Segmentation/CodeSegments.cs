using Kmem.Abstractions;
using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.Plugins.CpuX86.Segmentation;

/// <summary>Numbers for the bases and limits of code segments, so that lifted code can take them as constants.</summary>
internal sealed class CodeSegments
{
    private readonly Dictionary<(uint Base, uint Limit), uint> _numbers = new() { [(0, uint.MaxValue)] = 0 };
    private readonly List<(uint Base, uint Limit)> _segments = [(0, uint.MaxValue)];

    /// <summary>The context bits of a base and limit.</summary>
    /// <exception cref="MachineException">More code segments than there are numbers: no software has that many.</exception>
    public X86Context Number(uint first, uint limit)
    {
        if (!_numbers.TryGetValue((first, limit), out uint number))
        {
            number = (uint)_segments.Count;
            if (number > ushort.MaxValue)
            {
                throw new MachineException("the guest has used more than 65535 different code segments");
            }

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
