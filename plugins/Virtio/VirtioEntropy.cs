using Kmem.Abstractions;

namespace Kmem.Plugins.Virtio;

/// <summary>Options of <c>virtio-rng-pci</c>.</summary>
/// <param name="Seed">Where the sequence begins, so that every run is the same run; 0 takes it from the host.</param>
/// <param name="Dma">The space in which its queue lies.</param>
public sealed record VirtioEntropyOptions(ulong Seed = 1, [property: Option(OptionKind.Space)] string Dma = "phys");

/// <summary>A virtio source of random numbers on PCI; output <c>inta</c>.</summary>
/// <remarks>Source: Virtual I/O Device (VIRTIO) Version 1.1, section 5.4 "Entropy Device". The sequence is xorshift64*, for tests and not for secrets.</remarks>
[Device("virtio-rng-pci")]
public sealed class VirtioEntropy : Device, IPciFunction, IHasBanks, IFirmwareState, IVirtioModel
{
    private readonly VirtioTransport _transport;
    private readonly ulong _seed;
    private ulong _state;

    /// <summary>Creates the device.</summary>
    public VirtioEntropy(VirtioEntropyOptions options, IDeviceContext context)
    {
        _seed = options.Seed != 0 ? options.Seed : (ulong)System.Security.Cryptography.RandomNumberGenerator.GetInt32(1, int.MaxValue);
        _state = _seed;
        _transport = new VirtioTransport(this, context, options.Dma, type: 4, device: 0x1005, classCode: 0x00_FF00);
    }

    /// <inheritdoc/>
    public PciConfiguration Configuration => _transport.Configuration;

    /// <inheritdoc/>
    public IReadOnlyList<DeviceBank> Banks => _transport.Banks;

    ulong IVirtioModel.Features => 0;

    IReadOnlyList<ushort> IVirtioModel.QueueSizes { get; } = [64];

    byte[] IVirtioModel.Configuration { get; } = [];

    /// <inheritdoc/>
    public override void Reset()
    {
        _state = _seed;
        _transport.Reset();
    }

    /// <inheritdoc/>
    public override void Save(StateWriter writer)
    {
        writer.U64(_state);
        _transport.Save(writer);
    }

    /// <inheritdoc/>
    public override void Load(StateReader reader)
    {
        _state = reader.U64();
        _transport.Load(reader);
    }

    /// <inheritdoc/>
    public bool TrySetFirmwareState(string key, ulong value) => Configuration.TrySetFirmwareState(key, value);

    void IVirtioModel.Reset()
    {
        // The sequence goes on.
    }

    void IVirtioModel.Notify(int queue)
    {
        VirtQueue requests = _transport.Queue(queue);
        bool any = false;
        while (requests.Take() is { } chain)
        {
            byte[] bytes = new byte[Math.Min(chain.RoomLength, 64 * 1024)];
            for (int i = 0; i < bytes.Length; i++)
            {
                bytes[i] = Next();
            }

            requests.Give(chain, chain.Write(0, bytes) ? (uint)bytes.Length : 0);
            any = true;
        }

        if (any)
        {
            _transport.Interrupt(requests);
        }
    }

    private byte Next()
    {
        _state ^= _state >> 12;
        _state ^= _state << 25;
        _state ^= _state >> 27;
        return (byte)((_state * 0x2545_F491_4F6C_DD1D) >> 56);
    }
}
