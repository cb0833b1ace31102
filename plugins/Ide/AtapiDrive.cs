using System.Buffers.Binary;
using Kmem.Abstractions;

namespace Kmem.Plugins.Ide;

/// <summary>A CD-ROM drive that takes SCSI commands in packets, by PIO or DMA.</summary>
/// <remarks>Source: ATA/ATAPI-6 (T13/1410D), section 9.8 "PACKET command protocol"; MMC-4 (T10/1545-D), section 6 "Commands".</remarks>
internal sealed class AtapiDrive(IBlockBackend? medium, string serial, IClock clock) : IdeDrive(clock)
{
    public const int Block = 2048;

    private const int PacketLength = 12, BlockTime = 4_000, LongestTransfer = 2_000_000;
    private const byte IsCommand = 0x01, ToHost = 0x02;
    private const byte NotReady = 2, MediumError = 3, IllegalRequest = 5;
    private const byte NoMedium = 0x3A, BadCommand = 0x20, BadField = 0x24, OutOfRange = 0x21, ReadError = 0x11, CantLock = 0x53;

    private readonly long _blocks = (medium?.Length ?? 0) / Block;
    private readonly byte[] _reply = new byte[DriveIdentity.Length];
    private long _offset;
    private long _left;
    private int _sent;
    private int _limit;
    private bool _isMedium;
    private bool _usesDma;
    private bool _locked;
    private byte _senseKey;
    private byte _senseCode;
    private byte _mode;

    protected override long TransferTime => Math.Min(_left / Block * BlockTime, LongestTransfer);

    public override void Reset()
    {
        Array.Clear(_reply);
        (_offset, _left, _sent, _limit, _isMedium, _usesDma, _locked, _senseKey, _senseCode, _mode) = (0, 0, 0, 0, false, false, false, 0, 0, 0);
        base.Reset();
    }

    public override void ShowSignature()
    {
        Registers.Clear();
        (Registers[TaskFile.Count], Registers[TaskFile.Low], Registers[TaskFile.Middle], Registers[TaskFile.High]) = (1, 1, 0x14, 0xEB);
        (Status, Error, Phase) = (0, 1, DrivePhase.Idle);
    }

    public override void Save(StateWriter writer)
    {
        base.Save(writer);
        writer.U64((ulong)_offset);
        writer.U64((ulong)_left);
        writer.U32((uint)_sent);
        writer.U32((uint)_limit);
        writer.Bytes([_isMedium ? (byte)1 : (byte)0, _usesDma ? (byte)1 : (byte)0, _locked ? (byte)1 : (byte)0, _senseKey, _senseCode, _mode], "packet");
        writer.Bytes(_reply);
    }

    public override void Load(StateReader reader)
    {
        base.Load(reader);
        (_offset, _left) = ((long)reader.U64(), (long)reader.U64());
        (uint sent, uint limit) = (reader.U32(), reader.U32());
        byte[] packet = new byte[6];
        reader.Bytes(packet.AsSpan());
        reader.Bytes(_reply.AsSpan());
        if (sent > BufferLength || limit > BufferLength || _left < 0 || _offset < 0)
        {
            throw new StateMismatchException("the saved state of a CD-ROM drive makes no sense");
        }

        (_sent, _limit, _isMedium, _usesDma, _locked) = ((int)sent, (int)limit, packet[0] != 0, packet[1] != 0, packet[2] != 0);
        (_senseKey, _senseCode, _mode) = (packet[3], packet[4], packet[5]);
    }

    protected override void Execute()
    {
        switch (LastCommand)
        {
            case 0x08:
                ShowSignature();
                break;
            case 0x90:
                EndDiagnosis();
                break;
            case 0xA0:
                _usesDma = (Registers[TaskFile.Features] & 1) != 0;
                int limit = Registers[TaskFile.Middle] | (Registers[TaskFile.High] << 8);
                _limit = limit is 0 or 0xFFFF ? 0xFFFE : limit;
                Registers[TaskFile.Count] = IsCommand;
                Offer(PacketLength, DrivePhase.Packet, interrupt: false);
                break;
            case 0xA1:
                Identify();
                Offer(DriveIdentity.Length, DrivePhase.DataIn, interrupt: true);
                break;
            case 0xEC or (>= 0x20 and <= 0x21):
                // A disk's commands show what kind of drive this is.
                ShowSignature();
                Finish(Aborted);
                break;
            case 0xEF when Registers[TaskFile.Features] == 0x03:
                _mode = Registers[TaskFile.Count];
                Finish();
                break;
            case 0xEF when Registers[TaskFile.Features] is 0x66 or 0xCC:
                Finish();
                break;
            case 0xE5:
                Registers[TaskFile.Count] = 0xFF;
                Finish();
                break;
            case (>= 0xE0 and <= 0xE3) or 0xE6 or 0x00:
                Finish(LastCommand == 0 ? Aborted : (byte)0);
                break;
            default:
                Finish(Aborted);
                break;
        }
    }

    protected override void BlockWritten() => After(CommandTime, DriveStep.Block);

    protected override void BlockDue()
    {
        if (Phase == DrivePhase.Packet)
        {
            Phase = DrivePhase.Idle;
            byte[] packet = Buffer[..PacketLength].ToArray();
            Obey(packet);
        }
        else
        {
            SendPiece();
        }
    }

    protected override void BlockRead()
    {
        if (LastCommand != 0xA0)
        {
            Phase = DrivePhase.Idle;
            Status = Ready | SeekDone;
            return;
        }

        After(_left > 0 ? BlockTime : CommandTime, DriveStep.Block);
    }

    protected override void Transfer()
    {
        while (_left > 0)
        {
            Span<byte> data = Buffer[..(int)Math.Min(_left, BufferLength)];
            if (!Fetch(data))
            {
                Fail(MediumError, ReadError);
                return;
            }

            if (!BusMaster!.Put(data))
            {
                Phase = DrivePhase.Idle;
                Status = Ready | SeekDone | Request;
                return;
            }
        }

        BusMaster!.Finish();
        Succeed();
    }

    private void Obey(ReadOnlySpan<byte> packet)
    {
        byte operation = packet[0];
        if (operation is not (0x03 or 0x12))
        {
            (_senseKey, _senseCode) = (0, 0);
        }

        bool needsMedium = operation is 0x00 or 0x25 or 0x28 or 0xA8 or 0x43 or 0x2B or 0xBE or 0x44;
        if (needsMedium && _blocks == 0)
        {
            Fail(NotReady, NoMedium);
            return;
        }

        switch (operation)
        {
            case 0x00 or 0x2B:
                Succeed();
                break;
            case 0x03:
                int sense = PacketReply.Sense(_reply, _senseKey, _senseCode);
                (_senseKey, _senseCode) = (0, 0);
                Answer(sense, packet[4]);
                break;
            case 0x12:
                Answer((packet[1] & 1) == 0 ? PacketReply.Inquiry(_reply) : 0, packet[4]);
                break;
            case 0x1A:
                Answer(PacketReply.ModePages(_reply, packet[2] & 0x3F, isShort: true, _locked, _blocks > 0), packet[4]);
                break;
            case 0x5A:
                Answer(PacketReply.ModePages(_reply, packet[2] & 0x3F, isShort: false, _locked, _blocks > 0), U16(packet, 7));
                break;
            case 0x1B:
                StartStop(packet[4]);
                break;
            case 0x1E:
                _locked = (packet[4] & 1) != 0;
                Succeed();
                break;
            case 0x25:
                Answer(PacketReply.Capacity(_reply, _blocks), 8);
                break;
            case 0x28:
                ReadBlocks(U32(packet, 2), U16(packet, 7));
                break;
            case 0xA8:
                ReadBlocks(U32(packet, 2), U32(packet, 6));
                break;
            case 0xBE:
                // READ CD, of which the user data of a data track are all that an image holds.
                ReadCd(packet);
                break;
            case 0x43:
                Answer(PacketReply.TableOfContents(_reply, packet, _blocks), U16(packet, 7));
                break;
            case 0x46:
                Answer(PacketReply.Profiles(_reply, _blocks > 0), U16(packet, 7));
                break;
            case 0x4A:
                Answer((packet[1] & 1) != 0 ? PacketReply.Events(_reply, packet[4], _blocks > 0) : 0, U16(packet, 7));
                break;
            default:
                Fail(IllegalRequest, BadCommand);
                break;
        }
    }

    private static int U16(ReadOnlySpan<byte> packet, int offset) => BinaryPrimitives.ReadUInt16BigEndian(packet[offset..]);

    private static uint U32(ReadOnlySpan<byte> packet, int offset) => BinaryPrimitives.ReadUInt32BigEndian(packet[offset..]);

    private void StartStop(byte how)
    {
        // LOEJ without START would open the tray, which a locked drive refuses; the medium stays in either way.
        if ((how & 3) == 2 && _locked)
        {
            Fail(IllegalRequest, CantLock);
        }
        else
        {
            Succeed();
        }
    }

    private void ReadCd(ReadOnlySpan<byte> packet)
    {
        uint count = U32(packet, 5) & 0xFF_FFFF;
        switch (packet[9] & 0xF8)
        {
            case 0x10:
                ReadBlocks(U32(packet, 2), count);
                break;
            case 0:
                ReadBlocks(U32(packet, 2), 0);
                break;
            default:
                Fail(IllegalRequest, BadField);
                break;
        }
    }

    private void ReadBlocks(uint first, uint count)
    {
        if (first + (long)count > _blocks)
        {
            Fail(IllegalRequest, OutOfRange);
            return;
        }

        (_offset, _left, _isMedium) = (first * (long)Block, count * (long)Block, true);
        Begin();
    }

    private void ReadBlocks(uint first, int count) => ReadBlocks(first, (uint)count);

    /// <summary>Sends a prepared answer, as much of it as the host has asked for; one of no bytes is a field that is not supported.</summary>
    private void Answer(int length, int asked)
    {
        if (length == 0)
        {
            Fail(IllegalRequest, BadField);
            return;
        }

        (_offset, _left, _isMedium) = (0, Math.Min(length, asked), false);
        Begin();
    }

    private void Begin()
    {
        if (_left == 0)
        {
            Succeed();
        }
        else if (_usesDma)
        {
            Registers[TaskFile.Count] = ToHost;
            OfferDma(reading: true);
        }
        else
        {
            SendPiece();
        }
    }

    /// <summary>Offers as many bytes as the host takes at once, or ends the command when there are none left.</summary>
    private void SendPiece()
    {
        if (_left == 0)
        {
            Succeed();
            return;
        }

        // A piece that is not the last one has an even number of bytes.
        _sent = (int)Math.Min(_left, _limit);
        _sent -= _sent < _left && _sent > 1 ? _sent & 1 : 0;
        if (!Fetch(Buffer[.._sent]))
        {
            Fail(MediumError, ReadError);
            return;
        }

        (Registers[TaskFile.Middle], Registers[TaskFile.High], Registers[TaskFile.Count]) = ((byte)_sent, (byte)(_sent >> 8), ToHost);
        Offer(_sent, DrivePhase.DataIn, interrupt: true);
    }

    /// <summary>Takes the next bytes from the medium or from the prepared answer.</summary>
    private bool Fetch(Span<byte> data)
    {
        if (_isMedium && !medium!.Read(_offset, data))
        {
            return false;
        }

        if (!_isMedium)
        {
            _reply.AsSpan((int)_offset, data.Length).CopyTo(data);
        }

        _offset += data.Length;
        _left -= data.Length;
        return true;
    }

    private void Succeed()
    {
        Registers[TaskFile.Count] = IsCommand | ToHost;
        Finish();
    }

    private void Fail(byte key, byte code)
    {
        (_senseKey, _senseCode, _left) = (key, code, 0);
        Registers[TaskFile.Count] = IsCommand | ToHost;
        Finish((byte)((key << 4) | Aborted));
    }

    private void Identify()
    {
        Buffer[..DriveIdentity.Length].Clear();
        var identity = new DriveIdentity(Buffer);
        identity.Word(0, 0x85C0);
        identity.Text(10, 10, serial);
        identity.Text(23, 4, "1.0");
        identity.Text(27, 20, "KMEM CD-ROM");
        identity.Word(49, 0x0B00);
        identity.Word(53, 0x0006);
        identity.Word(63, 0x0007 | ((_mode & 0xF8) == 0x20 ? 0x0100 << (_mode & 7) : 0));
        identity.Word(64, 0x0003);
        for (int timing = 65; timing <= 68; timing++)
        {
            identity.Word(timing, 120);
        }

        identity.Word(80, 0x0070);
        identity.Word(82, 0x4210);
        identity.Word(83, 0x4000);
        identity.Word(84, 0x4000);
        identity.Word(85, 0x4210);
        identity.Word(87, 0x4000);
        identity.Word(88, 0x003F | ((_mode & 0xF8) == 0x40 ? 0x0100 << (_mode & 7) : 0));
        identity.Word(93, 0x6001);
        identity.Sign();
    }
}
