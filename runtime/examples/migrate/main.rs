//! The main use of the crate: the SVE state of one vCPU is read through ONE_REG and moved to
//! another.
//!
//! It runs on the shim anywhere, and on Linux KVM where there is a `/dev/kvm` with SVE (feature
//! `kvm`, aarch64).

use std::fmt::Display;
use std::process::ExitCode;

use clap::{Parser, value_parser};
use sve_state::snapshot::Snapshot;
use sve_state::vcpu::{Finalized, Initialized};
use sve_state::{FinalizeSve, SveError, Vq};

#[cfg(all(feature = "kvm", target_os = "linux", target_arch = "aarch64"))]
mod kvm;
mod shim;
mod state;

use state::Traffic;

/// Move the SVE state of one vCPU to another, through ONE_REG, and verify it.
///
/// Without --shim and --kvm: on /dev/kvm where there is one with SVE and this program was built
/// with the feature `kvm`, else on the shim.
#[derive(Parser)]
#[command(name = "migrate")]
struct Args {
    /// Use this crate's own vCPUs.
    #[arg(long, conflicts_with = "kvm")]
    shim: bool,
    /// Use Linux KVM's vCPUs, and fail where there are none with SVE.
    #[arg(long)]
    kvm: bool,
    /// The vCPUs' vector length, in quadwords of 128 bits: 1 to 16, if the host has it.
    #[arg(long, value_name = "VQ", default_value_t = 2, value_parser = value_parser!(u32).range(1..=16))]
    vq: u32,
}

#[cfg(not(all(feature = "kvm", target_os = "linux", target_arch = "aarch64")))]
type ShimVcpu = sve_state::shim::Vcpu<Box<[u8]>>;

/// An error here is a sentence.
type Result<T> = std::result::Result<T, String>;

fn main() -> ExitCode {
    match Args::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("migrate: {why}");
            ExitCode::FAILURE
        }
    }
}

impl Args {
    fn run(&self) -> Result<()> {
        let vq = Vq::new(self.vq).map_err(|e| e.to_string())?;
        if !self.shim {
            match kvm_vcpus() {
                Ok((source, target)) => return migrate("Linux KVM", source, target, vq),
                Err(why) if self.kvm => return Err(why),
                Err(why) => println!("On the shim: {why}."),
            }
        }
        migrate("the shim", shim::vcpu()?, shim::vcpu()?, vq)
    }
}

#[cfg(all(feature = "kvm", target_os = "linux", target_arch = "aarch64"))]
fn kvm_vcpus() -> Result<(kvm_ioctls::VcpuFd, kvm_ioctls::VcpuFd)> {
    Ok((kvm::vcpu()?, kvm::vcpu()?))
}

#[cfg(not(all(feature = "kvm", target_os = "linux", target_arch = "aarch64")))]
fn kvm_vcpus() -> Result<(ShimVcpu, ShimVcpu)> {
    Err(if cfg!(all(target_os = "linux", target_arch = "aarch64")) {
        "this program was built without the feature `kvm`".to_owned()
    } else {
        format!(
            "KVM with SVE needs Linux on aarch64, and this is {}",
            std::env::consts::ARCH
        )
    })
}

/// Moves the state from one vCPU to the other, both of which are initialized with SVE.
fn migrate<V>(on: &str, source: V, target: V, vq: Vq) -> Result<()>
where
    V: FinalizeSve<Error: Display>,
{
    let text = |error: SveError<V::Error>| error.to_string();

    // Somebody's vCPU, with something in every register.
    let (source, target) = (Traffic::new(source), Traffic::new(target));
    let mut source = Initialized::new(source);
    let host = source.vls().map_err(text)?;
    if !host.contains(vq) {
        return Err(format!("VQ {vq}: this host has VQ {host}"));
    }
    source.set_vls(host.narrowed_to(vq)).map_err(text)?;
    let source = source.finalize().map_err(text)?;
    let mut vcpu = source.into_inner();
    state::fill(&mut vcpu, vq)?;

    // Capture it, and turn it into bytes for a file or a socket.
    vcpu.reset();
    let source = Finalized::new(vcpu).map_err(text)?;
    let bytes = source.snapshot().map_err(text)?.to_bytes();
    let captured = source.into_inner().counts();

    // Parse and restore it: vector lengths, finalization, registers.
    let moved = Snapshot::from_bytes(&bytes).map_err(|e| e.to_string())?;
    let target = Initialized::new(target);
    let target = target.restore_snapshot(&moved).map_err(text)?;
    let target_vls = target.vls();
    let vcpu = target.into_inner();
    let restored = vcpu.counts();

    let differences = state::verify(&vcpu, vq)?;
    if !differences.is_empty() {
        return Err(format!(
            "not what the source had: {}",
            differences.join(", ")
        ));
    }
    let bits = 8 * vq.vl_bytes();
    println!("Moved the SVE state of a vCPU on {on}, VQ {vq} ({bits} bits):");
    println!();
    println!("                   source    target");
    println!(
        "  vector lengths   {:8}  {target_vls}",
        moved.vls().to_string()
    );
    println!(
        "  ONE_REG calls    {:<8}  {}",
        captured.calls, restored.calls
    );
    println!(
        "  ONE_REG bytes    {:<8}  {}",
        captured.bytes, restored.bytes
    );
    println!();
    println!(
        "  sve_state        {} bytes: Z0-Z31, P0-P15, FFR",
        moved.state().as_bytes().len()
    );
    println!(
        "  snapshot         {} bytes, with VLS, FPSR, FPCR and a checksum",
        bytes.len()
    );
    println!(
        "  padded form      {} bytes: the 49 slices in full",
        state::padded_bytes(vq)?
    );
    println!("  verified         51 registers at the target, as filled in at the source");
    Ok(())
}
