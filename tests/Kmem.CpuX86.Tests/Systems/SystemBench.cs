using Iced.Intel;
using Kmem.Engine;
using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.CpuX86.Tests.Systems;

/// <summary>A CPU with descriptor tables, page tables and a handler for each vector that halts: a test runs a few instructions and sees which handler stopped them.</summary>
internal sealed unsafe class SystemBench : IDisposable
{
    /// <summary>Where things are in memory; linear and physical addresses are the same.</summary>
    public const ulong Gdt = 0x1000, Idt = 0x2000, Tss = 0x3000, OtherTss = 0x3200, Directory = 0x4000, Handlers = 0x1_0000, Stack0 = 0x2_0000, Stack3 = 0x3_0000, Code = 0x4_0000, Data = 0x5_0000;

    /// <summary>Selectors.</summary>
    public const ushort Code32 = 0x08, Data0 = 0x10, UserCode32 = 0x1B, UserData = 0x23, TssSelector = 0x28, Code64 = 0x38, UserCode64 = 0x43, Free = 0x48;

    /// <summary>A return value of <see cref="Run"/>: the program itself halted; nothing halted.</summary>
    public const int Halted = -1, RunsOn = -2;

    private const ulong Flat = 0x00CF_0000_0000_FFFF, Flat64 = 0x00AF_0000_0000_FFFF;

    private readonly bool _isLong;

    /// <summary>Creates it, at level 0 of protected mode with 32-bit code or of long mode with 64-bit code; paging maps the first 8 MiB.</summary>
    public SystemBench(EngineMode mode, bool isLong, string model = "max", bool hasApic = false)
    {
        _isLong = isLong;
        Bench = new X86Bench(mode, model, hasApic);
        Bench.Write(Gdt + Code32, Flat | (0x9BUL << 40));
        Bench.Write(Gdt + Data0, Flat | (0x93UL << 40));
        Bench.Write(Gdt + (UserCode32 & ~7UL), Flat | (0xFBUL << 40));
        Bench.Write(Gdt + (UserData & ~7UL), Flat | (0xF3UL << 40));
        Bench.Write(Gdt + TssSelector, System(Tss, 0x67, 0x8B));
        Bench.Write(Gdt + Code64, Flat64 | (0x9BUL << 40));
        Bench.Write(Gdt + (UserCode64 & ~7UL), Flat64 | (0xFBUL << 40));
        if (isLong)
        {
            Bench.Write(Tss + 4, Stack0);
        }
        else
        {
            Bench.Write(Tss + 4, Stack0 | ((ulong)Data0 << 32));
        }

        Bench.Write(Tss + 0x60, 0x0068_0000_0000_0000);
        for (int vector = 0; vector < 256; vector++)
        {
            Bench.Load(Handler(vector), [0xF4, 0xEB, 0xFD]);
            Gate(vector, Handler(vector), isLong ? Code64 : Code32, 0xEE);
        }

        BuildPages();
        Start();
    }

    /// <summary>The machine.</summary>
    public X86Bench Bench { get; }

    /// <summary>Address of a vector's handler.</summary>
    public static ulong Handler(int vector) => Handlers + ((ulong)vector * 16);

    /// <summary>A system descriptor with a base below 16 MiB.</summary>
    public static ulong System(ulong first, ulong limit, ulong type) => (limit & 0xFFFF) | ((first & 0xFF_FFFF) << 16) | (type << 40);

    /// <summary>A gate of protected mode.</summary>
    public static ulong GateOf(ulong offset, ushort selector, ulong type, ulong count = 0) => (offset & 0xFFFF) | ((ulong)selector << 16) | (count << 32) | (type << 40) | ((offset >> 16 & 0xFFFF) << 48);

    /// <summary>Sets a gate of the IDT.</summary>
    public void Gate(int vector, ulong offset, ushort selector, ulong type, ulong stack = 0)
    {
        ulong at = Idt + ((ulong)vector * (_isLong ? 16UL : 8));
        Bench.Write(at, GateOf(offset, selector, type, stack));
        if (_isLong)
        {
            Bench.Write(at + 8, offset >> 32);
        }
    }

    /// <summary>A page's entry in the lowest table.</summary>
    public static ulong Entry(ulong address, bool isLong) => isLong ? Directory + 0x3000 + ((address >> 12) * 8) : Directory + 0x1000 + ((address >> 12) * 4);

    /// <summary>Sets a page's entry.</summary>
    public void Page(ulong address, ulong entry)
    {
        if (_isLong)
        {
            Bench.Write(Entry(address, true), entry);
        }
        else
        {
            *(uint*)(Pointer + Entry(address, false)) = (uint)entry;
        }

        Bench.Execution.FlushTranslations();
    }

    /// <summary>A page's entry as it is now.</summary>
    public ulong PageNow(ulong address) => _isLong ? Bench.Read(Entry(address, true)) : (uint)Bench.Read(Entry(address, false));

    /// <summary>Assembles a program at <see cref="Code"/>, or elsewhere.</summary>
    public ulong Assemble(Action<Assembler> program, ulong at = Code, int bitness = 0)
    {
        var assembler = new Assembler(bitness != 0 ? bitness : _isLong ? 64 : 32);
        program(assembler);
        using var stream = new MemoryStream();
        assembler.Assemble(new StreamCodeWriter(stream), at);
        Bench.Load(at, stream.ToArray());
        return at;
    }

    /// <summary>Assembles a program and runs it at level 0 until something halts.</summary>
    /// <returns>The vector of the handler that halted, or <see cref="Halted"/> or <see cref="RunsOn"/>.</returns>
    public int Run(Action<Assembler> program)
    {
        Assemble(program);
        Bench.State->Pc = Code;
        return Run();
    }

    /// <summary>The same at level 3.</summary>
    public int RunUser(Action<Assembler> program)
    {
        Assemble(program);
        Bench.Cpu.Cpl = 3;
        for (int segment = 0; segment < 6; segment++)
        {
            bool isCode = segment == X86Slots.Cs;
            Set(segment, isCode ? _isLong ? UserCode64 : UserCode32 : UserData, isCode ? _isLong ? 0xA0_FB00UL : 0xC0_FB00 : 0xC0_F300);
        }

        Bench.Slot(X86Slots.Rsp) = Stack3;
        Bench.State->Pc = Code;
        return Run();
    }

    /// <summary>Goes on until something halts.</summary>
    public int Run()
    {
        Bench.Cpu.FindAllEnds();
        Bench.Cpu.UpdateContext();
        Bench.Execution.Restart();
        for (int i = 0; i < 200 && Bench.Execution.Stopped is null && !Bench.Execution.IsWaiting; i++)
        {
            Bench.Execution.Run(500);
        }

        ulong offset = Bench.State->Pc - 1 - Handlers;
        bool halted = Bench.Execution.IsWaiting || Bench.Execution.Stopped is { } stop && stop.Message.Contains("halted", StringComparison.Ordinal);
        return !halted ? RunsOn : offset < 256 * 16 && offset % 16 == 0 ? (int)(offset / 16) : Halted;
    }

    /// <summary>A general register.</summary>
    public ulong Register(int slot) => Bench.Slot(slot);

    /// <summary>A word of the frame that the handler got, counted from its stack pointer.</summary>
    public ulong Frame(int word) => _isLong ? Bench.Read(Bench.Slot(X86Slots.Rsp) + (8UL * (ulong)word)) : (uint)Bench.Read(Bench.Slot(X86Slots.Rsp) + (4UL * (ulong)word));

    /// <summary>Puts everything back to the beginning.</summary>
    public void Start()
    {
        Bench.Cpu.Reset();
        for (int i = 0; i < 16; i++)
        {
            Bench.Slot(i) = 0;
        }

        Bench.Slot(X86Slots.Cr0) = Cr0.Pe | Cr0.Pg | Cr0.Ne | Cr0.Wp | Cr0.Et;
        Bench.Slot(X86Slots.Cr3) = Directory;
        Bench.Slot(X86Slots.Cr4) = _isLong ? Cr4.Pae | Cr4.Osfxsr : Cr4.Pse;
        Bench.Slot(X86Slots.Efer) = _isLong ? Efer.Lme | Efer.Lma | Efer.Nxe | Efer.Sce : 0;
        (Bench.Slot(X86Slots.GdtrBase), Bench.Slot(X86Slots.GdtrLimit)) = (Gdt, 0xFF);
        (Bench.Slot(X86Slots.IdtrBase), Bench.Slot(X86Slots.IdtrLimit)) = (Idt, _isLong ? 0xFFFUL : 0x7FF);
        (Bench.Slot(X86Slots.TrBase), Bench.Slot(X86Slots.SegmentLimit + X86Slots.Tr), Bench.Slot(X86Slots.Attributes + X86Slots.Tr), Bench.Slot(X86Slots.Selector + X86Slots.Tr)) = (Tss, 0x67, 0x8B00, TssSelector);
        Bench.Cpu.SetNullSegment(X86Slots.Ldtr, 0);
        for (int segment = 0; segment < 6; segment++)
        {
            bool isCode = segment == X86Slots.Cs;
            Set(segment, isCode ? _isLong ? Code64 : Code32 : Data0, isCode ? _isLong ? 0xA0_9B00UL : 0xC0_9B00 : 0xC0_9300);
        }

        Bench.Slot(X86Slots.Rsp) = Stack0 - 0x800;
        Bench.Execution.FlushTranslations();
        Bench.Cpu.FindAllEnds();
        Bench.Cpu.UpdateContext();
    }

    /// <inheritdoc/>
    public void Dispose() => Bench.Dispose();

    private byte* Pointer
    {
        get
        {
            fixed (byte* first = Bench.Memory)
            {
                return first;
            }
        }
    }

    private void Set(int segment, ushort selector, ulong attributes)
    {
        Bench.Slot(X86Slots.Selector + segment) = selector;
        Bench.Slot(X86Slots.SegmentBase + segment) = 0;
        Bench.Slot(X86Slots.SegmentLimit + segment) = uint.MaxValue;
        Bench.Slot(X86Slots.Attributes + segment) = attributes;
    }

    /// <summary>Tables whose pages are all there, writable and the user's.</summary>
    private void BuildPages()
    {
        const ulong All = 7;
        if (_isLong)
        {
            Bench.Write(Directory, (Directory + 0x1000) | All);
            Bench.Write(Directory + 0x1000, (Directory + 0x2000) | All);
            Bench.Write(Directory + 0x2000, (Directory + 0x3000) | All);
            for (ulong i = 1; i < 4; i++)
            {
                Bench.Write(Directory + 0x2000 + (i * 8), (i << 21) | All | 0x80);
            }

            for (ulong i = 0; i < 512; i++)
            {
                Bench.Write(Directory + 0x3000 + (i * 8), (i << 12) | All);
            }

            return;
        }

        *(uint*)(Pointer + Directory) = (uint)(Directory + 0x1000 + All);
        *(uint*)(Pointer + Directory + 4) = 0x40_0087;
        for (uint i = 0; i < 1024; i++)
        {
            *(uint*)(Pointer + Directory + 0x1000 + (i * 4)) = (i << 12) | (uint)All;
        }
    }
}
