using Kmem.Abstractions;

namespace Kmem.Plugins.Typhoon;

/// <summary>The control and status registers of one chip: 64 bits each, 64 bytes apart, reached by whole quadwords only.</summary>
/// <remarks>An offset without a register does not decode, any other width is refused: the CPU sees a machine check. Source: 21272 hardware reference manual, control and status registers.</remarks>
internal sealed class CsrBank : IRegionHandler, IHasNamedRegisters
{
    private const int Distance = 6;

    private readonly Csr?[] _places;
    private readonly List<Csr> _inOrder = [];

    /// <summary>Creates an empty bank.</summary>
    /// <param name="length">Length in bytes.</param>
    public CsrBank(int length) => _places = new Csr?[length >> Distance];

    /// <inheritdoc/>
    public IReadOnlyList<NamedRegister> NamedRegisters => [.. _inOrder.Select(r => new NamedRegister(r.Name, (ulong)r.Offset, sizeof(ulong), true, r.CanWrite, TakesOtherWidths: false))];

    /// <summary>The registers in the order of the manual.</summary>
    public IReadOnlyList<Csr> All => _inOrder;

    /// <summary>Adds a register.</summary>
    public Csr Add(Csr register)
    {
        _places[register.Offset >> Distance] = register;
        _inOrder.Add(register);
        return register;
    }

    /// <summary>Puts every register into its state after reset.</summary>
    public void Reset() => _inOrder.ForEach(r => r.Value = r.Initial);

    /// <summary>Writes the registers that hold something.</summary>
    public void Save(StateWriter writer)
    {
        foreach (Csr register in _inOrder.Where(r => r.IsStored))
        {
            writer.U64(register.Value, register.Name);
        }
    }

    /// <summary>Takes what <see cref="Save"/> wrote.</summary>
    public void Load(StateReader reader)
    {
        foreach (Csr register in _inOrder.Where(r => r.IsStored))
        {
            register.Value = reader.U64();
        }
    }

    /// <summary>Writes a register by its name, as firmware would.</summary>
    public bool TrySet(string name, ulong value)
    {
        if (_inOrder.Find(r => string.Equals(r.Name, name, StringComparison.OrdinalIgnoreCase)) is not { CanWrite: true } register)
        {
            return false;
        }

        register.Write(value);
        return true;
    }

    /// <inheritdoc/>
    public AccessResult Read(ulong offset, int width, out ulong value, in AccessAttributes attributes)
    {
        value = 0;
        if (width != sizeof(ulong) || offset % sizeof(ulong) != 0)
        {
            return AccessResult.Misaligned;
        }

        if (At(offset) is not { } register)
        {
            return AccessResult.DecodeError;
        }

        value = register.Read(attributes);
        return AccessResult.Ok;
    }

    /// <inheritdoc/>
    public AccessResult Write(ulong offset, int width, ulong value, in AccessAttributes attributes)
    {
        if (width != sizeof(ulong) || offset % sizeof(ulong) != 0)
        {
            return AccessResult.Misaligned;
        }

        if (At(offset) is not { } register)
        {
            return AccessResult.DecodeError;
        }

        register.Write(value);
        return AccessResult.Ok;
    }

    private Csr? At(ulong offset) => offset % (1 << Distance) == 0 && offset >> Distance < (ulong)_places.Length ? _places[offset >> Distance] : null;
}

/// <summary>One register of a <see cref="CsrBank"/>.</summary>
/// <param name="offset">Its offset in bytes.</param>
/// <param name="name">Its name in the manual.</param>
/// <param name="writable">The bits that software changes; none for a register that only reads.</param>
/// <param name="initial">Its value after reset.</param>
internal sealed class Csr(int offset, string name, ulong writable = 0, ulong initial = 0)
{
    public int Offset { get; } = offset;

    public string Name { get; } = name;

    public ulong Initial { get; } = initial;

    /// <summary>What is stored; part of what a read gives.</summary>
    public ulong Value { get; set; } = initial;

    /// <summary>Gives what a read adds to the stored bits; the reader matters to one register only.</summary>
    public Func<AccessAttributes, ulong>? Reader { get; init; }

    /// <summary>Takes a written value in place of storing it.</summary>
    public Action<ulong>? Writer { get; init; }

    /// <summary>Called after the stored bits have changed.</summary>
    public Action? Changed { get; init; }

    /// <summary>Whether a write does anything.</summary>
    public bool CanWrite => writable != 0 || Writer is not null;

    /// <summary>Whether it holds state.</summary>
    public bool IsStored { get; init; } = writable != 0;

    public ulong Read(in AccessAttributes attributes) => Value | (Reader?.Invoke(attributes) ?? 0);

    public void Write(ulong value)
    {
        if (Writer is not null)
        {
            Writer(value);
        }
        else if (writable != 0)
        {
            Value = (Value & ~writable) | (value & writable);
            Changed?.Invoke();
        }
    }
}
