//! The registers of the processor itself, from and to an image (aarch64 only, ELF targets).
//!
//! This is for code that runs guests natively with no KVM below it: a hypervisor, a realm monitor, a unikernel, a
//! sandbox. The functions are assembly, in straight lines, without branches and, but for [`enter`], without a stack,
//! so a trap's entry can call them before anything else has been saved but the few general-purpose registers below.
//! From assembly, name them by `sym sve_state::live::save`; their symbols carry this crate's version, so that two
//! versions can be linked into one program, though not two copies of one version.
//!
//! | function | x0, x1 | changes, besides x30 |
//! | --- | --- | --- |
//! | [`save`], [`save_without_ffr`] | image, status | x2, and the memory |
//! | [`load`], [`load_without_ffr`] | image, status | x2, Z, P, FPSR, FPCR; with FFR |
//! | [`clear`] | | Z, P, FFR, FPSR, FPCR |
//! | [`rdvl`] | | x0, the result |
//! | [`enter`] | and x2, x3: function, argument | what AAPCS64 lets a function change |
//!
//! # Contract
//!
//! Each function here relies on this:
//!
//! * The processor has SVE, neither disabled nor trapped at this exception level; otherwise the first SVE instruction
//!   raises an exception. On Linux, `getauxval(AT_HWCAP)` has `HWCAP_SVE`, bit 22. In a kernel, ID_AA64PFR0_EL1.SVE
//!   (bits 35:32) is not 0; then CPACR_EL1.ZEN and FPEN (bits 17:16 and 21:20) are set to 0b11 (at EL2, CPTR_EL2 has its
//!   own), ZCR_ELx.LEN to the vector length, and an ISB follows.
//! * The image is of the current vector length, [`rdvl`] bytes, so it has 546 bytes for each 16 of those. Where a
//!   guest has another ZCR_ELx than its hypervisor, that is the hypervisor's, as for KVM's images. Where alignment is
//!   checked (by SCTLR_ELx.A, and of all memory while the MMU is off), the image is aligned to 16 bytes.
//! * FFR is there, which it is not in streaming mode without FEAT_SME_FA64. The functions `…_without_ffr`, which are
//!   for streaming mode, leave FFR, or its bytes in the image, as it is. A loaded FFR must be ones followed by zeros,
//!   as every FFR is that the processor saved. The architecture does not say what any other value does, and nothing in
//!   this crate checks it, so check the FFR of an image that came from outside.
//!
//! The compiler owns V0 to V31, and expects d8 to d15 and FPCR back from each function as they were. [`load`],
//! [`load_without_ffr`] and [`clear`] are therefore for assembly that goes on to other code, and Rust calls
//! [`enter`].
//!
//! The example `turns` of this crate has two contexts that take turns.

// It uses only `registers`, for the values of FPSR and FPCR: an image is a pointer here.

#![cfg(all(
    target_arch = "aarch64",
    not(any(target_vendor = "apple", target_os = "windows", target_os = "uefi"))
))]
#![allow(unsafe_code)]

use core::ffi::c_void;

use crate::registers::Status;

macro_rules! symbol {
    ($name:literal) => {
        concat!(
            "sve_state_",
            env!("CARGO_PKG_VERSION_MAJOR"),
            "_",
            env!("CARGO_PKG_VERSION_MINOR"),
            "_",
            env!("CARGO_PKG_VERSION_PATCH"),
            "_live_",
            $name
        )
    };
}

// Each function has a section of its own, which the linker drops if nobody calls it, and starts with `bti c`, a NOP
// on processors without it, because it may be called through a pointer.
core::arch::global_asm!(
    ".macro sve_state_function name",
    concat!(".pushsection .text.", symbol!(r#"\name, "ax", %progbits"#)),
    ".p2align 2",
    concat!(".globl ", symbol!(r"\name")),
    concat!(".hidden ", symbol!(r"\name")),
    concat!(".type ", symbol!(r"\name, %function")),
    concat!(symbol!(r"\name"), ":"),
    "hint #34",
    ".endm",
    ".macro sve_state_end name",
    concat!(".size ", symbol!(r"\name"), ", . - ", symbol!(r"\name")),
    ".popsection",
    ".endm",
    include_str!("live.s"),
    ".purgem sve_state_function",
    ".purgem sve_state_end",
    options(raw)
);

// SAFETY: `live.s` defines them, with these arguments.
unsafe extern "C" {
    /// Saves Z, P, FFR, FPSR and FPCR, and changes no register but x2.
    ///
    /// # Safety
    ///
    /// The [contract](self#contract). `image` is valid for writes of 546 bytes for each 128 bits of the vector
    /// length, `status` for a write.
    #[link_name = symbol!("save")]
    pub fn save(image: *mut u8, status: *mut Status);

    /// Saves Z, P, FPSR and FPCR, and leaves the bytes of FFR in the image as they are.
    ///
    /// # Safety
    ///
    /// As of [`save`], but FFR need not be there.
    #[link_name = symbol!("save_without_ffr")]
    pub fn save_without_ffr(image: *mut u8, status: *mut Status);

    /// Loads Z, P, FFR, FPSR and FPCR.
    ///
    /// # Safety
    ///
    /// The [contract](self#contract). `image` is valid for reads of 546 bytes for each 128 bits of the vector length,
    /// `status` for a read. The caller is not compiled code, because d8 to d15 and FPCR do not come back.
    #[link_name = symbol!("load")]
    pub fn load(image: *const u8, status: *const Status);

    /// Loads Z, P, FPSR and FPCR, and leaves FFR as it is.
    ///
    /// # Safety
    ///
    /// As of [`load`], but FFR need not be there.
    #[link_name = symbol!("load_without_ffr")]
    pub fn load_without_ffr(image: *const u8, status: *const Status);

    /// Makes Z, P, FFR, FPSR and FPCR zero, as a vCPU that was just initialized has them.
    ///
    /// # Safety
    ///
    /// The [contract](self#contract). The caller is not compiled code, because d8 to d15 and FPCR do not come back.
    #[link_name = symbol!("clear")]
    pub fn clear();

    /// The current vector length in bytes: `Vq::new(rdvl() as u32 / 16)`.
    ///
    /// # Safety
    ///
    /// SVE is enabled, as the [contract](self#contract) says.
    #[link_name = symbol!("rdvl")]
    pub fn rdvl() -> usize;

    /// Loads the registers, calls `function` with `argument`, saves the registers, and gives Rust back what it needs:
    /// d8 to d15, FPSR and FPCR. From Rust, this is the way into other code.
    ///
    /// # Safety
    ///
    /// The [contract](self#contract). `image` is valid for reads and writes of 546 bytes for each 128 bits of
    /// the vector length, `status` for both.
    ///
    /// `function` is not compiled from Rust or C, which may use any vector register anywhere. It may change all of Z,
    /// P, FFR, FPSR and FPCR, which are saved as it leaves them; it keeps x19 to x29 and the stack pointer, and
    /// returns once, at the same vector length and not in streaming mode. (On Linux a system call makes P, FFR, and Z
    /// above its low 128 bits zero.)
    #[link_name = symbol!("enter")]
    pub fn enter(
        image: *mut u8,
        status: *mut Status,
        function: unsafe extern "C" fn(*mut c_void),
        argument: *mut c_void,
    );
}
