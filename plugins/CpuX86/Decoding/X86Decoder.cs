using Iced.Intel;
using Kmem.Ir;
using Kmem.Plugins.CpuX86.Lifting;
using Kmem.Plugins.CpuX86.Models;
using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.Plugins.CpuX86.Decoding;

/// <summary>Decodes the instructions of a block and has them lifted.</summary>
internal sealed class X86Decoder
{
    private const int LongestInstruction = 15;

    /// <summary>Length of an instruction that needs a sixteenth byte, which is a #GP whatever stands there.</summary>
    private const int TooLong = LongestInstruction + 1;

    private readonly X86Model _model;
    private readonly ByteReader _reader = new();
    private readonly Decoder[] _decoders;

    /// <summary>For far jumps and calls through memory in 64-bit code, whose offset has 64 bits with REX.W; AMD's own processors take 32, but QEMU's models that bear their name, and what is tested on them, do not.</summary>
    private readonly Decoder _wide;

    public X86Decoder(X86Model model)
    {
        _model = model;
        _decoders = [Decoder.Create(16, _reader, model.DecoderOptions), Decoder.Create(32, _reader, model.DecoderOptions), Decoder.Create(64, _reader, model.DecoderOptions)];
        _wide = Decoder.Create(64, _reader, model.DecoderOptions & ~DecoderOptions.AMD);
    }

    /// <summary>Lifts until an instruction ends the block, the page ends, or the limit is reached.</summary>
    /// <returns>Bytes of code lifted.</returns>
    public int Lift(LiftContext x, ulong pc, ICodeSource code, int limit)
    {
        Decoder decoder = _decoders[x.Is64 ? 2 : (x.Context & X86Context.Code32) != 0 ? 1 : 0];
        bool isSingle = (x.Context & (X86Context.Shadow | X86Context.Trap | X86Context.Debug)) != 0;
        ulong ip = x.Is64 ? pc : (uint)(pc - x.CodeBase);
        int offset = 0;
        Span<byte> bytes = stackalloc byte[LongestInstruction];
        for (int count = 0; count < (isSingle ? 1 : limit); count++)
        {
            int length = code.Read(offset, bytes);
            if (length == 0 || !TryDecode(decoder, bytes[..length], ip, out Instruction instruction))
            {
                // The rest may lie in the next page; an instruction that does has a block of its own.
                if (count > 0)
                {
                    break;
                }

                if (!code.ReadNextPage(bytes[length..]))
                {
                    x.Ir.BeginInstruction(0);
                    x.Take(default, ip);
                    x.Ir.ExitHelper(X86Helpers.FetchFault, x.Const((pc & ~0xFFFUL) + 0x1000), 0);
                    return length;
                }

                if (!TryDecode(decoder, bytes, ip, out instruction))
                {
                    instruction = default;
                    instruction.Length = TooLong;
                }
            }

            x.Ir.BeginInstruction(offset);
            x.Take(instruction, ip);
            int before = x.Ir.Operations.Count;
            if (isSingle)
            {
                x.Ir.Helper(X86Helpers.BeginSingle, x.Const(0), 0);
            }

            Lift(x);
            offset += instruction.Length;
            ip = x.NextIp;
            if (x.Ir.IsEnded)
            {
                return offset;
            }

            // An instruction without any effect still is one: its mark needs a micro-op of its own.
            if (x.Ir.Operations.Count == before)
            {
                x.Ir.Nothing();
            }

        }

        x.Ir.Jump(x.Linear(ip));
        return offset;
    }

    private void Lift(LiftContext x)
    {
        ref Instruction instruction = ref x.Instruction;
        if (!x.Is64 && x.Ip + (uint)instruction.Length - 1 > x.Cpu.CodeLimit(x.Context))
        {
            x.Raise(X86Fault.GeneralProtection);
            return;
        }

        if (instruction.Code == Code.INVALID)
        {
            x.Raise(instruction.Length > LongestInstruction ? X86Fault.GeneralProtection : X86Fault.InvalidOpcode);
            return;
        }

        if (_model.Has(instruction.Code) && X86Table.Find(instruction) is { } method)
        {
            method(x);
        }
        else
        {
            x.Undefined();
        }
    }

    private bool TryDecode(Decoder decoder, ReadOnlySpan<byte> bytes, ulong ip, out Instruction instruction)
    {
        _reader.Set(bytes);
        decoder.IP = ip;
        decoder.Decode(out instruction);
        if (decoder.LastError != DecoderError.NoMoreBytes)
        {
            if (instruction.Code == Code.Pause && decoder.Bitness == 64)
            {
                TakeExchange(bytes[..instruction.Length], ref instruction);
            }
            else if (instruction.Code is Code.Jmp_m1632 or Code.Call_m1632 && decoder.Bitness == 64 && _model.IsAmd)
            {
                _reader.Set(bytes[..instruction.Length]);
                _wide.IP = ip;
                _wide.Decode(out instruction);
            }

            return true;
        }

        if (bytes.Length < LongestInstruction)
        {
            return false;
        }

        instruction = default;
        instruction.Length = TooLong;
        return true;
    }

    /// <summary>PAUSE with REX.B is XCHG of R8 and the accumulator, which Iced takes for PAUSE too.</summary>
    private static void TakeExchange(ReadOnlySpan<byte> bytes, ref Instruction instruction)
    {
        byte prefix = bytes[^2];
        if ((prefix & 0xF1) != 0x41)
        {
            return;
        }

        (int length, ulong ip) = (instruction.Length, instruction.NextIP);
        instruction = (prefix & 8) != 0 ? Instruction.Create(Code.Xchg_r64_RAX, Register.R8, Register.RAX)
            : bytes.Contains((byte)0x66) ? Instruction.Create(Code.Xchg_r16_AX, Register.R8W, Register.AX)
            : Instruction.Create(Code.Xchg_r32_EAX, Register.R8D, Register.EAX);
        (instruction.Length, instruction.NextIP) = (length, ip);
    }

    /// <summary>Gives the decoder its bytes.</summary>
    private sealed class ByteReader : CodeReader
    {
        private readonly byte[] _bytes = new byte[LongestInstruction];
        private int _length, _next;

        public void Set(ReadOnlySpan<byte> bytes)
        {
            bytes.CopyTo(_bytes);
            (_length, _next) = (bytes.Length, 0);
        }

        public override int ReadByte() => _next < _length ? _bytes[_next++] : -1;
    }
}
