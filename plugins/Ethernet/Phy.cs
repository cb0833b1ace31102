using Kmem.Abstractions;

namespace Kmem.Plugins.Ethernet;

/// <summary>The transceiver: 32 registers behind MDIC, and the link that it negotiates with the other end of the cable.</summary>
/// <param name="clock">The machine's time.</param>
/// <param name="hasCable">Whether there is a cable.</param>
/// <param name="changed">Called when the link has come or gone.</param>
/// <remarks>Source: IEEE 802.3, clause 22.2.4 "Management functions"; Intel, the family's manual, section 13.4.10 and chapter 11 "PHY Functionality".</remarks>
internal sealed class Phy(IClock clock, bool hasCable, Action changed)
{
    private const int Count = 32, Control = 0, Status = 1, Advertisement = 4, PartnerAbility = 5, Expansion = 6, GigabitControl = 9, GigabitStatus = 10, SpecificControl = 16, SpecificStatus = 17, ExtendedControl = 20;
    private const ushort ResetBit = 0x8000, Loopback = 0x4000, Negotiate = 0x1000, PowerDown = 0x0800, Restart = 0x0200;
    private const ushort LinkUp = 0x0004, Negotiated = 0x0020, Abilities = 0x7949;

    /// <summary>Guest time that negotiation takes, in ns: much less than real transceivers, which need a second.</summary>
    private const long NegotiationTime = 1_000_000;

    private readonly ushort[] _registers = new ushort[Count];
    private IDisposable? _timer;
    private long _linkAt;

    /// <summary>Whether the link stands.</summary>
    public bool HasLink => (hasCable && clock.Now >= _linkAt && (_registers[Control] & PowerDown) == 0) || IsLoopback;

    /// <summary>Whether what is sent comes back.</summary>
    public bool IsLoopback => (_registers[Control] & Loopback) != 0;

    /// <summary>Reads a register.</summary>
    public ushort Read(int number) => number switch
    {
        Status => (ushort)(Abilities | (HasLink ? LinkUp | Negotiated : 0)),
        PartnerAbility => (ushort)(HasLink ? 0x45E1 : 0),
        Expansion => (ushort)(HasLink ? 3 : 0),
        GigabitStatus => (ushort)(HasLink ? 0x3C00 : 0),
        SpecificStatus => (ushort)(HasLink ? 0xAC00 : 0x8000),   // 1000 Mb/s, full duplex, resolved, link
        _ => _registers[number % Count],
    };

    /// <summary>Writes a register.</summary>
    public void Write(int number, ushort value)
    {
        const int FirstIdentity = 2, SecondIdentity = 3;
        switch (number)
        {
            case Control when (value & ResetBit) != 0:
                Reset();
                Renegotiate();
                break;
            case Control:
                bool restarts = (value & (Negotiate | Restart)) == (Negotiate | Restart) || ((_registers[Control] ^ value) & (PowerDown | Loopback)) != 0;
                _registers[Control] = (ushort)(value & ~Restart);
                if (restarts)
                {
                    Renegotiate();
                }

                break;
            case Status or FirstIdentity or SecondIdentity or PartnerAbility or Expansion or GigabitStatus or SpecificStatus:
                break;
            default:
                _registers[number % Count] = value;
                break;
        }
    }

    /// <summary>Begins to negotiate anew.</summary>
    public void Renegotiate()
    {
        _linkAt = clock.Now + NegotiationTime;
        changed();
        Arm();
    }

    public void Reset()
    {
        Array.Clear(_registers);
        (_registers[Control], _registers[2], _registers[3]) = (0x1140, 0x0141, 0x0C20);
        (_registers[Advertisement], _registers[GigabitControl], _registers[SpecificControl], _registers[ExtendedControl]) = (0x01E1, 0x0E00, 0x0360, 0x0D60);
        _timer?.Dispose();
        (_timer, _linkAt) = (null, 0);
    }

    public void Save(StateWriter writer)
    {
        writer.Bytes(_registers.SelectMany(r => new[] { (byte)r, (byte)(r >> 8) }), "phy");
        writer.U64((ulong)_linkAt);
    }

    public void Load(StateReader reader)
    {
        byte[] bytes = new byte[2 * Count];
        reader.Bytes(bytes.AsSpan());
        for (int i = 0; i < Count; i++)
        {
            _registers[i] = (ushort)(bytes[2 * i] | (bytes[(2 * i) + 1] << 8));
        }

        _linkAt = (long)Math.Min(reader.U64(), long.MaxValue);
        Arm();
    }

    private void Arm()
    {
        _timer?.Dispose();
        _timer = _linkAt <= clock.Now ? null : clock.Schedule(_linkAt, () =>
        {
            _timer = null;
            changed();
        });
    }
}
