using System.Buffers.Binary;
using System.Text;
using Kmem.Abstractions;

namespace Kmem.Plugins.Network.Services;

/// <summary>Gives files of one folder of the host to guests that begin over the network; takes none.</summary>
/// <param name="folder">The folder.</param>
/// <param name="clock">The machine's time.</param>
/// <param name="send">Sends data from a port of the gateway to a guest.</param>
/// <remarks>Source: RFC 1350; RFC 2347 to 2349 for the options blksize, timeout and tsize.</remarks>
internal sealed class TftpServer(string folder, IClock clock, TftpServer.Sender send) : IDisposable
{
    private const ushort ReadRequest = 1, WriteRequest = 2, Data = 3, Acknowledgement = 4, Error = 5, OptionsAcknowledged = 6, FirstPort = 20000;
    private const int MostTransfers = 16, DefaultBlock = 512, LeastBlock = 8, LargestBlock = 1468;
    private const long Patience = 60_000_000_000;

    private readonly Dictionary<(uint Guest, ushort Port), Transfer> _transfers = [];
    private ushort _begun;

    /// <summary>Sends data.</summary>
    /// <param name="guest">The guest's address.</param>
    /// <param name="port">The guest's port.</param>
    /// <param name="from">The gateway's port.</param>
    /// <param name="data">The data.</param>
    internal delegate void Sender(uint guest, ushort port, ushort from, ReadOnlySpan<byte> data);

    /// <summary>Takes a request at the server's own port.</summary>
    public void Begin(uint guest, ushort port, ReadOnlySpan<byte> message)
    {
        if (message.Length < 4 || BinaryPrimitives.ReadUInt16BigEndian(message) is var kind && kind is not ReadRequest and not WriteRequest)
        {
            return;
        }

        ushort from = (ushort)(FirstPort + (_begun++ % 1000));
        string[] words = Encoding.UTF8.GetString(message[2..]).Split('\0');
        if (kind == WriteRequest || words.Length < 2)
        {
            Refuse(guest, port, from, 2, "this server gives files only");
            return;
        }

        if (Open(words[0]) is not { } file)
        {
            Refuse(guest, port, from, 1, "there is no such file");
            return;
        }

        foreach (Transfer old in _transfers.Values.Where(t => clock.Now - t.Used > Patience || (t.Guest, t.Port) == (guest, port)).ToArray())
        {
            End(old);
        }

        if (_transfers.Count >= MostTransfers)
        {
            End(_transfers.Values.MinBy(t => t.Used)!);
        }

        var transfer = new Transfer(guest, port, from, file) { Used = clock.Now };
        _transfers[(guest, port)] = transfer;
        byte[] accepted = Accept(transfer, words);
        if (accepted.Length > 0)
        {
            send(guest, port, from, [0, (byte)OptionsAcknowledged, .. accepted]);
        }
        else
        {
            SendBlock(transfer, 1);
        }
    }

    /// <summary>Takes a message for a transfer.</summary>
    /// <returns>False when there is no such transfer.</returns>
    public bool Continue(uint guest, ushort port, ushort to, ReadOnlySpan<byte> message)
    {
        if (!_transfers.TryGetValue((guest, port), out Transfer? transfer) || transfer.From != to)
        {
            return false;
        }

        transfer.Used = clock.Now;
        ushort kind = message.Length < 4 ? (ushort)0 : BinaryPrimitives.ReadUInt16BigEndian(message);
        if (kind == Error)
        {
            End(transfer);
        }
        else if (kind == Acknowledgement)
        {
            // Block numbers have 16 bits and start over in a long file.
            ushort block = BinaryPrimitives.ReadUInt16BigEndian(message[2..]);
            long acknowledged = transfer.Sent - (ushort)(transfer.Sent - block);
            if (acknowledged < 0)
            {
                return true;
            }

            if (acknowledged > transfer.Length / transfer.Block)
            {
                End(transfer);
            }
            else
            {
                SendBlock(transfer, acknowledged + 1);
            }
        }

        return true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Transfer transfer in _transfers.Values.ToArray())
        {
            End(transfer);
        }
    }

    public void Reset()
    {
        Dispose();
        _begun = 0;
    }

    private static byte[] Accept(Transfer transfer, string[] words)
    {
        var accepted = new List<byte>();
        for (int i = 2; i + 1 < words.Length; i += 2)
        {
            string option = words[i].ToUpperInvariant();
            int value = int.TryParse(words[i + 1], out int number) ? number : -1;
            string? answer = null;
            if (option == "BLKSIZE" && value >= LeastBlock)
            {
                transfer.Block = Math.Min(value, LargestBlock);
                answer = transfer.Block.ToString(System.Globalization.CultureInfo.InvariantCulture);
            }
            else if (option == "TSIZE")
            {
                answer = transfer.Length.ToString(System.Globalization.CultureInfo.InvariantCulture);
            }
            else if (option == "TIMEOUT" && value is > 0 and < 256)
            {
                answer = words[i + 1];
            }

            if (answer is not null)
            {
                accepted.AddRange(Encoding.ASCII.GetBytes($"{words[i]}\0{answer}\0"));
            }
        }

        return [.. accepted];
    }

    /// <summary>Opens a file below the folder; links out of it and what is no plain file are not there.</summary>
    private Microsoft.Win32.SafeHandles.SafeFileHandle? Open(string name)
    {
        try
        {
            string root = Path.GetFullPath(folder), path = Path.GetFullPath(Path.Combine(root, name.TrimStart('/', '\\').Replace('\\', '/')));
            for (string at = path; at.Length > root.Length; at = Path.GetDirectoryName(at) ?? "")
            {
                if (new FileInfo(at).LinkTarget is not null)
                {
                    return null;
                }
            }

            // A pipe has no length, and opening it would wait for a writer.
            var file = new FileInfo(path);
            return path.StartsWith(Path.EndsInDirectorySeparator(root) ? root : root + Path.DirectorySeparatorChar, StringComparison.Ordinal) && file is { Exists: true, Length: > 0 }
                ? File.OpenHandle(path)
                : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            return null;
        }
    }

    private void SendBlock(Transfer transfer, long block)
    {
        byte[] message = new byte[4 + transfer.Block];
        message[1] = (byte)Data;
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(2), (ushort)block);
        try
        {
            int count = RandomAccess.Read(transfer.File, message.AsSpan(4), (block - 1) * transfer.Block);
            transfer.Sent = Math.Max(transfer.Sent, block);
            send(transfer.Guest, transfer.Port, transfer.From, message.AsSpan(0, 4 + count));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Refuse(transfer.Guest, transfer.Port, transfer.From, 0, "the file can't be read");
            End(transfer);
        }
    }

    private void Refuse(uint guest, ushort port, ushort from, byte code, string reason) => send(guest, port, from, [0, (byte)Error, 0, code, .. Encoding.ASCII.GetBytes(reason), 0]);

    private void End(Transfer transfer)
    {
        transfer.File.Dispose();
        _transfers.Remove((transfer.Guest, transfer.Port));
    }

    private sealed record Transfer(uint Guest, ushort Port, ushort From, Microsoft.Win32.SafeHandles.SafeFileHandle File)
    {
        public long Length { get; } = RandomAccess.GetLength(File);

        public int Block { get; set; } = DefaultBlock;

        /// <summary>The highest block that was sent.</summary>
        public long Sent { get; set; }

        public long Used { get; set; }
    }
}
