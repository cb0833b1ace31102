using Kmem.Ir;

namespace Kmem.Plugins.CpuAlpha.Palcode;

/// <summary>Puts the devices of a console into the state in which an operating system expects them: PCI functions, interrupt controllers, display, keyboard.</summary>
/// <remarks>A device that the machine lacks swallows what is written to its ports.</remarks>
internal sealed class ConsoleDevices(IExecution bus)
{
    private const int AttributePort = 0x3C0, MiscellaneousPort = 0x3C2, SequencerPort = 0x3C4, GraphicsPort = 0x3CE, ControllerPort = 0x3D4, StatusPort = 0x3DA;
    private const int KeyboardData = 0x60, KeyboardStatus = 0x64;

    /// <summary>Most reads of the keyboard's status before an answer is given up.</summary>
    private const int Patience = 1000;

    // 80 by 25 text in colour: mode 3 of the IBM PS/2 Hardware Interface Technical Reference, "Video subsystem", table of register values.
    private static readonly byte[] Sequencer = [0x03, 0x00, 0x03, 0x00, 0x02];
    private static readonly byte[] Controller = Convert.FromHexString("5F4F50825581BF1F004F0D0E000000009C8E8F281F96B9A3FF");
    private static readonly byte[] Graphics = [0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0x0E, 0x0F, 0xFF];
    private static readonly byte[] Attributes = Convert.FromHexString("000102030405140738393A3B3C3D3E3F0C000F0800");

    /// <summary>Brings all of them up.</summary>
    public void Initialize()
    {
        InitializeInterruptControllers();
        new ConsolePci(bus).Configure();
        InitializeDisplay();
        InitializeKeyboard();
    }

    /// <summary>Vectors 0 and 8, a slave at input 2, level-triggered where PCI needs it, everything masked but the cascade.</summary>
    private void InitializeInterruptControllers()
    {
        ReadOnlySpan<(int Port, byte Value)> writes =
        [
            (0x20, 0x11), (0x21, 0x00), (0x21, 0x04), (0x21, 0x01), (0xA0, 0x11), (0xA1, 0x08), (0xA1, 0x02), (0xA1, 0x01),
            (0x21, 0xFB), (0xA1, 0xFF), (0x4D0, 0xF8), (0x4D1, 0xDE),
        ];
        foreach ((int port, byte value) in writes)
        {
            Write(port, value);
        }
    }

    private void InitializeDisplay()
    {
        Write(MiscellaneousPort, 0x67);
        WriteIndexed(SequencerPort, Sequencer);

        // Register 11 protects registers 0 to 7 of the controller.
        Write(ControllerPort, 0x11);
        Write(ControllerPort + 1, (byte)(Controller[0x11] & 0x7F));
        WriteIndexed(ControllerPort, Controller);
        WriteIndexed(GraphicsPort, Graphics);

        // A read of the status sets the attribute controller's one port to "index"; index bit 5 lets the picture through.
        _ = Read(StatusPort);
        for (int i = 0; i < Attributes.Length; i++)
        {
            Write(AttributePort, (byte)i);
            Write(AttributePort, Attributes[i]);
        }

        _ = Read(StatusPort);
        Write(AttributePort, 0x20);
    }

    private void WriteIndexed(int port, ReadOnlySpan<byte> values)
    {
        for (int i = 0; i < values.Length; i++)
        {
            Write(port, (byte)i);
            Write(port + 1, values[i]);
        }
    }

    /// <summary>Tests the controller, resets the keyboard, takes scan code set 2 with translation, and lets it scan and interrupt.</summary>
    /// <remarks>Source: IBM PS/2 Hardware Interface Technical Reference, "Keyboard and auxiliary device controller", commands.</remarks>
    private void InitializeKeyboard()
    {
        const byte SelfTest = 0xAA, Passed = 0x55, PortTest = 0xAB, WriteMode = 0x60, MouseOff = 0x20, Translates = 0x40, Interrupts = 0x01;
        const byte Reset = 0xFF, SetDefaults = 0xF5, SelectSet = 0xF0, Enable = 0xF4, Acknowledge = 0xFA;
        Write(KeyboardStatus, SelfTest);
        if (Receive() != Passed)
        {
            return;
        }

        Write(KeyboardStatus, PortTest);
        _ = Receive();
        SetMode(MouseOff);
        if (Send(Reset) != Acknowledge)
        {
            // Nobody is plugged in, or its bytes take time, which does not pass here.
            return;
        }

        _ = Receive();
        _ = Send(SetDefaults);
        _ = Send(SelectSet);
        _ = Send(2);
        SetMode(MouseOff | Translates);
        _ = Send(Enable);
        SetMode(MouseOff | Translates | Interrupts);

        void SetMode(byte mode)
        {
            Write(KeyboardStatus, WriteMode);
            Write(KeyboardData, mode);
        }

        int Send(byte value)
        {
            Write(KeyboardData, value);
            return Receive();
        }
    }

    /// <summary>The next byte of the keyboard controller, or -1 when none comes.</summary>
    private int Receive()
    {
        for (int i = 0; i < Patience; i++)
        {
            if ((Read(KeyboardStatus) & 1) != 0)
            {
                return Read(KeyboardData);
            }
        }

        return -1;
    }

    private byte Read(int port)
    {
        _ = bus.ReadPhysical(Typhoon.Ports + (ulong)port, 1, out ulong value);
        return (byte)value;
    }

    private void Write(int port, byte value) => _ = bus.WritePhysical(Typhoon.Ports + (ulong)port, 1, value);
}
