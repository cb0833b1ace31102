using System.Globalization;
using System.Text;
using Kmem.Abstractions;
using Kmem.Engine;
using Kmem.Memory;
using Kmem.Plugins.CpuAlpha;

namespace Kmem.Fuzz.Alpha;

/// <summary>Runs one random program on two machines that differ in their back ends alone, slice by slice, and finds the first difference.</summary>
internal sealed unsafe class AlphaFuzz
{
    /// <summary>User address of four pages that the RAM's mapping does not hold: registers, read-only, fault-on-access, kernel only.</summary>
    public const ulong FaultingPages = 0x40_0000;

    private const ulong Registers = 0x801_0000_0000, Level3 = 0x1_4000, Spare = 0x30_0000;
    private const int Slices = 30;

    /// <summary>Memory that is compared after each slice: stacks and tables, code, data; and all of it in the end.</summary>
    private static readonly (int First, int End)[] InUse = [(0, 0x3_0000), (0x10_0000, 0x10_2000), (0x1F_8000, 0x22_0000), (0x2F_0000, 0x30_8000)], Everything = [(0, (int)AlphaBench.MemoryLength)];

    private readonly int _seed;
    private readonly Random _random;
    private readonly AlphaProgram _program;

    private AlphaFuzz(int seed)
    {
        _seed = seed;
        _program = new AlphaGenerator(seed).Next();
        _random = new Random(~seed);
    }

    /// <summary>Runs the program of a seed.</summary>
    /// <param name="seed">Any number; the same one gives the same program, slices and interrupts.</param>
    /// <param name="options">The machine to be compared with an interpreter.</param>
    /// <returns>A report of the first difference; null where there is none.</returns>
    public static string? Run(int seed, EngineOptions options) => new AlphaFuzz(seed).Run(options);

    private string? Run(EngineOptions options)
    {
        using var left = new Machine(_program, new EngineOptions { Mode = EngineMode.Interpret, Verify = true });
        using var right = new Machine(_program, options with { Verify = true });
        for (int slice = 0; slice < Slices; slice++)
        {
            int length = _random.Next(4) switch { 0 => _random.Next(1, 10), 1 => _random.Next(10, 100), _ => _random.Next(100, 1500) };
            bool? line = _random.Next(4) switch { 0 => true, 1 => false, _ => null };
            left.Run(length, line);
            right.Run(length, line);
            if (Compare(left, right, slice == Slices - 1) is { } difference)
            {
                return string.Create(CultureInfo.InvariantCulture, $"seed {_seed}, slice {slice} of {length} instructions, {options.Mode} (right) against the interpreter (left): {difference}\n{Listing()}");
            }

            if (left.Bench.Execution.Stopped is not null)
            {
                break;
            }
        }

        return null;
    }

    private static string? Compare(Machine left, Machine right, bool isLast)
    {
        var text = new StringBuilder();
        for (int i = 0; i < AlphaSlots.Count; i++)
        {
            Check(AlphaSlots.Name(i) ?? $"slot {i}", left.Bench.Slot(i), right.Bench.Slot(i));
        }

        Check("pc", left.Bench.State->Pc, right.Bench.State->Pc);
        Check("context", left.Bench.State->Context, right.Bench.State->Context);
        Check("executed", left.Executed, right.Executed);
        Check("accesses", (ulong)left.Device.Accesses, (ulong)right.Device.Accesses);
        if (left.Bench.Execution.Stopped?.Message != right.Bench.Execution.Stopped?.Message)
        {
            text.Append(CultureInfo.InvariantCulture, $" stopped '{left.Bench.Execution.Stopped?.Message}' and '{right.Bench.Execution.Stopped?.Message}'");
        }

        foreach ((int first, int end) in isLast ? Everything : InUse)
        {
            int at = first + left.Bench.Memory[first..end].CommonPrefixLength(right.Bench.Memory[first..end]);
            if (at != end)
            {
                Check($"memory at {at & ~7:x}", left.Bench.Read((ulong)(at & ~7)), right.Bench.Read((ulong)(at & ~7)));
            }
        }

        return text.Length == 0 ? null : text.ToString();

        void Check(string name, ulong a, ulong b)
        {
            if (a != b)
            {
                text.Append(CultureInfo.InvariantCulture, $" {name} {a:x} and {b:x};");
            }
        }
    }

    private string Listing()
    {
        var text = new StringBuilder();
        ulong first = AlphaBench.AddressOf(AlphaBench.Code, _program.IsUser);
        for (int i = 0; i < _program.Words.Length; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"  {first + (4 * (ulong)i):x}: {_program.Words[i]:x8}\n");
        }

        return text.ToString();
    }

    /// <summary>One of the two machines.</summary>
    private sealed class Machine : IDisposable
    {
        private readonly ulong _begin;

        public Machine(AlphaProgram program, EngineOptions options)
        {
            Bench = new AlphaBench(options);
            Device = new Counter(Bench);
            Bench.Space.Map(new MmioRegion("device", 0x2000, Device), Registers);
            MapFaultingPages();
            LoadSystem();
            Bench.Load(AlphaBench.Code, program.Words);
            var data = new Random(program.Words.Length);
            for (ulong i = 0; i < 0x8000; i += 8)
            {
                Bench.Write(AlphaBench.Data + i, (ulong)data.NextInt64());
            }

            // Instructions as data, for programs that change themselves.
            for (int i = 0; i < 64; i++)
            {
                Bench.Load(AlphaBench.Data + 0x1_0000 + (ulong)(4 * i), i % 3 == 0 ? 0x47FF_041F : program.Words[i % program.Words.Length]);
            }

            Bench.Start(AlphaBench.Code, program.IsUser);
            for (int i = 0; i < 64; i++)
            {
                if (i != 30)
                {
                    Bench.Slot(i) = program.Registers[i];
                }
            }

            Bench.Slot(AlphaSlots.Fpcr) = program.FloatingControl;
            _begin = Bench.Execution.Executed;
        }

        public AlphaBench Bench { get; }

        public Counter Device { get; }

        public ulong Executed => Bench.Execution.Executed - _begin;

        public void Run(int length, bool? line)
        {
            if (line is { } level)
            {
                Bench.Context.Drive("timer", level);
            }

            Bench.Execution.Run(length);
        }

        public void Dispose() => Bench.Dispose();

        private void MapFaultingPages()
        {
            const ulong ReadOnly = 0x301, FaultsOnAccess = 0x330F, KernelOnly = 0x1101, All = 0x3301;
            ulong first = Level3 + (FaultingPages >> 13 << 3);
            Bench.Write(first, (Registers >> 13 << 32) | All);
            Bench.Write(first + 8, (Spare >> 13 << 32) | ReadOnly);
            Bench.Write(first + 16, ((Spare + 0x2000) >> 13 << 32) | FaultsOnAccess);
            Bench.Write(first + 24, ((Spare + 0x4000) >> 13 << 32) | KernelOnly);
        }

        /// <summary>Handlers that go on behind the instruction; that of interrupts lowers the line and ends machine checks.</summary>
        private void LoadSystem()
        {
            const uint LowHalf = 0x221F_FD01, Shift = 0x4A04_1730, Store = 0xB7F0_0010, Seven = 0x221F_0007, Wrmces = 0x11;
            const uint LoadPc = 0xA61E_0008, Add4 = 0x2210_0004, StorePc = 0xB61E_0008;
            Bench.Load(AlphaBench.Entries, LowHalf, Shift, Store, Seven, Wrmces, AlphaBench.ReturnFromInterrupt);
            foreach (ulong entry in (ulong[])[1, 3, 4, 5])
            {
                Bench.Load(AlphaBench.Entries + (64 * entry), AlphaBench.ReturnFromInterrupt);
            }

            Bench.Load(AlphaBench.Entries + (64 * 2), LoadPc, Add4, StorePc, AlphaBench.ReturnFromInterrupt);
        }
    }

    /// <summary>Registers whose reads tell the time in instructions, and whose writes move the interrupt line.</summary>
    private sealed class Counter(AlphaBench bench) : IRegionHandler
    {
        public int Accesses { get; private set; }

        public AccessResult Read(ulong offset, int width, out ulong value, in AccessAttributes attributes)
        {
            Accesses++;
            value = (bench.Execution.Executed << 8) + offset;
            return AccessResult.Ok;
        }

        public AccessResult Write(ulong offset, int width, ulong value, in AccessAttributes attributes)
        {
            Accesses++;
            bench.Context.Drive("timer", (offset & 0x10) == 0 && (value & 1) != 0);
            return AccessResult.Ok;
        }
    }
}
