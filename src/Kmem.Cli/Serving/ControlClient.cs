using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Kmem.Cli.Serving;

/// <summary>Asks a server for its machine.</summary>
internal static class ControlClient
{
    /// <summary>Connects; null and a message when nobody serves there.</summary>
    public static ControlChannel? Connect(string path)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
            return new ControlChannel(new NetworkStream(socket, ownsSocket: true));
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            socket.Dispose();
            Terminal.Error($"no machine is served at '{path}': {(File.Exists(path) ? e.Message : "there is no such socket; 'kmem serve' and 'kmem run' make one with --control")}");
            return null;
        }
    }

    /// <summary>Sends lines from a reader as operations and prints the answers; the program's exit code.</summary>
    public static int Exchange(string path, ControlRequest request, TextReader input)
    {
        using ControlChannel? channel = Connect(path);
        if (channel is null)
        {
            return ExitCodes.Failed;
        }

        channel.Send(request);
        bool isFirst = true;
        while (channel.Receive<ControlReply>() is { } reply)
        {
            if (reply.Error is { } error)
            {
                Terminal.Error(error);
                return ExitCodes.Failed;
            }

            foreach (string warning in reply.Warnings)
            {
                Terminal.Error(warning);
            }

            if (!isFirst && reply.Line is { Length: > 0 } answer)
            {
                Console.Out.WriteLine(answer);
                Console.Out.Flush();
            }

            isFirst = false;
            if (input.ReadLine() is not { } line)
            {
                return ExitCodes.Ok;
            }

            channel.Send(new ControlRequest(request.Operation) { Line = line });
        }

        Terminal.Error("the server has gone");
        return ExitCodes.Failed;
    }

    /// <summary>Sends a request and waits for its end; signals go to the programs of the session.</summary>
    /// <param name="path">The server's socket.</param>
    /// <param name="request">The request.</param>
    /// <param name="mounted">Called with the folder once the machine is mounted; gives the exit code, or null to wait for the end.</param>
    public static int Run(string path, ControlRequest request, Func<string, int?>? mounted = null)
    {
        using ControlChannel? channel = Connect(path);
        if (channel is null)
        {
            return ExitCodes.Failed;
        }

        (PosixSignal Name, int Number)[] passed = [(PosixSignal.SIGINT, 2), (PosixSignal.SIGQUIT, 3), (PosixSignal.SIGTERM, 15), (PosixSignal.SIGHUP, 1)];
        PosixSignalRegistration[] signals = [.. passed.Select(s => PosixSignalRegistration.Create(s.Name, context =>
        {
            context.Cancel = true;
            channel.Send(new ControlRequest("signal") { Signal = s.Number });
        }))];
        try
        {
            channel.Send(request);
            while (channel.Receive<ControlReply>() is { } reply)
            {
                if (reply.Error is { } error)
                {
                    Terminal.Error(error);
                    return reply.Exit ?? ExitCodes.Failed;
                }

                Console.Out.Write(reply.Line);

                if (reply.Mounted is { } folder && mounted?.Invoke(folder) is { } code)
                {
                    return code;
                }

                if (reply.Exit is { } exit)
                {
                    return exit;
                }
            }

            Terminal.Error("the server has gone");
            return ExitCodes.Failed;
        }
        finally
        {
            Array.ForEach(signals, s => s.Dispose());
        }
    }
}
