/* Every kind of memory operand on a trapped page and on ordinary memory: results and flags must be the same. Usage: instructions ADDRESS */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static uint64_t seed = 88172645463325252ull;
static uint64_t next(void) { seed ^= seed << 13; seed ^= seed >> 7; return seed ^= seed << 17; }

typedef struct { uint64_t a, c, flags; } Outcome;

#define OP(name, text) \
    static Outcome name(void *m, uint64_t a, uint64_t c) \
    { \
        Outcome o; \
        __asm__ volatile("sub $128, %%rsp; push $0x202; popf; " text "; pushf; pop %2; add $128, %%rsp" \
                         : "+a"(a), "+c"(c), "=&r"(o.flags) : "b"(m) : "memory", "cc", "rdx", "xmm0"); \
        o.a = a; o.c = c; \
        return o; \
    }

#define SIZES(name, op) \
    OP(name##_b_mr, op "b %%al, (%%rbx)") OP(name##_w_mr, op "w %%ax, (%%rbx)") OP(name##_l_mr, op "l %%eax, (%%rbx)") OP(name##_q_mr, op "q %%rax, (%%rbx)") \
    OP(name##_l_mi, op "l $0x7654321, (%%rbx)") OP(name##_q_mi, op "q $-5, (%%rbx)") OP(name##_b_mi, op "b $0x80, 3(%%rbx)")
#define LOADS(name, op) \
    OP(name##_b_rm, op "b (%%rbx), %%al") OP(name##_w_rm, op "w (%%rbx), %%ax") OP(name##_l_rm, op "l (%%rbx), %%eax") OP(name##_q_rm, op "q (%%rbx), %%rax") OP(name##_h_rm, op "b (%%rbx), %%ah")

SIZES(add, "add") SIZES(sub, "sub") SIZES(and, "and") SIZES(or, "or") SIZES(xor, "xor") SIZES(cmp, "cmp") SIZES(test, "test") SIZES(mov, "mov") SIZES(adc, "adc") SIZES(sbb, "sbb")
LOADS(add, "add") LOADS(sub, "sub") LOADS(and, "and") LOADS(or, "or") LOADS(xor, "xor") LOADS(cmp, "cmp") LOADS(mov, "mov")
OP(movzbl, "movzbl (%%rbx), %%eax") OP(movzwl, "movzwl 2(%%rbx), %%eax") OP(movsbl, "movsbl (%%rbx), %%eax") OP(movswq, "movswq (%%rbx), %%rax") OP(movslq, "movslq (%%rbx), %%rax") OP(movsbw, "movsbw (%%rbx), %%ax")
OP(inc, "incl (%%rbx)") OP(decq, "decq (%%rbx)") OP(neg, "negl (%%rbx)") OP(not, "notq (%%rbx)") OP(lockinc, "lock incl (%%rbx)") OP(lockadd, "lock addq %%rax, (%%rbx)")
OP(xchg, "xchgl %%eax, (%%rbx)") OP(xadd, "lock xaddq %%rax, (%%rbx)") OP(cmpxchg, "lock cmpxchgl %%ecx, (%%rbx)") OP(bts, "btsl $5, (%%rbx)") OP(btr, "btrq $33, (%%rbx)") OP(bt, "btl $7, (%%rbx)")
OP(shl, "shll $3, (%%rbx)") OP(sar, "sarq %%cl, (%%rbx)") OP(rol, "rolw $5, (%%rbx)") OP(imul, "imull (%%rbx), %%eax") OP(imul3, "imulq $77, (%%rbx), %%rax") OP(mul, "mull (%%rbx)")
OP(sete, "cmpl %%ecx, %%eax; sete (%%rbx)") OP(cmov, "testb $1, %%cl; cmovne (%%rbx), %%rax") OP(bsf, "bsfq (%%rbx), %%rax") OP(movbe, "movnti %%rax, (%%rbx)")
OP(sse, "movdqu (%%rbx), %%xmm0; movdqu %%xmm0, 16(%%rbx)") OP(sse8, "movq (%%rbx), %%xmm0; paddd (%%rbx), %%xmm0; movq %%xmm0, 8(%%rbx)")
OP(push, "push (%%rbx); pop %%rax") OP(pop, "push %%rax; pop (%%rbx)") OP(pushw, "pushw (%%rbx); popw %%ax")
OP(movs, "push %%rsi; push %%rdi; lea 16(%%rbx), %%rdi; mov %%rbx, %%rsi; mov $9, %%ecx; rep movsb; pop %%rdi; pop %%rsi")
OP(movsq, "push %%rsi; push %%rdi; lea 8(%%rbx), %%rdi; mov %%rbx, %%rsi; movsq; pop %%rdi; pop %%rsi")
OP(stos, "push %%rdi; mov %%rbx, %%rdi; mov $5, %%ecx; rep stosl; pop %%rdi") OP(lods, "push %%rsi; mov %%rbx, %%rsi; lodsw; pop %%rsi")
OP(scas, "push %%rdi; mov %%rbx, %%rdi; scasb; pop %%rdi") OP(repscas, "push %%rdi; mov %%rbx, %%rdi; mov $40, %%ecx; repne scasb; pop %%rdi")
OP(repcmps, "push %%rsi; push %%rdi; lea 16(%%rbx), %%rdi; mov %%rbx, %%rsi; mov $4, %%ecx; repe cmpsl; pop %%rdi; pop %%rsi")
OP(indexed, "mov $2, %%ecx; movl (%%rbx,%%rcx,4), %%eax; addl %%eax, 4(%%rbx,%%rcx,4)")

#define T(name) {#name, name}
#define TS(n) T(n##_b_mr), T(n##_w_mr), T(n##_l_mr), T(n##_q_mr), T(n##_l_mi), T(n##_q_mi), T(n##_b_mi)
#define TL(n) T(n##_b_rm), T(n##_w_rm), T(n##_l_rm), T(n##_q_rm), T(n##_h_rm)
static struct { const char *name; Outcome (*run)(void *, uint64_t, uint64_t); } ops[] = {
    TS(add), TS(sub), TS(and), TS(or), TS(xor), TS(cmp), TS(test), TS(mov), TS(adc), TS(sbb), TL(add), TL(sub), TL(and), TL(or), TL(xor), TL(cmp), TL(mov),
    T(movzbl), T(movzwl), T(movsbl), T(movswq), T(movslq), T(movsbw), T(inc), T(decq), T(neg), T(not), T(lockinc), T(lockadd), T(xchg), T(xadd), T(cmpxchg), T(bts), T(btr), T(bt),
    T(shl), T(sar), T(rol), T(imul), T(imul3), T(mul), T(sete), T(cmov), T(bsf), T(movbe), T(sse), T(sse8), T(push), T(pop), T(pushw), T(movs), T(movsq), T(stos), T(lods), T(scas), T(repscas), T(repcmps), T(indexed),
};

int main(int argc, char **argv)
{
    int fd = argc > 1 ? open("/dev/mem", O_RDWR) : -1, bad = 0, done = 0;
    char *device = mmap(0, 4096, PROT_READ | PROT_WRITE, argc > 1 ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS, fd, argc > 1 ? strtoul(argv[1], 0, 0) : 0), plain[64] __attribute__((aligned(64)));
    if (device == MAP_FAILED)
        return perror("mmap"), 1;
    for (unsigned i = 0; i < sizeof ops / sizeof *ops; i++)
        for (int round = 0; round < 12; round++) {
            uint64_t a = next(), c = next();
            if (round == 0) a = c = 0;
            for (int j = 0; j < 8; j++) {
                uint64_t v = round == 1 ? ~0ull : next();
                memcpy(plain + 8 * j, &v, 8);
                ((volatile uint64_t *)device)[j] = v;
            }
            if (round & 1) memcpy(&a, plain, 8);
            Outcome x = ops[i].run(plain, a, c), y = ops[i].run(device, a, c);
            /* AF is undefined after logical instructions, and after shifts and multiplications more than that. */
            uint64_t mask = 0x8d5 & ~0x10ull;
            int same = x.a == y.a && x.c == y.c && (x.flags & mask) == (y.flags & mask);
            for (int j = 0; j < 8; j++)
                same &= ((volatile uint64_t *)device)[j] == ((uint64_t *)plain)[j];
            done++;
            if (!same && bad++ < 20)
                printf("%s round %d: flags %lx %lx a %lx %lx\n", ops[i].name, round, x.flags, y.flags, x.a, y.a);
        }
    printf("%d instructions, %d differ\n", done, bad);
    return bad != 0;
}
