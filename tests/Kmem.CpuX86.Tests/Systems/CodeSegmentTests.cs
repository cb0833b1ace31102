using Kmem.Plugins.CpuX86.Registers;
using Kmem.Plugins.CpuX86.Segmentation;
using Xunit;

namespace Kmem.CpuX86.Tests.Systems;

/// <summary>Numbers of code segments, of which there are fewer than guests may use.</summary>
public sealed class CodeSegmentTests
{
    [Fact]
    public void NumbersBeginAnewWhenAllAreUsed()
    {
        var segments = new CodeSegments();
        int times = 0;
        for (uint i = 0; i < 0x1_8000; i++)
        {
            X86Context context = segments.Number(i << 4, 0xFFFF, out bool beginsAnew);
            times += beginsAnew ? 1 : 0;
            Assert.Equal(((ulong)i << 4, 0xFFFFU), (segments.BaseOf(context), segments.LimitOf(context)));
            Assert.Equal(context, segments.Number(i << 4, 0xFFFF, out _));
        }

        Assert.Equal(1, times);
        Assert.Equal(X86Context.None, segments.Number(0, uint.MaxValue, out _));
    }
}
