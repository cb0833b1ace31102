using System.Text;
using Kmem.Abstractions;
using Kmem.Plugins.Timers;
using Kmem.Testing;
using Xunit;

namespace Kmem.Devices.Tests;

/// <summary>The 8254 against the waveforms of its datasheet, and as a kernel uses it.</summary>
public sealed class Pit8254Tests : IDisposable
{
    private const long Frequency = 1_193_182, Second = 1_000_000_000;

    private readonly TestDeviceContext _context = new();
    private readonly Pit8254 _pit;

    public Pit8254Tests() => _pit = new Pit8254(new PitOptions(), _context);

    public void Dispose() => _context.Dispose();

    // Counter 2, its gate high. A step is "OUT count" after each CLK pulse from the writing of the count on; figures 15 to 20 of the datasheet.
    // Steps: c=N count low byte, 0/1 gate, . a pulse.
    [Theory]
    [InlineData(0, "c4......", "L4 L3 L2 L1 H0 H65535")]
    [InlineData(0, "c3..0...1..", "L3 L2 L2 L2 L2 L1 H0")]
    [InlineData(0, "c3...c2....", "L3 L2 L1 L2 L1 H0 H65535")]
    [InlineData(1, "c3.01.....", "H? L3 L2 L1 H0 H65535")]
    [InlineData(1, "c3.01..01....", "H? L3 L2 L3 L2 L1 H0")]
    [InlineData(1, "c2.01..c4..01..", "H? L2 L1 H0 H65535 L4 L3")]
    [InlineData(2, "c3.......", "H3 H2 L1 H3 H2 L1 H3")]
    [InlineData(2, "c3..0..1...", "H3 H2 H2 H2 H3 H2 L1")]
    [InlineData(2, "c4..c5......", "H4 H3 H2 L1 H5 H4 H3 H2")]
    [InlineData(3, "c4.........", "H4 H2 L4 L2 H4 H2 L4 L2 H4")]
    [InlineData(3, "c5...........", "H4 H2 H0 L4 L2 H4 H2 H0 L4 L2 H4")]
    [InlineData(3, "c4...0..1...", "H4 H2 L4 H4 H4 H4 H2 L4")]
    [InlineData(4, "c3......", "H3 H2 H1 L0 H65535 H65534")]
    [InlineData(4, "c3..0..1...", "H3 H2 H2 H2 H1 L0 H65535")]
    [InlineData(4, "c3...c2....", "H3 H2 H1 H2 H1 L0 H65535")]
    [InlineData(5, "c3.01......", "H? H3 H2 H1 L0 H65535 H65534")]
    [InlineData(5, "c3.01..01.....", "H? H3 H2 H3 H2 H1 L0 H65535")]
    public void EachModeHasItsWaveform(int mode, string steps, string expected)
    {
        Port61(1);
        Control(0x90 | (mode << 1));
        string[] states = expected.Split(' ');
        var found = new StringBuilder();
        int pulses = 0;
        steps += new string('.', states.Length);
        for (int i = 0; pulses < states.Length; i++)
        {
            switch (steps[i])
            {
                case 'c':
                    Write(2, steps[++i] - '0');
                    break;
                case '0' or '1':
                    Port61(steps[i] - '0');
                    break;
                default:
                    Pulse(1);
                    string state = $"{(Out2 ? 'H' : 'L')}{(states[pulses].EndsWith('?') ? "?" : $"{Latched(2)}")}";
                    found.Append(pulses++ == 0 ? "" : " ").Append(state);
                    break;
            }
        }

        Assert.Equal(expected, found.ToString());
    }

    // Whatever the step in which time goes, the counter is where single pulses would have brought it.
    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    [InlineData(3, 3)]
    [InlineData(4, 4)]
    [InlineData(5, 5)]
    public void LeapsAndSinglePulsesAgree(int mode, int seed)
    {
        using var other = new TestDeviceContext();
        var twin = new Pit8254(new PitOptions(), other);
        var random = new Random(seed);
        foreach (int count in (int[])[2, 3, 7, 10, 255, 0])
        {
            foreach (Pit8254 pit in (Pit8254[])[_pit, twin])
            {
                Bank61(pit).Write(0, 1, 0, default);
                pit.Registers.Write(3, 1, 0xB0 | ((ulong)mode << 1), default);
                pit.Registers.Write(2, 1, (ulong)(count & 0xFF), default);
                pit.Registers.Write(2, 1, 0, default);
                Bank61(pit).Write(0, 1, 1, default);
            }

            for (int round = 0; round < 20; round++)
            {
                int pulses = random.Next(1, count == 0 ? 5000 : 3 * count);
                Pulse(pulses);
                for (int i = 0; i < pulses; i++)
                {
                    Pulse(other, 1);
                    _ = Bank61(twin).Read(0, 1, out _, default);
                    twin.Registers.Write(3, 1, 0xC8, default);
                    _ = twin.Registers.Read(2, 1, out _, default);
                    _ = twin.Registers.Read(2, 1, out _, default);
                    _ = twin.Registers.Read(2, 1, out _, default);
                }

                Assert.Equal(State(_pit), State(twin));
            }
        }
    }

    [Fact]
    public void ATimerThatRunsFromPowerOnTicksUntilFirmwareStateStopsIt()
    {
        using var context = new TestDeviceContext();
        var pit = new Pit8254(new PitOptions(Runs: true), context);
        int before = context.Outputs["out0"].Rises;
        context.Time.Advance(1_000_000_000);
        Assert.InRange(context.Outputs["out0"].Rises - before, 18, 19);
        Assert.True(pit.TrySetFirmwareState("idle", 1));
        before = context.Outputs["out0"].Rises;
        context.Time.Advance(1_000_000_000);
        Assert.InRange(context.Outputs["out0"].Rises - before, 0, 1);
    }

    [Fact]
    public void LinuxCalibratesWithModeZeroOfCounterTwo()
    {
        // The gate opens, 65536 pulses go by (a count of 0), OUT2 rises with the one after the loading pulse.
        Port61(1);
        Control(0xB0);
        Write(2, 0);
        Write(2, 0);
        Assert.False(Out2);
        Pulse(65_536);
        Assert.False(Out2);
        Pulse(1);
        Assert.True(Out2);
    }

    [Theory]
    [InlineData(0x34, 11932, 100, 9999)]
    [InlineData(0x36, 11932, 100, 9999)]
    [InlineData(0x34, 0, 100, 1820)]
    [InlineData(0x36, 1193, 10, 10_001)]
    public void CounterZeroTicksAtItsOwnTimesWithoutAnyAccess(int control, int count, int seconds, int rises)
    {
        Control(control);
        Write(0, count & 0xFF);
        Write(0, count >> 8);
        int before = _context.Outputs["out0"].Rises;
        _context.Time.Advance(seconds * Second);
        Assert.Equal(rises, _context.Outputs["out0"].Rises - before);
    }

    [Fact]
    public void AnEdgeComesAtTheNanosecondOfItsPulse()
    {
        Control(0x30);
        Write(0, 0xE8);
        Write(0, 0x03);
        long due = ((1001 * Second) + Frequency - 1) / Frequency;
        _context.Time.Advance(due - 1);
        Assert.False(_context.Outputs["out0"].Level);
        _context.Time.Advance(1);
        Assert.True(_context.Outputs["out0"].Level);
        Assert.Null(_context.Time.NextDue);
    }

    [Fact]
    public void AnUnprogrammedTimerSchedulesNothing() => Assert.Null(_context.Time.NextDue);

    [Fact]
    public void AVeryShortPeriodIsThinnedOut()
    {
        Control(0x14);
        Write(0, 2);
        _context.Time.Advance(Second);
        Assert.InRange(_context.Outputs["out0"].Rises, 1000, 40_000);
    }

    [Fact]
    public void ALatchedCountWaitsForItsReading()
    {
        Control(0x34);
        Write(0, 0x34);
        Write(0, 0x12);
        Pulse(1);
        Control(0x00);
        Pulse(100);
        Control(0x00);
        Assert.Equal([0x34, 0x12], [Read(0), Read(0)]);
        Assert.Equal(0x1234 - 100, Read(0) | (Read(0) << 8));
    }

    [Fact]
    public void ReadBackLatchesStatusAndCountOfSeveralCounters()
    {
        Control(0x34);
        Write(0, 0x00);
        Write(0, 0x10);
        Control(0x90);
        Write(2, 9);
        Control(0xC0 | 0x0A);
        Assert.Equal((0xB4, 0x00, 0x10), (Read(0), Read(0), Read(0)));
        Assert.Equal((0x10, 0x09), (Read(2), Read(2)));
    }

    [Fact]
    public void TheStatusTellsOutputNullCountAndMode()
    {
        Control(0xB6);
        Control(0xE8);
        Assert.Equal(0xF6, Read(2));
        Write(2, 0x34);
        Write(2, 0x12);
        Control(0xE8);
        Assert.Equal(0xB6, Read(2));
    }

    [Theory]
    [InlineData(0x31, 0x0100, 1, 0x0099)]
    [InlineData(0x31, 0x0000, 1, 0x9999)]
    [InlineData(0x35, 0x1000, 999, 0x0001)]
    public void DecimalCountersCountDecades(int control, int count, int pulses, int expected)
    {
        Control(control);
        Write(0, count & 0xFF);
        Write(0, count >> 8);
        Pulse(1 + pulses);
        Assert.Equal(expected, Read(0) | (Read(0) << 8));
    }

    [Theory]
    [InlineData(0x10, 0x34)]
    [InlineData(0x20, 0x3400)]
    public void OneByteCountsLeaveTheOtherByteZero(int access, int count)
    {
        Control(access);
        Write(0, 0x34);
        Control(0x00 | access);
        Write(0, 0x34);
        Assert.Equal(0x34, Read(0));
        Control(0xD2);
        Assert.Equal(access == 0x10 ? count : count >> 8, Read(0));
    }

    [Fact]
    public void PortSixtyOneTellsGateSpeakerRefreshAndOutput()
    {
        Port61(0xFF);
        Assert.Equal(0x0F, Read61() & 0xCF);
        int before = Read61() & 0x10;
        Pulse(18);
        Assert.Equal(before ^ 0x10, Read61() & 0x10);
        Control(0xB0);
        Assert.Equal(0, Read61() & 0x20);
    }

    [Fact]
    public void TheSpeakerSoundsWhenItsDataBitIsSet()
    {
        Control(0xB6);
        Write(2, 0xA9);
        Write(2, 0x04);
        Port61(1);
        _context.Time.Advance(Second);
        Assert.Equal(0, _context.Outputs["speaker"].Rises);
        Port61(3);
        _context.Time.Advance(Second);
        Assert.InRange(_context.Outputs["speaker"].Rises, 999, 1001);
    }

    [Fact]
    public void TheControlPortReadsAsZero() => Assert.Equal(0, Read(3));

    private bool Out2 => (Read61() & 0x20) != 0;

    private static IRegionHandler Bank61(Pit8254 pit) => ((MmioRegion)pit.Banks[0].Region).Handler;

    private static string State(Pit8254 pit)
    {
        _ = Bank61(pit).Read(0, 1, out ulong port, default);
        pit.Registers.Write(3, 1, 0xC8, default);
        var bytes = new ulong[3];
        for (int i = 0; i < 3; i++)
        {
            _ = pit.Registers.Read(2, 1, out bytes[i], default);
        }

        return $"{port & 0x20:x} {string.Join(' ', bytes)}";
    }

    private static void Pulse(TestDeviceContext context, int pulses)
    {
        long now = context.Time.Now, pulse = (now / Second * Frequency) + (now % Second * Frequency / Second) + pulses;
        context.Time.Advance((pulse / Frequency * Second) + (((pulse % Frequency * Second) + Frequency - 1) / Frequency) - now);
    }

    private void Pulse(int pulses) => Pulse(_context, pulses);

    private int Latched(int counter)
    {
        // The counts here are small or have just gone below zero, so that the low byte tells the high one.
        Control(counter << 6);
        int low = Read((ulong)counter);
        return low >= 0xFE ? 0xFF00 | low : low;
    }

    private int Read61()
    {
        Assert.Equal(AccessResult.Ok, Bank61(_pit).Read(0, 1, out ulong value, default));
        return (int)value;
    }

    private void Port61(int value) => Assert.Equal(AccessResult.Ok, Bank61(_pit).Write(0, 1, (ulong)value, default));

    private void Control(int value) => Write(3, value);

    private int Read(ulong port)
    {
        Assert.Equal(AccessResult.Ok, _pit.Registers.Read(port, 1, out ulong value, default));
        return (int)value;
    }

    private void Write(ulong port, int value) => Assert.Equal(AccessResult.Ok, _pit.Registers.Write(port, 1, (ulong)value, default));
}
