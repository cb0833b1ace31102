using Kmem.Abstractions;
using Kmem.Machine.Backends;
using Kmem.Machine.Time;
using Kmem.Memory;

namespace Kmem.Testing;

/// <summary>A machine of one device: gives it everything that it may ask for, and shows a test what it did with it.</summary>
/// <param name="start">Date and time at guest time 0, UTC; 2001-09-09T01:46:40Z when not given.</param>
public sealed class TestDeviceContext(DateTime? start = null) : IDeviceContext, IDisposable
{
    private readonly MachineMemory _memory = new("test");
    private readonly Dictionary<string, TestLine> _outputs = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Action<bool>> _inputs = new(StringComparer.Ordinal);
    private readonly Dictionary<string, MemoryCharBackend> _backends = new(StringComparer.Ordinal);
    private readonly Dictionary<string, AddressSpace> _spaces = new(StringComparer.Ordinal);
    private readonly Dictionary<string, object> _devices = new(StringComparer.Ordinal);
    private readonly Dictionary<string, byte[]> _images = new(StringComparer.Ordinal);
    private readonly Dictionary<string, TestOverlay> _overlays = new(StringComparer.Ordinal);
    private readonly Dictionary<string, IBlockBackend> _disks = new(StringComparer.Ordinal);
    private readonly List<(LogLevel Level, string Message)> _log = [];
    private readonly List<PowerRequest> _powerRequests = [];

    /// <inheritdoc/>
    public string Id { get; init; } = "dut";

    /// <inheritdoc/>
    public BusMaster Master { get; } = new("dut", MasterKind.Dma);

    /// <summary>The machine's time; a test moves it with <see cref="MachineClock.Advance"/>.</summary>
    public MachineClock Time { get; } = new(start ?? DateTime.UnixEpoch.AddSeconds(1_000_000_000));

    /// <summary>The output lines that the device has asked for.</summary>
    public IReadOnlyDictionary<string, TestLine> Outputs => _outputs;

    /// <summary>The names of the input pins that the device has declared.</summary>
    public IReadOnlyCollection<string> Inputs => _inputs.Keys;

    /// <summary>The character backends that the device has asked for, by option.</summary>
    public IReadOnlyDictionary<string, MemoryCharBackend> Backends => _backends;

    /// <summary>The spaces that the device has provided or asked for.</summary>
    public IReadOnlyDictionary<string, AddressSpace> Spaces => _spaces;

    /// <summary>The overlays that the device has asked for.</summary>
    public IReadOnlyDictionary<string, TestOverlay> Overlays => _overlays;

    /// <summary>Number of ranges of each overlay; one where nothing is said.</summary>
    public IReadOnlyDictionary<string, int> OverlayCounts { get; init; } = new Dictionary<string, int>(StringComparer.Ordinal);

    /// <summary>What the device has logged, in order.</summary>
    public IReadOnlyList<(LogLevel Level, string Message)> LogLines => _log;

    /// <summary>What the device has asked to happen to the machine, in order.</summary>
    public IReadOnlyList<PowerRequest> PowerRequests => _powerRequests;

    /// <summary>All memory of this machine.</summary>
    public MachineMemory Memory => _memory;

    IClock IDeviceContext.Clock => Time;

    /// <summary>The host's network as the device sees it; nobody is on it when nothing is said.</summary>
    public IHostNetwork HostNetwork { get; init; } = new NoHostNetwork();

    /// <inheritdoc/>
    public string PathOf(string option, string path) => Path.GetFullPath(path);

    /// <summary>Puts another device under a name, for <see cref="IDeviceContext.Device"/>.</summary>
    public TestDeviceContext With(string name, object device)
    {
        _devices[name] = device;
        return this;
    }

    /// <summary>Puts a space under a name, for <see cref="Space"/>.</summary>
    public TestDeviceContext WithSpace(string name, AddressSpace space)
    {
        _spaces.Add(name, space);
        return this;
    }

    /// <summary>Puts a file under a path, for <see cref="IDeviceContext.ReadImage"/>.</summary>
    public TestDeviceContext WithImage(string path, byte[] content)
    {
        _images[path] = content;
        return this;
    }

    /// <summary>Puts a disk under an option, for <see cref="IDeviceContext.Block"/>.</summary>
    public TestDeviceContext WithDisk(string option, IBlockBackend disk)
    {
        _disks[option] = disk;
        return this;
    }

    /// <summary>Sets an input pin of the device.</summary>
    /// <exception cref="KeyNotFoundException">The device has declared no such pin.</exception>
    public void Drive(string input, bool level) => _inputs[input](level);

    /// <inheritdoc/>
    public IIrqLine Irq(string name)
    {
        if (!_outputs.TryGetValue(name, out TestLine? line))
        {
            _outputs.Add(name, line = new TestLine());
        }

        return line;
    }

    /// <inheritdoc/>
    public void Input(string name, Action<bool> changed) => _inputs.Add(name, changed);

    /// <inheritdoc/>
    public ICharBackend Char(string name)
    {
        if (!_backends.TryGetValue(name, out MemoryCharBackend? backend))
        {
            _backends.Add(name, backend = new MemoryCharBackend());
        }

        return backend;
    }

    /// <inheritdoc/>
    public IBlockBackend? Block(string name) => _disks.GetValueOrDefault(name);

    /// <summary>The space of a name; one of 40 address bits with 64 KiB of RAM at 0 appears when it is first asked for.</summary>
    public IAddressSpace Space(string reference)
    {
        if (!_spaces.TryGetValue(reference, out AddressSpace? space))
        {
            space = new AddressSpace(reference, 40, new TestBus(new UnmappedPolicy(UnmappedRead.Ones, UnmappedWrite.Drop)));
            space.Map(new RamRegion(reference + ".ram", _memory.Allocate(reference + ".ram", 64 * 1024, [])), 0);
            _spaces.Add(reference, space);
        }

        return space;
    }

    /// <inheritdoc/>
    public IAddressSpace ProvideSpace(SpaceRequest request)
    {
        var space = new AddressSpace($"{Id}.{request.Name}", request.Width, new TestBus(request.Unmapped));
        _spaces.Add(request.Name, space);
        return space;
    }

    /// <inheritdoc/>
    public T Device<T>(string reference)
        where T : class => _devices.GetValueOrDefault(reference) as T
        ?? throw new MachineException($"the test has no device '{reference}' of kind {typeof(T).Name}");

    /// <inheritdoc/>
    public IRamBlock AllocateMemory(string bank, ulong length) => _memory.Allocate(bank.Length == 0 ? Id : $"{Id}.{bank}", length, []);

    /// <inheritdoc/>
    public byte[] ReadImage(string path, ulong limit)
    {
        if (!_images.TryGetValue(path, out byte[]? image))
        {
            throw new MachineException($"the image '{path}' can't be read: the test has none") { Option = "image" };
        }

        return (ulong)image.Length <= limit ? image : throw new MachineException($"the image '{path}' is larger than {limit} bytes") { Option = "image" };
    }

    /// <inheritdoc/>
    public void RequestPower(PowerRequest request) => _powerRequests.Add(request);

    /// <inheritdoc/>
    public IOverlaySwitch Overlay(string id)
    {
        if (!_overlays.TryGetValue(id, out TestOverlay? overlay))
        {
            _overlays.Add(id, overlay = new TestOverlay(OverlayCounts.GetValueOrDefault(id, 1)));
        }

        return overlay;
    }

    /// <inheritdoc/>
    public void Log(LogLevel level, string message)
    {
        if (!_log.Contains((level, message)))
        {
            _log.Add((level, message));
        }
    }

    /// <summary>Gives the memory of the device back to the host.</summary>
    public void Dispose() => _memory.Dispose();
}
