//! Two contexts with live SVE state that take turns on the processor that runs this, which is aarch64 with
//! SVE, such as `qemu-aarch64 -cpu max`.

#[cfg(not(all(target_arch = "aarch64", target_os = "linux")))]
fn main() {
    println!("There is no SVE here: this example runs on aarch64 Linux.");
}

#[cfg(all(target_arch = "aarch64", target_os = "linux"))]
use turns::main;

#[cfg(all(target_arch = "aarch64", target_os = "linux"))]
#[allow(unsafe_code)]
mod turns {
    use std::error::Error;
    use std::ffi::c_void;
    use std::ptr;

    use sve_state::vcpu::Status;
    use sve_state::{SveState, Vq, live, sve};

    // A guest's code, which knows nothing of Rust and adds Z1 to Z0, in numbers of 64 bits.
    core::arch::global_asm!(
        ".arch_extension sve",
        ".globl turns_step",
        "turns_step: add z0.d, z0.d, z1.d",
        "ret"
    );

    // SAFETY: it is defined above.
    unsafe extern "C" {
        fn turns_step(_: *mut c_void);
    }

    pub(super) fn main() -> Result<(), Box<dyn Error>> {
        const HWCAP_SVE: u64 = 1 << 22;
        // SAFETY: it takes a number.
        if unsafe { libc::getauxval(libc::AT_HWCAP) } & HWCAP_SVE == 0 {
            return Err("this processor has no SVE".into());
        }
        // SAFETY: there is SVE, and Linux enables it when it is used.
        let vl = unsafe { live::rdvl() };
        let vq = Vq::new(u32::try_from(vl)? / 16)?;
        let mut contexts = Vec::new();
        for step in [3_u64, 5] {
            let mut state = SveState::zeroed(vq)?;
            for lane in state.register_mut(sve::Z1).chunks_exact_mut(8) {
                lane.copy_from_slice(&step.to_le_bytes());
            }
            contexts.push((state, Status::default()));
        }
        for _ in 0..1000 {
            for (state, status) in &mut contexts {
                let image = state.as_bytes_mut().as_mut_ptr();
                // SAFETY: an image of this vector length; the function changes Z0 only.
                unsafe { live::enter(image, status, turns_step, ptr::null_mut()) };
            }
        }
        for (name, (state, _)) in ["first", "second"].iter().zip(&contexts) {
            let lanes = state.register(sve::Z0).chunks_exact(8);
            let lanes = lanes.map(|lane| lane.try_into().map(u64::from_le_bytes));
            let lanes: Vec<_> = lanes.collect::<Result<_, _>>()?;
            println!("Z0 of the {name}, {vl} bytes: {lanes:?}");
        }
        Ok(())
    }
}
