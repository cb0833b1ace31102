using System.Globalization;
using Kmem.Abstractions;
using Kmem.Ir;

namespace Kmem.Plugins.CpuAlpha.Palcode;

/// <summary>OSF/1 PALcode in C#: processor status, stack frames, the ways into and out of the kernel.</summary>
/// <remarks>Source: Alpha Architecture Reference Manual, part II-B (OSF/1), chapters 2 to 6.</remarks>
internal sealed unsafe partial class NativePalcode(AlphaCpu cpu) : OsfPalcode
{
    private const int Sp = 30, Gp = 29, A0 = 16, A1 = 17, A2 = 18, V0 = 0;
    private const ulong UserBit = 8, FrameLength = 48;

    private readonly ulong[] _entries = new ulong[6];
    private ulong _kernelStack, _userStack, _kernelGlobal, _unique, _value, _contextBlock, _virtualTable, _addressSpace;
    private ulong _level = 7, _machineCheckState;

    /// <summary>System entry points, in the order of WRENT.</summary>
    private enum Entry
    {
        Interrupt,
        Arithmetic,
        Memory,
        Fault,
        Unaligned,
        System,
    }

    private ulong* Registers => cpu.State->Slots;

    /// <inheritdoc/>
    public override bool CanBeInterrupted => _level < 7;

    /// <inheritdoc/>
    public override void Reset()
    {
        Array.Clear(_entries);
        (_kernelStack, _userStack, _kernelGlobal, _unique, _value, _contextBlock, _virtualTable, _addressSpace) = (0, 0, 0, 0, 0, 0, 0, 0);
        (_level, _machineCheckState) = (7, 0);
        cpu.SetContext(AlphaContext.FloatingPoint);
    }

    /// <inheritdoc/>
    public override void Save(StateWriter writer)
    {
        foreach (ulong entry in _entries)
        {
            writer.U64(entry, "entry");
        }

        writer.U64(_kernelStack);
        writer.U64(_userStack);
        writer.U64(_kernelGlobal);
        writer.U64(_unique);
        writer.U64(_value);
        writer.U64(_contextBlock);
        writer.U64(_virtualTable);
        writer.U64(_addressSpace);
        writer.U64(_level);
        writer.U64(_machineCheckState);
    }

    /// <inheritdoc/>
    public override void Load(StateReader reader)
    {
        for (int i = 0; i < _entries.Length; i++)
        {
            _entries[i] = reader.U64();
        }

        (_kernelStack, _userStack, _kernelGlobal, _unique, _value) = (reader.U64(), reader.U64(), reader.U64(), reader.U64(), reader.U64());
        (_contextBlock, _virtualTable, _addressSpace, _level, _machineCheckState) = (reader.U64(), reader.U64(), reader.U64(), reader.U64(), reader.U64());
    }

    /// <inheritdoc/>
    public override string Describe() => string.Create(CultureInfo.InvariantCulture, $"ipl {_level}  pcbb {_contextBlock:x}  ksp {_kernelStack:x}  usp {_userStack:x}  kgp {_kernelGlobal:x}");

    /// <inheritdoc/>
    public override void LiftHardware(LiftContext x) => x.Illegal();

    /// <inheritdoc/>
    public override void Deliver(AlphaFault fault, ulong address, ulong detail)
    {
        ulong pc = cpu.State->Pc;
        switch (fault)
        {
            case AlphaFault.Memory:
                ulong cause = (MemoryAccess)(detail >> 32) switch { MemoryAccess.Fetch => ulong.MaxValue, MemoryAccess.Store => 1, _ => 0 };
                Enter(Entry.Memory, pc, address, (uint)detail, cause);
                break;
            case AlphaFault.Unaligned:
                uint word = cpu.FetchCurrent();
                Enter(Entry.Unaligned, pc + 4, address, word >> 26, (word >> 21) & 31);
                break;
            case AlphaFault.IllegalInstruction:
                Enter(Entry.Fault, pc + 4, 4, Registers[A1], Registers[A2]);
                break;
            case AlphaFault.FloatingPointOff:
                Enter(Entry.Fault, pc, 3, Registers[A1], Registers[A2]);
                break;
            case AlphaFault.Arithmetic:
                Enter(Entry.Arithmetic, pc + 4, address, detail, Registers[A2]);
                break;
            default:
                LoseLoad((MemoryAccess)(detail >> 32));
                DeliverMachineCheck(pc, pc + 4);
                break;
        }
    }

    /// <inheritdoc/>
    public override bool TakeInterrupt()
    {
        ulong pc = cpu.State->Pc;
        AlphaInterrupts pending = cpu.Pending;
        if ((pending & AlphaInterrupts.MachineCheck) != 0 && _level <= 6)
        {
            DeliverMachineCheck(pc, pc);
        }
        else if ((pending & AlphaInterrupts.Interprocessor) != 0 && _level <= 5)
        {
            WriteMisc(0x100UL << cpu.Options.Number);
            Enter(Entry.Interrupt, pc, 0, 0, 0, level: 6);
        }
        else if ((pending & AlphaInterrupts.Clock) != 0 && _level <= 4)
        {
            WriteMisc(0x10UL << cpu.Options.Number);
            cpu.TakeAlarm();
            Enter(Entry.Interrupt, pc, 1, 0, 0, level: 5);
        }
        else if ((pending & AlphaInterrupts.Device) != 0 && _level <= 3)
        {
            return TakeDeviceInterrupt(pc);
        }
        else
        {
            return false;
        }

        return true;
    }

    private bool TakeDeviceInterrupt(ulong pc)
    {
        if (!cpu.Execution.ReadPhysical(Typhoon.DeviceRequests(cpu.Options.Number), 8, out ulong requests) || requests == 0)
        {
            return false;
        }

        int bit = System.Numerics.BitOperations.TrailingZeroCount(requests);
        ulong vector = 0x900 + (16 * (ulong)bit);
        if (bit == Typhoon.IsaRequest)
        {
            _ = cpu.Execution.ReadPhysical(Typhoon.InterruptAcknowledge, 4, out ulong acknowledged);
            vector = 0x800 + (16 * (acknowledged & 0xFF));
        }

        Enter(Entry.Interrupt, pc, 3, vector, 0, level: 4);
        return true;
    }

    private void WriteMisc(ulong value) => cpu.Execution.WritePhysical(Typhoon.Misc, 8, value | (uint)cpu.Options.Number);

    /// <summary>The destination of a load that nobody answered is UNPREDICTABLE; it gets what the PALcode of the recorded machine leaves there.</summary>
    private void LoseLoad(MemoryAccess access)
    {
        const ulong Lost = 0x207;
        uint word = access == MemoryAccess.Load ? cpu.FetchCurrent() : 0;
        int register = (int)(word >> 21) & 31;
        if (register != AlphaSlots.Zero && word >> 26 is 0x0A or 0x0B or 0x0C or 0x28 or 0x29 or 0x2A or 0x2B)
        {
            Registers[register] = Lost;
        }
    }

    /// <summary>A reference that nobody answered, or an error without an instruction: the operating system gets a logout frame.</summary>
    /// <param name="pc">Address for the logout frame.</param>
    /// <param name="next">Where the operating system returns to.</param>
    /// <param name="code">Kind of error for the logout frame.</param>
    /// <remarks>Source: Alpha Architecture Reference Manual, part II-B, 5.4 "Machine Checks" and 5.4.3 "Logout Areas".</remarks>
    private void DeliverMachineCheck(ulong pc, ulong next, ulong code = 0)
    {
        const ulong InProgress = 1;
        if ((_machineCheckState & InProgress) != 0)
        {
            cpu.Execution.Stop(new MachineStop(StopKind.Crash, string.Create(CultureInfo.InvariantCulture, $"double machine check at 0x{pc:x}: the handler of the first one has not ended (MCES.MIP is set)")));
            return;
        }

        _machineCheckState |= InProgress;
        ulong frame = ConsoleTables.LogoutFrame(cpu.Options.Number);
        _ = cpu.Execution.WritePhysical(frame, 8, ConsoleTables.LogoutLength);
        _ = cpu.Execution.WritePhysical(frame + 8, 8, 24 | (ConsoleTables.LogoutLength << 32));
        for (ulong offset = 16; offset < ConsoleTables.LogoutLength; offset += 8)
        {
            _ = cpu.Execution.WritePhysical(frame + offset, 8, offset switch { 16 => code, 88 => pc, _ => 0 });
        }

        Enter(Entry.Interrupt, next, 2, 0, PageTables.KsegBase + frame, level: 7);
    }

    /// <summary>Enters the operating system: a frame on the kernel stack, three arguments, the entry point.</summary>
    private void Enter(Entry entry, ulong pc, ulong a0, ulong a1, ulong a2, ulong? level = null)
    {
        ulong status = _level | (cpu.IsUserMode ? UserBit : 0);
        if (cpu.IsUserMode)
        {
            _userStack = Registers[Sp];
            Registers[Sp] = _kernelStack;
            SetUserMode(false);
        }

        ulong frame = Registers[Sp] - FrameLength;
        IExecution memory = cpu.Execution;
        bool stored = memory.WriteVirtual(frame, 8, status) && memory.WriteVirtual(frame + 8, 8, pc) && memory.WriteVirtual(frame + 16, 8, Registers[Gp])
            && memory.WriteVirtual(frame + 24, 8, Registers[A0]) && memory.WriteVirtual(frame + 32, 8, Registers[A1]) && memory.WriteVirtual(frame + 40, 8, Registers[A2]);
        if (!stored || _entries[(int)entry] == 0)
        {
            cpu.State->Fault = 0;
            string what = stored ? $"there is no entry point for it (WRENT {(int)entry})" : string.Create(CultureInfo.InvariantCulture, $"the kernel stack at 0x{frame:x} can't be written");
            cpu.Execution.Stop(new MachineStop(StopKind.Crash, string.Create(CultureInfo.InvariantCulture, $"a fault or interrupt ({entry}, arguments 0x{a0:x} 0x{a1:x} 0x{a2:x}) at 0x{pc:x} can't be delivered: {what}")));
            return;
        }

        Registers[Sp] = frame;
        (Registers[A0], Registers[A1], Registers[A2], Registers[Gp]) = (a0, a1, a2, _kernelGlobal);
        _level = level ?? _level;
        cpu.State->Pc = _entries[(int)entry];
    }

    private void SetUserMode(bool isUser)
    {
        var context = (AlphaContext)cpu.State->Context;
        cpu.SetContext(isUser ? context | AlphaContext.User : context & ~AlphaContext.User);
    }
}
