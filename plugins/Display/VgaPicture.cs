using Kmem.Abstractions;

namespace Kmem.Plugins.Display;

/// <summary>Draws what a VGA shows in its own modes: text with the font in plane 2, 16 and 4 colours in planes, 256 colours.</summary>
/// <remarks>Source: IBM PS/2 Hardware Interface Technical Reference, "Video subsystem", "Modes of operation" and attribute controller.</remarks>
internal sealed class VgaPicture(VgaRegisters registers, VgaMemory memory)
{
    private const int FontLength = 32, FontsDistance = 0x2000;

    private byte[] Controller => registers.Controller;

    public ScreenPicture Draw()
    {
        int columns = Controller[1] + 1, lines = (Controller[0x12] | ((Controller[7] & 0x02) << 7) | ((Controller[7] & 0x40) << 3)) + 1;
        int pitch = Controller[0x13] * 2, cellHeight = (Controller[9] & 0x1F) + 1, repeat = (Controller[9] & 0x80) != 0 ? 2 : 1;
        if (columns < 2 || pitch == 0)
        {
            return new ScreenPicture(0, 0, []);
        }

        bool graphics = (registers.Graphics[6] & 1) != 0, many = graphics && (registers.Graphics[5] & 0x40) != 0;
        if (!graphics)
        {
            return Text(columns, lines / repeat / cellHeight, cellHeight, pitch);
        }

        int rows = lines / repeat / cellHeight, width = many ? columns * 4 : columns * 8;
        byte[] dots = new byte[3 * width * rows];
        for (int row = 0; row < rows; row++)
        {
            for (int column = 0; column < width; column++)
            {
                int colour = many ? Dot256(row, column, pitch) : Palette(Dot16(row, column, pitch));
                Put(dots, (row * width) + column, colour);
            }
        }

        return new ScreenPicture(width, rows, dots);
    }

    private ScreenPicture Text(int columns, int rows, int cellHeight, int pitch)
    {
        int cellWidth = (registers.Sequencer[1] & 1) != 0 ? 8 : 9, width = columns * cellWidth;
        byte[] dots = new byte[3 * width * rows * cellHeight];
        int select = registers.Sequencer[3], start = Start;
        int normal = Font((select & 3) | ((select >> 2) & 4)), bold = Font(((select >> 2) & 3) | ((select >> 3) & 4));
        for (int row = 0; row < rows; row++)
        {
            for (int column = 0; column < columns; column++)
            {
                int place = 2 * (start + (row * pitch) + column);
                byte character = memory.Plane(0, place), attribute = memory.Plane(1, place);
                int font = (attribute & 8) != 0 ? bold : normal;
                for (int y = 0; y < cellHeight; y++)
                {
                    byte line = memory.Plane(2, font + (character * FontLength) + y);
                    for (int x = 0; x < cellWidth; x++)
                    {
                        // The ninth dot repeats the eighth for the line drawing characters, else it is background.
                        bool isOn = x < 8 ? (line >> (7 - x) & 1) != 0 : character is >= 0xC0 and <= 0xDF && (registers.Attributes[0x10] & 4) != 0 && (line & 1) != 0;
                        int dot = (((row * cellHeight) + y) * width) + (column * cellWidth) + x;
                        Put(dots, dot, Palette(isOn ? attribute & 15 : (attribute >> 4) & ((registers.Attributes[0x10] & 8) != 0 ? 7 : 15)));
                    }
                }
            }
        }

        return new ScreenPicture(width, rows * cellHeight, dots);
    }

    private int Start => (Controller[0x0C] << 8) | Controller[0x0D];

    private static int Font(int number) => (((number & 3) * 2) + (number >> 2)) * FontsDistance;

    private int Dot16(int row, int column, int pitch)
    {
        int place = Start + (row * pitch) + (column >> 3), bit = 7 - (column & 7), colour = 0;
        for (int plane = 0; plane < VgaMemory.Planes; plane++)
        {
            colour |= (memory.Plane(plane, place) >> bit & 1) << plane;
        }

        return colour & (registers.Attributes[0x12] & 15);
    }

    private int Dot256(int row, int column, int pitch) => memory.Plane(column & 3, Start + (row * pitch) + (column >> 2));

    /// <summary>The colour number that an attribute stands for.</summary>
    private int Palette(int attribute)
    {
        byte mode = registers.Attributes[0x10], select = registers.Attributes[0x14];
        int colour = registers.Attributes[attribute] & 0x3F;
        return (mode & 0x80) != 0 ? (colour & 0x0F) | ((select & 0x0F) << 4) : colour | ((select & 0x0C) << 4);
    }

    private void Put(byte[] dots, int dot, int colour)
    {
        for (int part = 0; part < 3; part++)
        {
            int six = registers.Colours[(3 * (colour & 0xFF)) + part];
            dots[(3 * dot) + part] = (byte)((six << 2) | (six >> 4));
        }
    }
}
