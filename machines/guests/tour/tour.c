/*
 * A tour of machines/alpha-tour.yaml on the bare machine: no operating system, no library.
 * It runs in kernel mode through KSEG with the machine's PALcode, and says on the serial line what it finds.
 */
#include "text.h"

enum { CLOCK = 1, MACHINE_CHECK = 2 };

static volatile u64 ticks, checks, check_pc;
static volatile u64 shared __attribute__((aligned(64)));

/* Called by on_interrupt with what PALcode gives: the kind, a vector, the logout frame of a machine check. */
void interrupt(u64 kind, u64 vector, u64 frame)
{
    (void)vector;
    if (kind == CLOCK) {
        AT8(RTC) = 0x0c;
        (void)AT8(RTC + 1);
        ticks++;
    } else if (kind == MACHINE_CHECK) {
        checks++;
        check_pc = AT64(frame + 88);
        PAL(WRMCES, 1);             /* the next machine check may come */
    }
}

static void rtc(u8 index, u8 value)
{
    AT8(RTC) = index;
    AT8(RTC + 1) = value;
    barrier();
}

static void title(const char *text)
{
    print("\n%s\n", text);
}

static void console_tables(void)
{
    u64 slot = HWRPB + AT64(HWRPB + 0xa0), table = HWRPB + AT64(HWRPB + 0xc8), count = AT64(table + 16);
    title("1. What the console left: the HWRPB at physical 18000");
    print("   system type %d (34 is a 21272), %d CPU of type %d (11 is an EV67), %d-byte pages, %d MHz\n",
          AT64(HWRPB + 0x50), AT64(HWRPB + 0x90), AT64(slot + 0xb0), AT64(HWRPB + 0x28), AT64(HWRPB + 0x70) / 1000000);
    for (u64 i = 0; i < count; i++) {
        u64 cluster = table + 24 + 56 * i, first = AT64(cluster), pages = AT64(cluster + 8);
        print("   cluster %d  %8X..%8X  %6d KiB  %s\n", i, first << 13, ((first + pages) << 13) - 1, pages * 8,
              AT64(cluster + 48) & 1 ? "console and PALcode: kmem reads it and may not write it" : "free for the operating system");
    }
}

static void pci_scan(void)
{
    static const struct { u16 class; const char *name; } classes[] = {
        { 0x0101, "IDE" }, { 0x0200, "Ethernet" }, { 0x0300, "VGA" }, { 0x0601, "ISA bridge" }, { 0x0680, "bridge" },
    };
    title("2. Who is on the PCI bus");
    for (u64 slot = 0; slot < 32; slot++) {
        u64 at = PCI_CONFIG + (slot << 11);
        u32 id = AT32(at);
        if (id == 0xffffffff)
            continue;
        u16 class = AT32(at + 8) >> 16;
        const char *name = "other";
        for (unsigned i = 0; i < sizeof classes / sizeof *classes; i++)
            if (classes[i].class == class)
                name = classes[i].name;
        print("   00:%2X.0  %4X:%4X  class %4X  %s\n", slot, (u64)(id & 0xffff), (u64)(id >> 16), (u64)class, name);
    }
}

/* Says what came of an access that may have been refused. */
static void outcome(const char *what, u64 before, u64 value)
{
    print("   %-46s", what);
    if (checks == before)
        print("%16X\n", value);
    else
        print("machine check at %x, survived\n", check_pc & 0xffffff);
}

static void quadword_bus(void)
{
    u64 before;
    title("3. A bus that moves quadwords");
    AT64(DMA + ADDRESS) = (u64)&shared & 0xffffffffff;
    before = checks;
    outcome("quadword from dma.ADDRESS", before, AT64(DMA + ADDRESS));
    before = checks;
    outcome("longword from dma.ADDRESS", before, AT32(DMA + ADDRESS));
    before = checks;
    outcome("byte from a PCI port (COM1's line control)", before, AT8(COM1 + 3));
    before = checks;
    outcome("quadword from an address that nobody has", before, AT64(NOBODY));
}

/* Adds 1 to the lowest byte of a quadword, as a machine does that moves quadwords only: load, merge, store. */
static inline void add_byte(volatile u64 *at)
{
    u64 loaded = *at;
    *at = (loaded & ~0xffUL) | ((loaded + 1) & 0xff);
}

/* The same under the lock flag: the store fails when somebody else has written in between. */
static inline void add_byte_locked(volatile u64 *at)
{
    u64 loaded, stored;
    do {
        __asm__ volatile ("ldq_l %0, %1" : "=r"(loaded) : "m"(*at));
        stored = (loaded & ~0xffUL) | ((loaded + 1) & 0xff);
        __asm__ volatile ("stq_c %0, %1" : "+r"(stored), "=m"(*at));
    } while (!stored);
}

static void race(int locked, u64 rounds)
{
    shared = 0;
    u64 first = AT64(DMA + COUNT);
    AT64(DMA + ADDEND) = 0x100000000UL;
    AT64(DMA + INTERVAL) = 770;
    AT64(DMA + CONTROL) = 2;
    while (AT64(DMA + COUNT) - first < rounds)
        for (int i = 0; i < 256; i++)
            if (locked)
                add_byte_locked(&shared);
            else
                add_byte(&shared);
    AT64(DMA + CONTROL) = 0;
    barrier();
    u64 sent = AT64(DMA + COUNT) - first, arrived = shared >> 32;
    print("   %-46s%d of %d updates lost\n", locked ? "CPU with ldq_l and stq_c" : "CPU with load, merge, store", sent - arrived, sent);
}

static void races(void)
{
    title("4. Two writers in one quadword: the CPU counts in byte 0, a DMA master in bytes 4..7");
    race(0, 1000);
    race(1, 1000);
}

/* The real-time clock interrupts at 1024 Hz through the Cchip; WTINT sleeps until it does. */
static void sleep(u64 count)
{
    /* Looked at with interrupts off, so that none comes between the look and the sleep; a pending one ends WTINT all the same. */
    for (u64 until = ticks + count; ticks < until; PAL(SWPIPL, 7)) {
        PAL(WTINT, 0);
        PAL(SWPIPL, 0);
    }
}

static u64 cycles(void)
{
    u64 now;
    __asm__ volatile ("rpcc %0" : "=r"(now) :: "memory");
    return now & 0xffffffff;
}

static void interval_timer(void)
{
    title("5. The interval timer");
    rtc(0x0a, 0x26);
    rtc(0x0b, 0x42);
    sleep(1);
    u64 before = cycles();
    sleep(8);
    print("   8 ticks of 1024 Hz took %d cycles, asleep in WTINT\n", (cycles() - before) & 0xffffffff);
}

static int asks_to_stay(const char *line)
{
    return line[0] == 's' && line[1] == 't' && line[2] == 'a' && line[3] == 'y';
}

/* For those who look at the machine from outside: a counter that moves, until q is typed. */
static void stay(void)
{
    print("\nStaying: the counter at physical %x adds 1 a tick; q ends the tour.\n", (u64)&shared & 0xffffffffff);
    shared = 0;
    for (int c = key(); c != 'q' && c != 'Q'; c = key()) {
        sleep(1);
        shared++;
        if (c >= 0)
            print("%c is %x; the counter stands at %d\n", (u64)c, (u64)c, shared);
    }
}

void tour(const char *unused, u64 entry)
{
    (void)unused;
    (void)entry;
    print("Kmem tour: an Alpha without an operating system\n");
    console_tables();
    pci_scan();
    quadword_bus();
    races();
    interval_timer();

    /* The console leaves the command line three pages below the program. */
    extern char _start[];
    if (asks_to_stay((const char *)(((u64)_start & ~0x1fffUL) - 0x6000)))
        stay();
    print("\nThe tour ends here.\n");
}
