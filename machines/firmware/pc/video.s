# INT 10h: an 80 by 25 text screen, repeated on the serial line.
        .include "common.inc"
        .text
        .globl  init_video, int10

# Mode 3 by the registers, where a VGA is there. Source: IBM PS/2 Hardware Interface Technical Reference, "Video subsystem".
init_video:
        mov     byte ptr [BDA_VIDEO_MODE], 3
        mov     word ptr [BDA_COLUMNS], 80
        mov     word ptr [BDA_PAGE_LENGTH], 4096
        mov     word ptr [BDA_CURSOR_SHAPE], 0x0D0E
        mov     word ptr [BDA_CRTC], 0x3D4
        mov     byte ptr [BDA_ROWS], 24
        mov     byte ptr [BDA_POINTS], 16
        mov     dx, 0x3C4               # a sequencer keeps its index
        mov     al, 2
        out     dx, al
        in      al, dx
        cmp     al, 2
        jne     9f
        push    es
        push    EBDA_SEGMENT
        pop     es
        mov     byte ptr es:[E_HAS_VGA], 1
        pop     es
        mov     dx, 0x3C2
        mov     al, 0x67
        out     dx, al
        mov     dx, 0x3C4
        mov     si, offset sequencer
        mov     cx, 5
        call    table
        mov     dx, 0x3D4               # registers 0 to 7 are protected by register 11h
        mov     ax, 0x0011
        out     dx, ax
        mov     si, offset controller
        mov     cx, 25
        call    table
        mov     dx, 0x3CE
        mov     si, offset graphics
        mov     cx, 9
        call    table
        mov     dx, 0x3DA
        in      al, dx
        mov     dx, 0x3C0
        mov     si, offset attributes
        xor     bl, bl
1:      mov     al, bl
        out     dx, al
        mov     al, cs:[si]
        out     dx, al
        inc     si
        inc     bl
        cmp     bl, 21
        jb      1b
        mov     al, 0x20
        out     dx, al
        mov     dx, 0x3C8               # 64 colours: two bits of each part in the number
        xor     al, al
        out     dx, al
        inc     dx
        xor     bl, bl
2:      mov     cl, 2
3:      mov     al, bl
        shr     al, cl
        mov     ah, al
        and     al, 1
        neg     al
        and     al, 42
        shr     ah, 3
        and     ah, 1
        neg     ah
        and     ah, 21
        add     al, ah
        out     dx, al
        dec     cl
        jns     3b
        inc     bl
        cmp     bl, 64
        jb      2b
        call    clear
9:      ret

table:  xor     ah, ah
1:      mov     al, ah
        mov     bh, cs:[si]
        xchg    ah, bh
        out     dx, ax
        xchg    ah, bh
        inc     si
        inc     ah
        loop    1b
        ret

sequencer:
        .byte   3, 0, 3, 0, 2
controller:
        .byte   0x5F, 0x4F, 0x50, 0x82, 0x55, 0x81, 0xBF, 0x1F, 0, 0x4F, 0x0D, 0x0E, 0, 0, 0, 0
        .byte   0x9C, 0x8E, 0x8F, 0x28, 0x1F, 0x96, 0xB9, 0xA3, 0xFF
graphics:
        .byte   0, 0, 0, 0, 0, 0x10, 0x0E, 0x0F, 0xFF
attributes:
        .byte   0, 1, 2, 3, 4, 5, 0x14, 7, 0x38, 0x39, 0x3A, 0x3B, 0x3C, 0x3D, 0x3E, 0x3F, 0x0C, 0, 0x0F, 8, 0

clear:  pusha
        push    es
        push    0xB800
        pop     es
        xor     di, di
        mov     ax, 0x0720
        mov     cx, 80 * 25
        rep stosw
        pop     es
        popa
        ret

int10:  sti
        cld
        push    ds
        push    es
        pusha
        push    0
        pop     ds
        push    0xB800
        pop     es
        mov     bp, sp
        cmp     ah, 0x0E
        je      teletype
        cmp     ah, 0x00
        je      set_mode
        cmp     ah, 0x02
        je      set_cursor
        cmp     ah, 0x03
        je      get_cursor
        cmp     ah, 0x06
        je      scroll_window
        cmp     ah, 0x08
        je      read_cell
        cmp     ah, 0x09
        je      write_cells
        cmp     ah, 0x0A
        je      write_cells
        cmp     ah, 0x0F
        je      get_mode
        cmp     ah, 0x12
        je      done10
        cmp     ah, 0x1A
        je      combination
        cmp     ah, 0x13
        je      write_string
done10: popa
        pop     es
        pop     ds
        iret

set_mode:
        call    clear
        mov     word ptr [BDA_CURSOR], 0
        call    place_cursor
        jmp     done10

set_cursor:
        mov     [BDA_CURSOR], dx
        call    place_cursor
        jmp     done10

get_cursor:
        mov     dx, [BDA_CURSOR]
        mov     [bp + 10], dx
        mov     dx, [BDA_CURSOR_SHAPE]
        mov     [bp + 12], dx
        jmp     done10

get_mode:
        mov     ax, 0x5003
        mov     [bp + 14], ax
        mov     byte ptr [bp + 9], 0
        jmp     done10

combination:
        mov     word ptr [bp + 14], 0x001A
        mov     word ptr [bp + 8], 0x0008
        jmp     done10

read_cell:
        call    cell
        mov     ax, es:[di]
        mov     [bp + 14], ax
        jmp     done10

write_cells:
        call    cell
        mov     al, [bp + 14]
        mov     dl, [bp + 8]
1:      jcxz    3f
        mov     es:[di], al
        cmp     byte ptr [bp + 15], 0x09
        jne     2f
        mov     es:[di + 1], dl
2:      add     di, 2
        dec     cx
        jmp     1b
3:      jmp     done10

# Whole windows are cleared, others are moved by one line at a time.
scroll_window:
        test    al, al
        jnz     1f
        call    clear
        jmp     done10
1:      movzx   bx, al
2:      call    scroll
        dec     bx
        jnz     2b
        jmp     done10

write_string:
        mov     [BDA_CURSOR], dx
        mov     es, [bp + 16]
        mov     si, [bp + 4]
        test    cx, cx
        jz      done10
1:      mov     al, es:[si]
        inc     si
        push    es
        push    0xB800
        pop     es
        call    put
        pop     es
        loop    1b
        jmp     done10

teletype:
        call    put
        jmp     done10

# di: the cell under the cursor.
cell:   push    ax
        mov     al, 80
        mul     byte ptr [BDA_CURSOR + 1]
        movzx   di, byte ptr [BDA_CURSOR]
        add     di, ax
        shl     di, 1
        pop     ax
        ret

# al: a letter for the screen and the serial line.
put:    pusha
        mov     ah, al
        mov     cx, 0xFFFF
        mov     dx, 0x3FD
1:      in      al, dx
        test    al, 0x20
        loopz   1b
        mov     dx, 0x3F8
        mov     al, ah
        out     dx, al
        cmp     al, 13
        je      carriage
        cmp     al, 10
        je      feed
        cmp     al, 8
        je      back
        cmp     al, 7
        je      9f
        call    cell
        mov     es:[di], al
        inc     byte ptr [BDA_CURSOR]
        cmp     byte ptr [BDA_CURSOR], 80
        jb      8f
        mov     byte ptr [BDA_CURSOR], 0
feed:   inc     byte ptr [BDA_CURSOR + 1]
        cmp     byte ptr [BDA_CURSOR + 1], 25
        jb      8f
        dec     byte ptr [BDA_CURSOR + 1]
        call    scroll
        jmp     8f
carriage:
        mov     byte ptr [BDA_CURSOR], 0
        jmp     8f
back:   cmp     byte ptr [BDA_CURSOR], 0
        je      9f
        dec     byte ptr [BDA_CURSOR]
8:      call    place_cursor
9:      popa
        ret

scroll: pusha
        push    ds
        push    es
        pop     ds
        mov     si, 160
        xor     di, di
        mov     cx, 80 * 24
        rep movsw
        mov     ax, 0x0720
        mov     cx, 80
        rep stosw
        pop     ds
        popa
        ret

place_cursor:
        pusha
        call    cell
        shr     di, 1
        mov     bx, di
        mov     dx, 0x3D4
        mov     al, 0x0E
        mov     ah, bh
        out     dx, ax
        mov     al, 0x0F
        mov     ah, bl
        out     dx, ax
        popa
        ret
