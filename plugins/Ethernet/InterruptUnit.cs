using Kmem.Abstractions;

namespace Kmem.Plugins.Ethernet;

/// <summary>Causes of interrupts with their mask, and the least time between two interrupts.</summary>
/// <param name="irq">The interrupt line.</param>
/// <param name="clock">The machine's time.</param>
/// <param name="interval">Gives the register ITR.</param>
/// <remarks>Source: Intel, the family's manual, sections 13.4.17 to 13.4.21.</remarks>
internal sealed class InterruptUnit(IIrqLine irq, IClock clock, Func<uint> interval)
{
    /// <summary>Unit of ITR in ns.</summary>
    private const long Unit = 256;

    private uint _causes, _mask;
    private long _allowedAt;
    private bool _isAsserted;
    private IDisposable? _timer;

    /// <summary>The register IMS.</summary>
    public uint Mask
    {
        get => _mask;
        set
        {
            _mask = value & (uint)Cause.All;
            Update();
        }
    }

    /// <summary>What has happened.</summary>
    public uint Causes => _causes;

    public void Raise(Cause cause)
    {
        _causes |= (uint)(cause & Cause.All);
        Update();
    }

    /// <summary>Forgets causes.</summary>
    public void Clear(uint causes)
    {
        _causes &= ~causes;
        Update();
    }

    public void Reset()
    {
        _timer?.Dispose();
        (_causes, _mask, _allowedAt, _timer) = (0, 0, 0, null);
        Update();
    }

    public void Save(StateWriter writer)
    {
        writer.U32(_causes);
        writer.U32(_mask);
        writer.U64((ulong)_allowedAt);
        writer.Bool(_isAsserted);
    }

    public void Load(StateReader reader)
    {
        _timer?.Dispose();
        _timer = null;
        (_causes, _mask, _allowedAt, _isAsserted) = (reader.U32(), reader.U32(), (long)Math.Min(reader.U64(), long.MaxValue), reader.Bool());
        Update();
    }

    private void Update()
    {
        bool wants = (_causes & _mask) != 0;
        long now = clock.Now;
        if (!wants)
        {
            _isAsserted = false;
        }
        else if (!_isAsserted && now >= _allowedAt)
        {
            _isAsserted = true;
            _allowedAt = now + (interval() * Unit);
        }
        else if (!_isAsserted)
        {
            _timer ??= clock.Schedule(_allowedAt, () =>
            {
                _timer = null;
                Update();
            });
        }

        irq.Level = _isAsserted;
    }
}
