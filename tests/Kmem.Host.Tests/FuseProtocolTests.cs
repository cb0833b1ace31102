using System.Text;
using Xunit;
using static Kmem.Host.Tests.FuseConversation;

namespace Kmem.Host.Tests;

public sealed class FuseProtocolTests
{
    private const uint Lookup = 1, Attributes = 3, Open = 14, Read = 15, Write = 16, Release = 18, Init = 26, OpenDirectory = 27, ReadDirectory = 28, Create = 35, Seek = 46;
    private const int ENOENT = 2, EIO = 5, EBADF = 9, EINVAL = 22, ENOTDIR = 20, EISDIR = 21, ENOSYS = 38, EPERM = 1, EPROTO = 71;

    [Fact]
    public void InitTakesWhatBothSidesKnow()
    {
        using var kernel = new FuseConversation();
        (int error, byte[] data) = kernel.Ask(Init, 0, Bytes(7u, 45u, 131072u, uint.MaxValue, uint.MaxValue, new byte[44]));
        Assert.Equal((0, 64, 7u, 40u), (error, data.Length, BitConverter.ToUInt32(data, 0), BitConverter.ToUInt32(data, 4)));
        uint flags = BitConverter.ToUInt32(data, 12), upper = BitConverter.ToUInt32(data, 32);
        Assert.Equal((1u << 0) | (1 << 5) | (1 << 15) | (1 << 18) | (1 << 22) | (1 << 30), flags);
        Assert.Equal((1u << 5, 1u), (upper, BitConverter.ToUInt32(data, 36)));
        Assert.Equal(1u << 20, BitConverter.ToUInt32(data, 20));
    }

    [Fact]
    public void AnotherMajorIsRefused()
    {
        using var kernel = new FuseConversation();
        Assert.Equal(EPROTO, kernel.Ask(Init, 0, Bytes(6u, 1u, 0u, 0u)).Error);
        Assert.Contains("speaks FUSE 6.1", Assert.Single(kernel.Said), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(5u)]
    [InlineData(34u)]
    [InlineData(39u)]
    [InlineData(50u)]
    [InlineData(4096u)]
    [InlineData(uint.MaxValue)]
    public void UnknownRequestsAreNotImplemented(uint opcode)
    {
        using var kernel = new FuseConversation();
        Assert.Equal(ENOSYS, kernel.Ask(opcode, 1, new byte[8]).Error);
    }

    [Fact]
    public void NothingCanBeCreated()
    {
        using var kernel = new FuseConversation();
        Assert.Equal(EPERM, kernel.Ask(Create, 1, new byte[32]).Error);
    }

    [Fact]
    public void AFileIsReadAndWrittenWithItsErrors()
    {
        using var kernel = new FuseConversation();
        ulong node = Find(kernel, "hello"), handle = OpenFile(kernel, node);
        Assert.Equal("ello\n", Encoding.ASCII.GetString(kernel.Ask(Read, node, Bytes(handle, 1ul, 100u, 0u, 0ul, 0u, 0u)).Data));
        Assert.Empty(kernel.Ask(Read, node, Bytes(handle, ulong.MaxValue, 100u, 0u, 0ul, 0u, 0u)).Data);
        Assert.Equal(3u, BitConverter.ToUInt32(kernel.Ask(Write, node, Bytes(handle, 0ul, 3u, 0u, 0ul, 0u, 0u, "ok\n"u8.ToArray())).Data));
        Assert.Equal(EINVAL, kernel.Ask(Write, node, Bytes(handle, 0ul, 3u, 0u, 0ul, 0u, 0u, "no\n"u8.ToArray())).Error);
        Assert.Equal(1, kernel.Session.OpenCount);
        Assert.Equal(0, kernel.Ask(Release, node, Bytes(handle, 0ul, 0ul)).Error);
        Assert.Equal(EBADF, kernel.Ask(Release, node, Bytes(handle, 0ul, 0ul)).Error);
        Assert.Equal(EBADF, kernel.Ask(Read, node, Bytes(handle, 1ul, 100u, 0u, 0ul, 0u, 0u)).Error);
        Assert.Equal(0, kernel.Session.OpenCount);
    }

    [Fact]
    public void AWriteThatPromisesMoreThanItBringsIsRefused()
    {
        using var kernel = new FuseConversation();
        ulong node = Find(kernel, "hello"), handle = OpenFile(kernel, node);
        Assert.Equal(EINVAL, kernel.Ask(Write, node, Bytes(handle, 0ul, uint.MaxValue, 0u, 0ul, 0u, 0u, "ok"u8.ToArray())).Error);
    }

    [Fact]
    public void AReadAsksForAtMostOneMebibyte()
    {
        using var kernel = new FuseConversation();
        ulong node = Find(kernel, "hello"), handle = OpenFile(kernel, node);
        Assert.Equal(6, kernel.Ask(Read, node, Bytes(handle, 0ul, uint.MaxValue, 0u, 0ul, 0u, 0u)).Data.Length);
    }

    [Fact]
    public void ADeviceThatThrowsIsAnInputOutputErrorAndTheSessionLivesOn()
    {
        using var kernel = new FuseConversation();
        ulong node = Find(kernel, "bad"), handle = OpenFile(kernel, node);
        Assert.Equal(EIO, kernel.Ask(Read, node, Bytes(handle, 0ul, 1u, 0u, 0ul, 0u, 0u)).Error);
        Assert.Contains("a plugin that throws", Assert.Single(kernel.Said), StringComparison.Ordinal);
        Find(kernel, "hello");
    }

    [Fact]
    public void WrongKindsAndNumbersAreErrors()
    {
        using var kernel = new FuseConversation();
        ulong node = Find(kernel, "hello");
        Assert.Equal(ENOENT, kernel.Ask(Lookup, 1, [.. "nothing\0"u8]).Error);
        Assert.Equal(ENOENT, kernel.Ask(Lookup, 1, "hello"u8.ToArray()).Error);
        Assert.Equal(ENOTDIR, kernel.Ask(Lookup, node, [.. "x\0"u8]).Error);
        Assert.Equal(ENOENT, kernel.Ask(Attributes, 12345).Error);
        Assert.Equal(EISDIR, kernel.Ask(Open, 1, new byte[8]).Error);
        Assert.Equal(ENOTDIR, kernel.Ask(OpenDirectory, node, new byte[8]).Error);
        Assert.Equal(EINVAL, kernel.Ask(Seek, node, new byte[24]).Error);
    }

    [Fact]
    public void AListingIsCutIntoPiecesThatFit()
    {
        using var kernel = new FuseConversation();
        ulong handle = BitConverter.ToUInt64(kernel.Ask(OpenDirectory, 1, new byte[8]).Data);
        var names = new List<string>();
        for (ulong offset = 0; ;)
        {
            byte[] data = kernel.Ask(ReadDirectory, 1, Bytes(handle, offset, 32u, 0u, 0ul, 0u, 0u)).Data;
            if (data.Length == 0)
            {
                break;
            }

            names.Add(Encoding.UTF8.GetString(data, 24, BitConverter.ToInt32(data, 16)));
            offset = BitConverter.ToUInt64(data, 8);
        }

        Assert.Equal([".", "..", "hello", "bad"], names);
    }

    [Fact]
    public void BrokenMessagesAreDroppedOrRefusedAndNothingEnds()
    {
        using var kernel = new FuseConversation();
        foreach (int length in (int[])[1, 4, 15, 16, 39])
        {
            kernel.SendRaw(new byte[length]);
        }

        byte[] lies = Request(Read, 1, 1, new byte[40]);
        lies[0] = 0xFF;
        kernel.SendRaw(lies);
        var random = new Random(20261123);
        for (int i = 0; i < 2000; i++)
        {
            byte[] arguments = new byte[random.Next(0, 100)];
            random.NextBytes(arguments);
            uint opcode = (uint)random.Next(0, 60);
            if (opcode is 2 or 36 or 38 or 42)
            {
                kernel.SendRaw(Request(opcode, (ulong)random.Next(0, 4), 1, arguments));
            }
            else
            {
                kernel.Ask(opcode, (ulong)random.Next(0, 4), arguments);
            }
        }

        Find(kernel, "hello");
    }

    [Fact]
    public void TheSessionEndsWithItsConnection()
    {
        var kernel = new FuseConversation();
        OpenFile(kernel, Find(kernel, "hello"));
        kernel.Dispose();
        Assert.True(kernel.Session.Ended.IsCompletedSuccessfully);
        Assert.Equal(0, kernel.Session.OpenCount);
    }

    private static ulong Find(FuseConversation kernel, string name)
    {
        (int error, byte[] data) = kernel.Ask(Lookup, 1, [.. Encoding.UTF8.GetBytes(name), 0]);
        Assert.Equal((0, 128), (error, data.Length));
        return BitConverter.ToUInt64(data);
    }

    private static ulong OpenFile(FuseConversation kernel, ulong node)
    {
        (int error, byte[] data) = kernel.Ask(Open, node, Bytes(2u, 0u));
        Assert.Equal((0, 16, 0x41u), (error, data.Length, BitConverter.ToUInt32(data, 8)));
        return BitConverter.ToUInt64(data);
    }
}
