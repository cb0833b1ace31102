/* Time of a load from a register and of an 8-byte pread, run under kmem exec. Usage: traps REGISTER COUNT */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    unsigned long address = strtoul(argv[1], 0, 0);
    int count = atoi(argv[2]), fd = open("/dev/mem", O_RDWR | O_SYNC);
    char *page = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, address & ~4095UL), b[8];
    volatile uint32_t *r = (void *)(page + (address & 4095));
    struct timespec s, e;
    for (int i = 0; i < 1000; i++)
        (void)*r;
    clock_gettime(CLOCK_MONOTONIC, &s);
    for (int i = 0; i < count; i++)
        (void)*r;
    clock_gettime(CLOCK_MONOTONIC, &e);
    printf("mmio read %.2f us\n", ((e.tv_sec - s.tv_sec) * 1e9 + e.tv_nsec - s.tv_nsec) / 1e3 / count);
    clock_gettime(CLOCK_MONOTONIC, &s);
    for (int i = 0; i < count; i++)
        pread(fd, b, 8, 0x1000);
    clock_gettime(CLOCK_MONOTONIC, &e);
    printf("pread8 %.2f us\n", ((e.tv_sec - s.tv_sec) * 1e9 + e.tv_nsec - s.tv_nsec) / 1e3 / count);
    return 0;
}
