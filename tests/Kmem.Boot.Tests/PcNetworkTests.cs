using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Kmem.Ir;
using Kmem.Machine.Running;
using Xunit;

namespace Kmem.Boot.Tests;

/// <summary>Debian's kernel with its driver for the e1000 on the network, and through it to programs of this host that the test opens.</summary>
[Trait("Category", "Boot")]
public sealed class PcNetworkTests
{
    private const string Ready = "KMEM-SHELL-READY 6.", Bound = "#!/bin/sh\n[ \"$1\" = bound ] && busybox ifconfig $interface $ip netmask $subnet && echo leased-$ip-from-$serverid-by-$router-$dns\n";

    [StockModuleFact]
    public void TheGuestGetsAnAddressFetchesAFileAndServesOne()
    {
        string initrd = Path.GetTempFileName();
        byte[] file = new byte[1_000_000];
        new Random(11).NextBytes(file);
        using var server = new TcpListener(IPAddress.Loopback, 0);
        server.Start();
        int port = ((IPEndPoint)server.LocalEndpoint).Port, way = FreePort();
        Task serving = Task.Run(() => Serve(server, file));
        try
        {
            InitialFiles.Write(initrd, PcGuestFiles.ShellInitrd, ("e1000.ko", File.ReadAllBytes(PcGuestFiles.StockModule("e1000")!)), ("bound", Encoding.ASCII.GetBytes(Bound)));
            using var run = new PcKernelRun(
                "pc-i440fx.yaml", PcGuestFiles.StockKernel!, initrd, "console=ttyS0 quiet",
                "outbound", $"tcp:127.0.0.1:{port}", "forward", $"tcp:127.0.0.1:{way} -> 7");
            run.Answer(Ready, "busybox insmod /e1000.ko; busybox ifconfig eth0 up; busybox udhcpc -n -q -i eth0 -s /bound\n");
            run.Answer("leased-10.0.2.15-from-10.0.2.2-by-10.0.2.2-10.0.2.3", "busybox ping -c 1 10.0.2.2\n");
            run.Answer("1 packets received", $"busybox wget -q -O /file http://10.0.2.2:{port}/; busybox sha256sum /file\n");
            run.Answer(Convert.ToHexStringLower(SHA256.HashData(file)), $"busybox wget -O- http://10.0.2.2:{(port == 9 ? 10 : 9)}/\n");
            run.Answer("Connection refused", "(busybox nc -l -p 7 < /file; echo served-$?) &\n");
            run.Answer("# ", "until busybox netstat -ltn | busybox grep -q :7; do busybox usleep 10000; done; echo listening-$?\n");
            run.Answer("listening-0", "\n");
            using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            client.Connect(IPAddress.Loopback, way);
            Task<byte[]> fetched = Task.Run(() => Read(client, file.Length));
            run.Answer("served-0", "poweroff -f\n");
            MachineStop stop = run.Finish();
            Assert.True(stop.Kind is StopKind.PowerOff, $"{stop.Kind}: {stop.Message}\n{run.Tail}");
            Assert.True(fetched.Wait(TimeSpan.FromSeconds(30)), "the connection to the guest did not end");
            Assert.Equal(SHA256.HashData(file), SHA256.HashData(fetched.Result));
            Assert.True(serving.IsCompletedSuccessfully);
        }
        finally
        {
            File.Delete(initrd);
        }
    }

    private static void Serve(TcpListener server, byte[] file)
    {
        using Socket client = server.AcceptSocket();
        Assert.True(client.Receive(new byte[4096]) > 0);
        client.Send(Encoding.ASCII.GetBytes($"HTTP/1.0 200 OK\r\nContent-Length: {file.Length}\r\n\r\n"));
        client.Send(file);
        client.Shutdown(SocketShutdown.Send);
        _ = client.Receive(new byte[1]);
    }

    private static byte[] Read(Socket client, int length)
    {
        // Busybox ends when its partner does, so the partner waits for all.
        byte[] all = new byte[length];
        using var stream = new NetworkStream(client);
        stream.ReadExactly(all);
        client.Shutdown(SocketShutdown.Send);
        return all;
    }

    private static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }
}
