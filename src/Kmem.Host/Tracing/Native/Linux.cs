using System.Runtime.InteropServices;

namespace Kmem.Host.Tracing.Native;

/// <summary>The calls of the host's C library that a supervisor makes.</summary>
/// <remarks>Source: ptrace(2), waitpid(2), process_vm_readv(2), seccomp(2).</remarks>
internal static unsafe partial class Linux
{
    public const int EventFork = 1, EventVfork = 2, EventClone = 3, EventExec = 4, EventVforkDone = 5, EventExit = 6, EventSeccomp = 7, EventStop = 128;
    public const int Continue = 7, SingleStep = 9, GetRegisters = 12, SetRegisters = 13, ToSystemCall = 24;
    public const int SetOptions = 0x4200, GetEventMessage = 0x4201, GetSignalInfo = 0x4202, Seize = 0x4206, Interrupt = 0x4207, Listen = 0x4208, GetSignalMask = 0x420A, SetSignalMask = 0x420B;

    /// <summary>EXITKILL, SYSGOOD, FORK, VFORK, CLONE, EXEC, SECCOMP.</summary>
    public const int Options = 0x10_0000 | 1 | 2 | 4 | 8 | 0x10 | 0x80;

    public const int SigInt = 2, SigTrap = 5, SigKill = 9, SigSegv = 11, SigCont = 18, SigStop = 19, SigTstp = 20, SigTtin = 21, SigTtou = 22;
    /// <summary>All kinds of children, and those of the calling thread only: other sessions may run beside this one.</summary>
    public const int WaitAll = 0x4000_0000 | 0x2000_0000;

    [LibraryImport("libc", EntryPoint = "ptrace", SetLastError = true)]
    public static partial long Ptrace(long request, int process, nint address, nint data);

    [LibraryImport("libc", EntryPoint = "waitpid", SetLastError = true)]
    public static partial int WaitPid(int process, int* status, int options);

    [LibraryImport("libc", EntryPoint = "process_vm_readv", SetLastError = true)]
    public static partial nint ReadProcess(int process, IoPiece* local, nuint localCount, IoPiece* remote, nuint remoteCount, nuint flags);

    [LibraryImport("libc", EntryPoint = "process_vm_writev", SetLastError = true)]
    public static partial nint WriteProcess(int process, IoPiece* local, nuint localCount, IoPiece* remote, nuint remoteCount, nuint flags);

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    public static partial nint Map(nint address, nuint length, int protection, int flags, int file, long offset);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    public static partial int Unmap(nint address, nuint length);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(HostPathMarshaller))]
    public static partial int Open(string path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    public static partial int Close(int file);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    public static partial nint Read(int file, void* buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    public static partial nint Write(int file, void* buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "pipe2", SetLastError = true)]
    public static partial int Pipe(int* files, int flags);

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    public static partial int Kill(int process, int signal);

    [LibraryImport("libc", EntryPoint = "readlink", SetLastError = true, StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(HostPathMarshaller))]
    public static partial nint ReadLink(string path, byte* buffer, nuint size);

    [LibraryImport("libc", EntryPoint = "stat", SetLastError = true, StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(HostPathMarshaller))]
    public static partial int Stat(string path, HostStatus* status);

    [LibraryImport("libc", EntryPoint = "lstat", SetLastError = true, StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(HostPathMarshaller))]
    public static partial int LinkStat(string path, HostStatus* status);

    [LibraryImport("libc", EntryPoint = "chmod", SetLastError = true, StringMarshalling = StringMarshalling.Custom, StringMarshallingCustomType = typeof(HostPathMarshaller))]
    public static partial int ChangeMode(string path, uint mode);

    [LibraryImport("libc", EntryPoint = "getrlimit", SetLastError = true)]
    public static partial int GetLimit(int resource, ulong* limit);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    public static partial nint SystemCall(nint number, nint a, nint b, nint c, nint d);

    [LibraryImport("libc", EntryPoint = "getpgid", SetLastError = true)]
    public static partial int GetProcessGroup(int process);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    public static partial int Poll(PollRequest* requests, nuint count, int timeout);

    [LibraryImport("libc", EntryPoint = "sched_getaffinity", SetLastError = true)]
    public static partial int GetAffinity(int thread, nuint size, ulong* mask);

    [LibraryImport("libc", EntryPoint = "sched_setaffinity", SetLastError = true)]
    public static partial int SetAffinity(int thread, nuint size, ulong* mask);

    [LibraryImport("libc", EntryPoint = "sched_getcpu")]
    public static partial int CurrentCpu();

    [LibraryImport("libc", EntryPoint = "gettid")]
    public static partial int GetThread();

    public static int LastError => Marshal.GetLastPInvokeError();

    /// <summary>The last error as a sentence.</summary>
    public static string LastErrorText => Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError());

    /// <summary>struct pollfd.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct PollRequest
    {
        public int File;
        public short Wanted;
        public short Found;
    }

    /// <summary>A piece of memory of this or another process.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct IoPiece
    {
        public ulong Address;
        public ulong Length;
    }

    /// <summary>struct stat of x86-64: 144 bytes.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 144)]
    public struct HostStatus
    {
        [FieldOffset(0)]
        public ulong Device;
        [FieldOffset(8)]
        public ulong Inode;
        [FieldOffset(16)]
        public ulong Links;
        [FieldOffset(24)]
        public uint Mode;
        [FieldOffset(28)]
        public uint UserId;
        [FieldOffset(32)]
        public uint GroupId;
        [FieldOffset(40)]
        public ulong DeviceId;
        [FieldOffset(48)]
        public long Size;
        [FieldOffset(56)]
        public long BlockSize;
        [FieldOffset(64)]
        public long Blocks;
        [FieldOffset(72)]
        public long AccessedSeconds;
        [FieldOffset(80)]
        public long AccessedNanoseconds;
        [FieldOffset(88)]
        public long ModifiedSeconds;
        [FieldOffset(96)]
        public long ModifiedNanoseconds;
        [FieldOffset(104)]
        public long ChangedSeconds;
        [FieldOffset(112)]
        public long ChangedNanoseconds;
    }
}
