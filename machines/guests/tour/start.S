/* Where the console begins the program: PC, R26 and R27 hold this address, R30 the console's own stack. */
        .set noat
        .set noreorder
        .text
        .globl _start
        .ent _start
_start: br      $27, 1f
1:      ldgp    $29, 0($27)
        lda     $30, stack_top
        mov     $29, $16
        call_pal 0x37                   /* wrkgp: the global pointer that interrupts begin with */
        lda     $16, on_interrupt
        mov     0, $17
        call_pal 0x34                   /* wrent: interrupts and machine checks */
        jsr     $26, tour
        br      $27, 2f
2:      call_pal 0x00                   /* halt: switches the machine off */
        br      2b
        .end _start

/* PALcode has pushed PS, PC, R29 and R16..R18; the rest that C may change is saved here. */
        .globl on_interrupt
        .ent on_interrupt
on_interrupt:
        lda     $30, -144($30)
        stq     $0, 0($30)
        stq     $1, 8($30)
        stq     $2, 16($30)
        stq     $3, 24($30)
        stq     $4, 32($30)
        stq     $5, 40($30)
        stq     $6, 48($30)
        stq     $7, 56($30)
        stq     $8, 64($30)
        stq     $19, 72($30)
        stq     $20, 80($30)
        stq     $21, 88($30)
        stq     $22, 96($30)
        stq     $23, 104($30)
        stq     $24, 112($30)
        stq     $25, 120($30)
        stq     $26, 128($30)
        stq     $27, 136($30)
        lda     $30, -16($30)
        stq     $28, 0($30)
        lda     $27, interrupt
        jsr     $26, ($27)
        ldq     $28, 0($30)
        lda     $30, 16($30)
        ldq     $0, 0($30)
        ldq     $1, 8($30)
        ldq     $2, 16($30)
        ldq     $3, 24($30)
        ldq     $4, 32($30)
        ldq     $5, 40($30)
        ldq     $6, 48($30)
        ldq     $7, 56($30)
        ldq     $8, 64($30)
        ldq     $19, 72($30)
        ldq     $20, 80($30)
        ldq     $21, 88($30)
        ldq     $22, 96($30)
        ldq     $23, 104($30)
        ldq     $24, 112($30)
        ldq     $25, 120($30)
        ldq     $26, 128($30)
        ldq     $27, 136($30)
        lda     $30, 144($30)
        call_pal 0x3f                   /* rti */
        .end on_interrupt

        .bss
        .align 6
        .space 16384
stack_top:
        .space 64

        .section .note.GNU-stack, "", @progbits
