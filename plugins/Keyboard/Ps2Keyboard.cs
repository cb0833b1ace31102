using Kmem.Abstractions;

namespace Kmem.Plugins.Keyboard;

/// <summary>A keyboard with scan code sets 1 and 2.</summary>
/// <remarks>Source: IBM PS/2 Hardware Interface Technical Reference, "Keyboard (101- and 102-key)", commands from the system.</remarks>
internal sealed class Ps2Keyboard : Ps2Device
{
    private byte _set = 2;
    private bool _scans = true;

    /// <summary>The lamps: bit 0 Scroll Lock, bit 1 Num Lock, bit 2 Caps Lock.</summary>
    public byte Lamps { get; private set; }

    public bool Key(int usage, bool pressed)
    {
        byte[] codes = ScanCodes.Of(usage, pressed, _set);
        if (codes.Length == 0 || !_scans || codes.Length > Room)
        {
            return false;
        }

        Answer(codes);
        return true;
    }

    public override void Send(byte value)
    {
        // A command in place of a parameter begins anew.
        byte expected = value >= 0xED ? (byte)0 : Expects;
        Expects = 0;
        if (expected != 0)
        {
            Parameter(expected, value);
            return;
        }

        switch (value)
        {
            case 0xED or 0xF0 or 0xF3:
                Expects = value;
                Answer(Acknowledge);
                break;
            case 0xEE:
                Answer(0xEE);
                break;
            case 0xF2:
                Answer(Acknowledge, 0xAB, 0x83);
                break;
            case 0xF4:
                _scans = true;
                Answer(Acknowledge);
                break;
            case 0xF5:
                Defaults(scans: false);
                Answer(Acknowledge);
                break;
            case 0xF6:
                Defaults(scans: true);
                Answer(Acknowledge);
                break;
            case >= 0xF7 and <= 0xFA:
                Answer(Acknowledge);
                break;
            case 0xFE:
                Repeat();
                break;
            case 0xFF:
                Defaults(scans: true);
                Lamps = 0;
                Answer(Acknowledge, SelfTestPassed);
                break;
            default:
                Answer(Resend);
                break;
        }
    }

    public override void Reset()
    {
        base.Reset();
        (_set, _scans, Lamps) = (2, true, 0);
    }

    public override void Save(StateWriter writer)
    {
        base.Save(writer);
        writer.U8(_set);
        writer.Bool(_scans);
        writer.U8(Lamps);
    }

    public override void Load(StateReader reader)
    {
        base.Load(reader);
        (_set, _scans, Lamps) = (reader.U8(), reader.Bool(), reader.U8());
    }

    private void Defaults(bool scans)
    {
        Forget();
        (_set, _scans) = (2, scans);
    }

    private void Parameter(byte command, byte value)
    {
        switch (command)
        {
            case 0xED:
                Lamps = (byte)(value & 7);
                Answer(Acknowledge);
                break;
            case 0xF0 when value == 0:
                Answer(Acknowledge, _set);
                break;
            case 0xF0 when value is 1 or 2:
                _set = value;
                Answer(Acknowledge);
                break;
            case 0xF0:
                Answer(Resend);   // set 3 is not there
                break;
            default:
                Answer(Acknowledge);
                break;
        }
    }
}
