using System.Buffers.Binary;
using Kmem.Host.Tracing.Native;

namespace Kmem.Host.Tracing.Calls;

/// <summary>capget(2) and capset(2): the capabilities that the session keeps from the host are there for the simulated machine, and can be given up.</summary>
internal static class CapabilityCalls
{
    private const uint Version3 = 0x2008_0522;
    private const int DataLength = 24;

    /// <summary>Adds the handlers.</summary>
    public static void Register(Dictionary<Nr, Action<Tracee>> handlers)
    {
        handlers[Nr.Capget] = t => t.AtExit = ShowKept;
        handlers[Nr.Capset] = Set;
    }

    private static bool IsVersion3(Tracee tracee) => tracee.Memory.TryRead(tracee.Registers.Rdi, out ulong header) && (uint)header == Version3;

    private static bool IsOwn(Tracee tracee) => tracee.Memory.TryRead(tracee.Registers.Rdi, out ulong header) && (int)(header >> 32) is var thread && (thread == 0 || thread == tracee.Thread);

    private static void ShowKept(Tracee tracee)
    {
        Span<byte> data = stackalloc byte[DataLength];
        if (tracee.Registers.Rax == 0 && IsVersion3(tracee) && IsOwn(tracee) && tracee.Memory.Read(tracee.Registers.Rsi, data) == DataLength)
        {
            Put(data, 0, Get(data, 0) | tracee.Kept.Effective);
            Put(data, 4, Get(data, 4) | tracee.Kept.Permitted);
            tracee.Memory.Write(tracee.Registers.Rsi, data);
        }
    }

    private static void Set(Tracee tracee)
    {
        byte[] data = new byte[DataLength];
        if (!IsVersion3(tracee) || tracee.Memory.Read(tracee.Registers.Rsi, data) != DataLength)
        {
            return;
        }

        ulong effective = Get(data, 0) & KeptCapabilities.Mask, permitted = Get(data, 4) & KeptCapabilities.Mask;
        if ((permitted & ~tracee.Kept.Permitted) != 0 || (effective & ~permitted) != 0)
        {
            tracee.Answer(-Errors.EPERM);
            return;
        }

        // The host is asked for the rest; what was written for that is put back.
        byte[] rest = [.. data];
        Put(rest, 0, Get(data, 0) & ~KeptCapabilities.Mask);
        Put(rest, 4, Get(data, 4) & ~KeptCapabilities.Mask);
        Put(rest, 8, Get(data, 8) & ~KeptCapabilities.Mask);
        tracee.Memory.Write(tracee.Registers.Rsi, rest);
        tracee.AtExit = t =>
        {
            t.Memory.Write(t.Registers.Rsi, data);
            if (t.Registers.Rax == 0)
            {
                t.Kept = new KeptCapabilities(effective, permitted);
            }
        };
    }

    /// <summary>A set is two words, 12 bytes apart.</summary>
    private static ulong Get(ReadOnlySpan<byte> data, int offset) =>
        BinaryPrimitives.ReadUInt32LittleEndian(data[offset..]) | ((ulong)BinaryPrimitives.ReadUInt32LittleEndian(data[(offset + 12)..]) << 32);

    private static void Put(Span<byte> data, int offset, ulong value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(data[offset..], (uint)value);
        BinaryPrimitives.WriteUInt32LittleEndian(data[(offset + 12)..], (uint)(value >> 32));
    }
}
