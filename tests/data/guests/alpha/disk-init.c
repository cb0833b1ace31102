/* /init of an Alpha guest that uses an ext2 disk; freestanding, so it needs no C library.
   Kernel command line: disk.do=write makes a tree of files on /dev/sda, disk.do=check reads it back, changes it and unmounts again.
   Every line that it prints begins with "disk: "; the last one is "disk: done" or "disk: failed". */
#include <stdint.h>

/* Numbers of system calls: Linux, arch/alpha/kernel/syscalls/syscall.tbl. */
enum {
	nr_read = 3, nr_write = 4, nr_close = 6, nr_unlink = 10, nr_umount2 = 22, nr_sync = 36, nr_open = 45,
	nr_symlink = 57, nr_fsync = 95, nr_mkdir = 136, nr_mount = 302, nr_reboot = 311, nr_settimeofday = 360
};

#define O_RDONLY 0
#define O_WRONLY 1
#define O_CREAT 01000
#define O_TRUNC 02000
#define SMALL_FILES 40
#define BIG_LENGTH (700 * 1024)

static long system_call(long number, long a, long b, long c, long d, long e)
{
	register long v0 __asm__("$0") = number;
	register long a0 __asm__("$16") = a;
	register long a1 __asm__("$17") = b;
	register long a2 __asm__("$18") = c;
	register long a3 __asm__("$19") = d;
	register long a4 __asm__("$20") = e;

	/* The kernel says in a3 whether it failed. */
	__asm__ volatile("callsys" : "+r"(v0), "+r"(a3) : "r"(a0), "r"(a1), "r"(a2), "r"(a4)
			 : "$1", "$2", "$3", "$4", "$5", "$6", "$7", "$8", "$22", "$23", "$24", "$25", "$27", "$28", "memory");
	return a3 ? -v0 : v0;
}

#define CALL(name, a, b, c, d, e) system_call(nr_##name, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e))

static long length_of(const char *text)
{
	long n = 0;
	while (text[n])
		n++;
	return n;
}

static void say(const char *text)
{
	CALL(write, 1, text, length_of(text), 0, 0);
}

static void say_number(const char *before, long value)
{
	char digits[24];
	int at = 23;
	unsigned long rest = value < 0 ? -value : value;

	digits[at] = 0;
	do {
		digits[--at] = '0' + rest % 10;
		rest /= 10;
	} while (rest);
	if (value < 0)
		digits[--at] = '-';
	say("disk: ");
	say(before);
	say(" ");
	say(digits + at);
	say("\n");
}

static void end(int failed)
{
	say(failed ? "disk: failed\n" : "disk: done\n");
	CALL(sync, 0, 0, 0, 0, 0);
	CALL(reboot, 0xfee1dead, 672274793, 0x4321fedc, 0, 0);
	for (;;)
		;
}

static long must(const char *what, long result)
{
	if (result < 0) {
		say_number(what, result);
		end(1);
	}
	return result;
}

static uint8_t buffer[8192];

/* Byte i of file k: no block is like another one. */
static uint8_t content(long k, long i)
{
	unsigned long x = (unsigned long)i * 2654435761ul + (unsigned long)k * 40503ul;
	return (uint8_t)(x ^ (x >> 13) ^ (x >> 29));
}

static const char *name_of(long k)
{
	static char name[] = "/mnt/d/f000";
	name[8] = '0' + k / 100;
	name[9] = '0' + k / 10 % 10;
	name[10] = '0' + k % 10;
	return name;
}

static void write_file(const char *name, long k, long length)
{
	long fd = must("open for writing", CALL(open, name, O_WRONLY | O_CREAT | O_TRUNC, 0644, 0, 0));
	for (long at = 0; at < length;) {
		long part = length - at < (long)sizeof buffer ? length - at : (long)sizeof buffer;
		for (long i = 0; i < part; i++)
			buffer[i] = content(k, at + i);
		must("write", CALL(write, fd, buffer, part, 0, 0));
		at += part;
	}
	must("fsync", CALL(fsync, fd, 0, 0, 0, 0));
	CALL(close, fd, 0, 0, 0, 0);
}

static void check_file(const char *name, long k, long length)
{
	long fd = must("open for reading", CALL(open, name, O_RDONLY, 0, 0, 0)), at = 0, got;
	while ((got = must("read", CALL(read, fd, buffer, sizeof buffer, 0, 0))) > 0) {
		for (long i = 0; i < got; i++)
			if (buffer[i] != content(k, at + i)) {
				say_number("wrong byte of file", k);
				say_number("wrong byte at", at + i);
				end(1);
			}
		at += got;
	}
	if (at != length) {
		say_number("wrong length of file", k);
		end(1);
	}
	CALL(close, fd, 0, 0, 0, 0);
}

static int has(const char *text, const char *wanted)
{
	for (; *text; text++) {
		long i = 0;
		while (wanted[i] && text[i] == wanted[i])
			i++;
		if (!wanted[i])
			return 1;
	}
	return 0;
}

static void run(void)
{
	static char line[512];
	static const long new_year_2026[2] = { 1767225600, 0 };
	long fd;

	/* The kernel begins in 1970, and a file system knows a deleted file by its time of deletion not being 0. */
	must("settimeofday", CALL(settimeofday, new_year_2026, 0, 0, 0, 0));
	CALL(mkdir, "/proc", 0755, 0, 0, 0);
	CALL(mkdir, "/dev", 0755, 0, 0, 0);
	CALL(mkdir, "/mnt", 0755, 0, 0, 0);
	CALL(mount, "proc", "/proc", "proc", 0, 0);
	CALL(mount, "devtmpfs", "/dev", "devtmpfs", 0, 0);
	fd = must("open /proc/cmdline", CALL(open, "/proc/cmdline", O_RDONLY, 0, 0, 0));
	CALL(read, fd, line, sizeof line - 1, 0, 0);
	CALL(close, fd, 0, 0, 0, 0);
	must("mount /dev/sda", CALL(mount, "/dev/sda", "/mnt", "ext2", 0, 0));
	if (has(line, "disk.do=write")) {
		must("mkdir", CALL(mkdir, "/mnt/d", 0755, 0, 0, 0));
		for (long k = 0; k < SMALL_FILES; k++)
			write_file(name_of(k), k, 37 * k + 1);
		write_file("/mnt/big", 1000, BIG_LENGTH);
		must("symlink", CALL(symlink, "d/f007", "/mnt/link", 0, 0, 0));
		say_number("files written", SMALL_FILES + 1);
	} else {
		for (long k = 0; k < SMALL_FILES; k++)
			check_file(name_of(k), k, 37 * k + 1);
		check_file("/mnt/big", 1000, BIG_LENGTH);
		check_file("/mnt/link", 7, 37 * 7 + 1);
		say_number("files read", SMALL_FILES + 2);
		must("unlink", CALL(unlink, name_of(3), 0, 0, 0, 0));
		write_file(name_of(5), 2000, 100000);
		say_number("files changed", 2);
	}
	must("umount", CALL(umount2, "/mnt", 0, 0, 0, 0));
	end(0);
}

/* The first instructions set gp, which code that is position dependent still needs for its constants. */
__asm__(".globl _start\n.ent _start\n_start: br $29, 1f\n1: ldgp $29, 0($29)\n lda $27, start_c\n jsr $26, ($27)\n.end _start\n");
void start_c(void)
{
	run();
}
