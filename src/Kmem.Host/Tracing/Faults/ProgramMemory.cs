using System.Buffers.Binary;
using Kmem.Abstractions;

namespace Kmem.Host.Tracing.Faults;

/// <summary>Memory as an instruction of a program sees it: its own pages, and the machine behind its mappings.</summary>
internal sealed class ProgramMemory(Supervisor supervisor)
{
    /// <summary>Loads up to 8 bytes.</summary>
    public MappingFault Load(Tracee tracee, ulong address, int width, out ulong value)
    {
        DeviceRange? range = tracee.Addresses.Find(address);
        if (range is not null && address + (ulong)width <= range.End)
        {
            MappingFault fault = range.Mapping.Mapping.Load(range.Offset + (address - range.Start), width, out value);
            Report(tracee, range, address, width, isWrite: false, value, fault);
            return Seen(fault);
        }

        Span<byte> bytes = stackalloc byte[8];
        bytes.Clear();
        value = 0;
        if (range is null && tracee.Addresses.Find(address + (ulong)width - 1) is null)
        {
            bool done = tracee.Memory.Read(address, bytes[..width]) == width;
            value = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
            return done ? MappingFault.None : MappingFault.SegmentationFault;
        }

        // Over the edge of a mapping: each byte from where it lies.
        for (int i = 0; i < width; i++)
        {
            MappingFault fault = Load(tracee, address + (ulong)i, 1, out ulong part);
            if (fault != MappingFault.None)
            {
                return fault;
            }

            value |= part << (8 * i);
        }

        return MappingFault.None;
    }

    /// <summary>Stores up to 8 bytes.</summary>
    public MappingFault Store(Tracee tracee, ulong address, int width, ulong value)
    {
        DeviceRange? range = tracee.Addresses.Find(address);
        if (range is not null && address + (ulong)width <= range.End)
        {
            MappingFault fault = range.Mapping.Mapping.Store(range.Offset + (address - range.Start), width, value);
            Report(tracee, range, address, width, isWrite: true, value, fault);
            return Seen(fault);
        }

        if (range is null && tracee.Addresses.Find(address + (ulong)width - 1) is null)
        {
            Span<byte> bytes = stackalloc byte[8];
            BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
            return tracee.Memory.Write(address, bytes[..width]) == width ? MappingFault.None : MappingFault.SegmentationFault;
        }

        for (int i = 0; i < width; i++)
        {
            MappingFault fault = Store(tracee, address + (ulong)i, 1, (value >> (8 * i)) & 0xFF);
            if (fault != MappingFault.None)
            {
                return fault;
            }
        }

        return MappingFault.None;
    }

    /// <summary>A machine check that the simulated kernel survives leaves the program running.</summary>
    private static MappingFault Seen(MappingFault fault) => fault == MappingFault.MachineCheck ? MappingFault.None : fault;

    private void Report(Tracee tracee, DeviceRange range, ulong address, int width, bool isWrite, ulong value, MappingFault fault)
    {
        if (supervisor.Accessed is { } accessed)
        {
            IMapping mapping = range.Mapping.Mapping;
            accessed(new TracedAccess(TracedAccessKind.Mapping, tracee.Process, tracee.Registers.Rip, mapping.Space, "", mapping.Offset + range.Offset + (address - range.Start), (ulong)width, isWrite, value, fault == MappingFault.None ? "" : fault.ToString()));
        }
    }
}
