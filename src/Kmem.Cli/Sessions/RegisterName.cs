using Kmem.Abstractions;

namespace Kmem.Cli.Sessions;

/// <summary>Who answers at an address, in words.</summary>
/// <param name="Device">The region.</param>
/// <param name="Register">The register, or the offset where it has no name.</param>
/// <param name="Widths">The widths that it takes, in bytes.</param>
internal readonly record struct RegisterName(string Device, string Register, string Widths)
{
    /// <summary>Device and register.</summary>
    public string Full => Register.Length == 0 ? Device : $"{Device}.{Register}";

    /// <summary>The name of what answers at an address.</summary>
    public static RegisterName Of(IAddressSpace space, ulong address)
    {
        AddressDecode decode = space.Decode(address);
        switch (decode.Region)
        {
            case null:
                return new RegisterName("nobody", "", "none");
            case MmioRegion { Handler: IHasNamedRegisters named } region when named.NamedRegisters.FirstOrDefault(r => decode.Offset - r.Offset < (ulong)r.Width) is { Width: > 0 } register:
                string name = register.Offset == decode.Offset ? register.Name : $"{register.Name}+{decode.Offset - register.Offset}";
                return new RegisterName(region.Name, name, register.TakesOtherWidths ? $"{register.Width}, others split" : $"{register.Width}");
            case MmioRegion region:
                return new RegisterName(region.Name, $"0x{decode.Offset:X}", region.MinWidth == region.MaxWidth ? $"{region.MinWidth}" : $"{region.MinWidth}..{region.MaxWidth}");
            default:
                return new RegisterName(decode.Region.Name, $"0x{decode.Offset:X}", "1..8");
        }
    }
}
