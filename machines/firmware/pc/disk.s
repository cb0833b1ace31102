# INT 13h over the first IDE drive, INT 18h and INT 19h. Source: ATA/ATAPI-6, sections 6.16 and 8; Phoenix, Enhanced Disk Drive Specification 1.1.
        .include "common.inc"
        .text
        .globl  find_disk, int13, int18, int19

        .equ    DATA, 0x1F0
        .equ    COUNT, 0x1F2
        .equ    SELECT, 0x1F6
        .equ    COMMAND, 0x1F7

find_disk:
        mov     dx, SELECT
        mov     al, 0xE0
        out     dx, al
        inc     dx
        in      al, dx
        cmp     al, 0xFF
        je      9f
        test    al, 0x40
        jz      9f
        mov     al, 0xEC                # IDENTIFY DEVICE
        out     dx, al
        call    wait_data
        jc      9f
        push    es
        push    0x7000
        pop     es
        xor     di, di
        mov     dx, DATA
        mov     cx, 256
        rep insw
        mov     eax, es:[60 * 2]
        push    EBDA_SEGMENT
        pop     es
        mov     es:[E_SECTORS], eax
        xor     edx, edx
        mov     ecx, HEADS * SECTORS
        div     ecx
        cmp     eax, 1023
        jb      1f
        mov     eax, 1023
1:      test    ax, ax
        jnz     2f
        inc     ax
2:      mov     es:[E_CYLINDERS], ax
        pop     es
        mov     byte ptr [BDA_DISKS], 1
9:      ret

# Carry when the drive reports an error or nothing comes.
wait_data:
        mov     dx, COMMAND
        mov     ecx, 0x1000000
1:      in      al, dx
        test    al, 0x80
        jnz     2f
        test    al, 0x21
        jnz     3f
        test    al, 0x08
        jnz     4f
2:      dec     ecx
        jnz     1b
3:      stc
        ret
4:      clc
        ret

# eax: sector, cl: how many (1 to 255), ch: 0 read, 1 write, 2 verify, es:di: memory. Carry and ah for an error.
transfer:
        pushad
        movzx   ebx, cl
        add     ebx, eax
        push    ds
        push    EBDA_SEGMENT
        pop     ds
        cmp     ebx, [E_SECTORS]
        pop     ds
        ja      bad
        mov     bx, cx
        mov     ecx, eax
        mov     dx, SELECT
        shr     eax, 24
        or      al, 0xE0
        out     dx, al
        mov     dx, COUNT
        mov     al, bl
        out     dx, al
        inc     dx
        mov     al, cl
        out     dx, al
        inc     dx
        mov     al, ch
        out     dx, al
        inc     dx
        shr     ecx, 16
        mov     al, cl
        out     dx, al
        mov     dx, COMMAND
        mov     al, 0x20
        cmp     bh, 1
        jne     1f
        mov     al, 0x30
1:      out     dx, al
2:      call    wait_data
        jc      bad
        mov     dx, DATA
        mov     cx, 256
        cmp     bh, 1
        je      3f
        jb      4f
5:      in      ax, dx                  # verified data go nowhere
        loop    5b
        jmp     6f
3:      mov     ax, es:[di]
        out     dx, ax
        add     di, 2
        loop    3b
        jmp     6f
4:      rep insw
6:      test    di, di                  # the next 64 KiB
        jnz     7f
        mov     ax, es
        add     ax, 0x1000
        mov     es, ax
7:      dec     bl
        jnz     2b
        popad
        clc
        ret
bad:    popad
        mov     ah, 0x04
        stc
        ret

int13:  sti
        cld
        cmp     dl, 0x80
        jne     absent
        push    ds
        push    EBDA_SEGMENT
        pop     ds
        cmp     dword ptr [E_SECTORS], 0
        pop     ds
        je      absent
        cmp     ah, 0x00
        je      good
        cmp     ah, 0x01
        je      good
        cmp     ah, 0x02
        je      chs
        cmp     ah, 0x03
        je      chs
        cmp     ah, 0x04
        je      chs
        cmp     ah, 0x08
        je      parameters
        cmp     ah, 0x0C
        je      good
        cmp     ah, 0x0D
        je      good
        cmp     ah, 0x10
        je      good
        cmp     ah, 0x15
        je      kind
        cmp     ah, 0x41
        je      extensions
        cmp     ah, 0x42
        je      packet
        cmp     ah, 0x43
        je      packet
        cmp     ah, 0x44
        je      packet
        cmp     ah, 0x48
        je      long_parameters
absent: mov     ah, 0x01
failed: push    bp
        mov     bp, sp
        or      byte ptr [bp + 6], 1
        pop     bp
        iret
good:   xor     ah, ah
        push    bp
        mov     bp, sp
        and     byte ptr [bp + 6], 0xFE
        pop     bp
        iret

chs:    push    es
        pushad
        mov     bp, sp
        mov     di, bx
        movzx   eax, ch                 # cylinder: two bits of it in cl
        mov     bl, cl
        and     bl, 0xC0
        shl     bx, 2
        mov     ah, bh
        and     ah, 3
        and     cl, 0x3F
        jz      1f
        movzx   ecx, cl
        movzx   ebx, dh
        mov     edx, HEADS
        mul     edx
        add     eax, ebx
        mov     edx, SECTORS
        mul     edx
        lea     eax, [eax + ecx - 1]
        mov     cx, di                  # segments are normal, so that a transfer crosses 64 KiB
        call    normal
        mov     cl, [bp + 28]
        test    cl, cl
        jz      1f
        mov     ch, [bp + 29]
        sub     ch, 2
        call    transfer
        jc      1f
        popad
        pop     es
        jmp     good
1:      popad
        pop     es
        mov     ax, 0x0400
        jmp     failed

# es:di with di below 16.
normal: push    ax
        push    bx
        mov     ax, es
        mov     bx, di
        shr     bx, 4
        add     ax, bx
        mov     es, ax
        and     di, 15
        pop     bx
        pop     ax
        ret

parameters:
        push    ds
        push    EBDA_SEGMENT
        pop     ds
        mov     ax, [E_CYLINDERS]
        dec     ax
        mov     ch, al
        shl     ah, 6
        mov     cl, ah
        or      cl, SECTORS
        mov     dh, HEADS - 1
        mov     dl, 1
        xor     al, al
        pop     ds
        jmp     good

kind:   push    ds
        push    EBDA_SEGMENT
        pop     ds
        mov     dx, [E_SECTORS]
        mov     cx, [E_SECTORS + 2]
        pop     ds
        mov     ah, 0x03
        push    bp
        mov     bp, sp
        and     byte ptr [bp + 6], 0xFE
        pop     bp
        iret

extensions:
        cmp     bx, 0x55AA
        jne     absent
        mov     bx, 0xAA55
        mov     cx, 0x0001
        mov     ah, 0x21
        push    bp
        mov     bp, sp
        and     byte ptr [bp + 6], 0xFE
        pop     bp
        iret

packet: push    es
        pushad
        mov     bp, sp
        les     di, [si + 4]
        call    normal
        mov     cx, [si + 2]
        mov     eax, [si + 8]
        cmp     dword ptr [si + 12], 0
        jne     1f
        test    cx, cx
        jz      2f
        cmp     cx, 127
        ja      1f
        mov     ch, [bp + 29]
        sub     ch, 0x42
        call    transfer
        jc      1f
2:      popad
        pop     es
        jmp     good
1:      popad
        pop     es
        mov     ah, 0x04
        jmp     failed

long_parameters:
        push    es
        pushad
        push    EBDA_SEGMENT
        pop     es
        mov     word ptr [si], 26
        mov     word ptr [si + 2], 2
        movzx   eax, word ptr es:[E_CYLINDERS]
        mov     [si + 4], eax
        mov     dword ptr [si + 8], HEADS
        mov     dword ptr [si + 12], SECTORS
        mov     eax, es:[E_SECTORS]
        mov     [si + 16], eax
        mov     dword ptr [si + 20], 0
        mov     word ptr [si + 24], 512
        popad
        pop     es
        jmp     good

int19:  push    0
        pop     ds
        push    0
        pop     es
        xor     ax, ax
        mov     ss, ax
        mov     sp, 0x7000
        sti
        call    start_kernel
        mov     si, offset booting
        call    print
        mov     ax, 0x0201
        mov     bx, 0x7C00
        mov     cx, 0x0001
        mov     dx, 0x0080
        int     0x13
        jc      int18
        cmp     word ptr [0x7DFE], 0xAA55
        jne     int18
        mov     dx, 0x0080
        ljmp    0, 0x7C00

int18:  sti
        mov     si, offset nothing
        call    print
        jmp     halt

booting:
        .asciz  "Booting from hard disk...\r\n"
nothing:
        .asciz  "No bootable disk. This firmware boots the first hard disk alone; SeaBIOS (--bios) boots CDs and floppies too.\r\n"
