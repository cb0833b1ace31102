# The other CPUs: each sets its memory types and then waits for the operating system. Source: Intel SDM volume 3A, section 9.4 "MP Initialization".
        .include "common.inc"

# Where a start-up message with the vector F0 sends a CPU: F000:0000. The stack that init_mtrr returns through is in ROM.
        .section .processor, "ax"
        cli
        mov     ax, cs
        mov     ss, ax
        mov     sp, offset returns
        mov     eax, 1
        cpuid
        test    edx, 1 << 12
        jz      1f
        jmp     init_mtrr
1:      mov     ax, EBDA_SEGMENT
        mov     ds, ax
        lock inc word ptr [E_CPUS]
2:      cli
        hlt
        jmp     2b
returns:
        .word   1b

        .text
        .globl  start_processors

# Starts them and waits until as many have come as the clock's memory says, or a while has passed.
start_processors:
        mov     al, 0x5F
        call    cmos
        test    al, al
        jz      9f
        movzx   bp, al
        push    ds
        push    es
        push    EBDA_SEGMENT
        pop     es
        push    es
        call    unreal
        mov     ebx, 0xFEE00300
        mov     dword ptr [ebx], 0xC4500
        mov     dword ptr [ebx], 0xC46F0
        pop     es
        mov     ecx, 100000
1:      cmp     es:[E_CPUS], bp
        jae     2f
        pause
        in      al, 0x61
        dec     ecx
        jnz     1b
2:      pop     es
        pop     ds
9:      ret
