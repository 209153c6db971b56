//! The main job: the SVE state of one vCPU, read through ONE_REG and moved to another.
//!
//! On the shim anywhere; on Linux KVM where there is a `/dev/kvm` with SVE (feature `kvm`, aarch64).

use std::fmt::Display;
use std::process::ExitCode;

use clap::Parser;
use sve_state::{Vls, Vq};

#[cfg(all(feature = "kvm", target_os = "linux", target_arch = "aarch64"))]
mod kvm;
mod shim;
mod state;

use state::{MachineState, Traffic};

/// Move the SVE state of one vCPU to another, through ONE_REG, and verify it.
///
/// Without --shim and --kvm: on /dev/kvm where there is one with SVE and this program was built
/// with the feature `kvm`, else on the shim.
#[derive(Parser)]
#[command(name = "migrate", version)]
struct Args {
    /// Use this crate's own vCPUs.
    #[arg(long, conflicts_with = "kvm")]
    shim: bool,
    /// Use Linux KVM's vCPUs, and fail where there are none with SVE.
    #[arg(long)]
    kvm: bool,
    /// The vCPUs' vector length, in quadwords of 128 bits: 1 to 16, if the host has it.
    #[arg(long, value_name = "VQ", default_value_t = 2)]
    vq: u32,
}

/// What an error is here: a sentence.
type Result<T> = std::result::Result<T, String>;

/// A vCPU in a VM of its own, and the calls besides ONE_REG that a VMM makes.
trait Vcpu: sve_state::OneReg<Error: Display> {
    /// `KVM_ARM_VCPU_INIT` with SVE.
    fn init(&mut self) -> Result<()>;
    /// `KVM_ARM_VCPU_FINALIZE` of SVE.
    fn finalize(&mut self) -> Result<()>;
}

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
fn kvm_vcpus() -> Result<(kvm::KvmVcpu, kvm::KvmVcpu)> {
    Ok((kvm::vcpu()?, kvm::vcpu()?))
}

#[cfg(not(all(feature = "kvm", target_os = "linux", target_arch = "aarch64")))]
fn kvm_vcpus() -> Result<(shim::ShimVcpu, shim::ShimVcpu)> {
    let why = if cfg!(not(all(target_os = "linux", target_arch = "aarch64"))) {
        "KVM has SVE on Linux on aarch64 alone"
    } else {
        "this program was built without the feature `kvm`"
    };
    Err(why.to_owned())
}

fn migrate(on: &str, source: impl Vcpu, target: impl Vcpu, vq: Vq) -> Result<()> {
    let (mut source, mut target) = (Traffic::new(source), Traffic::new(target));

    // Somebody's vCPU, with something in every register.
    let vls = state::start(&mut source, |host| narrow(host, vq))?;
    state::fill(&mut source, vq)?;
    source.reset();

    // What a VMM does when it migrates: capture here, move, restore there.
    let moved = MachineState::capture(&source)?;
    let captured = source.counts();
    let target_vls = state::start(&mut target, |_| Ok(moved.vls))?;
    target.reset();
    moved.restore(&mut target)?;
    let restored = target.counts();

    let differences = state::verify(&target, vq, &moved)?;
    println!(
        "Moved the SVE state of a vCPU on {on}, VQ {vq} ({} bits):",
        8 * vq.vl_bytes()
    );
    println!();
    println!("                   source    target");
    println!(
        "  vector lengths   {:8}  {:8}",
        vls.to_string(),
        target_vls.to_string()
    );
    println!(
        "  ONE_REG calls    {:<8}  {:<8}",
        captured.calls, restored.calls
    );
    println!(
        "  ONE_REG bytes    {:<8}  {:<8}",
        captured.bytes, restored.bytes
    );
    println!();
    println!(
        "  moved            Z0-Z31, P0-P15, FFR: {} bytes of sve_state",
        moved.image.len()
    );
    println!("                   VLS, FPSR, FPCR: 64 + 4 + 4 bytes");
    println!(
        "  padded form      {} bytes (every slice in full)",
        state::padded_bytes(vq)?
    );
    println!();
    match differences.as_slice() {
        [] => println!("  verified         all 51 registers, as filled in at the source"),
        some => return Err(format!("not what the source had: {}", some.join(", "))),
    }
    Ok(())
}

/// The host's vector lengths up to this one; KVM takes no other kind of subset.
fn narrow(host: Vls, vq: Vq) -> Result<Vls> {
    if host.contains(vq) {
        Ok(host.narrowed_to(vq))
    } else {
        Err(format!("VQ {vq}: this host has {host}"))
    }
}
