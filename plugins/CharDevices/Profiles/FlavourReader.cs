using System.Globalization;
using Kmem.Abstractions;

namespace Kmem.Plugins.CharDevices.Profiles;

/// <summary>Applies a flavour and its kernel's command line to a profile.</summary>
public static class FlavourReader
{
    /// <summary>Names of capabilities; the place is the bit.</summary>
    /// <remarks>Source: Linux 6.1 include/uapi/linux/capability.h.</remarks>
    private static readonly string[] CapabilityNames =
    [
        "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP", "LINUX_IMMUTABLE",
        "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE",
        "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE",
        "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
        "CHECKPOINT_RESTORE",
    ];

    /// <summary>The profile that a flavour describes.</summary>
    /// <param name="profile">The profile that it starts from.</param>
    /// <param name="options">The flavour.</param>
    /// <exception cref="MachineException">An option's value makes no sense.</exception>
    public static KernelProfile Apply(KernelProfile profile, FlavourOptions options)
    {
        profile = profile with
        {
            StrictDevmem = options.StrictDevmem ?? profile.StrictDevmem,
            IoStrictDevmem = options.IoStrictDevmem ?? profile.IoStrictDevmem,
            Lockdown = options.Lockdown ?? profile.Lockdown,
            HasMem = options.Devmem ?? profile.HasMem,
            HasPort = options.Devport ?? profile.HasPort,
            HasKmem = options.Devkmem ?? profile.HasKmem,
            UncachedBySync = options.MmapCache is { } cache ? cache == MapCacheWord.UcByOSync : profile.UncachedBySync,
            DirectMap = options.Kseg ?? profile.DirectMap,
            PhysicalBits = options.PhysBits ?? profile.PhysicalBits,
            PageSize = options.PageSize ?? profile.PageSize,
            HasPageAttributes = options.Pat ?? profile.HasPageAttributes,
            RangeCheck = options.RangeCheck ?? profile.RangeCheck,
            SignalBreak = options.SignalBreak ?? profile.SignalBreak,
            SpliceFallback = options.SpliceFallback ?? profile.SpliceFallback,
            AdviseCalls = options.AdviseSyscalls ?? profile.AdviseCalls,
            FileLocking = options.FileLocking ?? profile.FileLocking,
            Quadwords = options.Kmem ?? profile.Quadwords,
            UnmappedError = ErrorOf(options.Errors?.Unmapped, "errors.unmapped") ?? profile.UnmappedError,
            UserAddressError = ErrorOf(options.Errors?.UserAddress, "errors.user-address") ?? profile.UserAddressError,
            ProtectedWriteError = ErrorOf(options.Errors?.ProtectedWrite, "errors.protected-write") ?? profile.ProtectedWriteError,
        };
        if (profile.PhysicalBits is < 12 or > 64)
        {
            throw new MachineException($"A CPU has 12 to 64 physical address bits, not {profile.PhysicalBits}.") { Option = "phys-bits" };
        }

        if (profile.PageSize < 512 || !System.Numerics.BitOperations.IsPow2(profile.PageSize))
        {
            throw new MachineException($"A page has a power of two of bytes from 512, not {profile.PageSize}.") { Option = "page-size" };
        }

        return (options.Cmdline ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries).Aggregate(profile, ApplyWord);
    }

    /// <summary>Who calls when nobody says.</summary>
    public static Credentials CallerOf(FlavourOptions options)
    {
        int user = options.Uid ?? 0;
        Capabilities capabilities = user == 0 ? Capabilities.All : Capabilities.None;
        if (options.Caps is { } names)
        {
            capabilities = names.Aggregate(Capabilities.None, (sum, name) => sum | CapabilityOf(name));
        }

        return new Credentials(user, user, capabilities);
    }

    /// <summary>The address that <c>high_memory</c> gives, or null for auto.</summary>
    public static ulong? HighMemoryOf(FlavourOptions options)
    {
        string text = (options.HighMemory ?? "auto").Replace("_", "", StringComparison.Ordinal).Trim();
        if (text is "" or "auto")
        {
            return null;
        }

        int unit = text.EndsWith("GiB", StringComparison.Ordinal) ? 30 : text.EndsWith("MiB", StringComparison.Ordinal) ? 20 : text.EndsWith("KiB", StringComparison.Ordinal) ? 10 : 0;
        string digits = unit == 0 ? text : text[..^3].TrimEnd();
        bool isHex = digits.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        bool isNumber = isHex
            ? ulong.TryParse(digits.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong value)
            : ulong.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out value);
        return isNumber && (value << unit) >> unit == value
            ? value << unit
            : throw new MachineException($"'{options.HighMemory}' is neither 'auto' nor an address.") { Option = "high-memory" };
    }

    private static KernelProfile ApplyWord(KernelProfile profile, string word) => word switch
    {
        "iomem=relaxed" => profile with { ChecksClaims = false },
        "iomem=strict" => profile with { ChecksClaims = true },
        "nopat" => profile with { HasPageAttributes = false },
        "lockdown=integrity" => profile with { Lockdown = Lockdown.Integrity },
        "lockdown=confidentiality" => profile with { Lockdown = Lockdown.Confidentiality },
        _ => profile,
    };

    private static Capabilities CapabilityOf(string name)
    {
        string upper = name.ToUpperInvariant();
        int bit = Array.IndexOf(CapabilityNames, upper.StartsWith("CAP_", StringComparison.Ordinal) ? upper[4..] : upper);
        return bit >= 0
            ? (Capabilities)(1UL << bit)
            : throw new MachineException($"'{name}' is not a capability; capabilities(7) lists them.") { Option = "caps" };
    }

    private static Errno? ErrorOf(string? name, string option)
    {
        if (name is null)
        {
            return null;
        }

        return Enum.TryParse(name, ignoreCase: false, out Errno error) && Enum.IsDefined(error) && error != Errno.None && !char.IsAsciiDigit(name[0])
            ? error
            : throw new MachineException($"'{name}' is not the name of an error.") { Option = option };
    }
}
