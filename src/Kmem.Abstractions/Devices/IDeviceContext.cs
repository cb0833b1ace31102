namespace Kmem.Abstractions;

/// <summary>How much a line of the machine's log matters.</summary>
public enum LogLevel
{
    /// <summary>What a device author wants to see.</summary>
    Debug,

    /// <summary>What a guest does wrong: unmapped registers, bad widths.</summary>
    Guest,

    /// <summary>What a user should know.</summary>
    Warning,
}

/// <summary>A space that a device brings into the machine, for example <c>pci0.mem</c>.</summary>
/// <param name="Name">Name below the device's own.</param>
/// <param name="Width">Number of address bits, 1..63.</param>
/// <param name="Bus">Type of the bus plugin that rules it.</param>
/// <param name="Unmapped">What happens where nobody answers.</param>
public sealed record SpaceRequest(string Name, int Width, string Bus, UnmappedPolicy Unmapped);

/// <summary>Everything a device may ask of its machine; handed to its constructor.</summary>
public interface IDeviceContext
{
    /// <summary>The device's name in the machine.</summary>
    string Id { get; }

    /// <summary>The device as a bus master, for DMA.</summary>
    BusMaster Master { get; }

    /// <summary>The machine's time.</summary>
    IClock Clock { get; }

    /// <summary>The output line <paramref name="name"/>, wired by the machine; an unwired output is no error.</summary>
    IIrqLine Irq(string name);

    /// <summary>Declares the input pin <paramref name="name"/>; <paramref name="changed"/> is called with each new level.</summary>
    void Input(string name, Action<bool> changed);

    /// <summary>The character backend of the option <paramref name="name"/>: standard input and output, a pty, a file or nothing.</summary>
    ICharBackend Char(string name);

    /// <summary>The block backend of the option <paramref name="name"/>; null where the description gives none, as for an empty drive.</summary>
    /// <exception cref="MachineException">The file is missing, in use or of no use.</exception>
    IBlockBackend? Block(string name);

    /// <summary>The host's network; asked for only by devices to which the description opens a part of it.</summary>
    IHostNetwork HostNetwork { get; }

    /// <summary>A path inside the option <paramref name="option"/>, made absolute against the file that names it.</summary>
    string PathOf(string option, string path);

    /// <summary>The space that a description calls <paramref name="reference"/>, for example <c>phys</c> or <c>pci0.io</c>.</summary>
    /// <exception cref="MachineException">There is no such space.</exception>
    IAddressSpace Space(string reference);

    /// <summary>Creates a space of this device's own.</summary>
    IAddressSpace ProvideSpace(SpaceRequest request);

    /// <summary>The device that a description calls <paramref name="reference"/>; it is built first.</summary>
    /// <exception cref="MachineException">There is no such device, or it is of another kind.</exception>
    T Device<T>(string reference)
        where T : class;

    /// <summary>Memory that this device owns. A bank that the machine maps into its main space lies at its physical address in the backing file.</summary>
    /// <param name="bank">The bank's name, empty for the unnamed one.</param>
    /// <param name="length">Length in bytes.</param>
    IRamBlock AllocateMemory(string bank, ulong length);

    /// <summary>Reads an image file that the description names, whole.</summary>
    /// <param name="path">The path as the description gives it, already made absolute.</param>
    /// <param name="limit">Most bytes that make sense here.</param>
    /// <exception cref="MachineException">The file is missing, unreadable or larger than <paramref name="limit"/>.</exception>
    byte[] ReadImage(string path, ulong limit);

    /// <summary>Asks for the machine to be switched off or reset, after the present instruction.</summary>
    void RequestPower(PowerRequest request);

    /// <summary>The switch of the overlays that the description declares under <paramref name="id"/>.</summary>
    IOverlaySwitch Overlay(string id);

    /// <summary>Writes a line into the machine's log; the same text from the same device is written once.</summary>
    void Log(LogLevel level, string message);
}

/// <summary>Directions in which an overlay is switched to its <c>on</c> side.</summary>
[Flags]
public enum OverlayState
{
    /// <summary>Off for reads and writes.</summary>
    Off = 0,

    /// <summary>On for reads.</summary>
    Read = 1,

    /// <summary>On for writes.</summary>
    Write = 2,

    /// <summary>On for both.</summary>
    On = Read | Write,
}

/// <summary>Re-routes ranges that a machine declares as overlays of a device.</summary>
public interface IOverlaySwitch
{
    /// <summary>Number of ranges: 1, or the number of pieces that <c>each:</c> cuts.</summary>
    int Count { get; }

    /// <summary>Switches range <paramref name="index"/>.</summary>
    void Select(int index, OverlayState state);

    /// <summary>The present state of range <paramref name="index"/>.</summary>
    OverlayState this[int index] { get; }
}

/// <summary>The machine can't be built or run as described; the message says why and where.</summary>
public sealed class MachineException : Exception
{
    /// <summary>Creates the error without details.</summary>
    public MachineException()
    {
    }

    /// <summary>Creates the error with a message.</summary>
    public MachineException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the error with a message and a cause.</summary>
    public MachineException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>The option that is wrong, in the spelling of the description; null when it is the device as a whole.</summary>
    public string? Option { get; init; }
}
