using Kmem.Abstractions;

namespace Kmem.Plugins.Ide;

/// <summary>The two cables of a controller with their drives and bus masters, as both controllers have them.</summary>
internal sealed class IdePair
{
    /// <summary>Length of the bus master's registers for both cables.</summary>
    public const int BusMasterLength = 16;

    public IdePair(IdeOptions options, IDeviceContext context, Action changed)
    {
        IAddressSpace memory = context.Space(options.Dma);
        IdeDrive?[] drives =
        [
            Drive(context, "primary-master", options.PrimaryMasterKind, 1),
            Drive(context, "primary-slave", options.PrimarySlaveKind, 2),
            Drive(context, "secondary-master", options.SecondaryMasterKind, 3),
            Drive(context, "secondary-slave", options.SecondarySlaveKind, 4),
        ];
        Primary = new IdeChannel(drives[0], drives[1], new BusMasterChannel(memory, context.Master), changed);
        Secondary = new IdeChannel(drives[2], drives[3], new BusMasterChannel(memory, context.Master), changed);
    }

    public IdeChannel Primary { get; }

    public IdeChannel Secondary { get; }

    public BusMasterChannel BusMasterOf(ulong offset) => (offset < 8 ? Primary : Secondary).BusMaster;

    public void Reset()
    {
        Primary.Reset();
        Secondary.Reset();
    }

    public void Save(StateWriter writer)
    {
        Primary.Save(writer);
        Secondary.Save(writer);
    }

    public void Load(StateReader reader)
    {
        Primary.Load(reader);
        Secondary.Load(reader);
    }

    private static IdeDrive? Drive(IDeviceContext context, string option, DriveKind kind, int number)
    {
        IBlockBackend? image = context.Block(option);
        string serial = $"KM{number:D5}";
        if (kind == DriveKind.Cd)
        {
            return new AtapiDrive(image, serial, context.Clock);
        }

        return image is null or { Length: >= 512 }
            ? image is null ? null : new AtaDisk(image, serial, context.Clock)
            : throw new MachineException($"the disk has {image.Length} bytes, less than a sector of 512") { Option = option };
    }
}

/// <summary>Registers of one byte each, which take wider accesses byte by byte.</summary>
/// <param name="read">Reads a byte.</param>
/// <param name="write">Writes a byte.</param>
internal sealed class ByteRegisters(Func<ulong, byte> read, Action<ulong, byte> write) : IRegionHandler
{
    public AccessResult Read(ulong offset, int width, out ulong value, in AccessAttributes attributes)
    {
        value = 0;
        for (int i = 0; i < width; i++)
        {
            value |= (ulong)read(offset + (ulong)i) << (8 * i);
        }

        return AccessResult.Ok;
    }

    public AccessResult Write(ulong offset, int width, ulong value, in AccessAttributes attributes)
    {
        for (int i = 0; i < width; i++)
        {
            write(offset + (ulong)i, (byte)(value >> (8 * i)));
        }

        return AccessResult.Ok;
    }
}
