using Kmem.Abstractions;

namespace Kmem.Plugins.BusMaster;

/// <summary>Options of <c>dma.writer</c>.</summary>
/// <param name="Memory">The space into which it writes.</param>
public sealed record DmaWriterOptions([property: Option(OptionKind.Space)] string Memory);

/// <summary>A bus master that adds to a quadword of memory when the bus is next free: the second writer of a lost update.</summary>
/// <remarks>
/// Armed through CONTROL bit 0, it asks for the bus once and comes in between two transactions, so on a quadword bus it comes in between the
/// load and the store of somebody's partial write. With bit 1 it does so again every INTERVAL nanoseconds of guest time until CONTROL is
/// written again. It loads and stores whole quadwords and so loses nothing of its own.
/// </remarks>
[Device("dma.writer")]
public sealed class DmaWriter : Device, IHasRegisters
{
    private const ulong Armed = 1, Repeats = 2, ShortestInterval = 100, LongestInterval = 1_000_000_000;

    private readonly IAddressSpace _memory;
    private readonly IClock _clock;
    private readonly Abstractions.BusMaster _master;
    private IDisposable? _timer;
    private long _due;
    private ulong _address, _addend, _control, _count, _errors, _interval;

    /// <summary>Creates the master.</summary>
    public DmaWriter(DmaWriterOptions options, IDeviceContext context)
    {
        (_memory, _clock, _master) = (context.Space(options.Memory), context.Clock, context.Master);
        Registers = new RegisterMap(width: 8, count: 6) { Narrow = NarrowAccess.Refuse }
            .Add(0, "ADDRESS", () => _address, v => _address = v & ~7UL)
            .Add(1, "ADDEND", () => _addend, v => _addend = v)
            .Add(2, "CONTROL", () => _control, WriteControl)
            .Add(3, "COUNT", () => _count)
            .Add(4, "ERRORS", () => _errors)
            .Add(5, "INTERVAL", () => _interval, v => _interval = Math.Clamp(v, ShortestInterval, LongestInterval));
        Reset();
    }

    /// <inheritdoc/>
    public RegisterMap Registers { get; }

    /// <inheritdoc/>
    public override void Reset()
    {
        (_address, _addend, _control, _count, _errors, _interval) = (0, 0, 0, 0, 0, 1000);
        Schedule(0);
    }

    /// <inheritdoc/>
    public override void Save(StateWriter writer)
    {
        writer.U64(_address);
        writer.U64(_addend);
        writer.U64(_control);
        writer.U64(_count);
        writer.U64(_errors);
        writer.U64(_interval);
        writer.U64((ulong)_due);
    }

    /// <inheritdoc/>
    public override void Load(StateReader reader)
    {
        (_address, _addend) = (reader.U64(), reader.U64());
        ulong control = reader.U64();
        (_count, _errors, _interval) = (reader.U64(), reader.U64(), reader.U64());
        _control = 0;
        WriteControl(control & Armed);
        _control = control;
        Schedule((long)reader.U64());
    }

    private void WriteControl(ulong value)
    {
        bool wasArmed = (_control & Armed) != 0;
        _control = value & (Armed | Repeats);
        if (!wasArmed && (_control & Armed) != 0)
        {
            _memory.RequestBus(_master, Write);
        }

        Schedule((_control & Repeats) != 0 ? _clock.Now + (long)_interval : 0);
    }

    /// <summary>Arms itself at a time; 0 is never.</summary>
    private void Schedule(long due)
    {
        _timer?.Dispose();
        _due = due;
        _timer = due == 0 ? null : _clock.Schedule(due, () => WriteControl(_control | Armed));
    }

    private void Write()
    {
        // Disarmed while it waited, or reset: the request is void.
        if ((_control & Armed) == 0)
        {
            return;
        }

        _control &= ~Armed;
        var attributes = new AccessAttributes(_master);
        bool done = _memory.Read(_address, 8, out ulong value, attributes) == AccessResult.Ok
            && _memory.Write(_address, 8, value + _addend, attributes) == AccessResult.Ok;
        _count += done ? 1UL : 0;
        _errors += done ? 0 : 1UL;
    }
}
