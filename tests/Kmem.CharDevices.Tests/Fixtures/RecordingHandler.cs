using Kmem.Abstractions;

namespace Kmem.CharDevices.Tests.Fixtures;

/// <summary>Registers that keep what is written and note each access.</summary>
internal sealed class RecordingHandler(int length) : IRegionHandler
{
    private readonly byte[] _bytes = new byte[length];

    public List<(char Kind, ulong Offset, int Width)> Log { get; } = [];

    public Span<byte> Bytes => _bytes;

    public AccessResult Read(ulong offset, int width, out ulong value, in AccessAttributes attributes)
    {
        value = 0;
        for (int i = 0; i < width; i++)
        {
            value |= (ulong)_bytes[offset + (ulong)i] << (8 * i);
        }

        if (!attributes.IsDebug)
        {
            Log.Add(('r', offset, width));
        }

        return AccessResult.Ok;
    }

    public AccessResult Write(ulong offset, int width, ulong value, in AccessAttributes attributes)
    {
        for (int i = 0; i < width; i++)
        {
            _bytes[offset + (ulong)i] = (byte)(value >> (8 * i));
        }

        Log.Add(('w', offset, width));
        return AccessResult.Ok;
    }
}
