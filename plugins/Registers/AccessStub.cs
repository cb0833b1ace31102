using Kmem.Abstractions;

namespace Kmem.Plugins.Registers;

/// <summary>Options of <c>stub.log</c>.</summary>
/// <param name="Size">Length in bytes.</param>
/// <param name="Value">Value of every byte that is read.</param>
public sealed record AccessStubOptions([property: Option(OptionKind.Size, Min = 1)] ulong Size, byte Value = 0xFF);

/// <summary>Stands for a device that is not there yet: answers with a constant and writes each kind of access into the log once.</summary>
[Device("stub.log")]
public sealed class AccessStub : Device, IHasBanks, IRegionHandler
{
    private readonly AccessStubOptions _options;
    private readonly IDeviceContext _context;

    /// <summary>Creates the stub.</summary>
    public AccessStub(AccessStubOptions options, IDeviceContext context)
    {
        (_options, _context) = (options, context);
        Banks = [new DeviceBank("", new MmioRegion(context.Id, options.Size, this))];
    }

    /// <inheritdoc/>
    public IReadOnlyList<DeviceBank> Banks { get; }

    /// <inheritdoc/>
    public AccessResult Read(ulong offset, int width, out ulong value, in AccessAttributes attributes)
    {
        value = (_options.Value * 0x0101_0101_0101_0101UL) & (ulong.MaxValue >> (64 - (8 * width)));
        if (!attributes.IsDebug)
        {
            _context.Log(LogLevel.Debug, $"{attributes.Master} reads {width} bytes at offset 0x{offset:X}");
        }

        return AccessResult.Ok;
    }

    /// <inheritdoc/>
    public AccessResult Write(ulong offset, int width, ulong value, in AccessAttributes attributes)
    {
        _context.Log(LogLevel.Debug, $"{attributes.Master} writes 0x{value:X} ({width} bytes) at offset 0x{offset:X}");
        return AccessResult.Ok;
    }
}
