using System.Buffers.Binary;
using Kmem.Ir;
using Xunit;

namespace Kmem.Engine.Tests;

/// <summary>Accesses at any address, alone and in groups: bytes go where they belong, in whatever page and line that is.</summary>
public sealed unsafe class UnalignedAccessTests : EngineTest
{
    private const ulong Program = 0x1000, Virtual = 0x60_0000;

    [Theory]
    [MemberData(nameof(AllModes))]
    public void GroupsWalkOverPagesThatLieApart(string mode)
    {
        const int Rounds = 900, Step = 13, Pages = 4, PageSize = 1 << TestCpu.PageShift;
        EngineBench bench = Bench(mode);
        bench.Cpu.AllowsUnaligned = true;
        bench.Program(Program, Load(Uop.Load64U, 1, 0), Load(Uop.Load32U, 2, 11), Load(Uop.Load16U, 3, -3), Sum, Store(Uop.Store64U, 5), Store(Uop.Store16U, 19), Code.Add(4, 4, Step), Code.Jump(Program));
        byte[] expected = new byte[Pages * PageSize];
        new Random(1).NextBytes(expected);
        for (int page = 0; page < Pages; page++)
        {
            // The later the page, the lower it lies.
            bench.Cpu.Pages[(Virtual >> TestCpu.PageShift) + (ulong)page] = (ulong)(0x50 - (2 * page));
            expected.AsSpan(page * PageSize, PageSize).CopyTo(PageOf(page));
        }

        bench.Slot(4) = Virtual + 16;
        bench.Run(Program, Rounds * 8);
        for (int round = 0; round < Rounds; round++)
        {
            Span<byte> at = expected.AsSpan(16 + (round * Step) - 3);
            ulong sum = BinaryPrimitives.ReadUInt64LittleEndian(at[3..]) + BinaryPrimitives.ReadUInt32LittleEndian(at[14..]) + BinaryPrimitives.ReadUInt16LittleEndian(at);
            BinaryPrimitives.WriteUInt64LittleEndian(at[8..], sum);
            BinaryPrimitives.WriteUInt16LittleEndian(at[22..], (ushort)sum);
        }

        for (int page = 0; page < Pages; page++)
        {
            Assert.True(expected.AsSpan(page * PageSize, PageSize).SequenceEqual(PageOf(page)), $"page {page} differs");
        }

        Span<byte> PageOf(int page)
        {
            fixed (ulong* first = &bench.Memory((ulong)(0x50 - (2 * page)) << TestCpu.PageShift))
            {
                return new Span<byte>(first, PageSize);
            }
        }
    }

    [Theory]
    [MemberData(nameof(AllModes))]
    public void StoresBesideCodeAndIntoItsFirstWord(string mode)
    {
        const ulong Target = 0x2040;
        EngineBench bench = Bench(mode);
        bench.Cpu.AllowsUnaligned = true;
        (uint one, uint hundred) = (bench.Cpu.Add(Code.Add(1, 1, 1)), bench.Cpu.Add(Code.Add(1, 1, 100)));

        // The store ends right before the target's line in the first half of the run, and covers the first word of its code in the second.
        bench.Program(Program, Store(Uop.Store64U, 0), Code.Jump(Target));
        bench.Program(Target, Code.Add(1, 1, 1), Code.Jump(Program));
        (bench.Slot(4), bench.Slot(5)) = (Target - 8, (ulong)hundred << 32);
        bench.Run(Program, 400 * 4);
        Assert.Equal(400UL, bench.Slot(1));
        bench.Slot(4) = Target - 4;
        bench.Execution.Run(300 * 4);
        Assert.Equal(400UL + (300 * 100), bench.Slot(1));
        bench.Slot(5) = (ulong)one << 32;
        bench.Execution.Run(4);
        Assert.Equal(400UL + (300 * 100) + 1, bench.Slot(1));
    }

    private static void Sum(Builder ir, ulong pc) => ir.SetRegister(5, ir.Register(1) + ir.Register(2) + ir.Register(3));

    private static Instruction Load(Uop code, int d, long displacement) => (ir, _) => ir.SetRegister(d, ir.Load(code, ir.Register(4), displacement));

    private static Instruction Store(Uop code, long displacement) => (ir, _) => ir.Store(code, ir.Register(4), displacement, ir.Register(5));
}
