# INT 09h and INT 16h: scan codes of set 1 become letters of the US layout.
        .include "common.inc"
        .text
        .globl  init_keyboard, key_pressed, int16

# The controller translates, both interrupts are on. A machine without one reads as ones.
init_keyboard:
        in      al, 0x64
        cmp     al, 0xFF
        je      9f
        mov     al, 0x60
        call    command
        mov     al, 0x61
        call    data
        mov     al, 0xAE
        call    command
        mov     al, 0xF4
        call    data
        mov     cx, 0xFFFF
1:      in      al, 0x64
        test    al, 1
        loopz   1b
        in      al, 0x60
9:      ret

command:
        mov     dx, 0x64
        jmp     1f
data:   mov     dx, 0x60
1:      push    ax
        mov     cx, 0xFFFF
2:      in      al, 0x64
        test    al, 2
        loopnz  2b
        pop     ax
        out     dx, al
        ret

key_pressed:
        push    ds
        pusha
        push    0
        pop     ds
        in      al, 0x60
        mov     ah, al
        and     al, 0x7F
        cmp     al, 0x2A                # shift keys are bits 0 and 1, control is bit 2
        je      left
        cmp     al, 0x36
        je      right
        cmp     al, 0x1D
        je      control
        test    ah, 0x80
        jnz     9f
        movzx   bx, al
        cmp     bl, 0x59
        jae     9f
        mov     al, cs:[bx + plain]
        test    byte ptr [BDA_SHIFT], 3
        jz      1f
        mov     al, cs:[bx + shifted]
1:      test    byte ptr [BDA_SHIFT], 4
        jz      2f
        and     al, 0x1F
2:      call    store
        jmp     9f
left:   mov     bl, 2
        jmp     3f
right:  mov     bl, 1
        jmp     3f
control:
        mov     bl, 4
3:      or      [BDA_SHIFT], bl
        test    ah, 0x80
        jz      9f
        not     bl
        and     [BDA_SHIFT], bl
9:      mov     al, 0x20
        out     0x20, al
        popa
        pop     ds
        iret

# ax: code and letter, into the ring; a full one drops it.
store:  mov     si, [BDA_KEY_TAIL]
        mov     di, si
        add     si, 2
        cmp     si, [BDA_KEY_END]
        jb      1f
        mov     si, [BDA_KEY_START]
1:      cmp     si, [BDA_KEY_HEAD]
        je      2f
        mov     [di + 0x400], ax
        mov     [BDA_KEY_TAIL], si
2:      ret

int16:  push    ds
        push    si
        push    0
        pop     ds
        sti
        and     ah, 0xEF                # functions 10h to 12h are those of longer keyboards
        jz      read
        dec     ah
        jz      peek
        dec     ah
        jz      shifts
        pop     si
        pop     ds
        iret
shifts: mov     al, [BDA_SHIFT]
        pop     si
        pop     ds
        iret
1:      hlt
read:   cli
        mov     si, [BDA_KEY_HEAD]
        cmp     si, [BDA_KEY_TAIL]
        sti
        je      1b
        mov     ax, [si + 0x400]
        add     si, 2
        cmp     si, [BDA_KEY_END]
        jb      2f
        mov     si, [BDA_KEY_START]
2:      mov     [BDA_KEY_HEAD], si
        pop     si
        pop     ds
        iret
peek:   mov     si, [BDA_KEY_HEAD]
        cmp     si, [BDA_KEY_TAIL]
        mov     ax, [si + 0x400]
        pop     si
        pop     ds
        retf    2                       # the zero flag says whether there is one

plain:  .byte   0, 27
        .ascii  "1234567890-="
        .byte   8, 9
        .ascii  "qwertyuiop[]"
        .byte   13, 0
        .ascii  "asdfghjkl;'`"
        .byte   0
        .ascii  "\\zxcvbnm,./"
        .byte   0
        .ascii  "*"
        .byte   0
        .ascii  " "
        .fill   0x59 - (. - plain), 1, 0
shifted:
        .byte   0, 27
        .ascii  "!@#$%^&*()_+"
        .byte   8, 0
        .ascii  "QWERTYUIOP{}"
        .byte   13, 0
        .ascii  "ASDFGHJKL:\"~"
        .byte   0
        .ascii  "|ZXCVBNM<>?"
        .byte   0
        .ascii  "*"
        .byte   0
        .ascii  " "
        .fill   0x59 - (. - shifted), 1, 0
