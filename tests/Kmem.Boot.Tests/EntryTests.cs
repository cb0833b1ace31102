using System.Globalization;
using System.Text;
using Kmem.Abstractions;
using Kmem.Engine;
using Kmem.Ir;
using Kmem.Machine.Running;
using Xunit;

namespace Kmem.Boot.Tests;

/// <summary>The machine at a kernel's first instruction. The kernel here is one instruction that branches to itself.</summary>
[Trait("Category", "Boot")]
public sealed unsafe class EntryTests
{
    private const int RecordedInitrd = 375460, Fpcr = 72, F0 = 32, TimeLeft = 3;
    private const ulong Parameters = 0x30_A000, Hwrpb = 0x1_8000;
    private static readonly uint[] Stays = [0xC3FF_FFFF];

    [PalImageFact]
    public void WithTheImageEveryRegisterIsAsRecorded()
    {
        using AlphaRun run = AtEntry("128MiB", GuestFiles.PalImage);
        int compared = 0;
        foreach (string line in Encoding.UTF8.GetString(GuestFiles.Corpus("kernel-entry.txt")).Split('\n').Where(l => l.StartsWith('r') && l.Length > 9 && char.IsAsciiDigit(l[1])))
        {
            int register = int.Parse(line.AsSpan(1, 2), NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture);
            ulong recorded = ulong.Parse(line.AsSpan(9), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
            ulong ours = run.Cpu.State->Slots[register];
            if (register == TimeLeft)
            {
                // What SWPPAL left there is minus the cycle counter, so it says how long the console took.
                Assert.True(recorded >> 31 == ours >> 31 && 0 - ours < run.Cpu.Executed, $"{line}, here {ours:x16}");
            }
            else
            {
                Assert.True(recorded == ours, $"{line}, here {ours:x16}");
            }

            compared++;
        }

        Assert.Equal(32, compared);
        CheckRest(run);
    }

    [Theory]
    [InlineData("128MiB")]
    [InlineData("1GiB")]
    public void WithNativePalcodeThePromisedRegistersAreAsRecorded(string ram)
    {
        using AlphaRun run = AtEntry(ram, "native");
        ulong* r = run.Cpu.State->Slots;
        const ulong Entry = AlphaRun.Entry;
        Assert.Equal((Entry, Entry, Entry, Entry), (r[27], r[26], r[17], r[20]));
        Assert.Equal((2UL, 0xAFA8UL, 0xFFFF_FFFE_0000_0000, 1UL, 0xFFFF_FC00_0001_0000), (r[16], r[18], r[19], r[0], r[30]));
        CheckRest(run);
    }

    [PalImageFact]
    public void BothWaysTellTheKernelTheSameAboutTheMachine()
    {
        using AlphaRun native = AtEntry("128MiB", "native"), image = AtEntry("128MiB", GuestFiles.PalImage);

        // The cycle counter's frequency is the machine's own, and so is the checksum. The image says that it has no terminals and describes one, a screen; Kmem's console has a serial line.
        ulong[] own = [0x70, 0xA8, 0x120];
        foreach (ulong field in Enumerable.Range(0, 0x140 / 8).Select(i => (ulong)i * 8).Except(own))
        {
            Assert.True(Read(image, Hwrpb + field) == Read(native, Hwrpb + field), $"HWRPB+0x{field:x}: {Read(native, Hwrpb + field):x} instead of {Read(image, Hwrpb + field):x}");
        }

        foreach (ulong field in (ulong[])[0x1C0, 0x1F0, 0xB00, 0xB10, 0xB18, 0xB20, 0xB48, 0xB50, 0xB58, 0xB80])
        {
            Assert.True(Read(image, Hwrpb + field) == Read(native, Hwrpb + field), $"HWRPB+0x{field:x}: {Read(native, Hwrpb + field):x} instead of {Read(image, Hwrpb + field):x}");
        }

        foreach (AlphaRun run in (AlphaRun[])[native, image])
        {
            ulong sum = 0;
            for (ulong at = 0; at < 0x120; at += 8)
            {
                sum += Read(run, Hwrpb + at);
            }

            Assert.Equal(sum, Read(run, Hwrpb + 0x120));

            // The console's page table maps the HWRPB at 0x10000000 and the tables in themselves.
            Assert.Equal(0x0000_000D_0000_1101UL, Read(run, 0xC000));
            Assert.Equal(0x0000_0006_0000_1101UL, Read(run, 0xC000 + (1023 * 8)));
            Assert.Equal(0x0000_000E_0000_1101UL, Read(run, 0x1_A000 + (32 * 8)));
            Assert.Equal(0x0000_000C_0000_1101UL, Read(run, 0x1_C000));
        }
    }

    private static void CheckRest(AlphaRun run)
    {
        Assert.Equal(AlphaRun.Entry, run.Cpu.State->Pc);
        Assert.All(Enumerable.Range(F0, 32), i => Assert.Equal(0UL, run.Cpu.State->Slots[i]));
        Assert.Equal(0UL, run.Cpu.State->Slots[Fpcr]);

        // The level shows in the reason for which such a kernel stops; FEN is bit 2 of the mode.
        Assert.Equal(4U, run.Cpu.State->Context);
        Kmem.Memory.AddressSpace memory = run.Machine.MainSpace!;
        ulong top = memory.FindMemory(0, write: true, AccessAttributes.Firmware).Length;
        byte[] recorded = GuestFiles.Corpus("param-at-entry.bin"), ours = new byte[recorded.Length];
        BitConverter.TryWriteBytes(recorded.AsSpan(0x100), 0xFFFF_FC00_0000_0000 | ((top - RecordedInitrd) & ~0x1FFFUL));
        Assert.Equal(AccessResult.Ok, memory.ReadBlock(Parameters, ours, AccessAttributes.Debug, out _));
        Assert.Equal(recorded, ours);
    }

    private static AlphaRun AtEntry(string ram, string pal)
    {
        var run = new AlphaRun(EngineMode.Both, "pal", pal, "ram", ram);
        run.Runner.Boot(AlphaRun.ProgramImage(Stays, RecordedInitrd, "console=ttyS0"));
        MachineStop stop = run.Runner.Run(10_000_000_000);
        Assert.True(stop.Kind == StopKind.Crash && stop.Message.Contains("interrupts are off", StringComparison.Ordinal), stop.Message);
        return run;
    }

    private static ulong Read(AlphaRun run, ulong address)
    {
        Assert.Equal(AccessResult.Ok, run.Machine.MainSpace!.Read(address, 8, out ulong value, AccessAttributes.Debug));
        return value;
    }
}
