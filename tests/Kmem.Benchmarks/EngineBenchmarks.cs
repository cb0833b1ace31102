using BenchmarkDotNet.Attributes;
using Kmem.Engine;
using Kmem.Fuzz.Alpha;

namespace Kmem.Benchmarks;

/// <summary>Guest code in both back ends, per guest instruction.</summary>
public class LoopBenchmarks
{
    private GuestLoops _interpreted = null!, _translated = null!;

    [GlobalSetup]
    public void Setup() => (_interpreted, _translated) = (new GuestLoops(EngineMode.Interpret), new GuestLoops(EngineMode.Translate));

    [GlobalCleanup]
    public void Cleanup()
    {
        _interpreted.Dispose();
        _translated.Dispose();
    }

    /// <summary>A loop of eight instructions with a load and a store, in the interpreter.</summary>
    [Benchmark(OperationsPerInvoke = GuestLoops.Instructions)]
    public void InterpretLoop() => _interpreted.RunSum();

    /// <summary>The same loop, translated.</summary>
    [Benchmark(OperationsPerInvoke = GuestLoops.Instructions)]
    public void TranslateLoop() => _translated.RunSum();

    /// <summary>The same loop in user mode, where the load and the store go through the TLB.</summary>
    [Benchmark(OperationsPerInvoke = GuestLoops.Instructions)]
    public void TranslatePagedLoop() => _translated.RunPagedSum();

    /// <summary>Two blocks of one jump each that go to each other: what a link between blocks costs the interpreter.</summary>
    [Benchmark(OperationsPerInvoke = GuestLoops.Instructions)]
    public void DispatchLinked() => _interpreted.RunJumps();
}

/// <summary>From guest code to something that runs: per block of sixteen instructions.</summary>
public class BlockBenchmarks
{
    private GuestLoops _interpreted = null!, _translated = null!;

    [GlobalSetup]
    public void Setup() => (_interpreted, _translated) = (new GuestLoops(EngineMode.Interpret), new GuestLoops(EngineMode.Translate));

    [GlobalCleanup]
    public void Cleanup()
    {
        _interpreted.Dispose();
        _translated.Dispose();
    }

    /// <summary>Changed code is lifted again and interpreted once.</summary>
    [Benchmark]
    public void LiftBlock() => _interpreted.RunChanged(1);

    /// <summary>Changed code is lifted again, translated at its second execution, and run three times.</summary>
    [Benchmark]
    public void JitBlock() => _translated.RunChanged(3);
}

/// <summary>A CPU with the programs of the benchmarks.</summary>
internal sealed class GuestLoops : IDisposable
{
    /// <summary>Guest instructions of a run.</summary>
    public const int Instructions = 1_000_000;

    private const ulong Sum = AlphaBench.Code, Jumps = AlphaBench.Code + 0x2000, Changed = AlphaBench.Code + 0x4000;

    private readonly AlphaBench _bench;
    private readonly uint[] _block = new uint[17];
    private uint _literal;

    public GuestLoops(EngineMode mode)
    {
        _bench = new AlphaBench(new EngineOptions { Mode = mode });

        // R1 counts, R2 sums what stands at R4, R3 says whether to go on, R5 holds the sum's low byte.
        _bench.Load(
            Sum,
            Memory(0x29, 6, 4, 0),            // LDQ R6,0(R4)
            Operate(0x10, 0x20, 2, 6, 2),     // ADDQ R2,R6,R2
            Operate(0x11, 0x40, 2, 1, 7),     // XOR R2,R1,R7
            Memory(0x2D, 7, 4, 8),            // STQ R7,8(R4)
            Memory(0x08, 1, 1, 1),            // LDA R1,1(R1)
            Operate(0x10, 0x4D, 31, 1, 3),    // CMPLT R31,R1,R3
            Operate(0x12, 0x39, 2, 3, 5),     // SLL R2,R3,R5
            Branch(0x3D, 3, -8));             // BNE R3,-8
        _bench.Load(Jumps, Branch(0x30, 31, 1), 0, Branch(0x30, 31, -3));
        RunSum();
        RunJumps();
    }

    public void RunSum() => RunSum(isUser: false);

    public void RunPagedSum() => RunSum(isUser: true);

    public void RunJumps() => Run(Jumps, Instructions);

    /// <summary>Writes a new block and runs it so often.</summary>
    public void RunChanged(int times)
    {
        _literal = (_literal + 1) & 0xFF;
        for (int i = 0; i < 16; i++)
        {
            // ADDQ R(i),#literal,R(i)
            _block[i] = (0x10U << 26) | ((uint)i << 21) | (_literal << 13) | 0x1000 | (0x20U << 5) | (uint)i;
        }

        _block[16] = Branch(0x30, 31, -17);
        _bench.Load(Changed, _block);
        Run(Changed, 17L * times);
    }

    public void Dispose() => _bench.Dispose();

    private void RunSum(bool isUser)
    {
        _bench.Slot(1) = 1;
        _bench.Slot(4) = AlphaBench.AddressOf(AlphaBench.Data, isUser);
        Run(Sum, Instructions, isUser);
    }

    private void Run(ulong physical, long instructions, bool isUser = false)
    {
        _bench.Start(physical, isUser);
        _bench.Execution.Run(instructions);
    }

    private static uint Memory(uint opcode, uint ra, uint rb, int displacement) => (opcode << 26) | (ra << 21) | (rb << 16) | (ushort)displacement;

    private static uint Operate(uint opcode, uint function, uint ra, uint rb, uint rc) => (opcode << 26) | (ra << 21) | (rb << 16) | (function << 5) | rc;

    private static uint Branch(uint opcode, uint ra, int displacement) => (opcode << 26) | (ra << 21) | ((uint)displacement & 0x1F_FFFF);
}
