// The program of the guest whose SVE state `src/running/` moves: it fills Z, P and FFR with what SVE
// instructions compute, waits at a store that the VMM sees, and then finds out whether it still has
// what it had. It starts at EL1 with the MMU off, anywhere in memory; `src/running/pattern.rs` says in
// Rust what the registers hold.

        .arch   armv8-a+sve
        .equ    IMAGE, 546 * 16         // of the longest vectors
        .equ    REGISTERS, 32 + 16 + 1

        // The functions of `sve_state::live`, which follow this file: here they are part of the program.
        .macro  sve_state_function name
live_\name:
        .endm
        .macro  sve_state_end name
        .endm

        // What the VMM listens to, at x28.
        .equ    FILLED, 0               // the registers are full: the vector length in bytes
        .equ    CHECKED, 8              // the first register that is wrong, or REGISTERS
        .equ    EXCEPTION, 16           // what must not happen: ESR_EL1

        // Data of the program that has the guest run, as large as the guest's memory.
        .pushsection .rodata.guest_program, "a"
        .balign 4096
        .globl  guest_program
guest_program:
        movz    x28, #0x0900, lsl #16
        adr     x0, vectors
        msr     vbar_el1, x0
        mov     x0, #(3 << 20 | 3 << 16)        // FPEN, ZEN: nothing traps
        msr     cpacr_el1, x0
        isb
        mov     x0, #0xf                        // the longest vectors that the vCPU has
        msr     zcr_el1, x0
        isb
        bl      fill
        adr     x0, given                       // through memory and back: the VMM sees what was loaded
        adr     x1, status
        bl      live_save
        bl      live_clear
        bl      live_load
        bl      live_rdvl
        str     x0, [x28, #FILLED]

        // From here on it may be another VM's vCPU. What it was given is put aside, made anew, and
        // compared, in the registers' order.
        adr     x0, given
        adr     x1, status
        bl      live_save
        bl      fill
        adr     x0, anew
        adr     x1, status
        bl      live_save
        adr     x20, given
        adr     x21, anew
        mov     x22, #0
        ptrue   p0.b
0:      ldr     z0, [x20]
        ldr     z1, [x21]
        cmpne   p1.b, p0/z, z0.b, z1.b
        b.any   2f
        addvl   x20, x20, #1
        addvl   x21, x21, #1
        add     x22, x22, #1
        cmp     x22, #32
        b.ne    0b
1:      ldr     p2, [x20]
        ldr     p3, [x21]
        eors    p1.b, p0/z, p2.b, p3.b
        b.any   2f
        addpl   x20, x20, #1
        addpl   x21, x21, #1
        add     x22, x22, #1
        cmp     x22, #REGISTERS
        b.ne    1b
2:      str     x22, [x28, #CHECKED]
        b       .

// Fills all registers, each with a pattern of its own.
fill:
        cntb    x1                              // FFR: all but the last three, as if a load had
        sub     x1, x1, #3                      // faulted (it takes ones followed by zeros only)
        whilelo p1.b, xzr, x1
        wrffr   p1.b
        ptrue   p0.b                            // P: the signs of a series; P0 governs, so it is last
        .irp    n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,0
        mov     w1, #(16 * \n)
        mov     w2, #(41 + 6 * \n)
        index   z0.b, w1, w2
        cmplt   p\n\().b, p0/z, z0.b, #0
        .endr
        .irp    n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
        mov     w1, #(8 * \n)                   // Z: a series
        mov     w2, #(2 * \n + 1)
        index   z\n\().b, w1, w2
        .endr
        ret

        .balign 2048
vectors:
        .rept   16
        .balign 128
        mrs     x0, esr_el1
        str     x0, [x28, #EXCEPTION]
        b       .
        .endr

        .balign 16
given:  .space  IMAGE
anew:   .space  IMAGE
status: .space  8
        // `live.s`, and zeros up to the end of the memory: see `src/running/vm.rs`.
