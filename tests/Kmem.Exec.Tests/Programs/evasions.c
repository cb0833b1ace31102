/* More ways around a supervisor: other calls for the same thing, the supervisor itself, pages and descriptors of its own. Each line says what happened. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static void say(const char *what, long result) { printf("%s: %ld\n", what, result < 0 ? -errno : result); fflush(stdout); }

static int simulated(int fd) { char id[4] = ""; return fd >= 0 && pread(fd, id, 4, 0xf0000) == 4 && memcmp(id, "_SM_", 4) == 0; }

static volatile int racing = 1;
static char path[64];
static long glimpsed;
static int first;

static void *swap(void *host)
{
    while (racing) {
        strcpy(path, host);
        for (volatile int i = 0; i < 200; i++) { }
        strcpy(path, "/dev/null");
        for (volatile int i = 0; i < 200; i++) { }
    }
    return host;
}

static void *peek(void *unused)
{
    struct stat s;
    while (racing)
        for (int fd = first; fd < first + 3; fd++)
            glimpsed += fstat(fd, &s) == 0 && s.st_rdev != 0x103;
    return unused;
}

static void race(const char *host)
{
    pthread_t threads[2];
    racing = 1;
    first = dup(0);
    close(first);
    glimpsed = 0;
    strcpy(path, "/dev/null");
    pthread_create(&threads[0], 0, swap, (void *)host);
    pthread_create(&threads[1], 0, peek, 0);
    long kept = 0;
    for (int i = 0; i < 2500; i++) {
        struct stat s;
        int fd = syscall(SYS_openat, AT_FDCWD, path, O_RDWR, 0);
        if (fd >= 0) {
            fstat(fd, &s);
            kept += s.st_rdev != 0x103;
            close(fd);
        }
    }
    racing = 0;
    pthread_join(threads[0], 0);
    pthread_join(threads[1], 0);
    say("host files kept in a race", kept);
    say("host files glimpsed in a race", glimpsed);
}

int main(int argc, char **argv)
{
    char text[64], newline = '\n';
    struct stat s;
    pid_t supervisor = getppid();
    struct iovec here = {text, 8}, there = {(void *)0x400000, 8};
    say("ptrace of the supervisor", ptrace(PTRACE_SEIZE, supervisor, 0, 0));
    say("process_vm_readv of the supervisor", process_vm_readv(supervisor, &here, 1, &there, 1, 0));
    snprintf(text, sizeof text, "/proc/%d/mem", supervisor);
    say("memory of the supervisor", open(text, O_RDWR));
    snprintf(text, sizeof text, "/proc/%d/root/dev/mem", supervisor);
    say("device through the supervisor's root is simulated", simulated(open(text, O_RDONLY)));
    say("kill of the supervisor", kill(supervisor, SIGKILL));
    say("tgkill of the supervisor", syscall(SYS_tgkill, supervisor, supervisor, SIGKILL));
    say("pidfd of the supervisor", syscall(SYS_pidfd_open, supervisor, 0));
    struct rlimit none = {0, 0};
    say("limits of the supervisor", prlimit(supervisor, RLIMIT_CPU, &none, 0));
    signal(SIGTERM, SIG_IGN);
    say("kill of everybody", kill(-1, SIGTERM) == 0 || errno == ESRCH ? 0 : -1);
    say("kill of the group", kill(0, SIGTERM));

    say("name spaces", unshare(CLONE_NEWUSER | CLONE_NEWNS));
    say("child in name spaces", syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
    struct clone_args arguments = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
    say("clone3", syscall(SYS_clone3, &arguments, sizeof arguments));
    say("setns", setns(open("/proc/1/ns/mnt", O_RDONLY), 0));
    say("new mount calls", syscall(SYS_open_tree, AT_FDCWD, "/dev", 1));
    say("userfaultfd", syscall(SYS_userfaultfd, O_CLOEXEC | 1));
    say("typing into the terminal", ioctl(0, TIOCSTI, &newline));

    struct sock_filter code[] = {{0x20, 0, 0, 0}, {0x15, 0, 1, SYS_openat}, {6, 0, 0, SECCOMP_RET_USER_NOTIF}, {6, 0, 0, SECCOMP_RET_ALLOW}};
    struct sock_fprog filter = {4, code};
    say("listening at an own filter", syscall(SYS_seccomp, 1, SECCOMP_FILTER_FLAG_NEW_LISTENER, &filter));
    pid_t child = syscall(SYS_clone, CLONE_UNTRACED | SIGCHLD, 0, 0, 0, 0);
    if (child == 0)
        _exit(simulated(open("/dev/mem", O_RDONLY)));
    int status;
    waitpid(child, &status, 0);
    say("child that wants no tracer sees the machine", WEXITSTATUS(status));

    struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_IN_ROOT};
    say("openat2 is simulated", simulated(syscall(SYS_openat2, open("/", O_PATH), "/dev/mem", &how, sizeof how)));
    snprintf(text, sizeof text, "/proc/self/fd/%d", open("/dev/mem", O_PATH));
    say("second open of a path descriptor is simulated", simulated(open(text, O_RDONLY)));
    char odd[64];
    snprintf(odd, sizeof odd, "/tmp/kmem-\xff-%d", getpid());
    symlink("/dev/fuse", odd);
    say("link whose name is no text", open(odd, O_RDWR));
    unlink(odd);
    symlink("/dev/mem", odd);
    say("such a link to a device is simulated", simulated(open(odd, O_RDONLY)));
    unlink(odd);
    say("writing to the host's kernel", open("/proc/sys/kernel/core_pattern", O_WRONLY));
    say("writing to the host's devices", open("/sys/kernel/profiling", O_WRONLY) < 0 && open("/sys/power/state", O_WRONLY) < 0 ? 0 : 1);

    /* The host's own nodes, with the modes that they have. */
    int null = open("/dev/null", O_RDWR);
    say("mode of the host's null by path", chmod("/dev/null", 0666));
    say("mode of the host's null by descriptor", fchmod(null, 0666));
    say("mode of the host's null by an empty path", syscall(452, null, "", 0666, AT_EMPTY_PATH));
    say("owner of the host's null", fchownat(null, "", -1, -1, AT_EMPTY_PATH));
    say("times of the host's null", futimens(null, 0));
    int device = open("/dev/mem", O_RDONLY);
    say("owner of the node behind a device", fchownat(device, "", -1, -1, AT_EMPTY_PATH));
    close(device);
    close(null);

    int fd = open("/dev/mem", O_RDWR), pipes[2];
    volatile uint32_t *page = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0xfed50000);
    uint32_t before = page[0];
    syscall(SYS_pkey_mprotect, page, 4096, PROT_READ | PROT_WRITE, -1);
    say("register after pkey_mprotect", page[0] == before);
    say("large hole", mmap(0, 1UL << 35, PROT_READ, MAP_SHARED, fd, 1UL << 35) != MAP_FAILED);
    pipe(pipes);
    alarm(20);
    errno = 0;
    splice(pipes[0], 0, fd, 0, 16, 0);
    say("splice from an empty pipe ends", errno != EINTR);
    say("utimensat", utimensat(AT_FDCWD, "/dev/mem", 0, 0));
    say("device with a new time", stat("/dev/mem", &s) == 0 && S_ISCHR(s.st_mode));
    say("mkdirat", mkdirat(AT_FDCWD, "/dev/kmem-test", 0755));
    say("folder in the session", stat("/dev/kmem-test", &s));
    rmdir("/dev/kmem-test");
    for (int i = 1; i < argc; i++)
        race(argv[i]);

    /* The supervisor's own page taken away, then something that needs it. */
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[256];
    unsigned long first, last;
    while (fgets(line, sizeof line, maps))
        if (strstr(line, "rwxp") && !strchr(line, '[') && sscanf(line, "%lx-%lx", &first, &last) == 2)
            munmap((void *)first, last - first);
    say("copy of a device after its page is gone", simulated(dup2(fd, 7)));
    return 0;
}
