using Kmem.Abstractions;

namespace Kmem.Plugins.Ide;

/// <summary>A hard disk: 28-bit, 48-bit and cylinder-head-sector addresses, PIO, multiple and DMA transfers.</summary>
/// <remarks>Source: ATA/ATAPI-6 (T13/1410D), sections 8 "Command descriptions" and 9 "Protocol".</remarks>
internal sealed class AtaDisk(IBlockBackend disk, string serial, IClock clock) : IdeDrive(clock)
{
    private const int Sector = 512, MostMultiple = 16, SectorTime = 2_000, LongestTransfer = 2_000_000;
    private const int NativeHeads = 16, NativeSectors = 63;
    private const long Most28 = 0x0FFF_FFFF;

    private readonly long _sectors = disk.Length / Sector;
    private long _address;
    private int _left;
    private int _block = 1;
    private byte _multiple;
    private byte _heads = NativeHeads;
    private byte _perTrack = NativeSectors;
    private byte _mode;

    protected override long TransferTime => Math.Min((long)_left * SectorTime, LongestTransfer);

    private int Cylinders => (int)Math.Min(_sectors / (_heads * _perTrack), 65535);

    private bool IsWide => LastCommand is 0x24 or 0x25 or 0x27 or 0x29 or 0x34 or 0x35 or 0x39 or 0x42 or 0xEA;

    private bool IsMultiple => LastCommand is 0xC4 or 0xC5 or 0x29 or 0x39;

    public override void Reset()
    {
        (_address, _left, _block, _multiple, _heads, _perTrack, _mode) = (0, 0, 1, 0, NativeHeads, NativeSectors, 0);
        base.Reset();
    }

    public override void ShowSignature()
    {
        Registers.Clear();
        (Registers[TaskFile.Count], Registers[TaskFile.Low]) = (1, 1);
        (Status, Error, Phase) = (Ready | SeekDone, 1, DrivePhase.Idle);
    }

    public override void Save(StateWriter writer)
    {
        base.Save(writer);
        writer.U64((ulong)_address);
        writer.U32((uint)_left);
        writer.U32((uint)_block);
        writer.Bytes([_multiple, _heads, _perTrack, _mode], "settings");
    }

    public override void Load(StateReader reader)
    {
        base.Load(reader);
        (long address, uint left, uint block) = ((long)reader.U64(), reader.U32(), reader.U32());
        byte[] settings = new byte[4];
        reader.Bytes(settings.AsSpan());
        if (left > 65536 || block is 0 or > MostMultiple || settings[1] == 0 || settings[2] == 0)
        {
            throw new StateMismatchException("the saved state of a disk makes no sense");
        }

        (_address, _left, _block) = (address, (int)left, (int)block);
        (_multiple, _heads, _perTrack, _mode) = (settings[0], settings[1], settings[2], settings[3]);
    }

    protected override void Execute()
    {
        // What an earlier command has left, because its transfer never ended, is not this one's.
        _left = 0;
        switch (LastCommand)
        {
            case 0x20 or 0x21 or 0x24 or 0xC4 or 0x29:
                AtAddress(BlockDue);
                break;
            case 0x30 or 0x31 or 0x34 or 0xC5 or 0x39:
                AtAddress(() => Offer(NextBlock() * Sector, DrivePhase.DataOut, interrupt: false));
                break;
            case 0x25 or 0xC8 or 0xC9:
                AtAddress(() => OfferDma(reading: true));
                break;
            case 0x35 or 0xCA or 0xCB:
                AtAddress(() => OfferDma(reading: false));
                break;
            case 0x40 or 0x41 or 0x42:
                AtAddress(Verify);
                break;
            case 0x90:
                EndDiagnosis();
                break;
            case 0x91:
                SetGeometry();
                break;
            case 0x27 or 0xF8:
                Registers.SetAddress(IsWide ? _sectors - 1 : Math.Min(_sectors - 1, Most28), IsWide);
                Finish();
                break;
            case 0xC6:
                SetMultiple();
                break;
            case 0xE7 or 0xEA:
                Finish(disk.Flush() ? (byte)0 : Aborted);
                break;
            case 0xEC:
                Identify();
                Offer(DriveIdentity.Length, DrivePhase.DataIn, interrupt: true);
                break;
            case 0xEF:
                SetFeatures();
                break;
            case 0xE5 or 0x98:
                Registers[TaskFile.Count] = 0xFF;   // active or idle
                Finish();
                break;
            case (>= 0x10 and <= 0x1F) or 0x70 or (>= 0xE0 and <= 0xE3) or 0xE6 or (>= 0x94 and <= 0x97) or 0x99:
                Finish();   // recalibrate, seek, standby, idle, sleep: a file has no heads and no motor
                break;
            default:
                Finish(Aborted);
                break;
        }
    }

    protected override void BlockRead()
    {
        if (_left == 0)
        {
            Phase = DrivePhase.Idle;
            Status = Ready | SeekDone;
        }
        else
        {
            After(SectorTime, DriveStep.Block);
        }
    }

    protected override void BlockWritten() => After(SectorTime * NextBlock(), DriveStep.Block);

    protected override void BlockDue()
    {
        int count = NextBlock();
        Span<byte> data = Buffer[..(count * Sector)];
        bool writes = Phase == DrivePhase.DataOut;
        if (!(writes ? disk.Write(_address * Sector, data) : disk.Read(_address * Sector, data)))
        {
            Registers.SetAddress(_address, IsWide);
            Finish(writes ? Aborted : Uncorrectable);
            return;
        }

        Advance(count);
        if (!writes)
        {
            Offer(count * Sector, DrivePhase.DataIn, interrupt: true);
        }
        else if (_left > 0)
        {
            Offer(NextBlock() * Sector, DrivePhase.DataOut, interrupt: true);
        }
        else
        {
            Finish();
        }
    }

    protected override void Transfer()
    {
        while (_left > 0)
        {
            int count = Math.Min(_left, BufferLength / Sector);
            Span<byte> data = Buffer[..(count * Sector)];
            if (IsReading ? !disk.Read(_address * Sector, data) : !BusMaster!.Get(data))
            {
                Stop(failed: IsReading);
                return;
            }

            if (IsReading ? !BusMaster!.Put(data) : !disk.Write(_address * Sector, data))
            {
                Stop(failed: !IsReading);
                return;
            }

            Advance(count);
        }

        BusMaster!.Finish();
        Finish();
    }

    /// <summary>A transfer that can't go on: the disk's own trouble is reported, the bus master's leaves the disk waiting for a reset.</summary>
    private void Stop(bool failed)
    {
        if (failed)
        {
            Registers.SetAddress(_address, IsWide);
            Finish(IsReading ? Uncorrectable : Aborted);
        }
        else
        {
            Phase = DrivePhase.Idle;
            Status = Ready | SeekDone | Request;
        }
    }

    private int NextBlock() => Math.Min(_left, _block);

    private void Advance(int count)
    {
        _address += count;
        _left -= count;
        if (_left == 0 && Registers.IsLba)
        {
            Registers.SetAddress(_address - 1, IsWide);
            Registers[TaskFile.Count] = 0;
        }
    }

    /// <summary>Takes address and count from the registers and goes on there; a bad one ends the command.</summary>
    private void AtAddress(Action goOn)
    {
        _left = IsWide ? Registers.Count48 : Registers[TaskFile.Count];
        _left = _left != 0 ? _left : IsWide ? 65536 : 256;
        _block = IsMultiple ? _multiple : 1;
        if (_block == 0)
        {
            (_block, _left) = (1, 0);
            Finish(Aborted);
            return;
        }

        _address = IsWide ? Registers.Address48 : Registers.IsLba ? Registers.Address28 : FromCylinder();
        if (_address >= 0 && _address + _left <= _sectors)
        {
            goOn();
            return;
        }

        _left = 0;
        Finish(NotFound);
    }

    /// <summary>The address of a cylinder, head and sector; -1 where there is none, for sectors count from 1.</summary>
    private long FromCylinder()
    {
        int cylinder = (Registers[TaskFile.High] << 8) | Registers[TaskFile.Middle], head = Registers[TaskFile.Device] & 0xF, sector = Registers[TaskFile.Low];
        return sector == 0 || sector > _perTrack || head >= _heads ? -1 : (((cylinder * (long)_heads) + head) * _perTrack) + sector - 1;
    }

    private void Verify()
    {
        Advance(_left);
        Finish();
    }

    private void SetGeometry()
    {
        byte perTrack = Registers[TaskFile.Count];
        if (perTrack == 0)
        {
            Finish(Aborted);
            return;
        }

        (_heads, _perTrack) = ((byte)((Registers[TaskFile.Device] & 0xF) + 1), perTrack);
        Finish();
    }

    private void SetMultiple()
    {
        byte count = Registers[TaskFile.Count];
        bool isGood = count <= MostMultiple && (count == 0 || byte.IsPow2(count));
        _multiple = isGood ? count : _multiple;
        Finish(isGood ? (byte)0 : Aborted);
    }

    private void SetFeatures()
    {
        switch (Registers[TaskFile.Features])
        {
            case 0x03:
                _mode = Registers[TaskFile.Count];
                Finish();
                break;
            case 0x02 or 0x82 or 0x55 or 0xAA or 0x66 or 0xCC:
                Finish();   // write cache, look-ahead, defaults: nothing that software could see differs
                break;
            default:
                Finish(Aborted);
                break;
        }
    }

    private void Identify()
    {
        Buffer[..DriveIdentity.Length].Clear();
        var identity = new DriveIdentity(Buffer);
        int natural = (int)Math.Min(_sectors / (NativeHeads * NativeSectors), 16383), current = Math.Min(Cylinders, 16383);
        identity.Word(0, 0x0040);
        identity.Word(1, natural);
        identity.Word(3, NativeHeads);
        identity.Word(6, NativeSectors);
        identity.Text(10, 10, serial);
        identity.Text(23, 4, "1.0");
        identity.Text(27, 20, "KMEM HARDDISK");
        identity.Word(47, 0x8000 | MostMultiple);
        identity.Word(48, 1);
        identity.Word(49, 0x0B00);
        identity.Word(50, 0x4000);
        identity.Word(51, 0x0200);
        identity.Word(53, 0x0007);
        identity.Word(54, current);
        identity.Word(55, _heads);
        identity.Word(56, _perTrack);
        identity.Number(57, (long)current * _heads * _perTrack, 2);
        identity.Word(59, _multiple == 0 ? 0 : 0x0100 | _multiple);
        identity.Number(60, Math.Min(_sectors, Most28), 2);
        identity.Word(63, 0x0007 | Selected(0x20, 0x0100));
        identity.Word(64, 0x0003);
        for (int timing = 65; timing <= 68; timing++)
        {
            identity.Word(timing, 120);
        }

        identity.Word(80, 0x0070);
        identity.Word(82, 0x0020);
        identity.Word(83, 0x7400);
        identity.Word(84, 0x4000);
        identity.Word(85, 0x0020);
        identity.Word(86, 0x3400);
        identity.Word(87, 0x4000);
        identity.Word(88, 0x003F | Selected(0x40, 0x0100));
        identity.Word(93, 0x6001);
        identity.Number(100, _sectors, 4);
        identity.Sign();
    }

    /// <summary>The bit of the transfer mode in use, when it is one of a family (0x20 multiword DMA, 0x40 Ultra DMA).</summary>
    private int Selected(int family, int first) => (_mode & 0xF8) == family ? first << (_mode & 7) : 0;
}
