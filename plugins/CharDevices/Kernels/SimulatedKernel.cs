using Kmem.Abstractions;
using Kmem.Plugins.CharDevices.Profiles;
using Kmem.Plugins.CharDevices.Resources;

namespace Kmem.Plugins.CharDevices.Kernels;

/// <summary>The system calls of a kernel on its character devices, driven by a <see cref="KernelProfile"/>.</summary>
/// <remarks>Source: Linux 6.1 fs/read_write.c, fs/open.c, fs/ioctl.c, mm/mmap.c; the order of checks is as recorded.</remarks>
[Kernel("raw", "linux-6.1-x86_64", "linux-4.15-x86_64", "linux-6.1-alpha", "tru64-5.1")]
public sealed partial class SimulatedKernel : IKernel
{
    private const int LastWhence = 4, CharacterFile = 0x2000;

    private readonly Dictionary<(int Major, int Minor), CharacterDevice> _drivers = [];
    private readonly FlavourOptions _options;
    private readonly IKernelContext _context;
    private KernelMemory? _memory;

    /// <summary>Creates the kernel of a flavour.</summary>
    /// <exception cref="MachineException">The flavour makes no sense, or two devices have one number.</exception>
    public SimulatedKernel(FlavourOptions options, IKernelContext context)
    {
        (_options, _context) = (options, context);
        Profile = FlavourReader.Apply(KernelProfiles.Find(options.Base ?? context.Base), options);
        DefaultCredentials = FlavourReader.CallerOf(options);
        foreach (CharacterDevice device in context.Devices)
        {
            if (!_drivers.TryAdd((device.Node.Major, device.Node.Minor), device))
            {
                throw new MachineException($"Two devices of the kernel '{context.Flavour}' have the number {device.Node.Major}:{device.Node.Minor}.") { Option = "dev" };
            }
        }
    }

    /// <summary>The rules of this kernel.</summary>
    public KernelProfile Profile { get; }

    /// <inheritdoc/>
    public string Flavour => _context.Flavour;

    /// <inheritdoc/>
    public int PageSize => Profile.PageSize;

    /// <inheritdoc/>
    public ulong UserLimit => Profile.UserLimit;

    /// <inheritdoc/>
    public IReadOnlyList<DeviceNode> Nodes => [.. _context.Devices.Select(static d => d.Node)];

    /// <inheritdoc/>
    public Credentials DefaultCredentials { get; }

    /// <inheritdoc/>
    public Func<bool>? SignalPending { get; set; }

    /// <inheritdoc/>
    public int NumberOf(Errno error) => Profile.ErrorNumbers.TryGetValue(error, out int number) ? number : (int)error;

    /// <inheritdoc/>
    public CallResult Open(OpenRequest request, out IOpenFile? file)
    {
        file = null;
        Errno error = OpenRules.Check(request);
        if (error != Errno.None)
        {
            return error;
        }

        OpenFlags kept = request.Flags & ~(OpenFlags.Create | OpenFlags.Exclusive | OpenFlags.Truncate | OpenFlags.CloseOnExec);
        if ((request.Flags & OpenFlags.Path) != 0)
        {
            file = new OpenFile(this, request.Node, kept, device: null);
            return 0;
        }

        if (FindDriver(request.Node) is not { } device)
        {
            return Errno.ENXIO;
        }

        error = device.Open(this, request);
        if (error == Errno.None && Profile.Family == KernelFamily.Linux && (request.Flags & OpenFlags.Direct) != 0)
        {
            error = Errno.EINVAL;
        }

        if (error != Errno.None)
        {
            return error;
        }

        file = new OpenFile(this, request.Node, kept, device);
        return 0;
    }

    /// <inheritdoc/>
    public void Close(IOpenFile file)
    {
        // A description holds nothing that outlives it; mappings keep what they need.
    }

    /// <inheritdoc/>
    public CallResult Seek(IOpenFile? file, long offset, int whence)
    {
        if (DriverOf(file) is not { } device)
        {
            return Errno.EBADF;
        }

        return whence is < 0 or > LastWhence ? Errno.EINVAL : device.Seek(file!, ref ((OpenFile)file!).PositionField, offset, whence);
    }

    /// <inheritdoc/>
    public PollEvents Poll(IOpenFile file, PollEvents events) =>
        DriverOf(file) is { } device ? device.Poll(file) & (events | PollEvents.Error | PollEvents.HangUp) : PollEvents.None;

    /// <inheritdoc/>
    public FileStatus Status(IOpenFile file)
    {
        DeviceNode node = file.Node;
        return new FileStatus(CharacterFile | node.Mode, node.Major, node.Minor, Size: 0, PageSize, Blocks: 0, Links: 1, node.UserId, node.GroupId);
    }

    /// <summary>What the kernel knows of memory: of the machine's main space, or of <paramref name="space"/> where the machine names none.</summary>
    internal KernelMemory MemoryOver(IAddressSpace space) => _memory ??= new KernelMemory(Profile, _options, _context.Physical ?? space);

    private static CharacterDevice? DriverOf(IOpenFile? file) => (file as OpenFile)?.Device;

    private CharacterDevice? FindDriver(DeviceNode node)
    {
        CharacterDevice? device = _drivers.GetValueOrDefault((node.Major, node.Minor));
        bool exists = device switch
        {
            Devices.MemDevice => Profile.HasMem,
            Devices.KmemDevice => Profile.HasKmem,
            Devices.PortDevice => Profile.HasPort,
            _ => true,
        };
        return exists ? device : null;
    }
}
