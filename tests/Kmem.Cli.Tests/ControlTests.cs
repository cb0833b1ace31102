using System.Globalization;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Xunit;

namespace Kmem.Cli.Tests;

/// <summary>Commands that work on a machine while its guest runs.</summary>
public sealed partial class ControlTests : IDisposable
{
    private const string FirstWords = "{\"op\":\"open\",\"dev\":\"kmem\",\"fd\":\"k\"}";

    private readonly string _folder = Directory.CreateTempSubdirectory("kmem-control").FullName;
    private readonly RunningProgram _machine;
    private readonly ulong _counter;

    public ControlTests()
    {
        _machine = new RunningProgram("run", "machines/alpha-tour.yaml", "--append", "stay", "--control", Socket);
        _counter = ulong.Parse(Place().Match(_machine.LineWith("Staying")).Groups[1].Value, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
    }

    private string Socket => Path.Combine(_folder, "control");

    public void Dispose()
    {
        _machine.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void PeekSeesTheGuestAtWorkAndPokeReachesIt()
    {
        ulong first = Counter();
        Assert.True(SpinWait.SpinUntil(() => Counter() > first, TimeSpan.FromSeconds(30)));
        ProgramRun poke = KmemProgram.Run("poke", "--attach", Socket, $"phys:0x{_counter:X}/8", "0x100000000");
        Assert.StartsWith($"phys 0x{_counter:X} (dram): 0x00000001000", poke.Output, StringComparison.Ordinal);
        _machine.Type("x");
        ulong said = ulong.Parse(_machine.LineWith("x is 78").Split(' ')[^1].TrimEnd('\r'), CultureInfo.InvariantCulture);
        Assert.InRange(said, 0x1_0000_0000UL, 0x1_1000_0000UL);
    }

    [Fact]
    public void ExplainAndWrongPlacesAnswerAsWithAFile()
    {
        Assert.EndsWith("answer: dma at offset 0x10, register CONTROL\n", KmemProgram.Run("explain", "--attach", Socket, "phys 0x80300000010").Output, StringComparison.Ordinal);
        ProgramRun nobody = KmemProgram.Run("peek", "--attach", Socket, "phys:0x80100000000/8", "--format", "json");
        Assert.Equal((3, "{\"space\":\"phys\",\"address\":\"0x80100000000\",\"width\":8,\"result\":\"DecodeError\"}\n"), (nobody.ExitCode, nobody.Output));
        ProgramRun wrong = KmemProgram.Run("peek", "--attach", Socket, "phis:0");
        Assert.Equal(2, wrong.ExitCode);
        Assert.StartsWith("kmem: there is no space 'phis'; there are phys, ", wrong.Error, StringComparison.Ordinal);
        ProgramRun both = KmemProgram.Run("peek", "machines/lab.yaml", "--attach", Socket, "phys:0");
        Assert.Equal(2, both.ExitCode);
    }

    [Fact]
    public void KmemGoesThroughTheCpu()
    {
        ulong kseg = 0xFFFF_FC00_0000_0000;
        string script = string.Join('\n',
        [
            FirstWords,
            $"{{\"op\":\"pread\",\"fd\":\"k\",\"offset\":\"0x{kseg + 0x18008:x}\",\"length\":8}}",
            $"{{\"op\":\"pwrite\",\"fd\":\"k\",\"offset\":\"0x{kseg + 0x18008:x}\",\"src\":\"00\"}}",
            "{\"op\":\"pread\",\"fd\":\"k\",\"offset\":\"0x10000000\",\"length\":8}",
            $"{{\"op\":\"pread\",\"fd\":\"k\",\"offset\":\"0x{kseg + 0x1_0000_0000_00:x}\",\"length\":8}}",
            $"{{\"op\":\"pread\",\"fd\":\"k\",\"offset\":\"0x{0xFFFF_FFFE_0004_0000:x}\",\"length\":8}}",
        ]);
        string[] answers = KmemProgram.RunWith(script, "io", "--attach", Socket).Output.TrimEnd().Split('\n');
        Assert.Contains("\"result\":8,\"errno\":null,\"data\":\"0000004250525748\"", answers[1], StringComparison.Ordinal);   // "HWRPB", as a number
        Assert.Contains("\"errno\":\"EACCES\"", answers[2], StringComparison.Ordinal);     // it belongs to the console
        Assert.Contains("\"errno\":\"EFAULT\"", answers[3], StringComparison.Ordinal);     // mapped by the console, but no kernel address
        Assert.Contains("\"result\":-1", answers[4], StringComparison.Ordinal);            // I/O space that nobody has

        // The page tables as they map themselves, through the CPU's own walk: the console's entry for the HWRPB.
        Assert.Contains("\"result\":8,\"errno\":null,\"data\":\"011100000c000000\"", answers[5], StringComparison.Ordinal);
    }

    [Fact]
    public void ClientsThatMisbehaveDisturbNobody()
    {
        var crowd = new List<Socket>();
        for (int i = 0; i < 80; i++)
        {
            var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            client.Connect(new UnixDomainSocketEndPoint(Socket));
            crowd.Add(client);
            byte[] garbage = new byte[1000];
            new Random(i).NextBytes(garbage);
            client.Send(i % 4 == 0 ? garbage : i % 4 == 1 ? "{\"Operation\":\"io\"}\n"u8 : i % 4 == 2 ? "{\"Operation\":\"dance\"}\n[1,2\n"u8 : "{\"Operation\":\"peek\",\"Arguments\":[]}\n"u8);
        }

        ulong first = Counter();
        Assert.True(SpinWait.SpinUntil(() => Counter() > first, TimeSpan.FromSeconds(30)));
        crowd.ForEach(c => c.Dispose());
        _machine.Type("q");
        Assert.Equal(0, _machine.Wait());
        Assert.Equal("", _machine.Errors());
    }

    [Fact]
    public void TheEndOfTheGuestIsSaid()
    {
        using var client = new RunningProgram("io", "--attach", Socket);
        Assert.Equal(FirstWords[..^1] + ",\"result\":0,\"errno\":null}", client.Ask(FirstWords));
        _machine.Type("q");
        Assert.Equal(0, _machine.Wait());
        client.Type("\n");
        Assert.Equal("kmem: the machine has ended: the guest halted the CPU", client.ErrorLine());
        Assert.Equal(3, client.Wait());
        Assert.False(Path.Exists(Socket));
    }

    private ulong Counter() => ulong.Parse(KmemProgram.Run("peek", "--attach", Socket, $"phys:0x{_counter:X}/8").Output.TrimEnd()[^16..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    [GeneratedRegex("physical (?<place>[0-9a-f]+)", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Place();
}
