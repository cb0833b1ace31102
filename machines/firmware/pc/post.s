# Power-on: interrupt controllers, timer, data area, chip set, devices; then INT 19h.
        .include "common.inc"

        .section .reset, "ax"
        .byte   0xEA                    # far jump to F000:E05B
        .word   0xE05B, 0xF000
        .ascii  "11/28/26"
        .byte   0, 0xFC, 0

        .section .entry, "ax"
        jmp     post

        .text
        .globl  post
post:   cli
        cld
        mov     al, 0x8F                # why the CPU was reset: a program may want to go on at the address in 40:67
        out     0x70, al
        in      al, 0x71
        mov     bl, al
        mov     al, 0x8F
        out     0x70, al
        xor     ax, ax
        out     0x71, al
        mov     ds, ax
        cmp     bl, 0x0A
        je      2f
        cmp     bl, 0x05
        jne     1f
        mov     al, 0x20                # with the keyboard controller's reset, interrupts are ended too
        out     0xA0, al
        out     0x20, al
2:      jmp     dword ptr ds:[0x467]
1:      mov     al, 0x01
        out     0x80, al
        xor     ax, ax
        mov     ss, ax
        mov     ds, ax
        mov     es, ax
        mov     sp, 0x7000

        in      al, 0x92                # A20
        or      al, 2
        and     al, 0xFE
        out     0x92, al

        mov     di, 0x400               # data areas are zero
        mov     cx, 0x80
        rep stosw
        mov     ax, EBDA_SEGMENT
        mov     es, ax
        xor     di, di
        xor     ax, ax
        mov     cx, 0x200
        rep stosw
        mov     byte ptr es:[0], 1
        mov     es, ax

        call    set_vectors
        mov     al, 0x02
        out     0x80, al
        call    init_pic
        call    init_timer
        call    init_data
        call    init_serial
        call    init_chipset
        call    init_apic
        call    start_processors
        call    init_video
        mov     al, 0x03
        out     0x80, al
        mov     si, offset banner
        call    print
        call    find_memory
        call    init_keyboard
        call    find_disk
        call    load_acpi
        mov     al, 0x04
        out     0x80, al
        sti
        int     0x19

        .globl  halt
halt:   sti
        hlt
        jmp     halt

# All vectors lead to an IRET; hardware ones end their interrupt first; then the services.
set_vectors:
        xor     di, di
        mov     cx, 256
1:      mov     ax, offset ignore
        stosw
        mov     ax, 0xF000
        stosw
        loop    1b
        mov     di, 0x08 * 4
        mov     cx, 8
2:      mov     ax, offset ignore_irq
        stosw
        add     di, 2
        loop    2b
        mov     di, 0x70 * 4
        mov     cx, 8
3:      mov     ax, offset ignore_slave
        stosw
        add     di, 2
        loop    3b
        mov     si, offset vectors
4:      mov     al, cs:[si]
        test    al, al
        jz      5f
        xor     ah, ah
        mov     di, ax
        shl     di, 2
        mov     ax, cs:[si + 1]
        stosw
        add     si, 3
        jmp     4b
5:      mov     dword ptr [0x1E * 4], 0xF000EFC7
        ret

vectors:
        .byte   0x08
        .word   timer_tick
        .byte   0x09
        .word   key_pressed
        .byte   0x10
        .word   int10
        .byte   0x11
        .word   int11
        .byte   0x12
        .word   int12
        .byte   0x13
        .word   int13
        .byte   0x14
        .word   int14
        .byte   0x15
        .word   int15
        .byte   0x16
        .word   int16
        .byte   0x18
        .word   int18
        .byte   0x19
        .word   int19
        .byte   0x1A
        .word   int1a
        .byte   0

ignore: iret

ignore_slave:
        push    ax
        mov     al, 0x20
        out     0xA0, al
        jmp     1f
ignore_irq:
        push    ax
        mov     al, 0x20
1:      out     0x20, al
        pop     ax
        iret

# ICW1 to ICW4 of both controllers: vectors 08 and 70; timer, keyboard and cascade are open.
init_pic:
        mov     al, 0x11
        out     0x20, al
        out     0xA0, al
        mov     al, 0x08
        out     0x21, al
        mov     al, 0x70
        out     0xA1, al
        mov     al, 0x04
        out     0x21, al
        mov     al, 0x02
        out     0xA1, al
        mov     al, 0x01
        out     0x21, al
        out     0xA1, al
        mov     al, 0xB8
        out     0x21, al
        mov     al, 0x8F
        out     0xA1, al
        ret

# 18.2 ticks a second.
init_timer:
        mov     al, 0x34
        out     0x43, al
        xor     al, al
        out     0x40, al
        out     0x40, al
        ret

init_data:
        mov     word ptr [BDA_COM1], 0x3F8
        mov     word ptr [BDA_EBDA], EBDA_SEGMENT
        mov     word ptr [BDA_EQUIPMENT], 0x0226
        mov     word ptr [BDA_MEMORY], 639
        mov     ax, 0x1E
        mov     [BDA_KEY_HEAD], ax
        mov     [BDA_KEY_TAIL], ax
        mov     [BDA_KEY_START], ax
        mov     word ptr [BDA_KEY_END], 0x3E
        ret

# 115200 baud, 8 bits, no parity.
init_serial:
        mov     dx, 0x3FB
        mov     al, 0x83
        out     dx, al
        mov     dx, 0x3F8
        mov     al, 1
        out     dx, al
        inc     dx
        xor     al, al
        out     dx, al
        mov     dx, 0x3FB
        mov     al, 3
        out     dx, al
        ret

# Sizes of memory from the CMOS cells; the map for INT 15h.
find_memory:
        push    es
        mov     ax, EBDA_SEGMENT
        mov     es, ax
        mov     al, 0x35                # above 16 MiB in units of 64 KiB
        call    cmos
        mov     ah, al
        mov     al, 0x34
        call    cmos
        movzx   eax, ax
        test    eax, eax
        jz      1f
        shl     eax, 16
        add     eax, 0xF00000
        jmp     2f
1:      mov     al, 0x31                # above 1 MiB in KiB
        call    cmos
        mov     ah, al
        mov     al, 0x30
        call    cmos
        movzx   eax, ax
        shl     eax, 10
2:      mov     es:[E_LOW], eax
        mov     edx, eax
        add     edx, 0x100000 - RESERVED
        mov     es:[E_TABLES], edx
        mov     al, 0x5D
        call    cmos
        movzx   ebx, al
        shl     ebx, 16
        mov     al, 0x5C
        call    cmos
        mov     bh, al
        mov     al, 0x5B
        call    cmos
        mov     bl, al
        mov     es:[E_HIGH], ebx

        mov     di, E_MAP               # type 1 is memory, type 2 reserved
        mov     si, offset fixed_map
        mov     cx, 3 * 20
        rep     movs byte ptr es:[di], byte ptr cs:[si]
        mov     eax, 0x100000
        stosd
        xor     eax, eax
        stosd
        mov     eax, es:[E_LOW]
        sub     eax, RESERVED
        stosd
        xor     eax, eax
        stosd
        inc     ax
        stosd
        mov     eax, es:[E_TABLES]
        stosd
        xor     eax, eax
        stosd
        mov     eax, RESERVED
        stosd
        xor     eax, eax
        stosd
        mov     al, 2
        stosd
        mov     word ptr es:[E_MAP_COUNT], 6
        mov     si, offset flash_map
        mov     cx, 20
        rep     movs byte ptr es:[di], byte ptr cs:[si]
        mov     ebx, es:[E_HIGH]
        test    ebx, ebx
        jz      3f
        xor     eax, eax
        stosd
        inc     ax
        stosd
        mov     eax, ebx
        shl     eax, 16
        stosd
        mov     eax, ebx
        shr     eax, 16
        stosd
        mov     eax, 1
        stosd
        inc     word ptr es:[E_MAP_COUNT]
3:      mov     eax, es:[E_LOW]
        shr     eax, 20
        inc     ax
        call    print_number
        mov     si, offset mebibytes
        call    print
        pop     es
        ret

fixed_map:
        .long   0, 0, 0x9FC00, 0, 1
        .long   0x9FC00, 0, 0x400, 0, 2
        .long   0xF0000, 0, 0x10000, 0, 2
flash_map:
        .long   0xFFFC0000, 0, 0x40000, 0, 2

# al: cell; gives al.
        .globl  cmos
cmos:   out     0x70, al
        in      al, 0x71
        ret

# cs:si: text that ends with 0.
        .globl  print
print:  push    ax
1:      mov     al, cs:[si]
        inc     si
        test    al, al
        jz      2f
        mov     ah, 0x0E
        int     0x10
        jmp     1b
2:      pop     ax
        ret

# ax, in decimal.
print_number:
        pusha
        mov     bx, 10
        xor     cx, cx
1:      xor     dx, dx
        div     bx
        push    dx
        inc     cx
        test    ax, ax
        jnz     1b
2:      pop     ax
        add     al, '0'
        mov     ah, 0x0E
        int     0x10
        loop    2b
        popa
        ret

int11:  push    ds
        push    0
        pop     ds
        mov     ax, [BDA_EQUIPMENT]
        pop     ds
        iret

int12:  push    ds
        push    0
        pop     ds
        mov     ax, [BDA_MEMORY]
        pop     ds
        iret

timer_tick:
        push    ds
        push    eax
        push    0
        pop     ds
        mov     eax, [BDA_TICKS]
        inc     eax
        cmp     eax, 0x1800B0
        jb      1f
        xor     eax, eax
        mov     byte ptr [BDA_MIDNIGHT], 1
1:      mov     [BDA_TICKS], eax
        int     0x1C
        mov     al, 0x20
        out     0x20, al
        pop     eax
        pop     ds
        iret

banner: .asciz  "Kmem BIOS, "
mebibytes:
        .asciz  " MiB\r\n"
