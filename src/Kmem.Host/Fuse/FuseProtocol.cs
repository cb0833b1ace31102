namespace Kmem.Host.Fuse;

/// <summary>What a request of the kernel asks for.</summary>
/// <remarks>Source: Linux include/uapi/linux/fuse.h, enum fuse_opcode.</remarks>
internal enum FuseOpcode : uint
{
    Lookup = 1,
    Forget = 2,
    GetAttributes = 3,
    SetAttributes = 4,
    SymbolicLink = 6,
    MakeNode = 8,
    MakeDirectory = 9,
    Unlink = 10,
    RemoveDirectory = 11,
    Rename = 12,
    Link = 13,
    Open = 14,
    Read = 15,
    Write = 16,
    StatFs = 17,
    Release = 18,
    Flush = 25,
    Init = 26,
    OpenDirectory = 27,
    ReadDirectory = 28,
    ReleaseDirectory = 29,
    Create = 35,
    Interrupt = 36,
    Destroy = 38,
    BatchForget = 42,
    RenameTwo = 45,
    Seek = 46,
}

/// <summary>Flags of INIT: what both sides can do.</summary>
/// <remarks>Source: fuse.h, FUSE_*; the upper half travels in flags2.</remarks>
[Flags]
internal enum FuseFeatures : ulong
{
    None = 0,
    AsyncRead = 1UL << 0,
    BigWrites = 1UL << 5,
    AsyncDirectIo = 1UL << 15,
    ParallelDirectoryOps = 1UL << 18,
    MaxPages = 1UL << 22,
    InitExtended = 1UL << 30,
    Passthrough = 1UL << 37,
}

/// <summary>Flags of a reply to OPEN.</summary>
/// <remarks>Source: fuse.h, FOPEN_*.</remarks>
[Flags]
internal enum FuseOpenFlags : uint
{
    None = 0,
    DirectIo = 1,
    ParallelDirectWrites = 1 << 6,
    Passthrough = 1 << 7,
}

/// <summary>Sizes and numbers of the protocol, in bytes unless said otherwise.</summary>
/// <remarks>Source: fuse.h of protocol 7.40; layouts are those of little-endian hosts.</remarks>
internal static class FuseProtocol
{
    public const uint Major = 7, Minor = 40, OldestMinor = 28;
    public const int InHeader = 40, OutHeader = 16;
    public const int MaxTransfer = 1 << 20, MaxPages = 256;
    public const int Attributes = 88, EntryReply = 40 + Attributes, AttributesReply = 16 + Attributes, OpenReply = 16, InitReply = 64, StatFsReply = 80;
    public const int ReadIn = 40, WriteIn = 40, OpenIn = 8, ReleaseIn = 24, SetAttributesIn = 88, InitIn = 16, ForgetIn = 8, ForgetOne = 16;
    public const int DirectoryEntry = 24;
    public const ulong RootId = 1;
    public const uint DirectoryMode = 0x4000, RegularMode = 0x8000;
    public const uint ChangesMode = 1, ChangesUser = 2, ChangesGroup = 4;

    /// <summary>FUSE_DEV_IOC_BACKING_OPEN: a file behind a passthrough mapping.</summary>
    public const uint BackingOpen = 0x4010_E501;
}
