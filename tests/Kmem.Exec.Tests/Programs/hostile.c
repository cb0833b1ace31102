/* Ways around a supervisor. Each line says what happened; none of them may reach the host. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static long int80(long nr, long a, long b, long c)
{
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(nr), "b"(a), "c"(b), "d"(c) : "memory", "r8", "r9", "r10", "r11");
    return result;
}

static void say(const char *what, long result) { printf("%s: %ld\n", what, result); fflush(stdout); }

int main(int argc, char **argv)
{
    static char path[] = "/dev/mem";
    unsigned long offset;
    char *low = mmap((void *)0x10000000, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    strcpy(low, path);
    say("int80 open", int80(5, (long)low, O_RDWR, 0));
    say("x32 open", syscall(0x40000000 | SYS_open, path, O_RDWR) < 0 ? -errno : 0);
    say("io_uring_setup", syscall(425, 4, low) < 0 ? -errno : 0);
    int fd = open("/dev/mem", O_RDWR);
    say("open", fd >= 0);
    unsigned long address = argc > 1 ? strtoul(argv[1], 0, 0) : 0xfed50000;
    char *page = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, address & ~4095UL);
    offset = address & 4095;
    say("map", page != MAP_FAILED);
    say("mprotect", mprotect(page, 4096, PROT_READ | PROT_WRITE) < 0 ? -errno : 0);
    uint32_t first = *(volatile uint32_t *)(page + offset);
    *(volatile uint32_t *)(page + offset) = first + 1;
    say("register after mprotect", *(volatile uint32_t *)(page + offset) == first + 1);
    char *moved = mremap(page, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, 0x20000000);
    say("mremap", moved != MAP_FAILED);
    if (moved != MAP_FAILED)
        say("register after mremap", *(volatile uint32_t *)(moved + offset) == first + 1);
    int pair[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    char control[CMSG_SPACE(sizeof(int))], byte = 0;
    struct iovec iov = {&byte, 1};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    c->cmsg_level = SOL_SOCKET; c->cmsg_type = SCM_RIGHTS; c->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(c), &fd, sizeof fd);
    say("SCM_RIGHTS", sendmsg(pair[0], &msg, 0) < 0 ? -errno : 0);
    mkdir("/tmp/kmem-hostile", 0700);
    unlink("/tmp/kmem-hostile/sda");
    if (mknod("/tmp/kmem-hostile/sda", S_IFBLK | 0600, makedev(8, 0)) == 0)
        say("block node", open("/tmp/kmem-hostile/sda", O_RDWR) < 0 ? -errno : 0);
    unlink("/tmp/kmem-hostile/m");
    if (mknod("/tmp/kmem-hostile/m", S_IFCHR | 0600, makedev(1, 1)) == 0) {
        int m = open("/tmp/kmem-hostile/m", O_RDONLY);
        char id[4] = "";
        pread(m, id, 4, 0xf0000);
        say("own node reads the machine", memcmp(id, "_SM_", 4) == 0);
    }
    say("kcore", open("/proc/kcore", O_RDONLY) < 0 ? -errno : 0);
    say("kvm", open("/dev/kvm", O_RDWR) < 0 ? -errno : 0);
    say("mount", syscall(SYS_mount, "none", "/mnt", "devtmpfs", 0, 0) < 0 ? -errno : 0);
    say("memory file", open("/proc/self/fd/1017", O_RDWR) < 0 ? -errno : 0);
    say("supervisor's memory", ({ char p[64]; snprintf(p, sizeof p, "/proc/%d/mem", getppid()); open(p, O_RDWR) >= 0; }));
    say("real root", open("/proc/1/root/dev/mem", O_RDWR) >= 0);
    closefrom(3);
    fd = open("/dev/mem", O_RDWR);
    char id[4] = "";
    say("open after closefrom", fd >= 0 && pread(fd, id, 4, 0xf0000) == 4 && memcmp(id, "_SM_", 4) == 0);
    page = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0x100000);
    say("RAM after closefrom", page != MAP_FAILED && (*(volatile int *)page = 7) == 7);
    int status;
    if (fork() == 0) {
        execlp("su", "su", "--version", (char *)0);
        _exit(9);
    }
    wait(&status);
    say("set-uid program", WIFEXITED(status));
    int made = 0;
    for (int i = 0; i < 60; i++) {
        pid_t p = fork();
        if (p == 0) { for (int j = 0; j < 3; j++) if (fork() == 0) break; usleep(1000); _exit(0); }
        made += p > 0;
    }
    while (wait(&status) > 0) { }
    say("forks", made);
    if (fork() == 0) { volatile char *null = 0; *null = 1; _exit(0); }
    wait(&status);
    say("own crash", WIFSIGNALED(status) ? WTERMSIG(status) : -1);
    return 0;
}
