namespace Kmem.Plugins.CpuAlpha.Palcode;

/// <content>The console: its tables at boot, its callbacks later.</content>
internal sealed unsafe partial class NativePalcode
{
    private const ulong NotAvailable = 0xC000_0000_0000_0000;

    /// <inheritdoc/>
    public override void Boot(AlphaBoot boot)
    {
        var tables = new ConsoleTables(cpu.Execution, cpu.Options.Frequency);
        tables.Build(boot);
        new ConsoleDevices(cpu.Execution).Initialize();
        LoadContext(ConsoleTables.ControlBlock);
        _virtualTable = ConsoleTables.VirtualTable;
        _level = 7;
        cpu.State->Pc = boot.Entry;
        (Registers[V0], Registers[A0], Registers[A1], Registers[A2], Registers[A2 + 1], Registers[A2 + 2]) = (1, 2, boot.Entry, ConsoleTables.ControlBlock, ConsoleTables.VirtualTable, boot.Entry);
        (Registers[26], Registers[27]) = (boot.Entry, boot.Entry);
    }

    /// <summary>DISPATCH: a console callback. Getc, puts and their like work on COM1; the environment is empty.</summary>
    /// <remarks>Source: Alpha Architecture Reference Manual, part III, 2.3.8 "Console Callback Routines".</remarks>
    private void ConsoleDispatch(ulong code, ulong buffer, ulong length)
    {
        const int GetCharacter = 0x01, PutString = 0x02, ResetTerminal = 0x03, SetInterrupt = 0x04, SetControl = 0x05;
        switch (code)
        {
            case GetCharacter:
                ulong status = ReadPort(5);
                Registers[V0] = (status & 1) != 0 ? ReadPort(0) : 0x8000_0000_0000_0000;
                break;
            case PutString:
                ulong done = 0;
                while (done < length && cpu.Execution.ReadVirtual(buffer + done, 1, out ulong character))
                {
                    _ = cpu.Execution.WritePhysical(Typhoon.Ports + 0x3F8, 1, character);
                    done++;
                }

                cpu.State->Fault = 0;
                Registers[V0] = done;
                break;
            case ResetTerminal or SetInterrupt or SetControl:
                Registers[V0] = 0;
                break;
            default:
                Registers[V0] = NotAvailable;
                break;
        }
    }

    private ulong ReadPort(int register)
    {
        _ = cpu.Execution.ReadPhysical(Typhoon.Ports + 0x3F8 + (ulong)register, 1, out ulong value);
        return value;
    }
}
