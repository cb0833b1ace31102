using Kmem.Abstractions;

namespace Kmem.Plugins.Ide;

/// <summary>What a drive waits for.</summary>
internal enum DrivePhase : byte
{
    /// <summary>A command.</summary>
    Idle,

    /// <summary>The host to read the buffer.</summary>
    DataIn,

    /// <summary>The host to fill the buffer.</summary>
    DataOut,

    /// <summary>The host to send a packet.</summary>
    Packet,

    /// <summary>The bus master.</summary>
    Dma,
}

/// <summary>What happens when a drive's time is over.</summary>
internal enum DriveStep : byte
{
    /// <summary>Nothing is under way.</summary>
    None,

    /// <summary>The command begins.</summary>
    Command,

    /// <summary>The next block is ready, or has been filled.</summary>
    Block,

    /// <summary>The data move through the bus master.</summary>
    Transfer,

    /// <summary>The reset is over.</summary>
    Reset,
}

/// <summary>What disks and CD-ROM drives share: registers, the buffer, interrupts, and the time that work takes.</summary>
/// <remarks>Source: ATA/ATAPI-6 (T13/1410D), sections 7 "I/O registers" and 9 "Protocol".</remarks>
internal abstract class IdeDrive(IClock clock)
{
    protected const byte Busy = 0x80, Ready = 0x40, Fault = 0x20, SeekDone = 0x10, Request = 0x08, Failed = 0x01;
    protected const byte Aborted = 0x04, NotFound = 0x10, Uncorrectable = 0x40;
    protected const int CommandTime = 10_000, ResetTime = 100_000;
    protected const int BufferLength = 64 * 1024;

    private readonly byte[] _buffer = new byte[BufferLength];
    private IDisposable? _timer;
    private DriveStep _step;
    private long _due;
    private int _position;
    private int _length;

    /// <summary>Called when the interrupt request or the wish for DMA has changed.</summary>
    public Action Changed { get; set; } = static () => { };

    /// <summary>The cable's bus master.</summary>
    public BusMasterChannel? BusMaster { get; set; }

    /// <summary>True for the second drive of a cable, which leaves the report of a diagnosis to the first one.</summary>
    public bool IsSecond { get; set; }

    public TaskFile Registers { get; } = new();

    public byte Status { get; protected set; }

    public byte Error { get; protected set; }

    public bool Interrupt { get; private set; }

    public bool IsBusy => (Status & Busy) != 0;

    /// <summary>True while data could move through the bus master and nothing is under way.</summary>
    public bool WantsDma => Phase == DrivePhase.Dma && _step == DriveStep.None;

    /// <summary>True when DMA goes from the drive to memory.</summary>
    public bool IsReading { get; protected set; }

    protected DrivePhase Phase { get; set; }

    protected byte LastCommand { get; private set; }

    protected Span<byte> Buffer => _buffer;

    /// <summary>How long a bus master transfer takes, in nanoseconds.</summary>
    protected abstract long TransferTime { get; }

    /// <summary>Takes a command.</summary>
    public void Command(byte command)
    {
        (LastCommand, Interrupt, Error, Phase) = (command, false, 0, DrivePhase.Idle);
        (_position, _length) = (0, 0);
        Status &= unchecked((byte)~(Failed | Fault | Request));
        After(CommandTime, DriveStep.Command);
        Changed();
    }

    /// <summary>Reading the status register takes the interrupt back.</summary>
    public byte TakeStatus()
    {
        if (Interrupt)
        {
            Interrupt = false;
            Changed();
        }

        return Status;
    }

    /// <summary>Moves one, two or four bytes through the data register.</summary>
    public ulong ReadData(int width, bool peek)
    {
        if (Phase != DrivePhase.DataIn || _step != DriveStep.None)
        {
            return 0;
        }

        ulong value = 0;
        int count = Math.Min(width, _length - _position);
        for (int i = 0; i < count; i++)
        {
            value |= (ulong)_buffer[_position + i] << (8 * i);
        }

        if (!peek)
        {
            _position += count;
            if (_position == _length)
            {
                BlockRead();
            }
        }

        return value;
    }

    /// <summary>Takes one, two or four bytes through the data register.</summary>
    public void WriteData(int width, ulong value)
    {
        if (Phase is not (DrivePhase.DataOut or DrivePhase.Packet) || _step != DriveStep.None)
        {
            return;
        }

        for (int i = 0; i < width && _position < _length; i++)
        {
            _buffer[_position++] = (byte)(value >> (8 * i));
        }

        if (_position == _length)
        {
            BlockWritten();
        }
    }

    /// <summary>The bus master is ready: data move after the time that they take.</summary>
    public void BeginTransfer() => After(TransferTime, DriveStep.Transfer);

    /// <summary>SRST is on: everything stops.</summary>
    public void HoldReset()
    {
        Cancel();
        (Status, Error, Interrupt, Phase) = (Busy, 0, false, DrivePhase.Idle);
    }

    /// <summary>SRST goes off: the drive looks at itself and shows its signature.</summary>
    public void EndReset() => After(ResetTime, DriveStep.Reset);

    /// <summary>Power-on.</summary>
    public virtual void Reset()
    {
        Cancel();
        Registers.Clear();
        (Interrupt, Phase, IsReading, LastCommand) = (false, DrivePhase.Idle, false, 0);
        (_position, _length) = (0, 0);
        ShowSignature();
    }

    public virtual void Save(StateWriter writer)
    {
        Registers.Save(writer);
        writer.Bytes([Status, Error, (byte)Phase, LastCommand, (byte)_step, Interrupt ? (byte)1 : (byte)0, IsReading ? (byte)1 : (byte)0], "drive");
        writer.U64((ulong)_due);
        writer.U32((uint)_position);
        writer.Bytes(_buffer.Take(_length), "buffer");
    }

    public virtual void Load(StateReader reader)
    {
        Registers.Load(reader);
        byte[] drive = new byte[7];
        reader.Bytes(drive.AsSpan());
        long due = (long)reader.U64();
        uint position = reader.U32();
        byte[] buffer = reader.Bytes();
        if (buffer.Length > BufferLength || position > buffer.Length || drive[2] > (byte)DrivePhase.Dma || drive[4] > (byte)DriveStep.Reset)
        {
            throw new StateMismatchException("the saved state of a drive makes no sense");
        }

        Cancel();
        (Status, Error, Phase, LastCommand) = (drive[0], drive[1], (DrivePhase)drive[2], drive[3]);
        (Interrupt, IsReading) = (drive[5] != 0, drive[6] != 0);
        buffer.CopyTo(_buffer, 0);
        (_position, _length) = ((int)position, buffer.Length);
        if ((DriveStep)drive[4] != DriveStep.None)
        {
            Schedule(due, (DriveStep)drive[4]);
        }
    }

    /// <summary>What a drive shows after a reset, a diagnosis, and where it refuses a command of the other kind.</summary>
    public abstract void ShowSignature();

    /// <summary>Carries out <see cref="LastCommand"/>.</summary>
    protected abstract void Execute();

    /// <summary>The host has read the buffer.</summary>
    protected abstract void BlockRead();

    /// <summary>The host has filled the buffer.</summary>
    protected abstract void BlockWritten();

    /// <summary>The time for a block is over.</summary>
    protected abstract void BlockDue();

    /// <summary>Moves everything through the bus master.</summary>
    protected abstract void Transfer();

    /// <summary>Shows the buffer's first bytes to the host.</summary>
    protected void Offer(int length, DrivePhase phase, bool interrupt)
    {
        (_position, _length, Phase) = (0, length, phase);
        Status = (byte)((Status & ~Busy) | Ready | SeekDone | Request);
        if (interrupt)
        {
            Raise();
        }
    }

    /// <summary>Waits for the bus master.</summary>
    protected void OfferDma(bool reading)
    {
        (Phase, IsReading) = (DrivePhase.Dma, reading);
        Status = (byte)((Status & ~Busy) | Ready | SeekDone | Request);
        Changed();
    }

    /// <summary>The command is over.</summary>
    protected void Finish(byte error = 0, bool interrupt = true)
    {
        (Phase, Error, _position, _length) = (DrivePhase.Idle, error, 0, 0);
        Status = (byte)(Ready | SeekDone | (error != 0 ? Failed : 0));
        if (interrupt)
        {
            Raise();
        }
    }

    /// <summary>EXECUTE DEVICE DIAGNOSTIC is over.</summary>
    protected void EndDiagnosis()
    {
        ShowSignature();
        if (!IsSecond)
        {
            Raise();
        }
    }

    protected void Raise()
    {
        Interrupt = true;
        Changed();
    }

    protected void After(long nanoseconds, DriveStep step)
    {
        Status = (byte)((Status | Busy) & ~Request);
        Schedule(clock.Now + nanoseconds, step);
    }

    private void Schedule(long due, DriveStep step)
    {
        Cancel();
        (_due, _step) = (due, step);
        _timer = clock.Schedule(due, Run);
    }

    private void Cancel()
    {
        _timer?.Dispose();
        (_timer, _step, _due) = (null, DriveStep.None, 0);
    }

    private void Run()
    {
        DriveStep step = _step;
        Cancel();
        switch (step)
        {
            case DriveStep.Command:
                Execute();
                break;
            case DriveStep.Block:
                BlockDue();
                break;
            case DriveStep.Transfer:
                Transfer();
                break;
            default:
                ShowSignature();
                Changed();
                break;
        }
    }
}
