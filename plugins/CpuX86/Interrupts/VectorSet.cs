using System.Numerics;

namespace Kmem.Plugins.CpuX86.Interrupts;

/// <summary>A set of interrupt vectors: one of the 256-bit registers of a local APIC.</summary>
internal sealed class VectorSet
{
    private readonly uint[] _words = new uint[8];

    /// <summary>The highest vector; -1 for none.</summary>
    public int Highest
    {
        get
        {
            for (int i = 7; i >= 0; i--)
            {
                if (_words[i] != 0)
                {
                    return (i * 32) + 31 - BitOperations.LeadingZeroCount(_words[i]);
                }
            }

            return -1;
        }
    }

    /// <summary>Whether a vector is in it.</summary>
    public bool this[int vector]
    {
        get => (_words[vector >> 5] & (1u << (vector & 31))) != 0;
        set
        {
            uint bit = 1u << (vector & 31);
            _words[vector >> 5] = value ? _words[vector >> 5] | bit : _words[vector >> 5] & ~bit;
        }
    }

    /// <summary>The 32 vectors from <paramref name="index"/> times 32, as a register has them.</summary>
    public uint Word(int index) => _words[index];

    /// <summary>Sets 32 vectors.</summary>
    public void SetWord(int index, uint value) => _words[index] = value;

    /// <summary>Takes all out.</summary>
    public void Clear() => Array.Clear(_words);
}
