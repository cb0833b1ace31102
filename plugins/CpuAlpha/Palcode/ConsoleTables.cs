using System.Text;
using Kmem.Ir;

namespace Kmem.Plugins.CpuAlpha.Palcode;

/// <summary>What a console leaves in memory for an operating system: the HWRPB with its tables, a page table, a process control block.</summary>
/// <remarks>Source: Alpha Architecture Reference Manual, part III, 2.1 "Hardware Restart Parameter Block" and 3.1.3 "Memory Data Descriptor Table".</remarks>
internal sealed class ConsoleTables(IExecution memory, ulong frequency)
{
    /// <summary>Physical address of the HWRPB.</summary>
    public const ulong Hwrpb = 0x1_8000;

    /// <summary>Physical address of the first process control block.</summary>
    public const ulong ControlBlock = 0xAFA8;

    /// <summary>Length of a machine-check logout frame in bytes.</summary>
    public const ulong LogoutLength = 144;

    /// <summary>Virtual address of the page tables in themselves.</summary>
    public const ulong VirtualTable = 0xFFFF_FFFE_0000_0000;

    private const ulong SlotOffset = 0x140, SlotLength = 0x270, DescriptorOffset = 0xB00, TerminalOffset = 0xB88, TerminalLength = 0x110, CallbackOffset = 0xC98;
    private const ulong DispatchDescriptor = 0xD00, FixupDescriptor = 0xD10, DispatchCode = 0xD20, FixupCode = 0xD28;
    private const ulong Kseg = PageTables.KsegBase, PageLength = 1UL << PageTables.PageShift;
    private const ulong FirstTable = 0xC000, SecondTable = 0x1_A000, ThirdTable = 0x1_C000, StackTop = 0x1_0000;

    /// <summary>Pages that belong to the console: memory cluster 0.</summary>
    private const ulong ConsolePages = 15;

    private const uint Return = 0x6BFA_8001;   // ret $31, ($26), 1

    /// <summary>Physical address of a CPU's machine-check logout frame.</summary>
    public static ulong LogoutFrame(int cpu) => 0xB100 + (LogoutLength * (ulong)cpu);

    /// <summary>Physical address of a CPU's flags in its HWRPB slot.</summary>
    public static ulong SlotFlags(int cpu) => Hwrpb + SlotOffset + (SlotLength * (ulong)cpu) + 0x80;

    /// <summary>Writes all of it.</summary>
    public void Build(AlphaBoot boot)
    {
        for (ulong at = 0; at < ConsolePages * PageLength; at += 8)
        {
            Write(at, 0);
        }

        BuildPageTables();
        BuildControlBlock();
        BuildHead(boot);
        for (int i = 0; i < boot.Cpus; i++)
        {
            BuildSlot(i);
        }

        BuildMemoryDescriptors(boot.Memory);

        // One terminal: a serial line.
        Write(Hwrpb + TerminalOffset, 2);
        BuildCallbacks();
        Seal();
    }

    private void BuildPageTables()
    {
        const ulong Rights = 0x1101;
        Write(FirstTable, Entry(SecondTable));
        Write(FirstTable + (1023 * 8), Entry(FirstTable));
        Write(SecondTable + (32 * 8), Entry(ThirdTable));
        Write(ThirdTable, Entry(Hwrpb));

        static ulong Entry(ulong physical) => (physical >> PageTables.PageShift << 32) | Rights;
    }

    private void BuildControlBlock()
    {
        Write(ControlBlock, Kseg + StackTop);
        Write(ControlBlock + 0x10, FirstTable >> PageTables.PageShift);
        Write(ControlBlock + 0x28, 1);
    }

    private void BuildHead(AlphaBoot boot)
    {
        const ulong TsunamiFamily = 34, Clipper = 5UL << 10, TimerFrequency = 1024 * 4096;
        Field(0x00, Hwrpb);
        Field(0x08, 0x4857_5250_4200_0000);
        Field(0x18, 0x140);
        Field(0x28, PageLength);
        Field(0x30, 40);
        Field(0x38, 255);
        // By this serial number kernels know that CSERVE has a clock and an alarm.
        Field(0x40, BitConverter.ToUInt64(Encoding.ASCII.GetBytes("QEMU\0\0\0\0")));
        Field(0x50, TsunamiFamily);
        Field(0x58, Clipper);
        Field(0x68, TimerFrequency);
        Field(0x70, frequency);
        Field(0x78, VirtualTable);
        Field(0x90, (ulong)boot.Cpus);
        Field(0x98, SlotLength);
        Field(0xA0, SlotOffset);
        Field(0xA8, 1);
        Field(0xB0, TerminalLength);
        Field(0xB8, TerminalOffset);
        Field(0xC0, CallbackOffset);
        Field(0xC8, DescriptorOffset);
    }

    private void BuildSlot(int cpu)
    {
        // Available, present, PAL valid, PAL memory valid, PAL loaded.
        const ulong Flags = 0x1CC, Ev67 = 11;
        Write(SlotFlags(cpu), Flags);
        Write(SlotFlags(cpu) + 0x30, Ev67);
    }

    private void BuildMemoryDescriptors(ulong length)
    {
        ulong pages = length >> PageTables.PageShift, at = Hwrpb + DescriptorOffset;
        Write(at + 0x10, 2);
        Cluster(at + 0x18, 0, ConsolePages, usage: 1);
        Cluster(at + 0x50, ConsolePages, pages - ConsolePages, usage: 0);
    }

    private void Cluster(ulong at, ulong first, ulong pages, ulong usage)
    {
        Write(at, first);
        Write(at + 0x08, pages);
        Write(at + 0x30, usage);
    }

    /// <summary>The callbacks are two instructions each: a PALcode call of ours, and the return.</summary>
    private void BuildCallbacks()
    {
        Field(CallbackOffset, Kseg + Hwrpb + DispatchDescriptor);
        Field(CallbackOffset + 0x08, Hwrpb + DispatchDescriptor);
        Field(CallbackOffset + 0x10, Kseg + Hwrpb + FixupDescriptor);
        Field(CallbackOffset + 0x18, Hwrpb + FixupDescriptor);
        Field(CallbackOffset + 0x20, 1);
        Field(CallbackOffset + 0x28, 1);
        Field(CallbackOffset + 0x30, Kseg + Hwrpb);
        Field(CallbackOffset + 0x38, Hwrpb);
        Field(CallbackOffset + 0x40, 1);
        Field(DispatchDescriptor + 0x08, Kseg + Hwrpb + DispatchCode);
        Field(FixupDescriptor + 0x08, Kseg + Hwrpb + FixupCode);
        Field(DispatchCode, (uint)PalFunction.ConsoleDispatch | ((ulong)Return << 32));
        Field(FixupCode, (uint)PalFunction.ConsoleFixup | ((ulong)Return << 32));
    }

    /// <summary>The checksum is the sum of the quadwords before it.</summary>
    private void Seal()
    {
        ulong sum = 0;
        for (ulong at = 0; at < 0x120; at += 8)
        {
            _ = memory.ReadPhysical(Hwrpb + at, 8, out ulong value);
            sum += value;
        }

        Field(0x120, sum);
    }

    private void Field(ulong offset, ulong value) => Write(Hwrpb + offset, value);

    private void Write(ulong address, ulong value) => _ = memory.WritePhysical(address, 8, value);
}
