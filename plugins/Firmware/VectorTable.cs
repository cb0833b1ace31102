using System.Buffers.Binary;

namespace Kmem.Plugins.Firmware;

/// <summary>The interrupt vectors of real mode as a PC's firmware leaves them: handlers that acknowledge the interrupt controllers, and a timer that counts.</summary>
/// <remarks>Source: IBM Personal System/2 and Personal Computer BIOS Interface Technical Reference, interrupts 08h and 70h to 77h, and the BIOS data area's timer count at 40:6Ch.</remarks>
internal static class VectorTable
{
    /// <summary>Bytes that <see cref="Handlers"/> has.</summary>
    public const int HandlersLength = 0x30;

    private const int Vectors = 256, Timer = 0x08, MasterEnd = 0x10, Slave = 0x70, SlaveEnd = 0x78;
    private const int PlainAt = 0, MasterAt = 1, SlaveAt = 8, TimerAt = 0x11;

    /// <summary>The code of the handlers.</summary>
    public static byte[] Handlers()
    {
        byte[] code = new byte[HandlersLength];
        Copy(PlainAt, [0xCF]);                                                       // iret
        Copy(MasterAt, [0x50, 0xB0, 0x20, 0xE6, 0x20, 0x58, 0xCF]);                  // push ax; mov al, 20h; out 20h, al; pop ax; iret
        Copy(SlaveAt, [0x50, 0xB0, 0x20, 0xE6, 0xA0, 0xE6, 0x20, 0x58, 0xCF]);       // the same, the second controller first
        Copy(TimerAt,
        [
            0x1E, 0x50, 0x31, 0xC0, 0x8E, 0xD8,         // push ds; push ax; xor ax, ax; mov ds, ax
            0x66, 0xFF, 0x06, 0x6C, 0x04,               // inc dword [46Ch]
            0xCD, 0x1C,                                 // int 1Ch
            0xB0, 0x20, 0xE6, 0x20,                     // mov al, 20h; out 20h, al
            0x58, 0x1F, 0xCF,                           // pop ax; pop ds; iret
        ]);
        return code;

        void Copy(int at, ReadOnlySpan<byte> bytes) => bytes.CopyTo(code.AsSpan(at));
    }

    /// <summary>The table at address 0, with the handlers at an address below 1 MiB that is a multiple of 16.</summary>
    public static byte[] Table(ulong handlers)
    {
        byte[] table = new byte[Vectors * 4];
        for (int vector = 0; vector < Vectors; vector++)
        {
            int offset = vector switch
            {
                Timer => TimerAt,
                > Timer and < MasterEnd => MasterAt,
                >= Slave and < SlaveEnd => SlaveAt,
                _ => PlainAt,
            };
            BinaryPrimitives.WriteUInt16LittleEndian(table.AsSpan(vector * 4), (ushort)offset);
            BinaryPrimitives.WriteUInt16LittleEndian(table.AsSpan((vector * 4) + 2), (ushort)(handlers >> 4));
        }

        return table;
    }
}
