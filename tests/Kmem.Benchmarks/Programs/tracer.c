/* The cost of a trapped MMIO load and of a traced pread in C, as a measure for kmem exec: the same stops and calls, without a machine.
   Usage: tracer COUNT [CPU] */
#define _GNU_SOURCE
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* 8b 07, whatever the compiler would choose */
static uint32_t load(const void *address)
{
    uint32_t value;
    __asm__ volatile("movl (%%rdi), %%eax" : "=a"(value) : "D"(address) : "memory");
    return value;
}

static void child(int count)
{
    void *page = mmap(0, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct sock_filter code[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pread64, 0, 1),
                                 BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct sock_fprog program = {4, code};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    raise(SIGSTOP);
    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
    struct timespec s, e;
    char buffer[8];
    for (int warm = 0; warm < 1000; warm++)
        load(page);
    clock_gettime(CLOCK_MONOTONIC, &s);
    for (int i = 0; i < count; i++)
        load(page);
    clock_gettime(CLOCK_MONOTONIC, &e);
    printf("mmio read %.2f us\n", ((e.tv_sec - s.tv_sec) * 1e9 + e.tv_nsec - s.tv_nsec) / 1e3 / count);
    clock_gettime(CLOCK_MONOTONIC, &s);
    for (int i = 0; i < count; i++)
        pread(0, buffer, 8, 0);
    clock_gettime(CLOCK_MONOTONIC, &e);
    printf("pread8 %.2f us\n", ((e.tv_sec - s.tv_sec) * 1e9 + e.tv_nsec - s.tv_nsec) / 1e3 / count);
    exit(0);
}

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 20000, status;
    if (argc > 2) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(atoi(argv[2]), &set);
        sched_setaffinity(0, sizeof set, &set);
    }
    pid_t pid = fork();
    if (pid == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        child(count);
    }
    waitpid(pid, &status, __WALL);
    ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD);
    ptrace(PTRACE_CONT, pid, 0, 0);
    while (waitpid(-1, &status, __WALL) > 0 && !WIFEXITED(status)) {
        struct user_regs_struct r;
        if (status >> 8 == (SIGTRAP | (PTRACE_EVENT_SECCOMP << 8))) {
            char data[8] = "Kmem";
            ptrace(PTRACE_GETREGS, pid, 0, &r);
            struct iovec own = {data, 8}, theirs = {(void *)r.rsi, 8};
            process_vm_writev(pid, &own, 1, &theirs, 1, 0);
            r.orig_rax = -1;
            r.rax = 8;
            ptrace(PTRACE_SETREGS, pid, 0, &r);
            ptrace(PTRACE_CONT, pid, 0, 0);
        } else if (WSTOPSIG(status) == SIGSEGV) {
            siginfo_t info;
            unsigned char bytes[16];
            ptrace(PTRACE_GETSIGINFO, pid, 0, &info);
            ptrace(PTRACE_GETREGS, pid, 0, &r);
            struct iovec own = {bytes, 15}, theirs = {(void *)r.rip, 15};
            process_vm_readv(pid, &own, 1, &theirs, 1, 0);
            r.rax = 0x12345678;
            r.rip += bytes[0] == 0x8b ? 2 : 0;
            ptrace(PTRACE_SETREGS, pid, 0, &r);
            ptrace(PTRACE_CONT, pid, 0, 0);
        } else {
            ptrace(PTRACE_CONT, pid, 0, WSTOPSIG(status) == SIGSTOP ? 0 : WSTOPSIG(status));
        }
    }
    return 0;
}
