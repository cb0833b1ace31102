using System.Buffers.Binary;
using Kmem.Abstractions;

namespace Kmem.Plugins.Ethernet;

/// <summary>The counters, which reading clears and which stop at their greatest value.</summary>
/// <remarks>Source: Intel, the family's manual, section 13.7 "Statistics Registers".</remarks>
internal sealed class Statistics
{
    public const uint First = 0x4000, Last = 0x40FF, MPC = 0x4010, GORCL = 0x4088, GOTCL = 0x4090, RNBC = 0x40A0, ROC = 0x40AC, TSCTC = 0x40F8;
    private const uint PRC64 = 0x405C, GPRC = 0x4074, BPRC = 0x4078, MPRC = 0x407C, GPTC = 0x4080, TORL = 0x40C0, TOTL = 0x40C8, TPR = 0x40D0, TPT = 0x40D4, PTC64 = 0x40D8, MPTC = 0x40F0, BPTC = 0x40F4;
    private const uint CrcLength = 4;

    private static readonly SortedDictionary<uint, string> Known = new()
    {
        [0x4000] = "CRCERRS",
        [0x4004] = "ALGNERRC",
        [0x4008] = "SYMERRS",
        [0x400C] = "RXERRC",
        [MPC] = "MPC",
        [0x4014] = "SCC",
        [0x4018] = "ECOL",
        [0x401C] = "MCC",
        [0x4020] = "LATECOL",
        [0x4028] = "COLC",
        [0x4030] = "DC",
        [0x4034] = "TNCRS",
        [0x4038] = "SEC",
        [0x403C] = "CEXTERR",
        [0x4040] = "RLEC",
        [0x4048] = "XONRXC",
        [0x404C] = "XONTXC",
        [0x4050] = "XOFFRXC",
        [0x4054] = "XOFFTXC",
        [0x4058] = "FCRUC",
        [PRC64] = "PRC64",
        [0x4060] = "PRC127",
        [0x4064] = "PRC255",
        [0x4068] = "PRC511",
        [0x406C] = "PRC1023",
        [0x4070] = "PRC1522",
        [GPRC] = "GPRC",
        [BPRC] = "BPRC",
        [MPRC] = "MPRC",
        [GPTC] = "GPTC",
        [GORCL] = "GORCL",
        [0x408C] = "GORCH",
        [GOTCL] = "GOTCL",
        [0x4094] = "GOTCH",
        [RNBC] = "RNBC",
        [0x40A4] = "RUC",
        [0x40A8] = "RFC",
        [ROC] = "ROC",
        [0x40B0] = "RJC",
        [0x40B4] = "MGTPRC",
        [0x40B8] = "MGTPDC",
        [0x40BC] = "MGTPTC",
        [TORL] = "TORL",
        [0x40C4] = "TORH",
        [TOTL] = "TOTL",
        [0x40CC] = "TOTH",
        [TPR] = "TPR",
        [TPT] = "TPT",
        [PTC64] = "PTC64",
        [0x40DC] = "PTC127",
        [0x40E0] = "PTC255",
        [0x40E4] = "PTC511",
        [0x40E8] = "PTC1023",
        [0x40EC] = "PTC1522",
        [MPTC] = "MPTC",
        [BPTC] = "BPTC",
        [TSCTC] = "TSCTC",
        [0x40FC] = "TSCTFC",
    };

    private readonly uint[] _counters = new uint[(Last + 1 - First) / 4];

    /// <summary>The counters with their names, by offset.</summary>
    public static IEnumerable<KeyValuePair<uint, string>> Names => Known;

    /// <summary>Reads a counter, and clears it unless this is a peek; of the long ones, both halves with the upper.</summary>
    public uint Read(uint offset, bool peek)
    {
        ref uint counter = ref _counters[(offset - First) / 4];
        uint value = counter;
        bool isLow = offset is GORCL or GOTCL or TORL or TOTL, isHigh = offset is GORCL + 4 or GOTCL + 4 or TORL + 4 or TOTL + 4;
        if (peek || isLow)
        {
            return value;
        }

        counter = 0;
        if (isHigh)
        {
            _counters[((offset - First) / 4) - 1] = 0;
        }

        return value;
    }

    /// <summary>Counts one more.</summary>
    public void Count(uint offset)
    {
        ref uint counter = ref _counters[(offset - First) / 4];
        counter = counter == uint.MaxValue ? counter : counter + 1;
    }

    /// <summary>Counts a frame that came and was kept.</summary>
    public void Received(ReadOnlySpan<byte> frame)
    {
        Count(TPR);
        Count(GPRC);
        CountKind(frame, BPRC, MPRC);
        CountLength(PRC64, GORCL, TORL, (uint)frame.Length + CrcLength);
    }

    /// <summary>Counts a frame that went out.</summary>
    public void Sent(ReadOnlySpan<byte> frame)
    {
        Count(TPT);
        Count(GPTC);
        CountKind(frame, BPTC, MPTC);
        CountLength(PTC64, GOTCL, TOTL, (uint)frame.Length + CrcLength);
    }

    public void Reset() => Array.Clear(_counters);

    public void Save(StateWriter writer)
    {
        byte[] bytes = new byte[4 * _counters.Length];
        for (int i = 0; i < _counters.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(4 * i), _counters[i]);
        }

        writer.Bytes(bytes, "statistics");
    }

    public void Load(StateReader reader)
    {
        byte[] bytes = new byte[4 * _counters.Length];
        reader.Bytes(bytes.AsSpan());
        for (int i = 0; i < _counters.Length; i++)
        {
            _counters[i] = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(4 * i));
        }
    }

    private void CountKind(ReadOnlySpan<byte> frame, uint broadcast, uint multicast)
    {
        if ((frame[0] & 1) != 0)
        {
            Count(frame[..6].ContainsAnyExcept((byte)0xFF) ? multicast : broadcast);
        }
    }

    private void CountLength(uint shortest, uint good, uint total, uint length)
    {
        uint place = length switch { <= 64 => 0, <= 127 => 1, <= 255 => 2, <= 511 => 3, <= 1023 => 4, _ => 5 };
        Count(shortest + (4 * place));
        Add(good, length);
        Add(total, length);
    }

    private void Add(uint low, uint length)
    {
        uint index = (low - First) / 4;
        ulong value = _counters[index] | ((ulong)_counters[index + 1] << 32);
        value = value > ulong.MaxValue - length ? ulong.MaxValue : value + length;
        (_counters[index], _counters[index + 1]) = ((uint)value, (uint)(value >> 32));
    }
}
