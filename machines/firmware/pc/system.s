# INT 14h, INT 15h and INT 1Ah. Source: IBM PS/2 BIOS Interface Technical Reference; ACPI specification 3.0b, section 14.1 for E820.
        .include "common.inc"
        .text
        .globl  int14, int15, int1a

int14:  push    dx
        cmp     ah, 1
        je      1f
        cmp     ah, 3
        je      3f
        xor     ah, ah
        pop     dx
        iret
1:      push    ax
        mov     dx, 0x3FD
2:      in      al, dx
        test    al, 0x20
        jz      2b
        pop     ax
        mov     dx, 0x3F8
        out     dx, al
3:      mov     dx, 0x3FD
        push    bx
        mov     bl, al
        in      al, dx
        mov     ah, al
        mov     al, bl
        pop     bx
        pop     dx
        iret

int15:  cmp     ax, 0xE820
        je      map
        cmp     ax, 0xE801
        je      sizes
        cmp     ah, 0x88
        je      extended
        cmp     ah, 0x24
        je      gate
        cmp     ah, 0x87
        je      move
        cmp     ah, 0xC0
        je      configuration
        mov     ah, 0x86
carry:  push    bp
        mov     bp, sp
        or      byte ptr [bp + 6], 1
        pop     bp
        iret
clear:  push    bp
        mov     bp, sp
        and     byte ptr [bp + 6], 0xFE
        pop     bp
        iret

map:    cmp     edx, 0x534D4150         # SMAP
        jne     carry
        push    ds
        push    si
        push    di
        push    EBDA_SEGMENT
        pop     ds
        cmp     bx, [E_MAP_COUNT]
        jae     1f
        imul    si, bx, 20
        add     si, E_MAP
        mov     cx, 20
        cld
        rep movsb
        inc     bx
        cmp     bx, [E_MAP_COUNT]
        jb      2f
        xor     ebx, ebx
2:      mov     eax, 0x534D4150
        mov     ecx, 20
        pop     di
        pop     si
        pop     ds
        jmp     clear
1:      pop     di
        pop     si
        pop     ds
        jmp     carry

sizes:  push    ds
        push    EBDA_SEGMENT
        pop     ds
        push    edx
        mov     edx, [E_LOW]
        mov     eax, 0x3C00             # 1 to 16 MiB in KiB, the rest in units of 64 KiB
        xor     bx, bx
        cmp     edx, 0xF00000
        jae     1f
        shr     edx, 10
        mov     ax, dx
        jmp     2f
1:      sub     edx, 0xF00000 + RESERVED
        shr     edx, 16
        mov     bx, dx
2:      pop     edx
        mov     cx, ax
        mov     dx, bx
        pop     ds
        jmp     clear

extended:
        push    ds
        push    edx
        push    EBDA_SEGMENT
        pop     ds
        mov     edx, [E_LOW]
        shr     edx, 10
        cmp     edx, 0xFC00
        jb      1f
        mov     dx, 0xFC00
1:      mov     ax, dx
        pop     edx
        pop     ds
        jmp     clear

gate:   cmp     al, 1
        ja      1f
        push    ax
        mov     ah, al
        in      al, 0x92
        and     al, 0xFC
        shl     ah, 1
        or      al, ah
        out     0x92, al
        pop     ax
        xor     ah, ah
        jmp     clear
1:      mov     bx, 3
        in      al, 0x92
        shr     al, 1
        and     al, 1
        xor     ah, ah
        jmp     clear

# cx words between the descriptors 10h and 18h of the table at es:si.
move:   pushad
        push    ds
        push    es
        cli
        cld
        movzx   ecx, cx
        mov     edx, es:[si + 0x12]
        and     edx, 0xFFFFFF
        movzx   eax, byte ptr es:[si + 0x17]
        shl     eax, 24
        or      edx, eax
        mov     edi, es:[si + 0x1A]
        and     edi, 0xFFFFFF
        movzx   eax, byte ptr es:[si + 0x1F]
        shl     eax, 24
        or      edi, eax
        mov     esi, edx
        call    unreal
1:      jecxz   2f
        mov     ax, [esi]
        mov     es:[edi], ax
        add     esi, 2
        add     edi, 2
        dec     ecx
        jmp     1b
2:      pop     es
        pop     ds
        popad
        xor     ah, ah
        jmp     clear

# DS and ES reach 4 GiB from 0 until they are loaded again.
        .globl  unreal
unreal:   pushf
        cli
        push    eax
        lgdt    cs:[descriptors]
        mov     eax, cr0
        or      al, 1
        mov     cr0, eax
        jmp     1f
1:      mov     ax, 8
        mov     ds, ax
        mov     es, ax
        mov     eax, cr0
        and     al, 0xFE
        mov     cr0, eax
        jmp     2f
2:      xor     ax, ax
        mov     ds, ax
        mov     es, ax
        pop     eax
        popf
        ret

        .balign 8
table:  .quad   0, 0x00CF92000000FFFF
descriptors:
        .word   15
        .long   0xF0000 + table

configuration:
        push    cs
        pop     es
        mov     bx, offset feature_table
        xor     ah, ah
        jmp     clear

feature_table:
        .word   8
        .byte   0xFC, 0, 1, 0x74, 0x40, 0, 0, 0

int1a:  cmp     ah, 0x00
        je      ticks
        cmp     ah, 0x01
        je      set_ticks
        cmp     ah, 0x02
        je      clock
        cmp     ah, 0x04
        je      date
        cmp     ah, 0xB1
        je      pci
        jmp     carry
ticks:  push    ds
        push    0
        pop     ds
        mov     dx, [BDA_TICKS]
        mov     cx, [BDA_TICKS + 2]
        mov     al, [BDA_MIDNIGHT]
        mov     byte ptr [BDA_MIDNIGHT], 0
        pop     ds
        jmp     clear
set_ticks:
        push    ds
        push    0
        pop     ds
        mov     [BDA_TICKS], dx
        mov     [BDA_TICKS + 2], cx
        pop     ds
        jmp     clear
clock:  mov     al, 4
        call    cmos
        mov     ch, al
        mov     al, 2
        call    cmos
        mov     cl, al
        mov     al, 0
        call    cmos
        mov     dh, al
        xor     dl, dl
        jmp     clear
date:   mov     al, 0x32
        call    cmos
        mov     ch, al
        mov     al, 9
        call    cmos
        mov     cl, al
        mov     al, 8
        call    cmos
        mov     dh, al
        mov     al, 7
        call    cmos
        mov     dl, al
        jmp     clear
# Installation check: configuration mechanism 1, one bus.
pci:    cmp     al, 0x01
        jne     1f
        mov     eax, 0x80000000
        call    read_pci
        inc     eax
        jz      1f
        mov     edx, 0x20494350
        xor     edi, edi
        mov     ax, 0x0001
        mov     bx, 0x0210
        xor     cl, cl
        jmp     clear
1:      mov     ah, 0x81
        jmp     carry
