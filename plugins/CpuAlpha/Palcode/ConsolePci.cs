using System.Numerics;
using Kmem.Ir;

namespace Kmem.Plugins.CpuAlpha.Palcode;

/// <summary>Gives the functions of PCI bus 0 their addresses and interrupt numbers, and switches them on.</summary>
/// <remarks>Source: PCI Local Bus Specification 2.2, 6.2.2 "Device Control", 6.2.4 "Miscellaneous Registers", 6.2.5.1 "Address Maps".</remarks>
internal sealed class ConsolePci(IExecution bus)
{
    private const int Command = 0x04, ClassRevision = 0x08, HeaderType = 0x0E, FirstBar = 0x10, InterruptLine = 0x3C, Bars = 6;
    private const ulong FirstMemory = 0x1000_0000, MemoryEnd = 0x4000_0000, FirstPort = 0xC000, PortEnd = 0x1_0000;
    private const byte Bridge = 0x06;

    private ulong _memory = FirstMemory;
    private ulong _port = FirstPort;

    /// <summary>Looks at every slot.</summary>
    public void Configure()
    {
        for (int slot = 0; slot < 32; slot++)
        {
            int functions = IsPresent(slot << 3) && (Read((slot << 3 << 8) | HeaderType, 1) & 0x80) != 0 ? 8 : 1;
            for (int function = 0; function < functions; function++)
            {
                if (IsPresent((slot << 3) | function))
                {
                    Configure(slot, function);
                }
            }
        }
    }

    private void Configure(int slot, int function)
    {
        int at = ((slot << 3) | function) << 8;
        if ((Read(at | HeaderType, 1) & 0x7F) == 0)
        {
            for (int bar = 0; bar < Bars; bar++)
            {
                bar += Assign(at | (FirstBar + (4 * bar)));
            }
        }

        const ulong Ports = 1, Memory = 2;
        Write(at | Command, 2, Read(at | Command, 2) | Ports | Memory);

        // What hangs behind a bridge to ISA interrupts by the controllers there.
        ulong pin = Read(at | (InterruptLine + 1), 1);
        if (pin is >= 1 and <= 4 && Read(at | (ClassRevision + 3), 1) != Bridge)
        {
            Write(at | InterruptLine, 1, (ulong)(4 * (slot + 1)) + pin - 1);
        }
    }

    /// <summary>Places what a base address register stands for.</summary>
    /// <returns>How many registers more it takes: a 64-bit one has two.</returns>
    private int Assign(int register)
    {
        Write(register, 4, 0xFFFF_FFFF);
        uint answer = (uint)Read(register, 4);
        bool isPort = (answer & 1) != 0, isWide = (answer & 7) == 4;
        uint bits = answer & (isPort ? ~3u : ~15u);
        ref ulong next = ref isPort ? ref _port : ref _memory;
        ulong place = 0;
        if (bits != 0)
        {
            ulong length = 1UL << BitOperations.TrailingZeroCount(bits), first = (next + length - 1) & ~(length - 1);
            if (first + length <= (isPort ? PortEnd : MemoryEnd))
            {
                (place, next) = (first, first + length);
            }
        }

        Write(register, 4, place);
        if (!isWide)
        {
            return 0;
        }

        Write(register + 4, 4, 0);
        return 1;
    }

    private bool IsPresent(int function) => (ushort)Read(function << 8, 2) is not (0xFFFF or 0);

    private ulong Read(int address, int width)
    {
        _ = bus.ReadPhysical(Typhoon.Configuration + (ulong)address, width, out ulong value);
        return value;
    }

    private void Write(int address, int width, ulong value) => _ = bus.WritePhysical(Typhoon.Configuration + (ulong)address, width, value);
}
