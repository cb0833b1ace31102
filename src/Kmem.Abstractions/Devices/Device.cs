namespace Kmem.Abstractions;

/// <summary>A device of a machine: registers, memory, lines; no base address, no lock, no thread.</summary>
/// <remarks>
/// A subclass marked with <see cref="DeviceAttribute"/> is a plugin. Its constructor takes its options record and an
/// <see cref="IDeviceContext"/>, in this order; either may be left out. All members are called on the machine's thread.
/// </remarks>
public abstract class Device
{
    /// <summary>Puts the device into the state after power-on reset.</summary>
    public virtual void Reset()
    {
    }

    /// <summary>Writes all state that <see cref="Reset"/> would lose.</summary>
    public virtual void Save(StateWriter writer)
    {
    }

    /// <summary>Takes the state that <see cref="Save"/> wrote.</summary>
    /// <exception cref="StateMismatchException">The state is of another shape.</exception>
    public virtual void Load(StateReader reader)
    {
    }
}

/// <summary>Marks a class as the device of a type name, for example <c>uart.16550a</c>.</summary>
/// <param name="type">The name used by <c>type:</c> of a device.</param>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class DeviceAttribute(string type) : Attribute
{
    /// <summary>The name used by <c>type:</c> of a device.</summary>
    public string Type { get; } = type;

    /// <summary>Version of the saved state; raised when its shape changes.</summary>
    public int StateVersion { get; set; } = 1;
}

/// <summary>Says which version of the plugin contract an assembly was written for.</summary>
/// <param name="version">The contract's major version, see <see cref="Current"/>.</param>
[AttributeUsage(AttributeTargets.Assembly)]
public sealed class PluginContractAttribute(int version) : Attribute
{
    /// <summary>The version of the contract in this assembly; a plugin that says another one is refused.</summary>
    public const int Current = 1;

    /// <summary>The version that the plugin was written for.</summary>
    public int Version { get; } = version;
}

/// <summary>A device with one block of registers, mapped as its unnamed bank.</summary>
public interface IHasRegisters
{
    /// <summary>The registers.</summary>
    RegisterMap Registers { get; }
}

/// <summary>A device that answers for its registers itself, as an <see cref="IRegionHandler"/>, and can name them.</summary>
public interface IHasNamedRegisters
{
    /// <summary>Names, offsets and widths in bytes, in the order of the description.</summary>
    IReadOnlyList<(string Name, ulong Offset, int Width)> NamedRegisters { get; }
}

/// <summary>A device with several regions that a machine maps one by one.</summary>
public interface IHasBanks
{
    /// <summary>The regions; the unnamed bank is mapped when an entry of <c>map:</c> names none.</summary>
    IReadOnlyList<DeviceBank> Banks { get; }
}

/// <summary>One region of a device.</summary>
/// <param name="Name">Name used by <c>bank:</c>; empty for the unnamed bank.</param>
/// <param name="Region">The region.</param>
public sealed record DeviceBank(string Name, MemoryRegion Region);

/// <summary>A device that labels the places at which it is mapped with a policy, as console and PAL memory do.</summary>
public interface IHasAreaPolicy
{
    /// <summary>The area for a range of a space at which the device is mapped.</summary>
    FirmwareArea CreateArea(string name, ulong start, ulong last);
}

/// <summary>A device whose state firmware leaves in a way that register writes can't express.</summary>
public interface IFirmwareState
{
    /// <summary>Takes one entry of the machine's <c>firmware-state:</c>.</summary>
    /// <param name="key">The key, for example <c>config.04</c>, <c>bar.0</c> or a register's name.</param>
    /// <param name="value">Its value.</param>
    /// <returns>False when the device knows no such key.</returns>
    bool TrySetFirmwareState(string key, ulong value);
}
