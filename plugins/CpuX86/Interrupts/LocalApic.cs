using Kmem.Abstractions;

namespace Kmem.Plugins.CpuX86.Interrupts;

/// <summary>The local APIC: requests and priorities, interrupts between CPUs; its timer is an <see cref="ApicTimer"/>.</summary>
/// <remarks>Source: Intel SDM volume 3, chapter 11 "Advanced Programmable Interrupt Controller (APIC)".</remarks>
internal sealed partial class LocalApic
{
    /// <summary>Physical address of its registers after a reset.</summary>
    public const ulong DefaultBase = 0xFEE0_0000;

    private const ulong Enable = 0x800, X2 = 0x400, Bootstrap = 0x100;
    private const uint ExternalDelivery = 0x700, Masked = 0x1_0000, SoftwareEnable = 0x100;
    private const uint IllegalSent = 0x20, IllegalReceived = 0x40;

    /// <summary>Entries of the local vector table, as <see cref="_entries"/> has them: the timer's stands apart.</summary>
    private const int Lint0 = 3, Lint1 = 4, ErrorEntry = 5, CorrectedErrors = 6;

    private readonly X86Cpu _cpu;
    private readonly ApicTimer _timer;
    private readonly ApicEndpoint _endpoint;
    private readonly VectorSet _requests = new(), _inService = new(), _triggers = new();
    private readonly uint[] _entries = new uint[7];
    private ulong _base;
    private uint _id, _logical, _format, _spurious, _priority, _errors, _newErrors, _commandLow, _commandHigh;
    private IRegionMapping? _mapping;

    /// <summary>Creates the APIC of a CPU.</summary>
    /// <param name="cpu">The CPU.</param>
    /// <param name="bus">The way to I/O APICs and other CPUs; null for none.</param>
    public LocalApic(X86Cpu cpu, IApicBus? bus)
    {
        (_cpu, Bus) = (cpu, bus);
        _timer = new ApicTimer(cpu, vector => Request(vector, isLevel: false));
        _endpoint = new ApicEndpoint(cpu, this);
        bus?.Attach(_endpoint);
    }

    /// <summary>The way to I/O APICs and other CPUs; null for none.</summary>
    public IApicBus? Bus { get; }

    /// <summary>Whether it is on, by its base register.</summary>
    public bool IsEnabled => (_base & Enable) != 0;

    /// <summary>Whether its registers are MSRs.</summary>
    public bool IsX2 => (_base & (Enable | X2)) == (Enable | X2);

    /// <summary>Whether the INTR pin reaches the CPU: while the APIC is off, or LINT0 is ExtINT and not masked.</summary>
    public bool PassesPins => !IsEnabled || (_entries[Lint0] & (Masked | ExternalDelivery)) == ExternalDelivery;

    /// <summary>The TSC value at which the timer fires; 0 for never.</summary>
    public ulong Deadline => _timer.Deadline;

    /// <summary>The task priority, 0..255.</summary>
    public uint TaskPriority => _priority;

    /// <summary>The identifier that messages name, from which a CPU's number follows where software leaves it alone.</summary>
    public uint Identifier => _id;

    /// <summary>Whether an interrupt waits that its priority allows.</summary>
    public bool HasRequest => IsEnabled && _requests.Highest is >= 0 and var vector && vector >> 4 > ProcessorPriority >> 4;

    /// <summary>Whether its registers are in memory; else all ones are there, as where nobody answers.</summary>
    private bool AnswersMemory => IsEnabled && !IsX2;

    private uint ProcessorPriority
    {
        get
        {
            int served = Math.Max(_inService.Highest, 0);
            return served >> 4 > (int)(_priority >> 4) ? (uint)served & 0xF0 : _priority;
        }
    }

    /// <summary>Sets it as a reset does.</summary>
    public void Reset()
    {
        _base = DefaultBase | Enable | (_cpu.IsBootstrap ? Bootstrap : 0);
        _id = (uint)_cpu.Options.Number;
        Initialize();

        // Where CPUs share a page, the last one's is on top, and each finds its own APIC through it.
        _mapping ??= _cpu.Space.Map(new MmioRegion("lapic", 0x1000, this, 4, 4), DefaultBase, priority: 100 + _cpu.Options.Number);
        Place();
    }

    /// <summary>Sets it as INIT does: base, mode and identifier stay.</summary>
    /// <remarks>Source: Intel SDM volume 3, 11.4.7.3 "Local APIC State After an INIT Reset", 11.12.5 "x2APIC State Transitions".</remarks>
    public void Initialize()
    {
        _requests.Clear();
        _inService.Clear();
        _triggers.Clear();
        Array.Fill(_entries, Masked);
        _timer.Reset();
        (_logical, _format, _spurious, _priority, _errors, _newErrors, _commandLow, _commandHigh) = (LogicalOfX2, uint.MaxValue, 0xFF, 0, 0, 0, 0, 0);
        if (_cpu.IsBootstrap)
        {
            // The multiprocessor specification wants the 8259's interrupts to reach the first CPU without any program's help.
            _entries[Lint0] = ExternalDelivery;
        }
    }

    /// <summary>Sets it as firmware leaves it: on, with the 8259 on LINT0 and the NMI on LINT1.</summary>
    /// <remarks>Source: Intel MultiProcessor Specification 1.4, 3.6.2.2 "Virtual Wire Mode".</remarks>
    public void EnterVirtualWire() => (_spurious, _entries[Lint0], _entries[Lint1]) = (0x1FF, 0x8000 | ExternalDelivery, 0x8400);

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
        bool hasX2 = _cpu.CpuModel.Has(Iced.Intel.CpuidFeature.SSE4_2);
        if ((value & 0x2FF) != 0 || value >> _cpu.CpuModel.PhysicalBits != 0 || (toX2 && !(hasX2 && isOn && IsEnabled)) || (IsX2 && isOn && !toX2))
        {
            return false;
        }

        _base = (value & ~Bootstrap) | (_base & Bootstrap);
        if (!isOn)
        {
            _id = (uint)_cpu.Options.Number;
            Initialize();
        }

        if (IsX2)
        {
            _id = (uint)_cpu.Options.Number;
            _logical = LogicalOfX2;
        }

        Place();
        return true;
    }

    /// <summary>Writes IA32_TSC_DEADLINE.</summary>
    public void SetDeadline(ulong value) => _timer.SetDeadline(value);

    /// <summary>Finds anew when the timer fires, after a change of the time-stamp counter.</summary>
    public void Rearm() => _timer.Rearm();

    /// <summary>Sets the task priority, as CR8 does.</summary>
    public void SetTaskPriority(uint value)
    {
        _priority = value;
        _cpu.Interrupts.Ask();
    }

    /// <summary>Takes the highest request into service.</summary>
    /// <returns>Its vector.</returns>
    public int Acknowledge()
    {
        int vector = _requests.Highest;
        (_requests[vector], _inService[vector]) = (false, true);
        return vector;
    }

    /// <summary>An interrupt from the I/O APIC or a CPU; one that software has switched off takes none.</summary>
    public void Request(int vector, bool isLevel)
    {
        if (vector < 16)
        {
            Report(IllegalReceived);
        }
        else if ((_spurious & SoftwareEnable) != 0)
        {
            (_requests[vector], _triggers[vector]) = (true, isLevel);
            _cpu.Interrupts.Ask();
        }
    }

    /// <summary>Whether a message with a destination is for this APIC.</summary>
    /// <remarks>Source: Intel SDM volume 3, 11.6.2 "Determining IPI Destination", 11.12.10 "Determining IPI Destination in x2APIC Mode".</remarks>
    public bool IsDestination(uint destination, bool isLogical)
    {
        const uint AllClusters = 0xFF;
        if (!IsEnabled || !isLogical || destination == InterruptMessage.All)
        {
            return IsEnabled && (destination == _id || destination == InterruptMessage.All);
        }

        if (IsX2)
        {
            return destination >> 16 == _logical >> 16 && (destination & _logical & 0xFFFF) != 0;
        }

        bool isFlat = _format >> 28 == 0xF;
        return isFlat ? (destination & _logical) != 0 : destination == AllClusters || (destination >> 4 == _logical >> 4 && (destination & _logical & 15) != 0);
    }

    /// <summary>Saves it.</summary>
    public void Save(StateWriter writer)
    {
        writer.U64(_base, "apic_base");
        foreach (VectorSet set in (VectorSet[])[_requests, _inService, _triggers])
        {
            for (int i = 0; i < 8; i++)
            {
                writer.U32(set.Word(i), "apic");
            }
        }

        foreach (uint register in (uint[])[.. _entries, _id, _logical, _format, _spurious, _priority, _errors, _newErrors, _commandLow, _commandHigh])
        {
            writer.U32(register, "apic");
        }

        _timer.Save(writer);
    }

    /// <summary>Restores it.</summary>
    public void Load(StateReader reader)
    {
        _base = reader.U64();
        foreach (VectorSet set in (VectorSet[])[_requests, _inService, _triggers])
        {
            for (int i = 0; i < 8; i++)
            {
                set.SetWord(i, reader.U32());
            }
        }

        for (int i = 0; i < _entries.Length; i++)
        {
            _entries[i] = reader.U32();
        }

        (_id, _logical, _format, _spurious, _priority) = (reader.U32(), reader.U32(), reader.U32(), reader.U32(), reader.U32());
        (_errors, _newErrors, _commandLow, _commandHigh) = (reader.U32(), reader.U32(), reader.U32(), reader.U32());
        Place();
        _timer.Load(reader);
    }

    /// <summary>In x2APIC mode the logical identifier follows from the other one: a cluster of 16 and a bit in it.</summary>
    private uint LogicalOfX2 => IsX2 ? ((_id >> 4) << 16) | (1u << (int)(_id & 15)) : 0;

    private void Place()
    {
        ulong address = _base & 0xFF_FFFF_F000;
        if (_mapping is not null && _mapping.Address != address)
        {
            _mapping.Address = address;
        }
    }

    private uint EntryOf(uint value) => (_spurious & SoftwareEnable) == 0 ? value | Masked : value;

    private void SetEntry(int index, uint value)
    {
        _entries[index] = EntryOf(value);
        _cpu.Interrupts.Ask();
    }

    private void SetSpurious(uint value)
    {
        _spurious = value;
        if ((value & SoftwareEnable) == 0)
        {
            for (int i = 0; i < _entries.Length; i++)
            {
                _entries[i] |= Masked;
            }

            _timer.Mask();
        }
    }

    private void EndOfInterrupt()
    {
        int vector = _inService.Highest;
        if (vector >= 0)
        {
            _inService[vector] = false;
            if (_triggers[vector])
            {
                Bus?.EndOfInterrupt((byte)vector);
            }
        }

        _cpu.Interrupts.Ask();
    }

    private void Report(uint error)
    {
        bool isNew = (_newErrors & error) == 0;
        _newErrors |= error;
        if (isNew && (_entries[ErrorEntry] & Masked) == 0 && (_entries[ErrorEntry] & 0xFF) >= 16)
        {
            Request((int)_entries[ErrorEntry] & 0xFF, isLevel: false);
        }
    }

    private void Send(in InterruptCommand command)
    {
        if (command.HasVector && command.Message.Vector < 16)
        {
            Report(IllegalSent);
            return;
        }

        command.Send(_endpoint, Bus);
    }
}
