/* The machine as the tour finds it: physical addresses of machines/alpha-tour.yaml, and the processor's special instructions. */
#ifndef MACHINE_H
#define MACHINE_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;

/* KSEG maps physical memory one to one; bit 40 of a virtual address is bit 43 of the physical one. */
#define KSEG    0xfffffc0000000000UL
#define IO      (KSEG | 1UL << 40)
#define AT8(a)  (*(volatile u8 *)(a))
#define AT32(a) (*(volatile u32 *)(a))
#define AT64(a) (*(volatile u64 *)(a))

#define HWRPB       (KSEG + 0x18000)
#define PORTS       (IO + 0x1fc000000UL)    /* physical 801.FC00.0000 */
#define PCI_CONFIG  (IO + 0x1fe000000UL)    /* physical 801.FE00.0000 */
#define NOBODY      (IO + 0x100000000UL)    /* physical 801.0000.0000 */
#define DMA         (IO + 0x300000000UL)    /* physical 803.0000.0000 */
#define COM1        (PORTS + 0x3f8)
#define RTC         (PORTS + 0x70)

/* Registers of the device dma.writer. */
enum { ADDRESS = 0, ADDEND = 8, CONTROL = 16, COUNT = 24, INTERVAL = 40 };

/* OSF/1 PALcode: argument in R16 (and R17), result in R0; R1, R22..R25 are lost. */
#define PAL(call, argument) ({ \
    register u64 v0 __asm__("$0") = 0; register u64 a0 __asm__("$16") = (argument); \
    __asm__ volatile ("call_pal %2" : "+r"(v0), "+r"(a0) : "i"(call) : "$1", "$17", "$22", "$23", "$24", "$25", "memory"); \
    v0; })
enum { WRMCES = 0x11, SWPIPL = 0x35, WHAMI = 0x3c, WTINT = 0x3e };

static inline void barrier(void) { __asm__ volatile ("mb" ::: "memory"); }

#endif
