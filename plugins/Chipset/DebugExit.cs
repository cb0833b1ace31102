using Kmem.Abstractions;

namespace Kmem.Plugins.Chipset;

/// <summary>Options of <c>pc.debug-exit</c>.</summary>
/// <param name="Size">Number of ports, 1..4.</param>
public sealed record DebugExitOptions([property: Option(Min = 1, Max = 4)] int Size = 4);

/// <summary>Ports that end the run when written to: the value v becomes the exit code 2v+1.</summary>
/// <remarks>Source: kvm-unit-tests, README and lib/x86, use of the isa-debug-exit device.</remarks>
[Device("pc.debug-exit")]
public sealed class DebugExit : Device, IHasBanks, IRegionHandler
{
    private readonly IDeviceContext _context;

    /// <summary>Creates the ports.</summary>
    public DebugExit(DebugExitOptions options, IDeviceContext context)
    {
        _context = context;
        Banks = [new DeviceBank("", new MmioRegion("", (ulong)options.Size, this, maxWidth: 4))];
    }

    /// <inheritdoc/>
    public IReadOnlyList<DeviceBank> Banks { get; }

    /// <inheritdoc/>
    public AccessResult Read(ulong offset, int width, out ulong value, in AccessAttributes attributes)
    {
        value = 0;
        return AccessResult.Ok;
    }

    /// <inheritdoc/>
    public AccessResult Write(ulong offset, int width, ulong value, in AccessAttributes attributes)
    {
        _context.RequestPower(new PowerRequest(PowerAction.Off, "the guest ended the run", (int)((value << 1) | 1) & 0xFF));
        return AccessResult.Ok;
    }
}
