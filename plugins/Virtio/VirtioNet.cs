using System.Globalization;
using Kmem.Abstractions;

namespace Kmem.Plugins.Virtio;

/// <summary>Options of <c>virtio-net-pci</c>.</summary>
/// <param name="Network">The network that it is attached to; empty for none.</param>
/// <param name="Mac">Its Ethernet address.</param>
/// <param name="Dma">The space in which its queues lie.</param>
public sealed record VirtioNetOptions(
    [property: Option(OptionKind.Device)] string Network = "",
    string Mac = "52:54:00:12:34:56",
    [property: Option(OptionKind.Space)] string Dma = "phys");

/// <summary>A virtio network adapter on PCI; output <c>inta</c>.</summary>
/// <remarks>Source: Virtual I/O Device (VIRTIO) Version 1.1, section 5.1 "Network Device".</remarks>
[Device("virtio-net-pci")]
public sealed class VirtioNet : Device, IPciFunction, IHasBanks, IFirmwareState, IVirtioModel
{
    private const int Receive = 0, Send = 1, LegacyHeader = 10, ModernHeader = 12, MostFrame = 65550, MostWaiting = 256;
    private const ulong SumsOut = 1 << 0, HasMac = 1 << 5, Tcp4Out = 1 << 11, HasStatus = 1 << 16;
    private const byte LinkUp = 1;

    private readonly VirtioTransport _transport;
    private readonly INetworkPort? _port;
    private readonly byte[] _configuration;
    private readonly Queue<byte[]> _waiting = new();

    /// <summary>Creates the adapter.</summary>
    /// <exception cref="MachineException">The address is none.</exception>
    public VirtioNet(VirtioNetOptions options, IDeviceContext context)
    {
        string[] parts = options.Mac.Split(':');
        byte[] mac = [.. parts.Select(p => byte.TryParse(p, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte b) ? b : throw Bad(options.Mac))];
        if (mac.Length != 6)
        {
            throw Bad(options.Mac);
        }

        _configuration = [.. mac, LinkUp, 0];
        _transport = new VirtioTransport(this, context, options.Dma, type: 1, device: 0x1000, classCode: 0x02_0000);
        _port = options.Network.Length == 0 ? null : context.Device<INetwork>(options.Network).Attach(Arrive);
    }

    /// <inheritdoc/>
    public PciConfiguration Configuration => _transport.Configuration;

    /// <inheritdoc/>
    public IReadOnlyList<DeviceBank> Banks => _transport.Banks;

    ulong IVirtioModel.Features => SumsOut | HasMac | Tcp4Out | HasStatus;

    IReadOnlyList<ushort> IVirtioModel.QueueSizes { get; } = [256, 256];

    byte[] IVirtioModel.Configuration => _configuration;

    private int HeaderLength => _transport.IsModern ? ModernHeader : LegacyHeader;

    /// <inheritdoc/>
    public override void Reset() => _transport.Reset();

    /// <inheritdoc/>
    public override void Save(StateWriter writer) => _transport.Save(writer);

    /// <inheritdoc/>
    public override void Load(StateReader reader)
    {
        _waiting.Clear();
        _transport.Load(reader);
    }

    /// <inheritdoc/>
    public bool TrySetFirmwareState(string key, ulong value) => Configuration.TrySetFirmwareState(key, value);

    void IVirtioModel.Reset() => _waiting.Clear();

    void IVirtioModel.Notify(int queue)
    {
        if (queue == Send)
        {
            Transmit();
        }
        else
        {
            Deliver();
        }
    }

    private static MachineException Bad(string mac) => new($"'{mac}' is no Ethernet address such as 52:54:00:12:34:56") { Option = "mac" };

    private void Transmit()
    {
        VirtQueue frames = _transport.Queue(Send);
        bool any = false;
        while (frames.Take() is { } chain)
        {
            long length = chain.GivenLength - HeaderLength;
            if (length is > 0 and <= MostFrame)
            {
                byte[] frame = new byte[HeaderLength + length];
                if (chain.Read(0, frame) && _port is { } port)
                {
                    NetOffload.Read(frame).Apply(frame.AsSpan(HeaderLength), port.Send);
                }
            }

            frames.Give(chain, 0);
            any = true;
        }

        if (any)
        {
            _transport.Interrupt(frames);
        }
    }

    private bool Arrive(ReadOnlyMemory<byte> frame)
    {
        // Nobody takes frames before the driver runs.
        if (!_transport.IsRunning)
        {
            return true;
        }

        if (_waiting.Count >= MostWaiting)
        {
            return false;
        }

        _waiting.Enqueue(frame.ToArray());
        Deliver();
        return true;
    }

    private void Deliver()
    {
        VirtQueue room = _transport.Queue(Receive);
        bool any = false;
        while (_waiting.Count > 0 && room.Take() is { } chain)
        {
            byte[] frame = _waiting.Dequeue(), header = new byte[HeaderLength];
            if (header.Length == ModernHeader)
            {
                header[10] = 1;   // one buffer
            }

            bool fits = chain.Write(0, header) && chain.Write(header.Length, frame);
            room.Give(chain, fits ? (uint)(header.Length + frame.Length) : 0);
            any = true;
        }

        if (any)
        {
            _transport.Interrupt(room);
        }

        if (_waiting.Count < MostWaiting)
        {
            _port?.Resume();
        }
    }
}
