using System.Buffers.Binary;
using System.Text;
using Kmem.Abstractions;

namespace Kmem.Plugins.Virtio;

/// <summary>Options of <c>virtio-blk-pci</c>.</summary>
/// <param name="Disk">Image of the disk.</param>
/// <param name="Serial">Its serial number, up to 20 letters.</param>
/// <param name="Dma">The space in which its queues lie.</param>
public sealed record VirtioBlockOptions(
    [property: Option(OptionKind.BlockBackend)] string Disk = "none",
    string Serial = "kmem-virtio",
    [property: Option(OptionKind.Space)] string Dma = "phys");

/// <summary>A virtio disk on PCI; output <c>inta</c>.</summary>
/// <remarks>Source: Virtual I/O Device (VIRTIO) Version 1.1, section 5.2 "Block Device".</remarks>
[Device("virtio-blk-pci")]
public sealed class VirtioBlock : Device, IPciFunction, IHasBanks, IFirmwareState
{
    private const int SectorLength = 512, HeaderLength = 16, IdLength = 20, MostSegments = 126;

    private readonly Model _model;
    private readonly VirtioTransport _transport;

    /// <summary>Creates the disk; without an image it has no sectors.</summary>
    public VirtioBlock(VirtioBlockOptions options, IDeviceContext context)
    {
        IBlockBackend? disk = context.Block("disk");
        if (disk is { Length: < SectorLength })
        {
            throw new MachineException($"the disk has {disk.Length} bytes, less than a sector of {SectorLength}") { Option = "disk" };
        }

        _model = new Model(this, disk, options.Serial);
        _transport = new VirtioTransport(_model, context, options.Dma, type: 2, device: 0x1001, classCode: 0x01_0000);
    }

    /// <inheritdoc/>
    public PciConfiguration Configuration => _transport.Configuration;

    /// <inheritdoc/>
    public IReadOnlyList<DeviceBank> Banks => _transport.Banks;

    /// <inheritdoc/>
    public override void Reset() => _transport.Reset();

    /// <inheritdoc/>
    public override void Save(StateWriter writer) => _transport.Save(writer);

    /// <inheritdoc/>
    public override void Load(StateReader reader) => _transport.Load(reader);

    /// <inheritdoc/>
    public bool TrySetFirmwareState(string key, ulong value) => Configuration.TrySetFirmwareState(key, value);

    private sealed class Model : IVirtioModel
    {
        private const uint Read = 0, Write = 1, Flush = 4, GetId = 8;
        private const byte Done = 0, Failed = 1, Unsupported = 2;
        private const ulong HasSegments = 1 << 2, HasGeometry = 1 << 4, ReadOnly = 1 << 5, HasBlockSize = 1 << 6, HasFlush = 1 << 9;

        private readonly VirtioBlock _owner;
        private readonly IBlockBackend? _disk;
        private readonly byte[] _serial = new byte[IdLength];
        private readonly byte[] _buffer = new byte[64 * 1024];

        public Model(VirtioBlock owner, IBlockBackend? disk, string serial)
        {
            (_owner, _disk) = (owner, disk);
            Encoding.ASCII.GetBytes(serial.Length > IdLength ? serial[..IdLength] : serial).CopyTo(_serial, 0);
            Features = HasSegments | HasGeometry | HasBlockSize | HasFlush | (disk is { IsReadOnly: true } ? ReadOnly : 0);
            long sectors = (disk?.Length ?? 0) / SectorLength;
            BinaryPrimitives.WriteInt64LittleEndian(Configuration, sectors);
            BinaryPrimitives.WriteInt32LittleEndian(Configuration.AsSpan(12), MostSegments);
            BinaryPrimitives.WriteUInt16LittleEndian(Configuration.AsSpan(16), (ushort)Math.Min(sectors / (16 * 63), ushort.MaxValue));
            (Configuration[18], Configuration[19]) = (16, 63);
            BinaryPrimitives.WriteInt32LittleEndian(Configuration.AsSpan(20), SectorLength);
        }

        public ulong Features { get; }

        public IReadOnlyList<ushort> QueueSizes { get; } = [256];

        public byte[] Configuration { get; } = new byte[36];

        public void Reset()
        {
            // Requests end within the notification, so that none is under way.
        }

        public void Notify(int queue)
        {
            VirtQueue requests = _owner._transport.Queue(queue);
            bool any = false;
            while (requests.Take() is { } chain)
            {
                requests.Give(chain, Serve(chain));
                any = true;
            }

            if (any)
            {
                _owner._transport.Interrupt(requests);
            }
        }

        /// <summary>Carries out a request; the bytes written into the chain, status included.</summary>
        private uint Serve(VirtChain chain)
        {
            Span<byte> header = stackalloc byte[HeaderLength];
            long room = chain.RoomLength - 1;
            if (room < 0)
            {
                return 0;
            }

            uint moved = 0;
            byte status = Failed;
            if (chain.Read(0, header))
            {
                uint type = BinaryPrimitives.ReadUInt32LittleEndian(header);
                ulong sector = BinaryPrimitives.ReadUInt64LittleEndian(header[8..]);
                (status, moved) = type switch
                {
                    Read => Move(chain, sector, room, isWrite: false),
                    Write => Move(chain, sector, chain.GivenLength - HeaderLength, isWrite: true),
                    Flush => (_disk?.Flush() ?? true ? Done : Failed, 0u),
                    GetId => (chain.Write(0, _serial.AsSpan(0, (int)Math.Min(room, IdLength))) ? Done : Failed, (uint)Math.Min(room, IdLength)),
                    _ => (Unsupported, 0u),
                };
            }

            // The status is the last byte of the room, wherever the data end.
            _ = chain.Write(room, [status]);
            return moved + 1;
        }

        private (byte Status, uint Moved) Move(VirtChain chain, ulong sector, long length, bool isWrite)
        {
            if (_disk is null || length % SectorLength != 0 || sector > (ulong)(_disk.Length / SectorLength) || (long)(sector * SectorLength) + length > _disk.Length)
            {
                return (Failed, 0);
            }

            for (long done = 0; done < length;)
            {
                Span<byte> part = _buffer.AsSpan(0, (int)Math.Min(_buffer.Length, length - done));
                long at = (long)(sector * SectorLength) + done;
                bool good = isWrite ? chain.Read(HeaderLength + done, part) && _disk.Write(at, part) : _disk.Read(at, part) && chain.Write(done, part);
                if (!good)
                {
                    return (Failed, 0);
                }

                done += part.Length;
            }

            return (Done, isWrite ? 0 : (uint)length);
        }
    }
}
