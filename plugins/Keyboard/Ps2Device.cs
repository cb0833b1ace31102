using Kmem.Abstractions;

namespace Kmem.Plugins.Keyboard;

/// <summary>What hangs on one of the controller's two ports: takes bytes, and has bytes waiting.</summary>
internal abstract class Ps2Device
{
    protected const byte Acknowledge = 0xFA, Resend = 0xFE, SelfTestPassed = 0xAA;

    private const int Most = 64;
    private readonly Queue<byte> _waiting = new();
    private byte _last;

    public bool HasData => _waiting.Count > 0;

    /// <summary>The command whose parameter is to follow, or 0.</summary>
    protected byte Expects { get; set; }

    /// <summary>Free places for bytes that the host's user causes; answers to commands have room beyond.</summary>
    protected int Room => Math.Max(0, 16 - _waiting.Count);

    public byte Take() => _last = _waiting.Dequeue();

    public abstract void Send(byte value);

    public virtual void Reset()
    {
        _waiting.Clear();
        (Expects, _last) = (0, 0);
    }

    public virtual void Save(StateWriter writer)
    {
        writer.Bytes(_waiting);
        writer.U8(_last);
        writer.U8(Expects);
    }

    public virtual void Load(StateReader reader)
    {
        reader.Bytes(_waiting);
        (_last, Expects) = (reader.U8(), reader.U8());
    }

    /// <summary>Drops what waits, as a command does.</summary>
    protected void Forget() => _waiting.Clear();

    protected void Answer(params ReadOnlySpan<byte> bytes)
    {
        foreach (byte value in bytes)
        {
            if (_waiting.Count < Most)
            {
                _waiting.Enqueue(value);
            }
        }
    }

    protected void Repeat() => Answer(_last);
}
