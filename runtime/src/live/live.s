// The registers of the processor that runs this, from and to an image: `mod.rs` has the contract. What includes
// this file has to define `sve_state_function` and `sve_state_end`, which begin and end a function.

        .arch_extension sve

// Z and P, where x\image is the image. x\last becomes the address of Z31, because `mul vl` reaches no further
// than 255 predicates, and P0 is at the 256th: from Z31, P(n) is at 8 + n, and FFR at 24.
        .macro  sve_state_z_and_p move, image, last
        addvl   x\last, x\image, #31
        .irp    n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
        \move   p\n, [x\last, #(8 + \n), mul vl]
        .endr
        .irp    n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
        \move   z\n, [x\image, #\n, mul vl]
        .endr
        .endm

// FFR goes through P0, which then has its own value again.
        .macro  sve_state_save_ffr last
        rdffr   p0.b
        str     p0, [x\last, #24, mul vl]
        ldr     p0, [x\last, #8, mul vl]
        .endm

// Comes first, because P0 is loaded after it.
        .macro  sve_state_load_ffr image, last
        addvl   x\last, x\image, #31
        ldr     p0, [x\last, #24, mul vl]
        wrffr   p0.b
        .endm

        .macro  sve_state_save_status status, scratch
        mrs     x\scratch, fpsr
        str     w\scratch, [x\status]
        mrs     x\scratch, fpcr
        str     w\scratch, [x\status, #4]
        .endm

        .macro  sve_state_load_status status, scratch
        ldr     w\scratch, [x\status]
        msr     fpsr, x\scratch
        ldr     w\scratch, [x\status, #4]
        msr     fpcr, x\scratch
        .endm

        sve_state_function save
        sve_state_z_and_p str, 0, 2
        sve_state_save_ffr 2
        sve_state_save_status 1, 2
        ret
        sve_state_end save

        sve_state_function save_without_ffr
        sve_state_z_and_p str, 0, 2
        sve_state_save_status 1, 2
        ret
        sve_state_end save_without_ffr

        sve_state_function load
        sve_state_load_ffr 0, 2
        sve_state_z_and_p ldr, 0, 2
        sve_state_load_status 1, 2
        ret
        sve_state_end load

        sve_state_function load_without_ffr
        sve_state_z_and_p ldr, 0, 2
        sve_state_load_status 1, 2
        ret
        sve_state_end load_without_ffr

        sve_state_function clear
        .irp    n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
        pfalse  p\n\().b
        .endr
        wrffr   p0.b
        .irp    n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
        dup     z\n\().b, #0
        .endr
        msr     fpsr, xzr
        msr     fpcr, xzr
        ret
        sve_state_end clear

        sve_state_function rdvl
        rdvl    x0, #1
        ret
        sve_state_end rdvl

// Keeps what AAPCS64 and the compiler want: x19, x20, x29, x30, d8 to d15, FPSR and FPCR.
        sve_state_function enter
        stp     x29, x30, [sp, #-112]!
        mov     x29, sp
        stp     x19, x20, [sp, #16]
        stp     d8, d9, [sp, #32]
        stp     d10, d11, [sp, #48]
        stp     d12, d13, [sp, #64]
        stp     d14, d15, [sp, #80]
        mrs     x4, fpsr
        mrs     x5, fpcr
        stp     x4, x5, [sp, #96]
        mov     x19, x0
        mov     x20, x1
        sve_state_load_ffr 19, 4
        sve_state_z_and_p ldr, 19, 4
        sve_state_load_status 20, 4
        mov     x0, x3
        blr     x2
        sve_state_z_and_p str, 19, 2
        sve_state_save_ffr 2
        sve_state_save_status 20, 2
        ldp     x4, x5, [sp, #96]
        msr     fpsr, x4
        msr     fpcr, x5
        ldp     d14, d15, [sp, #80]
        ldp     d12, d13, [sp, #64]
        ldp     d10, d11, [sp, #48]
        ldp     d8, d9, [sp, #32]
        ldp     x19, x20, [sp, #16]
        ldp     x29, x30, [sp], #112
        ret
        sve_state_end enter

        .purgem sve_state_z_and_p
        .purgem sve_state_save_ffr
        .purgem sve_state_load_ffr
        .purgem sve_state_save_status
        .purgem sve_state_load_status
