using Kmem.Abstractions;

namespace Kmem.Plugins.CpuX86.Interrupts;

/// <content>The registers, in memory and as MSRs.</content>
/// <remarks>Source: Intel SDM volume 3, table 11-1 "Local APIC Register Address Map", table 11-6 "Local APIC Register Address Map Supported by x2APIC".</remarks>
internal sealed partial class LocalApic : IRegionHandler
{
    /// <inheritdoc/>
    public AccessResult Read(ulong offset, int width, out ulong value, in AccessAttributes attributes)
    {
        if (Other(attributes.Master) is { } other)
        {
            return other.Read(offset, width, out value, attributes);
        }

        value = !AnswersMemory ? ulong.MaxValue >> (64 - (8 * width)) : width == 4 && (offset & 15) == 0 ? ReadRegister((uint)offset) : 0;
        return AccessResult.Ok;
    }

    /// <inheritdoc/>
    public AccessResult Write(ulong offset, int width, ulong value, in AccessAttributes attributes)
    {
        if (Other(attributes.Master) is { } other)
        {
            return other.Write(offset, width, value, attributes);
        }

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
        >= 0x100 and < 0x180 => _inService.Word((int)(offset - 0x100) >> 4),
        >= 0x180 and < 0x200 => _triggers.Word((int)(offset - 0x180) >> 4),
        >= 0x200 and < 0x280 => _requests.Word((int)(offset - 0x200) >> 4),
        0x280 => _errors,
        0x300 => _commandLow | (IsX2 ? (ulong)_commandHigh << 32 : 0),
        0x310 => _commandHigh,
        0x320 => _timer.Entry,
        >= 0x330 and <= 0x370 => _entries[(offset - 0x320) >> 4],
        0x2F0 => _entries[CorrectedErrors],
        0x380 => _timer.Initial,
        0x390 => _timer.Count,
        0x3E0 => _timer.Divide,
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
                SetSpurious(value & 0x1FF);
                break;
            case 0x280:
                // The register shows what has gone wrong up to the latest write of it.
                (_errors, _newErrors) = (_newErrors, 0);
                break;
            case 0x300:
                (_commandLow, _commandHigh) = (value & ~0x1000u, IsX2 ? (uint)(wide >> 32) : _commandHigh);
                Send(InterruptCommand.Of(_commandLow, _commandHigh, IsX2));
                break;
            case 0x310:
                _commandHigh = value;
                break;
            case 0x320:
                _timer.SetEntry(EntryOf(value));
                break;
            case >= 0x330 and <= 0x370:
                SetEntry((int)(offset - 0x320) >> 4, value);
                break;
            case 0x2F0:
                SetEntry(CorrectedErrors, value);
                break;
            case 0x380:
                _timer.Start(value);
                break;
            case 0x3E0:
                _timer.SetDivide(value);
                break;
            case 0x3F0 when IsX2:
                Request((int)value & 0xFF, isLevel: false);
                break;
        }
    }

    /// <summary>The APIC of the CPU that accesses this one's page, where it is another: all that stand at one address are reached through one page.</summary>
    private LocalApic? Other(BusMaster master)
    {
        if (Bus is null || master.Kind != MasterKind.Cpu || ReferenceEquals(master, _cpu.Master))
        {
            return null;
        }

        return Bus.LocalApics.FirstOrDefault(a => a.Masters.Contains(master))?.Registers is LocalApic other && ((other._base ^ _base) >> 12) == 0 ? other : null;
    }
}
