using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using Kmem.Abstractions;
using Kmem.Machine.Backends;
using Xunit;

namespace Kmem.Machine.Tests;

/// <summary>Serial lines that reach the host: a pseudo terminal, a socket, standard input and output.</summary>
public sealed partial class CharBackendTests : IDisposable
{
    private const int CanonicalMode = 2;

    private readonly string _folder = Directory.CreateTempSubdirectory("kmem-char").FullName;

    private string Socket => Path.Combine(_folder, "line");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void APseudoTerminalKeepsWhatWasSentBeforeAnybodyCame()
    {
        using var pty = new PtyCharBackend();
        Transmit(pty, "login: ");
        Thread.Sleep(60);
        using FileStream client = Open(pty.Path);
        Assert.Equal("login: ", Read(client, 7));
        client.Write("root\r"u8);
        Assert.Equal("root\r", Receive(pty, 5));
    }

    [Fact]
    public void APseudoTerminalMayBeLeftAndOpenedAgain()
    {
        using var pty = new PtyCharBackend();
        using (FileStream first = Open(pty.Path))
        {
            first.Write("a"u8);
            Assert.Equal("a", Receive(pty, 1));
        }

        Thread.Sleep(200);
        Transmit(pty, "later");
        using FileStream second = Open(pty.Path);
        Assert.Equal("later", Read(second, 5));
    }

    [Fact]
    public void ASocketKeepsTheLast64KiBForItsNextClient()
    {
        using var line = new UnixSocketCharBackend(Socket);
        Transmit(line, new string('x', 70_000) + "the end");
        using Socket client = Connect();
        byte[] all = new byte[65536];
        int count = 0;
        while (count < all.Length)
        {
            count += client.Receive(all.AsSpan(count));
        }

        Assert.Equal("xthe end", Encoding.ASCII.GetString(all[^8..]));
        client.Send("hello"u8);
        Assert.Equal("hello", Receive(line, 5));
    }

    [Fact]
    public void ASecondClientIsTurnedAwayAndALaterOneIsTaken()
    {
        using var line = new UnixSocketCharBackend(Socket);
        using (Socket first = Connect())
        {
            first.Send("1"u8);
            Assert.Equal("1", Receive(line, 1));
            using Socket second = Connect();
            Assert.Equal(0, second.Receive(new byte[1]));
        }

        Thread.Sleep(200);
        Transmit(line, "again");
        using Socket third = Connect();
        byte[] got = new byte[5];
        Assert.Equal(5, third.Receive(got));
        Assert.Equal("again"u8.ToArray(), got);
    }

    [Fact]
    public void AClientThatStopsReadingIsWaitedForOnceAndGetsTheEndWhenItReadsAgain()
    {
        using var line = new UnixSocketCharBackend(Socket);
        using Socket client = Connect();
        Transmit(line, "begin");
        Assert.Equal("begin", ReadExactly(client, 5));
        int sent = 0;
        for (; sent < 2_000_000; sent += 4000)
        {
            Transmit(line, new string('x', 4000));
        }

        Transmit(line, "the end");
        var all = new List<byte>();
        byte[] buffer = new byte[65536];
        while (all.Count < 7 || Encoding.ASCII.GetString([.. all[^7..]]) != "the end")
        {
            client.ReceiveTimeout = 10_000;
            all.AddRange(buffer[..client.Receive(buffer)]);
        }

        Assert.InRange(all.Count, 64 * 1024, sent + 7);
        Transmit(line, "again");
        Assert.Equal("again", ReadExactly(client, 5));
    }

    [Fact]
    public void APseudoTerminalThatNobodyReadsFromDoesNotHoldUpTheMachine()
    {
        using var pty = new PtyCharBackend();
        using FileStream client = Open(pty.Path);
        Transmit(pty, "begin");
        Assert.Equal("begin", Read(client, 5));
        for (int i = 0; i < 500; i++)
        {
            Transmit(pty, new string('x', 4000));
        }

        Transmit(pty, "the end");
        string all = "";
        while (!all.EndsWith("the end", StringComparison.Ordinal))
        {
            byte[] buffer = new byte[4096];
            all += Encoding.ASCII.GetString(buffer, 0, client.Read(buffer));
        }

        Assert.InRange(all.Length, 64 * 1024, 500 * 4000);
    }

    [Fact]
    public void OnlyADeadSocketIsReplaced()
    {
        using (new UnixSocketCharBackend(Socket))
        {
            Assert.Contains("another program listens", Assert.Throws<MachineException>(() => new UnixSocketCharBackend(Socket)).Message, StringComparison.Ordinal);
        }

        Assert.False(Path.Exists(Socket));
        using (var dead = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            dead.Bind(new UnixDomainSocketEndPoint(Path.Combine(_folder, "other")));
            File.Move(Path.Combine(_folder, "other"), Socket);
        }

        Assert.True(Path.Exists(Socket));
        new UnixSocketCharBackend(Socket).Dispose();
        File.WriteAllText(Socket, "precious");
        Assert.Contains("no socket", Assert.Throws<MachineException>(() => new UnixSocketCharBackend(Socket)).Message, StringComparison.Ordinal);
        Assert.Equal("precious", File.ReadAllText(Socket));
        Assert.Throws<MachineException>(() => new UnixSocketCharBackend(Path.Combine(_folder, new string('n', 200))));
    }

    [Fact]
    public void ADeviceGetsNoMoreThanItHasRoomFor()
    {
        using var line = new UnixSocketCharBackend(Socket);
        var got = new List<byte>();
        int room = 0;
        line.Room = () => room - got.Count;
        line.Received += got.Add;
        using Socket client = Connect();
        client.Send(new byte[1000]);
        Assert.True(SpinWait.SpinUntil(() => line.HasPending, 5000));
        foreach (int most in new[] { 0, 16, 17, 1000 })
        {
            room = most;
            Assert.True(SpinWait.SpinUntil(
                () =>
                {
                    line.Deliver();
                    return got.Count == most;
                },
                5000));
        }

        Assert.False(line.HasPending);
    }

    [Fact]
    public void AHostThatSendsMuchIsMadeToWait()
    {
        using var line = new UnixSocketCharBackend(Socket);
        byte[] all = new byte[400_000];
        new Random(1).NextBytes(all);
        using Socket client = Connect();
        var sender = new Thread(() =>
        {
            for (int at = 0; at < all.Length;)
            {
                at += client.Send(all.AsSpan(at));
            }
        });
        sender.Start();
        var got = new List<byte>();
        line.Received += got.Add;
        Assert.True(SpinWait.SpinUntil(
            () =>
            {
                line.Deliver();
                return got.Count == all.Length;
            },
            20_000));
        sender.Join();
        Assert.Equal(all, got);
    }

    [Fact]
    public void ATerminalIsRawWhileTheLineIsOpenAndAsBeforeAfterwards()
    {
        using var pty = new PtyCharBackend();
        using FileStream terminal = Open(pty.Path);
        int file = (int)terminal.SafeFileHandle.DangerousGetHandle();
        Cook(file);
        byte[] before = Settings(file);
        var left = new List<string>();
        using (var stdio = new StdioCharBackend(file, file))
        {
            Assert.True(stdio.IsTerminal);
            stdio.LeaveRequested += () => left.Add("leave");
            stdio.CommandTyped += c => left.Add($"{c}");
            Assert.NotEqual(before, Settings(file));
            Assert.Equal(0, Settings(file)[12] & CanonicalMode);

            // What the user types goes in at the master's end, which is the other backend here.
            Transmit(pty, "ls\r\u0001a\u0001c\u0001x!");
            Assert.Equal("ls\r\u0001!", Receive(stdio, 5));
            Assert.Equal(["c", "leave"], left);
            Transmit(stdio, "out");
            Assert.Equal("out", Receive(pty, 3));
        }

        Assert.Equal(before, Settings(file));
    }

    [Fact]
    public void TheEndOfInputStopsNothing()
    {
        string input = Path.Combine(_folder, "in"), output = Path.Combine(_folder, "out");
        File.WriteAllText(input, "\u0001x");
        using FileStream from = File.OpenRead(input), to = File.Create(output);
        using (var stdio = new StdioCharBackend((int)from.SafeFileHandle.DangerousGetHandle(), (int)to.SafeFileHandle.DangerousGetHandle()))
        {
            Assert.Equal("\u0001x", Receive(stdio, 2));
            Transmit(stdio, "still here");
        }

        to.Dispose();
        Assert.Equal("still here", File.ReadAllText(output));
    }

    [Fact]
    public void SpecificationsNameTheirBackends()
    {
        var said = new List<string>();
        var host = new HostBackends(said.Add);
        Assert.IsType<NullCharBackend>(host.Char("none"));
        Assert.IsType<MemoryCharBackend>(host.Char("memory"));
        using (var pty = (PtyCharBackend)host.Char("pty")!)
        {
            Assert.Contains(pty.Path, Assert.Single(said), StringComparison.Ordinal);
        }

        string path = Path.Combine(_folder, "log");
        using (var file = (StreamCharBackend)host.Char("file:" + path)!)
        {
            file.Transmit((byte)'K');
        }

        Assert.Equal("K", File.ReadAllText(path));
        Assert.Null(host.Char("telnet:1"));
        Assert.Null(host.Char("file:"));
        Assert.Throws<MachineException>(() => host.Char("file:" + _folder));
    }

    private static FileStream Open(string path) => new(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);

    private static string Read(FileStream stream, int count)
    {
        byte[] bytes = new byte[count];
        stream.ReadExactly(bytes);
        return Encoding.ASCII.GetString(bytes);
    }

    private static string ReadExactly(Socket client, int count)
    {
        byte[] bytes = new byte[count];
        for (int done = 0; done < count; done += client.Receive(bytes.AsSpan(done)))
        {
        }

        return Encoding.ASCII.GetString(bytes);
    }

    private static void Transmit(ICharBackend backend, string text)
    {
        foreach (byte value in Encoding.ASCII.GetBytes(text))
        {
            backend.Transmit(value);
        }

        ((IHostPolled)backend).Flush();
    }

    /// <summary>What arrives at a device, which has to be <paramref name="count"/> bytes before long.</summary>
    private static string Receive(ICharBackend backend, int count)
    {
        var got = new List<byte>();
        backend.Received += got.Add;
        SpinWait.SpinUntil(
            () =>
            {
                ((IHostPolled)backend).Deliver();
                return got.Count >= count;
            },
            5000);
        backend.Received -= got.Add;
        return Encoding.ASCII.GetString([.. got]);
    }

    private static byte[] Settings(int file)
    {
        byte[] settings = new byte[256];
        Assert.Equal(0, GetSettings(file, settings));
        return settings[..60];
    }

    private static void Cook(int file)
    {
        byte[] settings = new byte[256];
        Assert.Equal(0, GetSettings(file, settings));
        settings[12] |= CanonicalMode;
        Assert.Equal(0, SetSettings(file, 0, settings));
    }

    [LibraryImport("libc", EntryPoint = "tcgetattr")]
    private static partial int GetSettings(int file, [In, Out] byte[] settings);

    [LibraryImport("libc", EntryPoint = "tcsetattr")]
    private static partial int SetSettings(int file, int when, byte[] settings);

    private Socket Connect()
    {
        var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        client.Connect(new UnixDomainSocketEndPoint(Socket));
        return client;
    }
}
