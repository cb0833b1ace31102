using Kmem.Abstractions;

namespace Kmem.Plugins.Buses;

/// <summary>A bus of byte granularity: an access that no single target takes whole is split into naturally aligned pieces, in ascending order.</summary>
/// <param name="word">Widest piece in bytes.</param>
/// <param name="unmapped">What happens where nobody answers.</param>
public abstract class SplittingBus(int word, UnmappedPolicy unmapped) : Bus
{
    /// <inheritdoc/>
    public override UnmappedPolicy Unmapped { get; } = unmapped;

    /// <inheritdoc/>
    public override int WordBytes { get; } = word is 1 or 2 or 4 or 8 ? word : throw new MachineException($"A bus word has 1, 2, 4 or 8 bytes, not {word}.") { Option = "word" };

    /// <inheritdoc/>
    public override bool ReadsMemoryDirectly => true;

    /// <inheritdoc/>
    public override bool WritesMemoryDirectly => true;

    /// <inheritdoc/>
    public override AccessResult Read(IBusFabric fabric, ulong address, int width, out ulong value, in AccessAttributes attributes)
    {
        BusTarget target = fabric.Locate(address, write: false);
        if (Takes(target, address, width))
        {
            return ReadPiece(fabric, target, width, out value, attributes);
        }

        value = 0;
        for (int done = 0, piece; done < width; done += piece)
        {
            target = fabric.Locate(address + (ulong)done, write: false);
            piece = Piece(target, address + (ulong)done, width - done);
            AccessResult result = ReadPiece(fabric, target, piece, out ulong part, attributes);
            if (result != AccessResult.Ok)
            {
                return result;
            }

            value |= part << (8 * done);
        }

        return AccessResult.Ok;
    }

    /// <inheritdoc/>
    public override AccessResult Write(IBusFabric fabric, ulong address, int width, ulong value, in AccessAttributes attributes)
    {
        BusTarget target = fabric.Locate(address, write: true);
        if (Takes(target, address, width))
        {
            return WritePiece(fabric, target, width, value, attributes);
        }

        for (int done = 0, piece; done < width; done += piece)
        {
            target = fabric.Locate(address + (ulong)done, write: true);
            piece = Piece(target, address + (ulong)done, width - done);
            AccessResult result = WritePiece(fabric, target, piece, value >> (8 * done), attributes);
            if (result != AccessResult.Ok)
            {
                return result;
            }
        }

        return AccessResult.Ok;
    }

    private static ulong Mask(int width) => ulong.MaxValue >> (64 - (8 * width));

    /// <summary>Whether one cycle carries the whole access.</summary>
    private bool Takes(in BusTarget target, ulong address, int width) =>
        target.Remaining >= (ulong)width && (target.Kind != BusTargetKind.Mmio || (width <= WordBytes && (address & (ulong)(width - 1)) == 0));

    /// <summary>The widest piece that one cycle carries.</summary>
    private int Piece(in BusTarget target, ulong address, int left)
    {
        int piece = Math.Min(WordBytes, left);
        while (piece > 1 && (!int.IsPow2(piece) || (address & (ulong)(piece - 1)) != 0 || (ulong)piece > target.Remaining))
        {
            piece--;
        }

        return piece;
    }

    private AccessResult ReadPiece(IBusFabric fabric, in BusTarget target, int width, out ulong value, in AccessAttributes attributes)
    {
        AccessResult result = fabric.Read(target, width, out value, attributes);
        if (result == AccessResult.DecodeError && target.Kind != BusTargetKind.Window)
        {
            result = Unmapped.ReadValue(width, out value);
        }

        if (fabric.Space.Observer is not null)
        {
            fabric.Report(new BusTransaction(BusCycle.Read, target.Address, width, value & Mask(width), result, target.Kind, attributes.Master));
        }

        return result;
    }

    private AccessResult WritePiece(IBusFabric fabric, in BusTarget target, int width, ulong value, in AccessAttributes attributes)
    {
        AccessResult result = fabric.Write(target, width, value & Mask(width), attributes);
        if (result == AccessResult.DecodeError && target.Kind != BusTargetKind.Window)
        {
            result = Unmapped.WriteResult;
        }

        if (fabric.Space.Observer is not null)
        {
            fabric.Report(new BusTransaction(BusCycle.Write, target.Address, width, value & Mask(width), result, target.Kind, attributes.Master));
        }

        return result;
    }
}
