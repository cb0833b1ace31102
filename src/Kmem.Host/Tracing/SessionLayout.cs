using Kmem.Host.Tracing.Native;

namespace Kmem.Host.Tracing;

/// <summary>Where the supervisor's own things lie in every traced program: descriptor numbers and the scratch page.</summary>
internal static class SessionLayout
{
    private const int Numbers = 64, OwnNumbers = 8, HighestBase = 960, LowestBase = 64, NoFileLimit = 7;

    /// <summary>First number that an opened device gets, so that filters know it: 960, or less where the host allows fewer descriptors.</summary>
    public static readonly int FirstDescriptor = BaseWithin(HardLimit());

    /// <summary>Last number that an opened device gets.</summary>
    public static readonly int LastDescriptor = FirstDescriptor + Numbers - OwnNumbers - 1;

    /// <summary>An open /dev/null, from which device descriptors are made.</summary>
    public static readonly int NullSlot = LastDescriptor + 1;

    /// <summary>First number of the machine's memory files.</summary>
    public static readonly int FirstMemorySlot = NullSlot + 1;

    /// <summary>Last number that the supervisor uses.</summary>
    public static readonly int LastSlot = FirstDescriptor + Numbers - 1;

    /// <summary>Whether a number is one of the supervisor's own.</summary>
    public static bool IsSlot(ulong descriptor) => (uint)descriptor >= (uint)NullSlot && (uint)descriptor <= (uint)LastSlot;

    private static unsafe ulong HardLimit()
    {
        ulong* limit = stackalloc ulong[2];
        return Linux.GetLimit(NoFileLimit, limit) == 0 ? limit[1] : ulong.MaxValue;
    }

    private static int BaseWithin(ulong limit) => limit >= HighestBase + Numbers ? HighestBase : Math.Max(LowestBase, (int)limit - Numbers);

    /// <summary>Offset of a SYSCALL instruction in the scratch page.</summary>
    public const ulong CallOffset = 0;

    /// <summary>Offset of the copy of an instruction that is stepped.</summary>
    public const ulong CodeOffset = 0x40;

    /// <summary>Offset of its memory operand.</summary>
    public const ulong DataOffset = 0x80;

    /// <summary>Offset of filters and other small structures.</summary>
    public const ulong SmallOffset = 0x100;

    /// <summary>Offset of the first path buffer.</summary>
    public const ulong PathOffset = 0x1000;

    /// <summary>Length of a path buffer in bytes.</summary>
    public const ulong PathLength = 0x1000;

    /// <summary>Number of path buffers.</summary>
    public const int PathBuffers = 64;

    /// <summary>Length of the scratch area in bytes.</summary>
    public const ulong ScratchLength = PathOffset + (PathBuffers * PathLength);

    /// <summary>Frequent calls whose first argument is a descriptor, and that take no other.</summary>
    public static readonly Nr[] FrequentCalls = [Nr.Read, Nr.Write, Nr.Pread64, Nr.Pwrite64, Nr.Lseek, Nr.Fstat, Nr.Close, Nr.Ioctl, Nr.Readv, Nr.Writev, Nr.Fcntl];

    /// <summary>Other calls whose first argument is a descriptor.</summary>
    public static readonly Nr[] DescriptorCalls =
    [
        Nr.Dup, Nr.Dup2, Nr.Dup3, Nr.Sendfile, Nr.Flock, Nr.Fsync, Nr.Fdatasync, Nr.Ftruncate, Nr.Getdents, Nr.Getdents64, Nr.Fchdir, Nr.Fadvise64, Nr.Readahead, Nr.Preadv,
        Nr.Pwritev, Nr.Preadv2, Nr.Pwritev2, Nr.Fallocate, Nr.SyncFileRange, Nr.Syncfs, Nr.Splice, Nr.Tee, Nr.CopyFileRange, Nr.Fstatfs,
    ];

    /// <summary>Calls whose second argument is a descriptor.</summary>
    public static readonly Nr[] SecondDescriptorCalls = [Nr.Dup2, Nr.Dup3, Nr.Sendfile, Nr.Tee];

    /// <summary>Calls whose third argument is a descriptor.</summary>
    public static readonly Nr[] ThirdDescriptorCalls = [Nr.Splice, Nr.CopyFileRange, Nr.EpollCtl];

    /// <summary>Calls with paths, which may lead to a device.</summary>
    public static readonly Nr[] PathCalls =
    [
        Nr.Open, Nr.Openat, Nr.Openat2, Nr.Creat, Nr.Stat, Nr.Lstat, Nr.Newfstatat, Nr.Statx, Nr.Access, Nr.Faccessat, Nr.Faccessat2, Nr.Truncate, Nr.Readlink, Nr.Readlinkat, Nr.Chdir,
        Nr.Mknod, Nr.Mknodat, Nr.Chmod, Nr.Fchmodat, Nr.Fchmodat2, Nr.Chown, Nr.Lchown, Nr.Fchownat, Nr.Unlink, Nr.Unlinkat, Nr.Rename, Nr.Renameat, Nr.Renameat2, Nr.Link, Nr.Linkat,
        Nr.Symlink, Nr.Symlinkat, Nr.Mkdir, Nr.Rmdir, Nr.Utimensat, Nr.Statfs, Nr.NameToHandleAt, Nr.Getxattr, Nr.Lgetxattr, Nr.Listxattr, Nr.Llistxattr, Nr.Setxattr, Nr.Lsetxattr, Nr.Removexattr, Nr.Lremovexattr,
        Nr.Mkdirat, Nr.Utime, Nr.Utimes, Nr.Futimesat, Nr.InotifyAddWatch, Nr.Chroot, Nr.Execve, Nr.Execveat,
    ];

    /// <summary>Ways around the supervisor. They don't exist here.</summary>
    /// <remarks>
    /// clone3 has its flags in memory, where no filter sees them and other threads can change them; libraries fall back to clone. A page that
    /// waits in userfaultfd for the program's own answer would make the supervisor wait as well.
    /// </remarks>
    public static readonly Nr[] MissingCalls = [Nr.IoUringSetup, Nr.IoUringEnter, Nr.IoUringRegister, Nr.Clone3, Nr.Userfaultfd, Nr.RemapFilePages];

    /// <summary>Calls that would reach the host's kernel itself, other programs, or other name spaces.</summary>
    public static readonly Nr[] ForbiddenCalls =
    [
        Nr.OpenByHandleAt, Nr.KexecLoad, Nr.KexecFileLoad, Nr.InitModule, Nr.FinitModule, Nr.DeleteModule, Nr.Mount, Nr.Umount2, Nr.PivotRoot, Nr.PidfdGetfd, Nr.Ptrace, Nr.Setns, Nr.Bpf, Nr.Reboot,
        Nr.Swapon, Nr.Swapoff, Nr.Acct, Nr.Settimeofday, Nr.ClockSettime, Nr.OpenTree, Nr.OpenTreeAttr, Nr.MoveMount, Nr.Fsopen, Nr.Fsconfig, Nr.Fsmount, Nr.Fspick, Nr.MountSetattr, Nr.Kcmp,
    ];

    /// <summary>Calls that name a process or thread in their first argument; 0 is the caller itself.</summary>
    public static readonly Nr[] ProcessCalls =
    [
        Nr.Prlimit64, Nr.SchedSetaffinity, Nr.SchedSetparam, Nr.SchedSetscheduler, Nr.SchedSetattr, Nr.MigratePages, Nr.MovePages,
    ];

    /// <summary>Calls that send signals, and that reach into other processes.</summary>
    public static readonly Nr[] SignalCalls = [Nr.Kill, Nr.Tkill, Nr.Tgkill, Nr.RtSigqueueinfo, Nr.RtTgsigqueueinfo, Nr.PidfdOpen, Nr.ProcessVmReadv, Nr.ProcessVmWritev, Nr.Setpriority];

    /// <summary>CLONE_NEWTIME, CLONE_NEWNS, CLONE_NEWUSER and CLONE_NEWPID: in a name space of its own a program would be root and see other files.</summary>
    public const uint NameSpaces = 0x80 | 0x2_0000 | 0x1000_0000 | 0x2000_0000;

    /// <summary>CLONE_UNTRACED: a child without a supervisor.</summary>
    public const uint Untraced = 0x80_0000;

    private const uint NewListener = 8, StuffTerminal = 0x5412, ControlConsole = 0x541C;

    /// <summary>The filter that every program of a session runs under.</summary>
    public static SeccompProgram BaseFilter() => new SeccompProgram()
        .CloseForeignEntries(Errors.ENOSYS)
        .Begin()
        .RefuseWhenArgument(Errors.EPERM, 1, StuffTerminal, Nr.Ioctl)
        .RefuseWhenArgument(Errors.EPERM, 1, ControlConsole, Nr.Ioctl)
        .DecideByArgument(0, (uint)FirstDescriptor, (uint)LastSlot, FrequentCalls)
        .Stop(PathCalls)
        .Stop(Nr.Iopl, Nr.Ioperm, Nr.CloseRange, Nr.Capget, Nr.Capset, Nr.Unshare, Nr.Fchmod, Nr.Fchown, Nr.Fsetxattr, Nr.Fremovexattr)
        .Stop(SignalCalls)
        .Refuse(Errors.ENOSYS, MissingCalls)
        .Refuse(Errors.EPERM, ForbiddenCalls)

        // Whoever listens at a filter may let a call pass behind the supervisor's back (seccomp_unotify(2)).
        .RefuseWhenBits(Errors.EINVAL, 1, NewListener, Nr.Seccomp)
        .StopWhenBits(0, NameSpaces | Untraced, Nr.Clone)
        .StopWhenArgument(0, 1, int.MaxValue, ProcessCalls)
        .StopWhenArgument(0, (uint)FirstDescriptor, (uint)LastSlot, DescriptorCalls)
        .StopWhenArgument(1, (uint)FirstDescriptor, (uint)LastSlot, SecondDescriptorCalls)
        .StopWhenArgument(2, (uint)FirstDescriptor, (uint)LastSlot, ThirdDescriptorCalls)
        .StopWhenArgument(4, (uint)FirstDescriptor, (uint)LastSlot, Nr.Mmap)
        .AllowRest();

    /// <summary>The filter for a device at a low descriptor number, as the shell's redirections make it.</summary>
    public static SeccompProgram DescriptorFilter(int descriptor) => new SeccompProgram()
        .Begin()
        .DecideByArgument(0, (uint)descriptor, (uint)descriptor, FrequentCalls)
        .StopWhenArgument(0, (uint)descriptor, (uint)descriptor, DescriptorCalls)
        .StopWhenArgument(1, (uint)descriptor, (uint)descriptor, SecondDescriptorCalls)
        .StopWhenArgument(2, (uint)descriptor, (uint)descriptor, ThirdDescriptorCalls)
        .StopWhenArgument(4, (uint)descriptor, (uint)descriptor, Nr.Mmap)
        .AllowRest();

    /// <summary>The filter for programs that have a device open: its descriptor must not leave for other programs.</summary>
    public static SeccompProgram MessageFilter() => new SeccompProgram().Begin().Stop(Nr.Sendmsg, Nr.Sendmmsg, Nr.IoSubmit).AllowRest();

    /// <summary>The filter for programs that have a device mapped.</summary>
    public static SeccompProgram MappingFilter() => new SeccompProgram()
        .Begin()
        .Stop(Nr.Munmap, Nr.Mprotect, Nr.PkeyMprotect, Nr.Mremap, Nr.Madvise, Nr.Msync, Nr.Mincore, Nr.Mlock, Nr.Mlock2)
        .StopWhenBits(3, 0x10, Nr.Mmap)
        .AllowRest();
}

/// <summary>Error numbers that the supervisor itself gives.</summary>
internal static class Errors
{
    public const int EPERM = 1, ENOENT = 2, ESRCH = 3, EINTR = 4, EBADF = 9, EAGAIN = 11, ENOMEM = 12, EACCES = 13, EFAULT = 14, EEXIST = 17, ENOTDIR = 20, EINVAL = 22, EMFILE = 24, ENAMETOOLONG = 36, ENOSYS = 38, ELOOP = 40, EOPNOTSUPP = 95;
}
