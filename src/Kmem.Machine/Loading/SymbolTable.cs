namespace Kmem.Machine.Loading;

/// <summary>One named address.</summary>
/// <param name="Name">The name as the linker knows it.</param>
/// <param name="Address">Its virtual address.</param>
public readonly record struct ImageSymbol(string Name, ulong Address);

/// <summary>Names of addresses, looked up both ways; read when it is first asked.</summary>
public sealed class SymbolTable
{
    private readonly Lazy<(Dictionary<string, ulong> ByName, ImageSymbol[] ByAddress)> _table;

    /// <summary>Creates a table.</summary>
    /// <param name="symbols">The symbols; of two with one name the first one counts.</param>
    public SymbolTable(IEnumerable<ImageSymbol> symbols)
    {
        _table = new Lazy<(Dictionary<string, ulong>, ImageSymbol[])>(() =>
        {
            ImageSymbol[] all = [.. symbols];
            var byName = new Dictionary<string, ulong>(all.Length, StringComparer.Ordinal);
            foreach (ImageSymbol symbol in all)
            {
                byName.TryAdd(symbol.Name, symbol.Address);
            }

            return (byName, [.. all.OrderBy(s => s.Address)]);
        });
    }

    /// <summary>The table without symbols.</summary>
    public static SymbolTable Empty { get; } = new([]);

    /// <summary>Number of different names.</summary>
    public int Count => _table.Value.ByName.Count;

    /// <summary>All symbols by address.</summary>
    public IReadOnlyList<ImageSymbol> All => _table.Value.ByAddress;

    /// <summary>The address of a name, or null.</summary>
    public ulong? Find(string name) => _table.Value.ByName.TryGetValue(name, out ulong address) ? address : null;

    /// <summary>The last symbol at or below an address, or null when the address lies before all of them.</summary>
    public ImageSymbol? At(ulong address)
    {
        ImageSymbol[] all = _table.Value.ByAddress;
        int low = 0, high = all.Length;
        while (low < high)
        {
            int middle = low + ((high - low) / 2);
            (low, high) = all[middle].Address <= address ? (middle + 1, high) : (low, middle);
        }

        // Of several names for one address the first one that the linker wrote.
        while (low > 1 && all[low - 2].Address == all[low - 1].Address)
        {
            low--;
        }

        return low == 0 ? null : all[low - 1];
    }
}
