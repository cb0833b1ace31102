using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.Plugins.CpuX86.SystemManagement;

/// <summary>Where registers lie in the state save area, and how they get there and back.</summary>
/// <remarks>
/// Offsets count from SMBASE. Sources: AMD64 Architecture Programmer's Manual volume 2, table 10-1 "AMD64 Architecture SMM State-Save Area" for models with
/// long mode; Intel SDM volume 3, table "SMRAM State Save Map" for the others, where the segments' hidden parts, which Intel reserves, lie as in the P6 family.
/// </remarks>
internal sealed unsafe class SaveState
{
    private enum Kind
    {
        /// <summary>A slot as it is.</summary>
        Slot,

        /// <summary>A segment's attributes: bits 8 to 15 and 20 to 23 of its descriptor's second word as bits 0 to 7 and 12 to 15.</summary>
        Attributes,

        /// <summary>EFLAGS.</summary>
        Flags,

        /// <summary>The offset of the next instruction.</summary>
        InstructionPointer,
    }

    private static readonly SaveState Wide = new(
        revision: 0x2_0064,
        revisionAt: 0xFEFC,
        baseAt: 0xFF00,
        haltAt: 0xFEC9,
        [
            .. Segments(0xFE00, 16, selector: 0, attributes: 2, limit: 4, start: 8, startWidth: 8, [X86Slots.Es, X86Slots.Cs, X86Slots.Ss, X86Slots.Ds, X86Slots.Fs, X86Slots.Gs]),
            .. Segments(0xFE70, 16, selector: 0, attributes: 2, limit: 4, start: 8, startWidth: 8, [X86Slots.Ldtr]),
            .. Segments(0xFE90, 16, selector: 0, attributes: 2, limit: 4, start: 8, startWidth: 8, [X86Slots.Tr]),
            new(0xFE64, 4, X86Slots.GdtrLimit), new(0xFE68, 8, X86Slots.GdtrBase), new(0xFE84, 4, X86Slots.IdtrLimit), new(0xFE88, 8, X86Slots.IdtrBase),
            new(0xFED0, 8, X86Slots.Efer), new(0xFF48, 8, X86Slots.Cr4), new(0xFF50, 8, X86Slots.Cr3), new(0xFF58, 8, X86Slots.Cr0),
            new(0xFF60, 8, X86Slots.Dr0 + 7), new(0xFF68, 8, X86Slots.Dr0 + 6), new(0xFF70, 8, 0, Kind.Flags), new(0xFF78, 8, 0, Kind.InstructionPointer),
            .. Enumerable.Range(8, 8).Select(n => new Field(0xFFB8 - (8 * (n - 8)), 8, n)),
            .. Enumerable.Range(0, 8).Select(n => new Field(0xFFF8 - (8 * n), 8, n)),
        ]);

    private static readonly SaveState Narrow = new(
        revision: 0x2_0000,
        revisionAt: 0xFEFC,
        baseAt: 0xFEF8,
        haltAt: 0xFF02,
        [
            .. Segments(0xFF84, 12, selector: -1, attributes: 0, limit: 4, start: 8, startWidth: 4, [X86Slots.Es, X86Slots.Cs, X86Slots.Ss]),
            .. Segments(0xFF2C, 12, selector: -1, attributes: 0, limit: 4, start: 8, startWidth: 4, [X86Slots.Ds, X86Slots.Fs, X86Slots.Gs]),
            .. Segments(0xFF78, 12, selector: -1, attributes: 0, limit: 4, start: 8, startWidth: 4, [X86Slots.Ldtr]),
            .. Segments(0xFF5C, 12, selector: -1, attributes: 0, limit: 4, start: 8, startWidth: 4, [X86Slots.Tr]),
            .. Enumerable.Range(0, 6).Select(n => new Field(0xFFA8 + (4 * n), 4, X86Slots.Selector + n)),
            new(0xFFC0, 4, X86Slots.Selector + X86Slots.Ldtr), new(0xFFC4, 4, X86Slots.Selector + X86Slots.Tr),
            new(0xFF70, 4, X86Slots.GdtrLimit), new(0xFF74, 4, X86Slots.GdtrBase), new(0xFF54, 4, X86Slots.IdtrLimit), new(0xFF58, 4, X86Slots.IdtrBase),
            new(0xFF14, 4, X86Slots.Cr4), new(0xFFF8, 4, X86Slots.Cr3), new(0xFFFC, 4, X86Slots.Cr0), new(0xFFC8, 4, X86Slots.Dr0 + 7), new(0xFFCC, 4, X86Slots.Dr0 + 6),
            new(0xFFF4, 4, 0, Kind.Flags), new(0xFFF0, 4, 0, Kind.InstructionPointer),
            .. Enumerable.Range(0, 8).Select(n => new Field(0xFFD0 + (4 * n), 4, n)),
        ]);

    private readonly uint _revision;
    private readonly int _revisionAt, _baseAt, _haltAt;
    private readonly Field[] _fields;

    private SaveState(uint revision, int revisionAt, int baseAt, int haltAt, Field[] fields) =>
        (_revision, _revisionAt, _baseAt, _haltAt, _fields) = (revision, revisionAt, baseAt, haltAt, fields);

    /// <summary>The layout of a CPU's model.</summary>
    public static SaveState Of(X86Cpu cpu) => cpu.CpuModel.Has(Iced.Intel.CpuidFeature.X64) ? Wide : Narrow;

    /// <summary>Writes the area.</summary>
    /// <param name="cpu">The CPU.</param>
    /// <param name="start">SMBASE.</param>
    /// <param name="isHalted">Whether HLT waited for an interrupt.</param>
    public void Write(X86Cpu cpu, ulong start, bool isHalted)
    {
        foreach (Field field in _fields)
        {
            ulong value = field.Kind switch
            {
                Kind.Attributes => (cpu.Slots[field.Slot] >> 8) & 0xF0FF,
                Kind.Flags => cpu.EflagsNow,
                Kind.InstructionPointer => cpu.Ip,
                _ => cpu.Slots[field.Slot],
            };
            _ = cpu.Execution.WritePhysical(start + (uint)field.Offset, field.Width, value);
        }

        _ = cpu.Execution.WritePhysical(start + (uint)_revisionAt, 4, _revision);
        _ = cpu.Execution.WritePhysical(start + (uint)_baseAt, 4, start);
        _ = cpu.Execution.WritePhysical(start + (uint)_haltAt, 1, isHalted ? 1UL : 0);
    }

    /// <summary>Takes registers, flags and the program counter from the area; what follows from them is the caller's.</summary>
    /// <param name="cpu">The CPU.</param>
    /// <param name="start">SMBASE; gets the new one.</param>
    /// <param name="isHalted">Whether the CPU is to wait for an interrupt again.</param>
    /// <returns>The offset of the next instruction in its code segment.</returns>
    public ulong Read(X86Cpu cpu, ref ulong start, out bool isHalted)
    {
        ulong ip = 0;
        foreach (Field field in _fields)
        {
            ulong value = Read(cpu, start + (uint)field.Offset, field.Width);
            switch (field.Kind)
            {
                case Kind.Flags:
                    cpu.SetEflags(value);
                    break;
                case Kind.InstructionPointer:
                    ip = value;
                    break;
                default:
                    cpu.Slots[field.Slot] = field.Kind == Kind.Attributes ? (value << 8) & SegmentAttributes.Mask : value;
                    break;
            }
        }

        isHalted = (Read(cpu, start + (uint)_haltAt, 1) & 1) != 0;
        start = Read(cpu, start + (uint)_baseAt, 4);
        return ip;
    }

    private static ulong Read(X86Cpu cpu, ulong address, int width) => cpu.Execution.ReadPhysical(address, width, out ulong value) ? value : ulong.MaxValue >> (64 - (8 * width));

    private static IEnumerable<Field> Segments(int first, int step, int selector, int attributes, int limit, int start, int startWidth, int[] segments)
    {
        for (int i = 0; i < segments.Length; i++)
        {
            int at = first + (i * step);
            if (selector >= 0)
            {
                yield return new Field(at + selector, 2, X86Slots.Selector + segments[i]);
            }

            yield return new Field(at + attributes, selector >= 0 ? 2 : 4, X86Slots.Attributes + segments[i], Kind.Attributes);
            yield return new Field(at + limit, 4, X86Slots.SegmentLimit + segments[i]);
            yield return new Field(at + start, startWidth, X86Cpu.BaseSlot(segments[i]));
        }
    }

    private readonly record struct Field(int Offset, int Width, int Slot, Kind Kind = Kind.Slot);
}
