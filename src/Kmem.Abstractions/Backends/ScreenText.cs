using System.Text;

namespace Kmem.Abstractions;

/// <summary>A device with a screen that can show text.</summary>
public interface IHasScreen
{
    /// <summary>What the screen shows now; null when it shows no text. Call on the machine's thread; changes nothing.</summary>
    ScreenText? ReadScreen();
}

/// <summary>A screen full of text.</summary>
/// <param name="columns">Characters in a row.</param>
/// <param name="rows">Rows.</param>
/// <param name="characters">Characters in code page 437, row by row.</param>
/// <param name="attributes">Colours and blinking of each character, in the same order.</param>
/// <param name="cursor">Column and row of the cursor, from 0; null when it is not shown.</param>
public sealed class ScreenText(int columns, int rows, byte[] characters, byte[] attributes, (int Column, int Row)? cursor)
{
    private const string Low = " ☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼";
    private const string High =
        "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐"
        + "└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■ ";

    /// <summary>Characters in a row.</summary>
    public int Columns { get; } = columns;

    /// <summary>Rows.</summary>
    public int Rows { get; } = rows;

    /// <summary>Characters in code page 437, row by row.</summary>
    public IReadOnlyList<byte> Characters { get; } = characters;

    /// <summary>Colours of each character: foreground in bits 3..0, background in bits 6..4, blinking in bit 7.</summary>
    public IReadOnlyList<byte> Attributes { get; } = attributes;

    /// <summary>Column and row of the cursor, from 0; null when it is not shown.</summary>
    public (int Column, int Row)? Cursor { get; } = cursor;

    /// <summary>A row as text, without the spaces at its end.</summary>
    public string Row(int row)
    {
        var text = new StringBuilder(Columns);
        for (int column = 0; column < Columns; column++)
        {
            byte code = Characters[(row * Columns) + column];
            text.Append(code < 0x20 ? Low[code] : code < 0x7F ? (char)code : code == 0x7F ? '⌂' : High[code - 0x80]);
        }

        return text.ToString().TrimEnd();
    }

    /// <summary>All rows, without the empty ones at the end.</summary>
    public override string ToString() => string.Join('\n', Enumerable.Range(0, Rows).Select(Row)).TrimEnd('\n');
}
