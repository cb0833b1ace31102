using Kmem.Abstractions;

namespace Kmem.Plugins.Keyboard;

/// <summary>A mouse that answers every command and never moves.</summary>
/// <remarks>Source: IBM PS/2 Hardware Interface Technical Reference, "Mouse", commands.</remarks>
internal sealed class Ps2Mouse : Ps2Device
{
    private byte _resolution = 2;
    private byte _rate = 100;
    private bool _reports;
    private bool _doubles;
    private bool _isRemote;

    public override void Send(byte value)
    {
        byte expected = Expects;
        Expects = 0;
        if (expected != 0)
        {
            (_resolution, _rate) = expected == 0xE8 ? ((byte)(value & 3), _rate) : (_resolution, value);
            Answer(Acknowledge);
            return;
        }

        switch (value)
        {
            case 0xE6 or 0xE7:
                _doubles = value == 0xE7;
                Answer(Acknowledge);
                break;
            case 0xE8 or 0xF3:
                Expects = value;
                Answer(Acknowledge);
                break;
            case 0xE9:
                Answer(Acknowledge, (byte)((_isRemote ? 0x40 : 0) | (_reports ? 0x20 : 0) | (_doubles ? 0x10 : 0)), _resolution, _rate);
                break;
            case 0xEA or 0xF0:
                _isRemote = value == 0xF0;
                Answer(Acknowledge);
                break;
            case 0xEB:
                Answer(Acknowledge, 0x08, 0, 0);
                break;
            case 0xEC or 0xEE:
                Answer(Acknowledge);
                break;
            case 0xF2:
                Answer(Acknowledge, 0x00);
                break;
            case 0xF4 or 0xF5:
                _reports = value == 0xF4;
                Answer(Acknowledge);
                break;
            case 0xF6:
                Defaults();
                Answer(Acknowledge);
                break;
            case 0xFE:
                Repeat();
                break;
            case 0xFF:
                Defaults();
                Answer(Acknowledge, SelfTestPassed, 0x00);
                break;
            default:
                Answer(Resend);
                break;
        }
    }

    public override void Reset()
    {
        base.Reset();
        Defaults();
    }

    public override void Save(StateWriter writer)
    {
        base.Save(writer);
        writer.U8(_resolution);
        writer.U8(_rate);
        writer.Bool(_reports);
        writer.Bool(_doubles);
        writer.Bool(_isRemote);
    }

    public override void Load(StateReader reader)
    {
        base.Load(reader);
        (_resolution, _rate, _reports, _doubles, _isRemote) = (reader.U8(), reader.U8(), reader.Bool(), reader.Bool(), reader.Bool());
    }

    private void Defaults()
    {
        Forget();
        (_resolution, _rate, _reports, _doubles, _isRemote) = (2, 100, false, false, false);
    }
}
