using Kmem.Abstractions;

namespace Kmem.Plugins.Display;

/// <summary>Registers and memory of a VGA, as the plain card and the PCI one have them.</summary>
internal sealed class VgaCore
{
    private const byte GraphicsMode = 0x01;

    private readonly VgaRegisters _registers;
    private readonly VgaMemory _memory;

    public VgaCore(IDeviceContext context, bool alternates)
        : this(context, context.AllocateMemory("planes", VgaMemory.PlaneLength * VgaMemory.Planes), alternates)
    {
    }

    /// <summary>Creates the registers over memory of at least 256 KiB, whose first bytes are the planes in turns.</summary>
    public VgaCore(IDeviceContext context, IRamBlock memory, bool alternates)
    {
        _registers = new VgaRegisters(context.Clock, alternates);
        _memory = new VgaMemory(_registers, memory);
        Banks =
        [
            new DeviceBank("ports", new MmioRegion("ports", VgaRegisters.Length, _registers)),
            new DeviceBank("window", new MmioRegion("window", VgaMemory.WindowLength, _memory)),
        ];
        Reset();
    }

    public IReadOnlyList<DeviceBank> Banks { get; }

    /// <summary>The ports, for cards that show them in memory too.</summary>
    public IRegionHandler Ports => _registers;

    /// <summary>The window on the memory.</summary>
    public VgaMemory Memory => _memory;

    /// <summary>The picture of the present mode.</summary>
    public ScreenPicture Picture() => new VgaPicture(_registers, _memory).Draw();

    /// <summary>The palette: 256 colours of red, green and blue, 6 bits each.</summary>
    public ReadOnlySpan<byte> Colours => _registers.Colours;

    public void Reset()
    {
        _registers.Reset();
        _memory.Reset();
    }

    public void Save(StateWriter writer)
    {
        _registers.Save(writer);
        _memory.Save(writer);
    }

    public void Load(StateReader reader)
    {
        _registers.Load(reader);
        _memory.Load(reader);
    }

    public bool TrySetFirmwareState(string key, ulong value)
    {
        if (key != "mode" || value != 3)
        {
            return false;
        }

        _registers.SetTextMode();
        return true;
    }

    /// <summary>What a text screen shows; null in a graphics mode or before a mode has been set.</summary>
    public ScreenText? Screen()
    {
        byte[] controller = _registers.Controller;
        int height = (controller[9] & 0x1F) + 1, columns = controller[1] + 1, pitch = controller[0x13] * 2;
        int lines = (controller[0x12] | ((controller[7] & 0x02) << 7) | ((controller[7] & 0x40) << 3)) + 1, rows = lines / height;
        if ((_registers.Graphics[6] & GraphicsMode) != 0 || columns < 2 || rows == 0 || pitch == 0)
        {
            return null;
        }

        byte[] characters = new byte[rows * columns], attributes = new byte[rows * columns];
        int start = (controller[0x0C] << 8) | controller[0x0D];
        for (int row = 0; row < rows; row++)
        {
            for (int column = 0; column < columns; column++)
            {
                // The controller counts words: each character stands at twice its number.
                int place = 2 * (start + (row * pitch) + column), cell = (row * columns) + column;
                (characters[cell], attributes[cell]) = (_memory.Plane(0, place), _memory.Plane(1, place));
            }
        }

        int cursor = ((controller[0x0E] << 8) | controller[0x0F]) - start;
        bool isShown = (controller[0x0A] & 0x20) == 0 && cursor >= 0 && cursor / pitch < rows && cursor % pitch < columns;
        return new ScreenText(columns, rows, characters, attributes, isShown ? (cursor % pitch, cursor / pitch) : null);
    }
}
