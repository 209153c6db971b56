//! A guest that really uses SVE: its state is captured from the running vCPU and goes through
//! snapshot bytes into a vCPU of a second VM, where the guest itself checks whether all of it is as
//! it was. On the way, ONE_REG calls are counted, and timed beside the usual way. A vCPU without SVE
//! is moved too, without running.
//!
//! For `kvm_check`, on a real host or in the machine that `cargo harness kvm` boots.

#[cfg(all(target_os = "linux", target_arch = "aarch64"))]
mod cost;
#[cfg(all(target_os = "linux", target_arch = "aarch64"))]
mod guest;
#[cfg(any(test, all(target_os = "linux", target_arch = "aarch64")))]
mod pattern;
#[cfg(all(target_os = "linux", target_arch = "aarch64"))]
mod vm;
#[cfg(all(target_os = "linux", target_arch = "aarch64"))]
mod without_sve;

#[cfg(all(target_os = "linux", target_arch = "aarch64"))]
pub use guest::guest_main;
#[cfg(all(target_os = "linux", target_arch = "aarch64"))]
pub(crate) use vm::list;

/// What a capture and a restore cost on a running guest, beside the usual way.
#[derive(serde::Serialize, serde::Deserialize, Clone, PartialEq, Debug, Default)]
pub struct Cost {
    /// The ioctls of a capture.
    pub gets: usize,
    /// The ioctls of a restore.
    pub sets: usize,
    /// The time of a capture as a part of the usual way's.
    pub ratio: f64,
    /// Registers that were damaged on the way, and noticed.
    pub corruptions: usize,
}

/// The vector lengths, in quadwords, that a run takes if it is not told one.
pub const VQS: [u32; 5] = [1, 2, 4, 8, 16];
