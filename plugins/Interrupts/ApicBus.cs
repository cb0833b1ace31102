using Kmem.Abstractions;

namespace Kmem.Plugins.Interrupts;

/// <summary>The bus between local and I/O APICs, and the page at which the local APICs' registers stand (bank <c>local</c>).</summary>
/// <remarks>
/// A CPU's access to the page reaches its own local APIC, a debugger's or a character device's the first one. A write by a device that does DMA is a
/// message-signalled interrupt, for which the bank is as long as the range that decodes them: 1 MiB.
/// Source: Intel SDM volume 3A, sections 10.6 "Issuing Interprocessor Interrupts" and 10.11 "Message Signalled Interrupts".
/// </remarks>
[Device("apic.bus")]
public sealed class ApicBus : Device, IApicBus, IHasBanks, IRegionHandler
{
    private const ulong MessageRange = 0x10_0000, RegisterPage = 0x1000;

    private readonly List<ILocalApic> _local = [];
    private readonly List<IIoApic> _io = [];

    /// <summary>Creates the bus without anybody on it.</summary>
    public ApicBus(IDeviceContext context)
    {
        _ = context;
        Banks = [new DeviceBank("local", new MmioRegion("local", MessageRange, this, maxWidth: 4))];
    }

    /// <inheritdoc/>
    public IReadOnlyList<DeviceBank> Banks { get; }

    /// <inheritdoc/>
    public IReadOnlyList<ILocalApic> LocalApics => _local;

    /// <inheritdoc/>
    public void Attach(ILocalApic apic) => _local.Add(apic);

    /// <inheritdoc/>
    public void Attach(IIoApic apic) => _io.Add(apic);

    /// <inheritdoc/>
    public bool Send(in InterruptMessage message)
    {
        ILocalApic? lowest = null;
        bool taken = false;
        foreach (ILocalApic apic in _local)
        {
            if (!apic.IsDestination(message.Destination, message.IsLogical))
            {
                continue;
            }

            taken = true;
            if (message.Delivery != InterruptDelivery.LowestPriority)
            {
                apic.Accept(message);
            }
            else if (lowest is null || apic.Priority < lowest.Priority)
            {
                lowest = apic;
            }
        }

        lowest?.Accept(message);
        return taken;
    }

    /// <inheritdoc/>
    public void EndOfInterrupt(byte vector)
    {
        foreach (IIoApic apic in _io)
        {
            apic.EndOfInterrupt(vector);
        }
    }

    /// <inheritdoc/>
    public AccessResult Read(ulong offset, int width, out ulong value, in AccessAttributes attributes)
    {
        value = 0;
        return offset < RegisterPage && Of(attributes.Master) is { } apic ? apic.Registers.Read(offset, width, out value, attributes) : AccessResult.Ok;
    }

    /// <inheritdoc/>
    public AccessResult Write(ulong offset, int width, ulong value, in AccessAttributes attributes)
    {
        if (attributes.Master.Kind == MasterKind.Dma)
        {
            // Address bits 19..12 are the destination, bit 2 says that it is logical; data are vector, delivery mode, level and trigger mode.
            _ = Send(new InterruptMessage(
                (byte)value, (InterruptDelivery)((value >> 8) & 7), InterruptMessage.Widen((byte)(offset >> 12), (offset & 4) != 0), (offset & 4) != 0, (value & 0x8000) != 0, (value & 0x8000) == 0 || (value & 0x4000) != 0));
            return AccessResult.Ok;
        }

        return offset < RegisterPage && Of(attributes.Master) is { } apic ? apic.Registers.Write(offset, width, value, attributes) : AccessResult.Ok;
    }

    private ILocalApic? Of(BusMaster master)
    {
        foreach (ILocalApic apic in _local)
        {
            foreach (BusMaster own in apic.Masters)
            {
                if (ReferenceEquals(own, master))
                {
                    return apic;
                }
            }
        }

        return _local.Count > 0 ? _local[0] : null;
    }
}
