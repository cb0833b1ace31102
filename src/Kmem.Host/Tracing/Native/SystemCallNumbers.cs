namespace Kmem.Host.Tracing.Native;

/// <summary>Numbers of the system calls that the supervisor looks at.</summary>
/// <remarks>Source: Linux arch/x86/entry/syscalls/syscall_64.tbl.</remarks>
internal enum Nr
{
    Read = 0, Write = 1, Open = 2, Close = 3, Stat = 4, Fstat = 5, Lstat = 6, Lseek = 8, Mmap = 9, Mprotect = 10, Munmap = 11, RtSigaction = 13, RtSigprocmask = 14,
    Ioctl = 16, Pread64 = 17, Pwrite64 = 18, Readv = 19, Writev = 20, Access = 21, Mremap = 25, Msync = 26, Mincore = 27, Madvise = 28, Dup = 32, Dup2 = 33,
    Sendfile = 40, Sendmsg = 46, Clone = 56, Fork = 57, Vfork = 58, Execve = 59, Fcntl = 72, Flock = 73, Fsync = 74, Fdatasync = 75, Truncate = 76, Ftruncate = 77,
    Getdents = 78, Chdir = 80, Fchdir = 81, Rename = 82, Mkdir = 83, Rmdir = 84, Creat = 85, Link = 86, Unlink = 87, Symlink = 88, Readlink = 89, Chmod = 90, Fchmod = 91,
    Chown = 92, Fchown = 93, Lchown = 94, Ptrace = 101, Setpgid = 109, Capget = 125, Capset = 126, Mknod = 133, Statfs = 137, Fstatfs = 138, Mlock = 149, PivotRoot = 155, Prctl = 157, Chroot = 161, Mount = 165,
    Iopl = 172, Ioperm = 173, InitModule = 175, DeleteModule = 176, Readahead = 187, Getxattr = 191, Lgetxattr = 192, Listxattr = 194, Llistxattr = 195, Getdents64 = 217, Fadvise64 = 221, ExitGroup = 231, EpollCtl = 233, KexecLoad = 246,
    Openat = 257, Mknodat = 259, Fchownat = 260, Newfstatat = 262, Unlinkat = 263, Renameat = 264, Linkat = 265, Symlinkat = 266, Readlinkat = 267, Fchmodat = 268, Faccessat = 269,
    Splice = 275, Tee = 276, SyncFileRange = 277, Utimensat = 280, Fallocate = 285, Dup3 = 292, Preadv = 295, Pwritev = 296, Prlimit64 = 302, NameToHandleAt = 303, OpenByHandleAt = 304,
    Fsetxattr = 190, Fremovexattr = 199, Kill = 62, Utime = 132, SchedSetparam = 142, SchedSetscheduler = 144, Setpriority = 141, Acct = 163, Settimeofday = 164, Umount2 = 166, Swapon = 167, Swapoff = 168, Reboot = 169,
    Setxattr = 188, Lsetxattr = 189, Removexattr = 197, Lremovexattr = 198, Tkill = 200, SchedSetaffinity = 203, IoSubmit = 209, RemapFilePages = 216, ClockSettime = 227, Tgkill = 234,
    Utimes = 235, InotifyAddWatch = 254, MigratePages = 256, Mkdirat = 258, Futimesat = 261, Unshare = 272, MovePages = 279, RtSigqueueinfo = 129, RtTgsigqueueinfo = 297, Setns = 308,
    ProcessVmReadv = 310, ProcessVmWritev = 311, Kcmp = 312, SchedSetattr = 314, Bpf = 321, Userfaultfd = 323, PkeyMprotect = 329, PidfdSendSignal = 424, OpenTree = 428, MoveMount = 429,
    Fsopen = 430, Fsconfig = 431, Fsmount = 432, Fspick = 433, PidfdOpen = 434, MountSetattr = 442, LandlockRestrictSelf = 446, OpenTreeAttr = 467, Poll = 7,
    Syncfs = 306, Sendmmsg = 307, FinitModule = 313, Renameat2 = 316, Seccomp = 317, KexecFileLoad = 320, Execveat = 322, Mlock2 = 325, CopyFileRange = 326, Preadv2 = 327, Pwritev2 = 328,
    Statx = 332, IoUringSetup = 425, IoUringEnter = 426, IoUringRegister = 427, Clone3 = 435, CloseRange = 436, Openat2 = 437, PidfdGetfd = 438, Faccessat2 = 439, Fchmodat2 = 452,
}
