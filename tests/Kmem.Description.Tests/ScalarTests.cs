using Kmem.Abstractions;
using Xunit;

namespace Kmem.Description.Tests;

public sealed class ScalarTests
{
    private static readonly SourceSpan Here = new("test", 1, 1, 1, 1);

    [Theory]
    [InlineData("0", 0UL)]
    [InlineData("42", 42UL)]
    [InlineData("0x2A", 42UL)]
    [InlineData("0b101010", 42UL)]
    [InlineData("0xFFFF_FFFF_FFFF_FFFF", ulong.MaxValue)]
    [InlineData("1_000", 1000UL)]
    [InlineData("64KiB", 65536UL)]
    [InlineData("4GiB-128KiB", 0xFFFE0000UL)]
    [InlineData("(1 + 2) * 3", 9UL)]
    [InlineData("1 << 40", 1UL << 40)]
    [InlineData("1193182Hz", 1193182UL)]
    [InlineData("33MHz", 33_000_000UL)]
    [InlineData("10ms", 10_000_000UL)]
    public void NumbersHaveUnitsAndArithmetic(string text, ulong expected)
    {
        var diagnostics = new DiagnosticBag();
        Assert.Equal(expected, new ScalarReader(diagnostics).Number(new ScalarNode(text, Here)));
        Assert.Empty(diagnostics.Sorted);
    }

    [Theory]
    [InlineData("")]
    [InlineData("no")]
    [InlineData("0o17")]
    [InlineData("1:20")]
    [InlineData("-1")]
    [InlineData("16EiB")]
    [InlineData("0x1_0000_0000_0000_0000")]
    [InlineData("1__0")]
    [InlineData("16MB")]
    [InlineData("1 +")]
    [InlineData("99999999999999999999999999999999999999999")]
    public void WhatIsNoNumberIsSaid(string text)
    {
        var diagnostics = new DiagnosticBag();
        Assert.Null(new ScalarReader(diagnostics).Number(new ScalarNode(text, Here)));
        Assert.True(diagnostics.HasErrors);
    }

    [Theory]
    [InlineData("0x10..0x1F", 0x10UL, 0x1FUL)]
    [InlineData("0x10+16", 0x10UL, 0x1FUL)]
    [InlineData("0x801_FC00_0000+32MiB", 0x801_FC00_0000UL, 0x801_FDFF_FFFFUL)]
    [InlineData("(1+1)+2", 2UL, 3UL)]
    [InlineData("7", 7UL, 7UL)]
    [InlineData("0..0xFFFF_FFFF_FFFF_FFFF", 0UL, ulong.MaxValue)]
    public void RangesIncludeBothEnds(string text, ulong start, ulong last) =>
        Assert.Equal(new AddressRange(start, last), new ScalarReader(new DiagnosticBag()).Range(new ScalarNode(text, Here)));

    [Theory]
    [InlineData("9..1")]
    [InlineData("5+0")]
    [InlineData("0xFFFF_FFFF_FFFF_FFFF+2")]
    [InlineData("a..b")]
    public void ImpossibleRangesAreSaid(string text)
    {
        var diagnostics = new DiagnosticBag();
        Assert.Null(new ScalarReader(diagnostics).Range(new ScalarNode(text, Here)));
        Assert.True(diagnostics.HasErrors);
    }

    [Theory]
    [InlineData("1 + 2 * 3 - 4 / 2", "5")]
    [InlineData("min(3, 2, 7) + max(1, 2)", "4")]
    [InlineData("align(5, 4) + up(9, 8) + down(9, 8)", "32")]
    [InlineData("log2(4096)", "12")]
    [InlineData("ram > 64MiB && hose == linear", "true")]
    [InlineData("hose == 'sparse' || !(ram >= 1)", "false")]
    [InlineData("ram == 128MiB ? 'big' : 'small'", "big")]
    [InlineData("0xFF & ~0xF | 1 ^ 3", "242")]
    public void ExpressionsCompute(string expression, string expected)
    {
        string text = $"kmem: 1\nmachine: \"$({expression})\"\nparams:\n  ram: {{type: size, default: 128MiB}}\n  hose: {{type: enum, of: [linear, sparse], default: linear}}";
        Assert.Equal(expected, Texts.Machine(text).Name);
    }
}
