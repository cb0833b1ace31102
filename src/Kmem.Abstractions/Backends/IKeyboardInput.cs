namespace Kmem.Abstractions;

/// <summary>A device that takes keys from the host.</summary>
public interface IKeyboardInput
{
    /// <summary>A key goes down or up; call on the machine's thread.</summary>
    /// <param name="usage">The key's number on the keyboard page (0x07) of the USB HID Usage Tables, for example 0x04 for A and 0x28 for Enter.</param>
    /// <param name="pressed">True when it goes down.</param>
    /// <returns>False when the keyboard has no such key or no room for it now.</returns>
    bool Key(int usage, bool pressed);
}
