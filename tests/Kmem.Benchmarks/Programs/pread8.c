/* Time of an 8-byte pread. Usage: pread8 FILE COUNT */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    int fd = open(argv[1], O_RDONLY), count = atoi(argv[2]);
    char b[8];
    struct timespec s, e;
    for (int i = 0; i < 1000; i++)
        pread(fd, b, 8, 0x1000);
    clock_gettime(CLOCK_MONOTONIC, &s);
    for (int i = 0; i < count; i++)
        if (pread(fd, b, 8, 0x1000) != 8)
            return 1;
    clock_gettime(CLOCK_MONOTONIC, &e);
    printf("pread8 %.2f us\n", ((e.tv_sec - s.tv_sec) * 1e9 + e.tv_nsec - s.tv_nsec) / 1e3 / count);
    return 0;
}
