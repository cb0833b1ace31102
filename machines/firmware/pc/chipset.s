# The 440FX chip set and the hand-over of ACPI tables from the firmware configuration device.
        .include "common.inc"
        .text
        .globl  init_chipset, init_apic, init_mtrr, load_acpi, read_pci

# eax: address; gives eax.
read_pci:
        push    dx
        mov     dx, 0xCF8
        out     dx, eax
        mov     dl, 0xFC
        in      eax, dx
        pop     dx
        ret

# eax: address, ecx: value.
write_pci:
        push    dx
        mov     dx, 0xCF8
        out     dx, eax
        mov     dl, 0xFC
        mov     eax, ecx
        out     dx, eax
        pop     dx
        ret

# Interrupt routes of the PIIX3, ports of the PIIX4, IDE on, and the interrupt line of every function.
init_chipset:
        mov     eax, 0x80000000
        call    read_pci
        cmp     eax, 0x12378086
        jne     9f
        mov     eax, 0x80000860         # routes: 10, 10, 11, 11
        mov     ecx, 0x0B0B0A0A
        call    write_pci
        mov     dx, 0x4D1               # which are levels
        mov     al, 0x0C
        out     dx, al
        mov     eax, 0x80000940         # IDE decodes both cables
        mov     ecx, 0x80008000
        call    write_pci
        mov     eax, 0x80000904
        mov     ecx, 0x0001
        call    write_pci
        mov     eax, 0x80000B40         # power management at 0x600
        mov     ecx, 0x0601
        call    write_pci
        mov     eax, 0x80000B80
        mov     ecx, 1
        call    write_pci
        mov     ebx, 0x80000000
1:      mov     eax, ebx
        call    read_pci
        cmp     ax, 0xFFFF
        je      4f
        mov     eax, ebx
        mov     al, 0x3C
        call    read_pci
        mov     cl, ah                  # pin, 1 to 4
        test    cl, cl
        jz      4f
        mov     edx, ebx
        shr     edx, 11
        add     dl, cl
        and     dl, 3                   # slot + pin - 2, modulo 4
        mov     al, 10
        cmp     dl, 2
        je      2f
        cmp     dl, 3
        je      2f
        mov     al, 11
2:      mov     edx, ebx                # the power management's is the SCI
        and     edx, 0xFF00
        cmp     edx, 0x0B00
        jne     3f
        mov     al, 9
3:      mov     ah, cl
        movzx   ecx, ax
        mov     eax, ebx
        mov     al, 0x3C
        call    write_pci
4:      add     ebx, 0x100
        cmp     ebx, 0x80010000
        jb      1b
9:      ret

# Virtual wire mode: interrupts of the 8259s come through pin LINT0, NMI through LINT1. Source: Intel MultiProcessor Specification 1.4, section 3.6.2.
init_apic:
        pushfd                          # a CPU has CPUID when flag 21 can be changed
        pop     eax
        mov     ecx, eax
        xor     eax, 1 << 21
        push    eax
        popfd
        pushfd
        pop     eax
        xor     eax, ecx
        test    eax, 1 << 21
        jz      9f
        mov     eax, 1
        cpuid
        test    edx, 1 << 12
        jz      1f
        call    init_mtrr
        mov     eax, 1
        cpuid
1:      test    edx, 1 << 9
        jz      9f
        push    ds
        push    es
        call    unreal
        mov     ebx, 0xFEE00000
        mov     eax, [ebx + 0xF0]
        or      ax, 0x1FF
        mov     [ebx + 0xF0], eax
        mov     dword ptr [ebx + 0x350], 0x8700
        mov     dword ptr [ebx + 0x360], 0x8400
        pop     es
        pop     ds
9:      ret

# Memory types: RAM is cached, the video window and the upper 2 GiB below 4 GiB are not. Source: Intel SDM volume 3A, section 11.11.
init_mtrr:
        mov     ecx, 0x200
        mov     eax, 0x80000000
        xor     edx, edx
        wrmsr
        inc     cx
        mov     eax, 0x80000800
        mov     edx, 0xFF
        wrmsr
        mov     eax, 0x06060606
        mov     edx, eax
        mov     cx, 0x250
        wrmsr
        mov     cx, 0x258
        wrmsr
        mov     cx, 0x268
1:      wrmsr
        inc     cx
        cmp     cx, 0x270
        jb      1b
        xor     eax, eax
        xor     edx, edx
        mov     cx, 0x259
        wrmsr
        mov     cx, 0x2FF
        mov     ax, 0xC06
        wrmsr
        ret

# ax: key.
select: mov     dx, 0x510
        out     dx, ax
        inc     dx
        ret

# Four bytes of the selected item, big endian.
big:    in      al, dx
        mov     ah, al
        in      al, dx
        shl     eax, 16
        in      al, dx
        mov     ah, al
        in      al, dx
        ret

# es:di: name of 56 bytes in cs. Gives eax: length, bx: key; carry when there is no such file.
find:   mov     ax, 0x19
        call    select
        call    big
        mov     ebp, eax
1:      test    ebp, ebp
        jz      9f
        dec     ebp
        call    big
        push    eax
        in      al, dx
        mov     ah, al
        in      al, dx
        mov     bx, ax
        in      al, dx
        in      al, dx
        mov     si, di
        mov     cx, 56
        xor     ah, ah
2:      in      al, dx
        cmp     byte ptr cs:[si], 0xFF
        je      3f
        xor     al, cs:[si]
        or      ah, al
        inc     si
3:      loop    2b
        test    ah, ah
        pop     eax
        jnz     1b
        clc
        ret
9:      stc
        ret

# eax: length, bx: key, edi: where it goes; by the device's DMA.
load:   pushad
        push    es
        push    EBDA_SEGMENT
        pop     es
        bswap   eax
        mov     es:[E_DMA + 4], eax
        movzx   eax, bx
        shl     eax, 16
        mov     al, 0x0A                # select and read
        bswap   eax
        mov     es:[E_DMA], eax
        xor     eax, eax
        mov     es:[E_DMA + 8], eax
        mov     dx, 0x514
        out     dx, eax
        bswap   edi
        mov     es:[E_DMA + 12], edi
        mov     eax, (EBDA_SEGMENT << 4) + E_DMA
        bswap   eax
        mov     dx, 0x518
        out     dx, eax
1:      mov     eax, es:[E_DMA]
        bswap   eax
        and     eax, 0xFFFFFFFE
        jnz     1b
        pop     es
        popad
        ret

# ax: key. Gives eax: its four bytes, little endian.
little: push    dx
        call    select
        call    big
        bswap   eax
        pop     dx
        ret

# Loads a Linux kernel that the configuration device holds and begins its real-mode part; comes back when there is none.
# Source: Linux, Documentation/arch/x86/boot.rst, "Running the kernel".
        .globl  start_kernel
start_kernel:
        xor     ax, ax
        call    select
        call    big
        cmp     eax, 0x51454D55
        jne     9f
        mov     ax, 0x17
        call    little
        test    eax, eax
        jz      9f
        mov     si, offset starting
        call    print
        mov     si, offset parts
1:      movzx   ax, byte ptr cs:[si]
        test    ax, ax
        jz      2f
        call    little
        mov     edi, eax
        movzx   ax, byte ptr cs:[si + 1]
        call    little
        movzx   bx, byte ptr cs:[si + 2]
        add     si, 3
        test    eax, eax
        jz      1b
        call    load
        jmp     1b
2:      mov     ax, 0x13                # the stack ends below the command line
        call    little
        mov     ebx, eax
        mov     ax, 0x16
        call    little
        sub     ebx, eax
        sub     bx, 16
        shr     eax, 4
        cli
        mov     ds, ax
        mov     es, ax
        mov     fs, ax
        mov     gs, ax
        mov     ss, ax
        mov     sp, bx
        add     ax, 0x20
        push    ax
        push    0
        retf
9:      ret

# Items of address, length and data.
parts:  .byte   0x16, 0x17, 0x18
        .byte   0x07, 0x08, 0x11
        .byte   0x13, 0x14, 0x15
        .byte   0x0A, 0x0B, 0x12
        .byte   0
starting:
        .asciz  "Starting Linux...\r\n"

# The tables go to the end of low memory, the root pointer into the extended data area, the script to 0x60000; then it is carried out.
load_acpi:
        push    ds
        push    es
        mov     ax, 0
        call    select
        call    big
        cmp     eax, 0x51454D55         # QEMU
        jne     9f
        push    EBDA_SEGMENT
        pop     es
        mov     di, offset tables_name
        call    find
        jc      9f
        mov     edi, es:[E_TABLES]
        call    load
        mov     di, offset processors_name
        call    find
        jc      1f
        mov     edi, (EBDA_SEGMENT << 4) + E_PROCESSORS
        call    load
1:      mov     di, offset root_name
        call    find
        jc      9f
        mov     edi, (EBDA_SEGMENT << 4) + E_RSDP
        call    load
        mov     di, offset script_name
        call    find
        jc      9f
        mov     edi, 0x60000
        push    eax
        call    load
        pop     ecx
        mov     ebp, es:[E_TABLES]
        call    unreal
        mov     esi, 0x60000
        add     ecx, esi
1:      cmp     esi, ecx
        jae     9f
        mov     eax, [esi]
        cmp     eax, 2
        je      pointer
        cmp     eax, 3
        je      checksum
next:   add     esi, 128
        jmp     1b
9:      pop     es
        pop     ds
        ret

# esi: name; gives edi: where the file lies. The two differ in the tenth letter.
place:  mov     edi, ebp
        cmp     byte ptr [esi + 9 + 4], 't'
        je      1f
        mov     edi, (EBDA_SEGMENT << 4) + E_RSDP
1:      ret

pointer:
        call    place
        mov     eax, [esi + 116]
        add     [edi + eax], ebp
        jmp     next

checksum:
        call    place
        mov     edx, [esi + 64]         # start and length
        mov     ebx, [esi + 68]
        add     edx, edi
        xor     al, al
2:      add     al, [edx]
        inc     edx
        dec     ebx
        jnz     2b
        mov     ebx, [esi + 60]
        sub     [edi + ebx], al
        jmp     next

tables_name:
        .asciz  "etc/acpi/tables"
        .byte   0xFF
processors_name:
        .asciz  "etc/kmem/mp-table"
        .byte   0xFF
root_name:
        .asciz  "etc/acpi/rsdp"
        .byte   0xFF
script_name:
        .asciz  "etc/table-loader"
        .byte   0xFF
