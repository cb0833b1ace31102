using Kmem.Abstractions;
using Xunit;

namespace Kmem.Abstractions.Tests;

/// <summary>The table of registers that device authors fill.</summary>
public sealed class RegisterMapTests
{
    private ulong _value = 0x1122_3344;
    private int _reads;

    [Fact]
    public void ARegisterAnswersInItsWidth()
    {
        RegisterMap map = Map(NarrowAccess.Refuse);
        Assert.Equal((AccessResult.Ok, 0x1122_3344UL), Read(map, 4, 4));
        Assert.Equal(AccessResult.Ok, map.Write(4, 4, 5, default));
        Assert.Equal(5UL, _value);
    }

    [Fact]
    public void APeekDoesNotRead()
    {
        RegisterMap map = Map(NarrowAccess.Refuse);
        Assert.Equal(AccessResult.Ok, map.Read(4, 4, out _, AccessAttributes.Debug));
        Assert.Equal(0, _reads);
        Read(map, 4, 4);
        Assert.Equal(1, _reads);
    }

    [Theory]
    [InlineData(4UL, 1)]
    [InlineData(4UL, 2)]
    [InlineData(6UL, 2)]
    public void AnAccessThatDoesNotFitIsRefusedByAStrictMap(ulong offset, int width) => Assert.NotEqual(AccessResult.Ok, Map(NarrowAccess.Refuse).Write(offset, width, 0, default));

    [Fact]
    public void RegistersHaveNamesOffsetsAndDirections()
    {
        RegisterMap map = Map(NarrowAccess.Refuse);
        Assert.Equal([new NamedRegister("ID", 0, 4, true, false, false), new NamedRegister("DATA", 4, 4, true, true, false), new NamedRegister("COMMAND", 8, 4, false, true, false)], map.NamedRegisters);
        Assert.Equal(12UL, map.Length);
        Assert.Equal("DATA", map.At(4)?.Name);
        Assert.Null(map.At(64));
    }

    [Fact]
    public void APlaceIsTakenOnce() => Assert.Throws<ArgumentException>(() => Map(NarrowAccess.Refuse).Add(1, "OTHER", () => 0));

    [Theory]
    [InlineData("config.40/2", 0xBEEFUL, true)]
    [InlineData("config.0x44", 0x12UL, true)]
    [InlineData("config.100", 0UL, false)]
    [InlineData("config.40/3", 0UL, false)]
    [InlineData("config.zz", 0UL, false)]
    [InlineData("bar.0", 0UL, false)]
    [InlineData("other", 0UL, false)]
    public void FirmwareStateOfAFunctionIsTakenOrRefusedByName(string key, ulong value, bool taken)
    {
        var configuration = new PciConfiguration(0x8086, 0x1237, 0x06_0000);
        Assert.Equal(taken, configuration.TrySetFirmwareState(key, value));
        if (taken)
        {
            Assert.Equal(value, configuration.Read(key.Contains("44", StringComparison.Ordinal) ? 0x44 : 0x40, 4));
        }
    }

    private static (AccessResult, ulong) Read(RegisterMap map, ulong offset, int width) => (map.Read(offset, width, out ulong value, default), value);

    private RegisterMap Map(NarrowAccess narrow) => new RegisterMap(width: 4) { Narrow = narrow }
        .Add(0, "ID", () => 0x4B4D)
        .Add(1, "DATA", () => { _reads++; return _value; }, v => _value = v, () => _value)
        .Add(2, "COMMAND", write: _ => { });
}
