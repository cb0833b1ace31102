using Kmem.Engine;
using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.CpuX86.Tests.Vectors;

/// <summary>A user program of one instruction or a few, 64-bit code or 32-bit code of compatibility mode, and a kernel whose handlers wait for ever.</summary>
/// <remarks>The kernel lies at <see cref="Kernel"/>, the program's pages at <see cref="Program"/>; nothing else is mapped.</remarks>
internal sealed unsafe class UserBench : IDisposable
{
    /// <summary>Virtual address of physical 0 for the kernel.</summary>
    public const ulong Kernel = 0xFFFF_8000_0000_0000;

    /// <summary>Virtual address of the instruction.</summary>
    public const ulong Program = 0x2000_0000;

    /// <summary>Physical address of the instruction's page; eight pages of data follow.</summary>
    public const ulong ProgramAt = 0x20_0000;

    private const ulong Level4 = 0x1000, KernelLevel3 = 0x2000, KernelLevel2 = 0x3000, UserLevel3 = 0x4000, UserLevel2 = 0x5000, UserLevel1 = 0x6000;
    private const ulong Idt = 0x8000, Gdt = 0x9000, Tss = 0x9800, Handlers = 0xA000, Stack = 0xF000;
    private const ulong Present = 1, Writable = 2, User = 4, Large = 0x80;

    /// <summary>Creates it.</summary>
    public UserBench(EngineMode mode)
    {
        Bench = new X86Bench(mode);
        Bench.Write(Level4 + (256 * 8), KernelLevel3 | Present | Writable);
        Bench.Write(KernelLevel3, KernelLevel2 | Present | Writable);
        Bench.Write(KernelLevel2, Present | Writable | Large);
        Bench.Write(Level4, UserLevel3 | Present | Writable | User);
        Bench.Write(UserLevel3, UserLevel2 | Present | Writable | User);
        Bench.Write(UserLevel2 + ((Program >> 21) * 8), UserLevel1 | Present | Writable | User);
        for (ulong i = 0; i < 9; i++)
        {
            Bench.Write(UserLevel1 + (i * 8), (ProgramAt + (i << 12)) | Present | User | (i == 0 ? 0 : Writable));
        }

        Bench.Write(Gdt + 0x08, 0x00AF_9B00_0000_FFFF);
        Bench.Write(Gdt + 0x10, 0x00CF_9300_0000_FFFF);
        Bench.Write(Tss + 4, Kernel + Stack);
        Bench.Write(Tss + 0x60, 0x0068_0000_0000_0000);
        for (ulong i = 0; i < 32; i++)
        {
            ulong handler = Kernel + Handlers + (16 * i);
            Bench.Write(Idt + (16 * i), (handler & 0xFFFF) | (0x08UL << 16) | (0xEE00UL << 32) | ((handler >> 16 & 0xFFFF) << 48));
            Bench.Write(Idt + (16 * i) + 8, handler >> 32);
            Bench.Load(Handlers + (16 * i), [0xEB, 0xFE]);
        }
    }

    /// <summary>The machine.</summary>
    public X86Bench Bench { get; }

    /// <summary>Sets everything but the general registers as at the beginning of a program.</summary>
    /// <param name="is32">Whether the program is 32-bit code, in compatibility mode; FS and GS can't be used then.</param>
    public void Start(bool is32 = false)
    {
        for (int i = 0; i < X86Slots.Count; i++)
        {
            Bench.Slot(i) = 0;
        }

        Bench.Slot(X86Slots.Cr0) = Cr0.Pe | Cr0.Pg | Cr0.Ne | Cr0.Wp | Cr0.Et | Cr0.Mp;
        Bench.Slot(X86Slots.Cr3) = Level4;
        Bench.Slot(X86Slots.Cr4) = Cr4.Pae | Cr4.Osfxsr | Cr4.Osxmmexcpt;
        Bench.Slot(X86Slots.Efer) = Efer.Lme | Efer.Lma | Efer.Nxe | Efer.Sce;
        (Bench.Slot(X86Slots.GdtrBase), Bench.Slot(X86Slots.GdtrLimit)) = (Kernel + Gdt, 0x7F);
        (Bench.Slot(X86Slots.IdtrBase), Bench.Slot(X86Slots.IdtrLimit)) = (Kernel + Idt, 0x1FF);
        (Bench.Slot(X86Slots.TrBase), Bench.Slot(X86Slots.SegmentLimit + X86Slots.Tr), Bench.Slot(X86Slots.Attributes + X86Slots.Tr)) = (Kernel + Tss, 0x67, 0x8B00);
        for (int i = 0; i < 6; i++)
        {
            bool isCode = i == X86Slots.Cs;
            Bench.Slot(X86Slots.Selector + i) = isCode ? 0x33UL : i == X86Slots.Ss ? 0x2BUL : 0;
            Bench.Slot(X86Slots.SegmentLimit + i) = uint.MaxValue;
            Bench.Slot(X86Slots.Attributes + i) = isCode ? is32 ? 0xC0_FB00UL : 0xA0_FB00UL : is32 && i > X86Slots.Ds ? 0 : 0xC0_F300UL;
        }

        Bench.Cpu.FindAllEnds();

        Bench.Slot(X86Slots.Mxcsr) = 0x1F80;
        Bench.Slot(X86Slots.X87Control) = 0x37F;
        Bench.Cpu.Cpl = 3;
        Bench.State->Pc = Program;
    }

    /// <summary>Runs until a handler is reached.</summary>
    /// <returns>The handler's vector; -1 where none was.</returns>
    public int Run()
    {
        Bench.Cpu.UpdateContext();
        for (int i = 0; i < 100; i++)
        {
            Bench.Execution.Run(4);
            ulong offset = Bench.State->Pc - (Kernel + Handlers);
            if (offset < 32 * 16)
            {
                return (int)(offset / 16);
            }
        }

        return -1;
    }

    /// <summary>A word of the frame that the handler got, counted from its stack pointer.</summary>
    public ulong Frame(int word) => Bench.Read(Bench.Slot(X86Slots.Rsp) - Kernel + (ulong)(8 * word));

    /// <inheritdoc/>
    public void Dispose() => Bench.Dispose();
}
