using Kmem.Abstractions;
using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.Plugins.CpuX86.Interrupts;

/// <summary>The local APIC: requests and priorities, a timer, TSC deadline, interrupts between CPUs.</summary>
/// <remarks>Source: Intel SDM volume 3, chapter 11 "Advanced Programmable Interrupt Controller (APIC)".</remarks>
internal sealed unsafe class LocalApic(X86Cpu cpu) : IRegionHandler
{
    /// <summary>Physical address of its registers after a reset.</summary>
    public const ulong DefaultBase = 0xFEE0_0000;

    private const ulong Enable = 0x800, X2 = 0x400, Bootstrap = 0x100;
    private const uint ExternalDelivery = 0x700, Masked = 0x1_0000, SoftwareEnable = 0x100;

    /// <summary>Timer ticks per second of guest time.</summary>
    private const ulong TimerFrequency = 1_000_000_000;

    private readonly uint[] _requests = new uint[8], _inService = new uint[8], _triggers = new uint[8], _local = new uint[7];
    private ulong _base, _deadline;
    private uint _id, _logical, _format, _spurious, _priority, _divide, _initial, _errors, _commandLow, _commandHigh;
    private long _timerBegan;
    private IDisposable? _timer;
    private IRegionMapping? _mapping;

    /// <summary>The way to I/O APICs and other CPUs; null for none.</summary>
    public IApicBus? Bus { get; set; }

    /// <summary>Whether it is on, by its base register.</summary>
    public bool IsEnabled => (_base & Enable) != 0;

    /// <summary>Whether its registers are MSRs.</summary>
    public bool IsX2 => (_base & (Enable | X2)) == (Enable | X2);

    /// <summary>Whether its registers are in memory; else all ones are there, as where nobody answers.</summary>
    private bool AnswersMemory => IsEnabled && !IsX2;

    /// <summary>Whether the INTR pin reaches the CPU: while the APIC is off, or LINT0 is ExtINT and not masked.</summary>
    public bool PassesPins => !IsEnabled || (_spurious & SoftwareEnable) == 0 && (_local[3] & Masked) == 0 && (_local[3] & 0x700) == 0x700 || ((_local[3] & Masked) == 0 && (_local[3] & 0x700) == 0x700);

    /// <summary>The TSC value at which the timer fires; 0 for never.</summary>
    public ulong Deadline => _deadline;

    /// <summary>The task priority, 0..255.</summary>
    public uint TaskPriority => _priority;

    /// <summary>Whether an interrupt waits that its priority allows.</summary>
    public bool HasRequest => IsEnabled && Highest(_requests) is >= 0 and var vector && vector >> 4 > ProcessorPriority >> 4;

    private uint ProcessorPriority
    {
        get
        {
            int served = Math.Max(Highest(_inService), 0);
            return served >> 4 > (int)(_priority >> 4) ? (uint)served & 0xF0 : _priority;
        }
    }

    /// <summary>Sets it as a reset does.</summary>
    public void Reset()
    {
        _base = DefaultBase | Enable | (cpu.Options.Number == 0 ? Bootstrap : 0);
        Initialize();
        _id = (uint)cpu.Options.Number;
        if (cpu.Options.Number == 0)
        {
            // The multiprocessor specification wants the 8259's interrupts to reach the first CPU without any program's help.
            _local[3] = ExternalDelivery;
        }

        _mapping ??= cpu.Space.Map(new MmioRegion("lapic", 0x1000, this, 4, 4), DefaultBase, priority: 100);
        Place();
    }

    /// <summary>Sets it as firmware leaves it: on, with the 8259 on LINT0 and the NMI on LINT1.</summary>
    /// <remarks>Source: Intel MultiProcessor Specification 1.4, 3.6.2.2 "Virtual Wire Mode".</remarks>
    public void EnterVirtualWire() => (_spurious, _local[3], _local[4]) = (0x1FF, 0x8000 | ExternalDelivery, 0x8400);

    /// <summary>Reads IA32_APIC_BASE.</summary>
    public bool TryReadBase(out ulong value)
    {
        value = _base;
        return true;
    }

    /// <summary>Writes IA32_APIC_BASE.</summary>
    public bool TryWriteBase(ulong value)
    {
        bool toX2 = (value & X2) != 0, isOn = (value & Enable) != 0;
        bool hasX2 = cpu.CpuModel.Has(Iced.Intel.CpuidFeature.SSE4_2);
        if ((value & 0x2FF) != 0 || value >> cpu.CpuModel.PhysicalBits != 0 || (toX2 && !(hasX2 && isOn && IsEnabled)) || (IsX2 && isOn && !toX2))
        {
            return false;
        }

        _base = (value & ~Bootstrap) | (_base & Bootstrap);
        if (!isOn)
        {
            Initialize();
            _id = (uint)cpu.Options.Number;
        }

        if (IsX2)
        {
            _logical = ((_id >> 4) << 16) | (1u << (int)(_id & 15));
        }

        Place();
        return true;
    }

    /// <summary>Writes IA32_TSC_DEADLINE.</summary>
    public void SetDeadline(ulong value)
    {
        if ((_local[0] & 0x6_0000) != 0x4_0000)
        {
            return;
        }

        _deadline = value;
        Rearm();
    }

    /// <summary>Sets the task priority, as CR8 does.</summary>
    public void SetTaskPriority(uint value)
    {
        _priority = value;
        cpu.Interrupts.Ask();
    }

    /// <summary>Takes the highest request into service.</summary>
    /// <returns>Its vector.</returns>
    public int Acknowledge()
    {
        int vector = Highest(_requests);
        _requests[vector >> 5] &= ~(1u << (vector & 31));
        _inService[vector >> 5] |= 1u << (vector & 31);
        return vector;
    }

    /// <summary>An interrupt from the I/O APIC or another CPU.</summary>
    public void Request(int vector, bool isLevel)
    {
        if (vector < 16)
        {
            _errors |= 0x40;
            return;
        }

        _requests[vector >> 5] |= 1u << (vector & 31);
        _triggers[vector >> 5] = isLevel ? _triggers[vector >> 5] | 1u << (vector & 31) : _triggers[vector >> 5] & ~(1u << (vector & 31));
        cpu.Interrupts.Ask();
    }

    /// <inheritdoc/>
    public AccessResult Read(ulong offset, int width, out ulong value, in AccessAttributes attributes)
    {
        value = !AnswersMemory ? ulong.MaxValue >> (64 - (8 * width)) : width == 4 && (offset & 15) == 0 ? ReadRegister((uint)offset) : 0;
        return AccessResult.Ok;
    }

    /// <inheritdoc/>
    public AccessResult Write(ulong offset, int width, ulong value, in AccessAttributes attributes)
    {
        if (AnswersMemory && width == 4 && (offset & 15) == 0)
        {
            WriteRegister((uint)offset, (uint)value);
        }

        return AccessResult.Ok;
    }

    /// <summary>RDMSR of one of its registers; false where there is none to be read.</summary>
    /// <param name="number">Number of the register within the APIC: its offset in memory divided by 16.</param>
    /// <param name="value">Its value.</param>
    /// <remarks>Source: Intel SDM volume 3, table 11-6 "Local APIC Register Address Map Supported by x2APIC".</remarks>
    public bool TryReadModelRegister(uint number, out ulong value)
    {
        value = ReadRegister(number << 4);
        return number is 0x02 or 0x03 or 0x08 or 0x0A or 0x0D or 0x0F or (>= 0x10 and <= 0x28) or 0x2F or 0x30 or (>= 0x32 and <= 0x39) or 0x3E;
    }

    /// <summary>WRMSR of one of its registers; false where there is none to be written, or not this value.</summary>
    public bool TryWriteModelRegister(uint number, ulong value)
    {
        ulong known = number switch
        {
            0x08 or 0x3F => 0xFF,
            0x0B or 0x28 => 0,
            0x0F => 0x11FF,
            0x30 => 0xFFFF_FFFF_000C_CFFF,
            0x2F or (>= 0x33 and <= 0x37) => 0x1_F7FF,
            0x32 => 0x7_10FF,
            0x38 => uint.MaxValue,
            0x3E => 0xB,
            _ => 0,
        };
        if ((value & ~known) != 0 || !(known != 0 || number is 0x0B or 0x28))
        {
            return false;
        }

        WriteRegister(number << 4, value);
        return true;
    }

    /// <summary>A register's value.</summary>
    /// <param name="offset">Its offset in bytes, as in memory.</param>
    public ulong ReadRegister(uint offset) => offset switch
    {
        0x20 => IsX2 ? _id : _id << 24,
        0x30 => 0x0005_0014,
        0x80 => _priority,
        0xA0 => ProcessorPriority,
        0xD0 => IsX2 ? _logical : _logical << 24,
        0xE0 => _format,
        0xF0 => _spurious,
        >= 0x100 and < 0x180 => _inService[(offset - 0x100) >> 4],
        >= 0x180 and < 0x200 => _triggers[(offset - 0x180) >> 4],
        >= 0x200 and < 0x280 => _requests[(offset - 0x200) >> 4],
        0x280 => _errors,
        0x300 => _commandLow | (IsX2 ? (ulong)_commandHigh << 32 : 0),
        0x310 => _commandHigh,
        >= 0x320 and <= 0x370 => _local[(offset - 0x320) >> 4],
        0x2F0 => _local[6],
        0x380 => _initial,
        0x390 => CurrentCount,
        0x3E0 => _divide,
        _ => 0,
    };

    /// <summary>Sets a register.</summary>
    public void WriteRegister(uint offset, ulong wide)
    {
        uint value = (uint)wide;
        switch (offset)
        {
            case 0x20 when !IsX2:
                _id = value >> 24;
                break;
            case 0x80:
                SetTaskPriority(value & 0xFF);
                break;
            case 0xB0:
                EndOfInterrupt();
                break;
            case 0xD0 when !IsX2:
                _logical = value >> 24;
                break;
            case 0xE0 when !IsX2:
                _format = value | 0x0FFF_FFFF;
                break;
            case 0xF0:
                _spurious = value & 0x1FF;
                if ((value & SoftwareEnable) == 0)
                {
                    for (int i = 0; i < _local.Length; i++)
                    {
                        _local[i] |= Masked;
                    }
                }

                break;
            case 0x280:
                _errors = 0;
                break;
            case 0x300:
                _commandLow = value & ~0x1000u;
                if (IsX2)
                {
                    _commandHigh = (uint)(wide >> 32);
                }

                Send();
                break;
            case 0x310:
                _commandHigh = value;
                break;
            case >= 0x320 and <= 0x370:
                SetLocal((int)(offset - 0x320) >> 4, value);
                break;
            case 0x2F0:
                SetLocal(6, value);
                break;
            case 0x380:
                _initial = value;
                _timerBegan = cpu.Clock.Now;
                Rearm();
                break;
            case 0x3E0:
                _divide = value & 0xB;
                _timerBegan = cpu.Clock.Now;
                Rearm();
                break;
            case 0x3F0:
                Request((int)value & 0xFF, isLevel: false);
                break;
        }
    }

    /// <summary>Saves it.</summary>
    public void Save(StateWriter writer)
    {
        writer.U64(_base, "apic_base");
        writer.U64(_deadline, "deadline");
        foreach (uint[] registers in (uint[][])[_requests, _inService, _triggers, _local])
        {
            foreach (uint register in registers)
            {
                writer.U32(register, "apic");
            }
        }

        foreach (uint register in (uint[])[_id, _logical, _format, _spurious, _priority, _divide, _initial, _errors, _commandLow, _commandHigh])
        {
            writer.U32(register, "apic");
        }

        writer.U64((ulong)_timerBegan, "timer_began");
    }

    /// <summary>Restores it.</summary>
    public void Load(StateReader reader)
    {
        _base = reader.U64();
        _deadline = reader.U64();
        foreach (uint[] registers in (uint[][])[_requests, _inService, _triggers, _local])
        {
            for (int i = 0; i < registers.Length; i++)
            {
                registers[i] = reader.U32();
            }
        }

        (_id, _logical, _format, _spurious, _priority) = (reader.U32(), reader.U32(), reader.U32(), reader.U32(), reader.U32());
        (_divide, _initial, _errors, _commandLow, _commandHigh) = (reader.U32(), reader.U32(), reader.U32(), reader.U32(), reader.U32());
        _timerBegan = (long)reader.U64();
        Place();
        Rearm();
    }

    /// <summary>Nanoseconds of a timer tick.</summary>
    private ulong TickNanoseconds
    {
        get
        {
            int code = (int)((_divide & 3) | ((_divide >> 1) & 4));
            return (code == 7 ? 1UL : 2UL << code) * (1_000_000_000 / TimerFrequency);
        }
    }

    private uint CurrentCount
    {
        get
        {
            if (_initial == 0 || (_local[0] & 0x4_0000) != 0)
            {
                return 0;
            }

            ulong ticks = (ulong)(cpu.Clock.Now - _timerBegan) / TickNanoseconds;
            bool isPeriodic = (_local[0] & 0x2_0000) != 0;
            return isPeriodic ? _initial - (uint)(ticks % _initial) : ticks >= _initial ? 0 : _initial - (uint)ticks;
        }
    }

    private static int Highest(uint[] bits)
    {
        for (int i = 7; i >= 0; i--)
        {
            if (bits[i] != 0)
            {
                return (i * 32) + 31 - System.Numerics.BitOperations.LeadingZeroCount(bits[i]);
            }
        }

        return -1;
    }

    private void Initialize()
    {
        Array.Clear(_requests);
        Array.Clear(_inService);
        Array.Clear(_triggers);
        Array.Fill(_local, Masked);
        (_logical, _format, _spurious, _priority, _divide, _initial, _errors, _commandLow, _commandHigh, _deadline) = (0, uint.MaxValue, 0xFF, 0, 0, 0, 0, 0, 0, 0);
        _timer?.Dispose();
        _timer = null;
    }

    private void Place()
    {
        ulong address = _base & 0xFF_FFFF_F000;
        if (_mapping is not null && _mapping.Address != address)
        {
            _mapping.Address = address;
        }
    }

    private void SetLocal(int index, uint value)
    {
        uint before = _local[index], left = CurrentCount;
        _local[index] = (_spurious & SoftwareEnable) == 0 ? value | Masked : value;
        if (index == 0)
        {
            if ((value & 0x6_0000) != 0x4_0000)
            {
                _deadline = 0;
            }

            ChangeMode(before, left);
            Rearm();
        }

        cpu.Interrupts.Ask();
    }

    /// <summary>Another mode of the timer: the count goes on from where it is, but one that was for TSC deadline is gone.</summary>
    private void ChangeMode(uint before, uint left)
    {
        if (((before ^ _local[0]) & 0x6_0000) == 0)
        {
            return;
        }

        if (((before ^ _local[0]) & 0x4_0000) != 0)
        {
            _initial = 0;
        }
        else if (_initial != 0)
        {
            _timerBegan = cpu.Clock.Now - (long)((_initial - left) * TickNanoseconds);
        }
    }

    private void EndOfInterrupt()
    {
        int vector = Highest(_inService);
        if (vector >= 0)
        {
            _inService[vector >> 5] &= ~(1u << (vector & 31));
            if ((_triggers[vector >> 5] & (1u << (vector & 31))) != 0)
            {
                Bus?.EndOfInterrupt((byte)vector);
            }
        }

        cpu.Interrupts.Ask();
    }

    /// <summary>Whether a message with a destination is for this APIC.</summary>
    /// <remarks>Source: Intel SDM volume 3, 11.6.2 "Determining IPI Destination".</remarks>
    public bool IsDestination(uint destination, bool isLogical)
    {
        if (!isLogical)
        {
            return destination == _id || (destination & 0xFF) == 0xFF;
        }

        if (IsX2)
        {
            return destination >> 16 == _logical >> 16 && (destination & _logical & 0xFFFF) != 0;
        }

        return _format >> 28 == 0xF
            ? (destination & _logical) != 0
            : destination >> 4 == 0xF || (destination >> 4 == _logical >> 4 && (destination & _logical & 15) != 0);
    }

    /// <summary>Finds anew when the timer fires, after a change of its registers or of the time-stamp counter.</summary>
    public void Rearm()
    {
        _timer?.Dispose();
        _timer = null;
        long now = cpu.Clock.Now;
        if ((_local[0] & 0x4_0000) != 0)
        {
            if (_deadline != 0)
            {
                ulong left = _deadline > cpu.Msrs.TimeStamp ? _deadline - cpu.Msrs.TimeStamp : 0;
                UInt128 wait = ((UInt128)left * 1_000_000_000 / cpu.Frequency) + 1;
                _timer = cpu.Clock.Schedule(now + (long)UInt128.Min(wait, long.MaxValue / 4), Expire);
            }

            return;
        }

        if (_initial == 0)
        {
            return;
        }

        ulong period = _initial * TickNanoseconds, elapsed = (ulong)(now - _timerBegan);
        bool isPeriodic = (_local[0] & 0x2_0000) != 0;
        if (!isPeriodic && elapsed >= period)
        {
            return;
        }

        _timer = cpu.Clock.Schedule(_timerBegan + (long)((elapsed / period) + 1) * (long)period, Expire);
    }

    private void Expire()
    {
        _timer = null;
        bool isDeadline = (_local[0] & 0x4_0000) != 0;
        if (isDeadline)
        {
            _deadline = 0;
        }

        if ((_local[0] & Masked) == 0)
        {
            Request((int)_local[0] & 0xFF, isLevel: false);
        }

        if ((_local[0] & 0x2_0000) != 0 && !isDeadline)
        {
            Rearm();
        }
    }

    private void Send()
    {
        uint shorthand = (_commandLow >> 18) & 3, destination = IsX2 ? _commandHigh : _commandHigh >> 24;
        bool isLogical = (_commandLow & 0x800) != 0;
        var message = new InterruptMessage(
            (byte)_commandLow, (InterruptDelivery)((_commandLow >> 8) & 7), shorthand == 0 ? destination : 0xFF, shorthand == 0 && isLogical, IsAssert: (_commandLow & 0x4000) != 0);
        if (shorthand == 1 || (Bus is null && shorthand != 3 && IsDestination(message.Destination, message.IsLogical)))
        {
            new ApicEndpoint(cpu, this).Accept(message);
        }
        else if (Bus is not null)
        {
            foreach (ILocalApic other in Bus.LocalApics)
            {
                if (other.IsDestination(message.Destination, message.IsLogical) && (shorthand != 3 || !other.Masters.Contains(cpu.Master)))
                {
                    other.Accept(message);
                }
            }
        }
    }
}
