using Kmem.Abstractions;

namespace Kmem.Plugins.Firmware;

/// <summary>A ROM bank that a builder of tables has filled.</summary>
internal static class FirmwareBank
{
    /// <summary>Allocates a bank whose first bytes are <paramref name="content"/> and whose rest reads as 0.</summary>
    /// <param name="context">The device.</param>
    /// <param name="name">The bank's name.</param>
    /// <param name="size">Its length in bytes.</param>
    /// <param name="option">The option that gives the length, for the message.</param>
    /// <param name="content">What it holds.</param>
    /// <exception cref="MachineException">The content is longer than the bank.</exception>
    public static unsafe DeviceBank Create(IDeviceContext context, string name, ulong size, string option, ReadOnlySpan<byte> content)
    {
        if ((ulong)content.Length > size)
        {
            throw new MachineException($"the tables take {content.Length} bytes, but the bank has {size}") { Option = option };
        }

        IRamBlock block = context.AllocateMemory(name, size);
        content.CopyTo(new Span<byte>((void*)block.Pointer, content.Length));
        return new DeviceBank(name, new RomRegion(name.Length == 0 ? context.Id : $"{context.Id}.{name}", block));
    }

    /// <summary>Refuses an address that the table's fields can't carry or its format does not allow.</summary>
    /// <exception cref="MachineException">The address is not aligned, or the bank does not lie below <paramref name="limit"/>.</exception>
    public static void CheckPlace(ulong address, ulong length, ulong alignment, ulong limit, string option)
    {
        if (address % alignment != 0)
        {
            throw new MachineException($"0x{address:X} is no multiple of {alignment}") { Option = option };
        }

        if (address >= limit || length > limit - address)
        {
            throw new MachineException($"0x{address:X}+0x{length:X} does not lie below 0x{limit:X}") { Option = option };
        }
    }
}
