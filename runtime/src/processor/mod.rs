//! The registers of the processor that runs this, for code that has no KVM below it.
//!
//! Of the other rooms it uses only the registers' values, `FPSR` and `FPCR`: an image is a pointer here.

#[cfg(all(
    target_arch = "aarch64",
    not(any(target_vendor = "apple", target_os = "windows", target_os = "uefi"))
))]
pub mod live;
