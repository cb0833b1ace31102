namespace Kmem.Description;

/// <summary>The one table of diagnostic codes: what each stands for.</summary>
public static class DiagnosticCodes
{
    /// <summary>The file is no YAML.</summary>
    public const string Syntax = "KM1001";

    /// <summary>The file can't be read.</summary>
    public const string Unreadable = "KM1002";

    /// <summary>The file exceeds a limit that protects against hostile input.</summary>
    public const string Limit = "KM1003";

    /// <summary>A key stands twice in one mapping.</summary>
    public const string DuplicateKey = "KM1004";

    /// <summary>A value has the wrong form: a list where a mapping is due, and so on.</summary>
    public const string WrongForm = "KM1005";

    /// <summary>The language version is missing or unknown.</summary>
    public const string Version = "KM1006";

    /// <summary>The parentheses of a value don't match.</summary>
    public const string Parentheses = "KM1007";

    /// <summary>A key is unknown.</summary>
    public const string UnknownKey = "KM1008";

    /// <summary>A required key is missing.</summary>
    public const string MissingKey = "KM1009";

    /// <summary>A value can't be read as what its key takes.</summary>
    public const string BadValue = "KM1010";

    /// <summary>An anchor is missing, or a merge key does not name a mapping.</summary>
    public const string Anchor = "KM1011";

    /// <summary>An included file is missing.</summary>
    public const string MissingInclude = "KM1101";

    /// <summary>Files include each other in a circle.</summary>
    public const string IncludeCycle = "KM1102";

    /// <summary>A name is defined twice.</summary>
    public const string Redefinition = "KM1103";

    /// <summary>A patch path hits nothing, or an added one is there already.</summary>
    public const string PatchPath = "KM1104";

    /// <summary>A variant is unknown.</summary>
    public const string UnknownVariant = "KM1105";

    /// <summary>An included file is not the one that was meant: its checksum differs.</summary>
    public const string Checksum = "KM1106";

    /// <summary>An expression can't be parsed.</summary>
    public const string ExpressionSyntax = "KM1201";

    /// <summary>A name in an expression is unknown.</summary>
    public const string UnknownName = "KM1202";

    /// <summary>An expression can't be computed: overflow, division by zero, wrong types.</summary>
    public const string Arithmetic = "KM1203";

    /// <summary>Variables are defined by each other in a circle.</summary>
    public const string VariableCycle = "KM1204";

    /// <summary>A parameter's value is outside what the machine allows.</summary>
    public const string ParameterRange = "KM1205";

    /// <summary>A parameter is unknown.</summary>
    public const string UnknownParameter = "KM1206";

    /// <summary>env() is not allowed by the caller.</summary>
    public const string Environment = "KM1207";

    /// <summary>A device or bus type is unknown.</summary>
    public const string UnknownType = "KM2001";

    /// <summary>An option of a plugin is unknown.</summary>
    public const string UnknownOption = "KM2002";

    /// <summary>An option has a value that the plugin does not take.</summary>
    public const string BadOption = "KM2003";

    /// <summary>A required option is missing.</summary>
    public const string MissingOption = "KM2004";

    /// <summary>A device could not be built.</summary>
    public const string DeviceFailed = "KM2005";

    /// <summary>Devices need each other in a circle to be built.</summary>
    public const string DeviceCycle = "KM2006";

    /// <summary>A device that is referred to does not exist.</summary>
    public const string UnknownDevice = "KM2007";

    /// <summary>A file that a device needs is missing or unusable.</summary>
    public const string DeviceFile = "KM2008";

    /// <summary>An output of a device is unknown.</summary>
    public const string UnknownOutput = "KM2101";

    /// <summary>A pin of a device is unknown.</summary>
    public const string UnknownPin = "KM2102";

    /// <summary>The target of a wire has no pin in its name.</summary>
    public const string BadWire = "KM2103";

    /// <summary>A wire leads to a device that does not exist.</summary>
    public const string WireTarget = "KM2104";

    /// <summary>An address space is unknown.</summary>
    public const string UnknownSpace = "KM2201";

    /// <summary>Two regions of the same priority overlap.</summary>
    public const string Overlap = "KM2202";

    /// <summary>A region does not fit into its space.</summary>
    public const string OutsideSpace = "KM2203";

    /// <summary>A bank of a device is unknown.</summary>
    public const string UnknownBank = "KM2204";

    /// <summary>The part of a bank that is to be mapped does not exist.</summary>
    public const string BadPart = "KM2205";

    /// <summary>An overlay can't be built.</summary>
    public const string BadOverlay = "KM2206";

    /// <summary>A PCI place is taken or impossible.</summary>
    public const string PciPlace = "KM2207";

    /// <summary>The host can't give the memory that the machine wants.</summary>
    public const string HostMemory = "KM2208";

    /// <summary>An area can't be laid.</summary>
    public const string BadArea = "KM2301";

    /// <summary>A kernel flavour is unknown.</summary>
    public const string UnknownFlavour = "KM2302";

    /// <summary>An entry of <c>firmware-state</c> hits nothing.</summary>
    public const string FirmwareState = "KM2303";

    /// <summary>A plugin can't be used.</summary>
    public const string Plugin = "KM3001";

    /// <summary>A plugin that the machine names is missing.</summary>
    public const string MissingPlugin = "KM3002";

    /// <summary>A check of the machine does not hold.</summary>
    public const string CheckFailed = "KM4001";

    /// <summary>A check can't be read.</summary>
    public const string CheckSyntax = "KM4002";

    /// <summary>Every code with the sentence that documents it, in ascending order.</summary>
    public static IReadOnlyDictionary<string, string> Titles { get; } = new SortedDictionary<string, string>(StringComparer.Ordinal)
    {
        [Syntax] = "The file is not YAML",
        [Unreadable] = "The file can't be read",
        [Limit] = "The file exceeds a limit that protects against hostile input",
        [DuplicateKey] = "A key stands twice in one mapping",
        [WrongForm] = "A value has the wrong form (scalar, list or mapping)",
        [Version] = "The language version is missing or unknown",
        [Parentheses] = "The parentheses of a value don't match; quote it or move it to vars",
        [UnknownKey] = "A key is unknown",
        [MissingKey] = "A required key is missing",
        [BadValue] = "A value can't be read as what its key takes",
        [Anchor] = "An anchor is missing, or a merge key names no mapping",
        [MissingInclude] = "An included file is missing",
        [IncludeCycle] = "Files include each other in a circle",
        [Redefinition] = "A name is defined twice",
        [PatchPath] = "A patch path hits nothing, or an added one is there already",
        [UnknownVariant] = "A variant is unknown",
        [Checksum] = "An included file has another checksum than the one given",
        [ExpressionSyntax] = "An expression can't be parsed",
        [UnknownName] = "A name in an expression is unknown",
        [Arithmetic] = "An expression can't be computed",
        [VariableCycle] = "Variables are defined by each other in a circle",
        [ParameterRange] = "A parameter's value is outside what the machine allows",
        [UnknownParameter] = "A parameter is unknown",
        [Environment] = "env() is not allowed by the caller",
        [UnknownType] = "A device, bus or frontend type is unknown",
        [UnknownOption] = "An option of a plugin is unknown",
        [BadOption] = "An option has a value that the plugin does not take",
        [MissingOption] = "A required option is missing",
        [DeviceFailed] = "A device could not be built",
        [DeviceCycle] = "Devices need each other in a circle to be built",
        [UnknownDevice] = "A device that is referred to does not exist",
        [DeviceFile] = "A file that a device needs is missing or unusable",
        [UnknownOutput] = "An output of a device is unknown",
        [UnknownPin] = "A pin of a device is unknown",
        [BadWire] = "The target of a wire is not of the form DEVICE.PIN",
        [WireTarget] = "A wire leads to a device that does not exist",
        [UnknownSpace] = "An address space is unknown",
        [Overlap] = "Two regions of the same priority overlap",
        [OutsideSpace] = "A region does not fit into its space",
        [UnknownBank] = "A bank of a device is unknown",
        [BadPart] = "The part of a bank that is to be mapped does not exist",
        [BadOverlay] = "An overlay can't be built",
        [PciPlace] = "A PCI place is taken or impossible",
        [HostMemory] = "The host can't give the memory that the machine wants",
        [BadArea] = "An area can't be laid",
        [UnknownFlavour] = "A kernel flavour is unknown",
        [FirmwareState] = "An entry of firmware-state hits nothing",
        [Plugin] = "A plugin can't be used",
        [MissingPlugin] = "A plugin that the machine names is missing",
        [CheckFailed] = "A check of the machine does not hold",
        [CheckSyntax] = "A check can't be read",
    };
}
