/* Threads and processes count on one register and one word of RAM. Usage: stress REGISTER RAM THREADS PROCESSES ROUNDS */
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile uint32_t *reg, *ram;
static int rounds;

static void *count(void *unused)
{
    for (int i = 0; i < rounds; i++) {
        __atomic_fetch_add(reg, 1, __ATOMIC_SEQ_CST);
        __atomic_fetch_add(ram, 1, __ATOMIC_SEQ_CST);
    }
    return unused;
}

int main(int argc, char **argv)
{
    if (argc < 6)
        return 2;
    unsigned long r = strtoul(argv[1], 0, 0), m = strtoul(argv[2], 0, 0);
    int threads = atoi(argv[3]), processes = atoi(argv[4]);
    rounds = atoi(argv[5]);
    int fd = open("/dev/mem", O_RDWR);
    if (fd < 0)
        return perror("open"), 1;
    char *page = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, r & ~4095UL);
    char *memory = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, m & ~4095UL);
    if (page == MAP_FAILED || memory == MAP_FAILED)
        return perror("mmap"), 1;
    reg = (void *)(page + (r & 4095));
    ram = (void *)(memory + (m & 4095));
    uint32_t before = *reg, ramBefore = *ram;
    for (int p = 0; p < processes; p++)
        if (fork() == 0) {
            pthread_t t[64];
            for (int i = 0; i < threads; i++)
                pthread_create(&t[i], 0, count, 0);
            for (int i = 0; i < threads; i++)
                pthread_join(t[i], 0);
            _exit(0);
        }
    int bad = 0, status;
    while (wait(&status) > 0)
        bad += status != 0;
    printf("register %u ram %u expected %d bad %d\n", *reg - before, *ram - ramBefore, threads * processes * rounds, bad);
    return 0;
}
