using Kmem.Abstractions;

namespace Kmem.Plugins.Chipset;

/// <summary>Options of <c>pc.debug-console</c>.</summary>
/// <param name="Chardev">Where the text goes.</param>
/// <param name="Answer">What a read gives, by which firmware knows that the port is there.</param>
public sealed record DebugConsoleOptions([property: Option(OptionKind.CharBackend)] string Chardev = "none", byte Answer = 0xE9);

/// <summary>A port to which firmware writes its log, byte by byte.</summary>
/// <remarks>Source: Bochs user manual, "port_e9_hack"; SeaBIOS documentation, "Debugging", I/O port 0x402.</remarks>
[Device("pc.debug-console")]
public sealed class DebugConsole : Device, IHasRegisters
{
    /// <summary>Creates the port.</summary>
    public DebugConsole(DebugConsoleOptions options, IDeviceContext context)
    {
        ICharBackend line = context.Char("chardev");
        Registers = new RegisterMap(width: 1, count: 1).Add(0, "CONSOLE", () => options.Answer, v => line.Transmit((byte)v));
    }

    /// <inheritdoc/>
    public RegisterMap Registers { get; }
}
