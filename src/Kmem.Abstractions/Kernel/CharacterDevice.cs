namespace Kmem.Abstractions;

/// <summary>A driver behind a node: what a kernel calls its file operations.</summary>
/// <remarks>
/// A subclass marked with <see cref="CharDeviceAttribute"/> is a plugin; its constructor takes its options record and an
/// <see cref="IFrontendContext"/>. The kernel has already done the checks that are the same for all files.
/// </remarks>
/// <param name="node">The node.</param>
public abstract class CharacterDevice(DeviceNode node)
{
    /// <summary>The node.</summary>
    public DeviceNode Node { get; } = node;

    /// <summary>True when positions are unsigned 64-bit numbers, as those of /dev/mem are.</summary>
    public virtual bool HasUnsignedOffsets => false;

    /// <summary>True when the driver can map.</summary>
    public virtual bool CanMap => false;

    /// <summary>Opens; <see cref="Errno.None"/> lets the caller in.</summary>
    public virtual Errno Open(IKernel kernel, OpenRequest request) => Errno.None;

    /// <summary>Reads up to <paramref name="count"/> bytes at <paramref name="position"/> and moves the position.</summary>
    public virtual CallResult Read(IOpenFile file, ref ulong position, IUserMemory memory, ulong buffer, ulong count) => Errno.EINVAL;

    /// <summary>Writes up to <paramref name="count"/> bytes at <paramref name="position"/> and moves the position.</summary>
    public virtual CallResult Write(IOpenFile file, ref ulong position, IUserMemory memory, ulong buffer, ulong count) => Errno.EINVAL;

    /// <summary>Moves the position; the default takes SEEK_SET and SEEK_CUR as /dev/mem does.</summary>
    public virtual CallResult Seek(IOpenFile file, ref ulong position, long offset, int whence)
    {
        if (whence is not (0 or 1))
        {
            return Errno.EINVAL;
        }

        ulong target = whence == 0 ? (ulong)offset : position + (ulong)offset;

        // The last 4095 values would read as an error number in the return register.
        if (target > ulong.MaxValue - 4095)
        {
            return Errno.EOVERFLOW;
        }

        position = target;
        return (long)target;
    }

    /// <summary>Maps; the kernel has checked length, alignment, protection and file mode.</summary>
    public virtual CallResult Map(IOpenFile file, MapRequest request, out IMapping? mapping)
    {
        mapping = null;
        return Errno.ENODEV;
    }

    /// <summary>Events that are ready; the default is ready for everything, as a driver without a poll operation is.</summary>
    public virtual PollEvents Poll(IOpenFile file) => PollEvents.In | PollEvents.Out | PollEvents.ReadNormal | PollEvents.WriteNormal;

    /// <summary>A control call that the kernel does not answer by itself.</summary>
    public virtual CallResult Ioctl(IOpenFile file, uint request, ulong argument, IUserMemory memory) => Errno.ENOTTY;
}

/// <summary>Marks a class as the character device of a type name, for example <c>chardev.mem</c>.</summary>
/// <param name="type">The name used by <c>type:</c> of a frontend.</param>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class CharDeviceAttribute(string type) : Attribute
{
    /// <summary>The name used by <c>type:</c> of a frontend.</summary>
    public string Type { get; } = type;
}

/// <summary>Everything a character device may ask of its machine; handed to its constructor.</summary>
public interface IFrontendContext
{
    /// <summary>The frontend's name in the machine.</summary>
    string Id { get; }

    /// <summary>The frontend as a bus master.</summary>
    BusMaster Master { get; }

    /// <summary>The space that a description calls <paramref name="reference"/>.</summary>
    /// <exception cref="MachineException">There is no such space.</exception>
    IAddressSpace Space(string reference);

    /// <summary>How kernel virtual addresses become physical ones.</summary>
    IKernelMap KernelMap { get; }
}

/// <summary>What a kernel virtual range is.</summary>
public enum KernelRangeKind
{
    /// <summary>Direct map of physical memory.</summary>
    Direct,

    /// <summary>Alpha KSEG: physical memory and I/O space under one prefix.</summary>
    Kseg,

    /// <summary>vmalloc area: only pieces of it are mapped.</summary>
    Vmalloc,

    /// <summary>Modules.</summary>
    Modules,

    /// <summary>The kernel's own text and data.</summary>
    Text,
}

/// <summary>A range of kernel virtual addresses.</summary>
/// <param name="Start">First virtual address.</param>
/// <param name="Last">Last virtual address.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Physical">Physical address of its first byte; null where nothing is mapped.</param>
public sealed record KernelRange(ulong Start, ulong Last, KernelRangeKind Kind, ulong? Physical);

/// <summary>How kernel virtual addresses become physical ones: by the CPU's own page tables, else by the ranges that the machine declares.</summary>
public interface IKernelMap
{
    /// <summary>The declared ranges, ascending; empty when a CPU translates.</summary>
    IReadOnlyList<KernelRange> Ranges { get; }

    /// <summary>Translates a kernel virtual address.</summary>
    /// <param name="address">The virtual address.</param>
    /// <param name="write">True when the page must be writable.</param>
    /// <param name="physical">The physical address.</param>
    /// <param name="length">Bytes over which the translation holds, at least 1.</param>
    /// <param name="kind">What the range is.</param>
    bool TryTranslate(ulong address, bool write, out ulong physical, out ulong length, out KernelRangeKind kind);
}

/// <summary>Marks a class as the kernel of one or more flavours; its constructor takes an options record and an <see cref="IKernelContext"/>.</summary>
/// <param name="flavours">Names of the built-in profiles, for example <c>linux-6.1-x86_64</c>.</param>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class KernelAttribute(params string[] flavours) : Attribute
{
    /// <summary>Names of the built-in profiles.</summary>
    public IReadOnlyList<string> Flavours { get; } = flavours;
}

/// <summary>What a kernel is made for.</summary>
public interface IKernelContext
{
    /// <summary>The profile that the flavour's <c>base:</c> names.</summary>
    string Base { get; }

    /// <summary>The flavour's own name; that of the profile when the description declares none.</summary>
    string Flavour { get; }

    /// <summary>The drivers behind the nodes of this kernel.</summary>
    IReadOnlyList<CharacterDevice> Devices { get; }

    /// <summary>The main space of the machine, for the kernel's memory map.</summary>
    IAddressSpace? Physical { get; }

    /// <summary>Writes a line into the machine's log.</summary>
    void Log(LogLevel level, string message);
}
