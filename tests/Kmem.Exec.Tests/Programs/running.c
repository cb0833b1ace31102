/* Looks at a running machine. read DEV ADDRESS LENGTH: the bytes; map ADDRESS: waits until a mapped quadword changes. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    uint64_t address = strtoull(argv[argc > 3 ? 3 : 2], 0, 0);
    if (!strcmp(argv[1], "read")) {
        char bytes[256];
        size_t length = strtoul(argv[4], 0, 0);
        int file = open(argv[2], O_RDONLY);
        if (file < 0 || (lseek(file, (off_t)address, SEEK_SET), read(file, bytes, length) != (ssize_t)length)) {
            printf("errno %d\n", errno);
            return 1;
        }
        fwrite(bytes, 1, length, stdout);
        return 0;
    }
    int file = open("/dev/mem", O_RDWR);
    volatile uint64_t *page = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, file, (off_t)(address & ~8191UL));
    if (page == MAP_FAILED) {
        printf("errno %d\n", errno);
        return 1;
    }
    volatile uint64_t *counter = page + (address & 8191) / 8;
    uint64_t first = *counter;
    while (*counter == first)
        usleep(1000);
    *counter = 0x500000000;
    printf("moves\n");
    return 0;
}
