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
        InitializeInterruptController();
        LoadContext(ConsoleTables.ControlBlock);
        _virtualTable = ConsoleTables.VirtualTable;
        _level = 7;
        cpu.State->Pc = boot.Entry;
        (Registers[V0], Registers[A0], Registers[A1], Registers[A2], Registers[A2 + 1], Registers[A2 + 2]) = (1, 2, boot.Entry, ConsoleTables.ControlBlock, ConsoleTables.VirtualTable, boot.Entry);
        (Registers[26], Registers[27]) = (boot.Entry, boot.Entry);
    }

    /// <summary>The ISA interrupt controllers as firmware leaves them: vectors 0 and 8, cascade, all inputs masked, level-triggered where PCI needs it.</summary>
    private void InitializeInterruptController()
    {
        ReadOnlySpan<(int Port, byte Value)> writes =
        [
            (0x20, 0x11), (0x21, 0x00), (0x21, 0x04), (0x21, 0x01), (0xA0, 0x11), (0xA1, 0x08), (0xA1, 0x02), (0xA1, 0x01),
            (0x21, 0xFF), (0xA1, 0xFF), (0x4D0, 0xF8), (0x4D1, 0xDE),
        ];
        foreach ((int port, byte value) in writes)
        {
            _ = cpu.Execution.WritePhysical(Typhoon.Ports + (ulong)port, 1, value);
        }

        // The slave reaches the master through input 2.
        _ = cpu.Execution.WritePhysical(Typhoon.Ports + 0x21, 1, 0xFB);
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
