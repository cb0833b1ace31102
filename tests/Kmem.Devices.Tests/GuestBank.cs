using Kmem.Abstractions;

namespace Kmem.Devices.Tests;

/// <summary>A bank of a device as a guest's CPU reaches it.</summary>
internal sealed class GuestBank(IHasBanks device, string name)
{
    private readonly AccessAttributes _guest = new(new BusMaster("guest", MasterKind.Cpu));
    private readonly IRegionHandler _handler = ((MmioRegion)device.Banks.First(b => b.Name == name).Region).Handler;

    public ulong Read(ulong offset, int width)
    {
        _handler.Read(offset, width, out ulong value, _guest);
        return value;
    }

    public void Write(ulong offset, int width, ulong value) => _handler.Write(offset, width, value, _guest);
}
