//! Threads of arm64 Linux with known registers: what ptrace and signal frames say of them is parsed, and
//! what is written there the threads find in their registers. At each vector length that there is.
//!
//! `cargo harness ptrace` boots kernels with this as their first process. It runs on an arm64 machine too;
//! under qemu-aarch64 it fails, which keeps SVE registers over system calls where Linux does not.
//!
//! Lines that start with `@@ ` are for the harness.

/// Elsewhere there are no such threads.
#[cfg(not(all(target_os = "linux", target_arch = "aarch64")))]
fn main() {
    eprintln!("ptrace_check runs on arm64 Linux; `cargo harness ptrace` builds it, and boots one");
    std::process::exit(2);
}

#[cfg(all(target_os = "linux", target_arch = "aarch64"))]
mod thread;

#[cfg(all(target_os = "linux", target_arch = "aarch64"))]
fn main() -> std::process::ExitCode {
    check::main()
}

#[cfg(all(target_os = "linux", target_arch = "aarch64"))]
mod check {
    use std::process::{self, ExitCode};

    use rustix::system::{RebootCommand, reboot, uname};
    use sve_state::regset::{FpsimdState, NT_ARM_SSVE, NT_ARM_SVE, NT_PRFPREG, Payload, Regset};
    use sve_state::signal::Frame;
    use sve_state::vcpu::Status;
    use sve_state::{SveState, Vq};

    use crate::thread::{Child, Shared, Stop, Write, capabilities, shared, start};

    /// What a register set may take.
    const LARGEST: usize = 8768;
    /// A `brk` is 4 bytes.
    const BRK: u64 = 4;

    pub(super) fn main() -> ExitCode {
        let passed = match run() {
            Ok(()) => true,
            Err(what) => {
                println!("@@ failed\twhat={what}");
                false
            }
        };
        println!("@@ done");
        if process::id() == 1 {
            // The first process takes the kernel with it when it ends.
            if let Err(error) = reboot(RebootCommand::PowerOff) {
                println!("cannot power off: {error}");
            }
        }
        if passed {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }

    fn run() -> Result<(), String> {
        println!("@@ kernel\trelease={}", uname().release().to_string_lossy());
        let shared = shared().map_err(|error| format!("mmap: {error}"))?;
        let can = capabilities();
        if !can.sve {
            return Err("there is no SVE".to_owned());
        }
        for vq in Vq::architectural() {
            let at = |what: &str, error: String| format!("VQ {vq}, {what}: {error}");
            by_ptrace(shared, vq, can.sme).map_err(|error| at("brk", error))?;
            after_a_system_call(shared, vq).map_err(|error| at("kill", error))?;
            vl_only(shared, vq).map_err(|error| at("a header without registers", error))?;
            for write in [Write::Registers, Write::Frame] {
                let written = by_handler(shared, vq, write);
                written.map_err(|error| at("udf", format!("{write:?}: {error}")))?;
            }
            handler_after_a_system_call(shared, vq).map_err(|error| at("kill, handler", error))?;
            println!("@@ thread\tvq={vq}");
        }
        // Streaming mode has the powers of two.
        for vq in Vq::architectural().filter(|vq| can.sme && vq.get().is_power_of_two()) {
            streaming(shared, vq, can.fa64)
                .map_err(|error| format!("VQ {vq}, streaming: {error}"))?;
            println!("@@ streaming\tvq={vq}");
        }
        Ok(())
    }

    /// Registers that differ in each byte that can, by a seed. FFR has a run of ones from its start, which is
    /// all that it may have.
    fn pattern(bytes: &mut [u8], vq: Vq, seed: usize) -> Status {
        let vq = usize::from(vq.get());
        for (k, byte) in bytes[..546 * vq].iter_mut().enumerate() {
            let [low, ..] = (k * 31 + k / 251 + seed * 97 + 1).to_le_bytes();
            *byte = low;
        }
        let ffr = &mut bytes[544 * vq..546 * vq];
        ffr.fill(0);
        let ones = (seed * 5 + 3) % (16 * vq);
        ffr[..ones / 8].fill(0xff);
        ffr[ones / 8] = (1 << (ones % 8)) - 1;
        match seed % 2 {
            0 => Status {
                fpsr: 0x0800_0011,
                fpcr: 0x0240_0000,
            },
            _ => Status {
                fpsr: 0x0000_008e,
                fpcr: 0x0180_0000,
            },
        }
    }

    fn fill(shared: &mut Shared, vq: Vq, seed: usize) -> Status {
        let status = pattern(&mut shared.from, vq, seed);
        shared.from_status = [status.fpsr, status.fpcr];
        shared.to.fill(0xee);
        shared.write = Write::Nothing;
        shared.frame_bytes = 0;
        status
    }

    fn equal(what: &str, found: &[u8], expected: &[u8]) -> Result<(), String> {
        if found.len() != expected.len() {
            return Err(format!(
                "{what}: {} bytes, and not {}",
                found.len(),
                expected.len()
            ));
        }
        let mut pairs = found.iter().zip(expected);
        match pairs.position(|(found, expected)| found != expected) {
            None => Ok(()),
            Some(k) => Err(format!(
                "{what}: byte {k} is {:#x}, and not {:#x}",
                found[k], expected[k]
            )),
        }
    }

    fn same<T: PartialEq + std::fmt::Debug>(
        what: &str,
        found: T,
        expected: T,
    ) -> Result<(), String> {
        match found == expected {
            true => Ok(()),
            false => Err(format!("{what}: {found:x?}, and not {expected:x?}")),
        }
    }

    /// What the child has in its registers at the end.
    fn ends_with(shared: &Shared, expected: &[u8], status: Status) -> Result<(), String> {
        equal(
            "registers at the end",
            &shared.to[..expected.len()],
            expected,
        )?;
        same(
            "status at the end",
            shared.to_status,
            [status.fpsr, status.fpcr],
        )
    }

    /// The bytes of a register set that there is.
    fn regset(child: &Child, kind: u32) -> Result<Vec<u8>, String> {
        let mut bytes = vec![0xee; LARGEST];
        let size = child.regset(kind, &mut bytes);
        let size = size.map_err(|error| format!("PTRACE_GETREGSET of {kind:#x}: {error}"))?;
        bytes.truncate(size);
        Ok(bytes)
    }

    /// Every register is found, and every other is written.
    fn by_ptrace(shared: &mut Shared, vq: Vq, sme: bool) -> Result<(), String> {
        let status = fill(shared, vq, 1);
        let child = start(shared, vq, Stop::Brk, true).map_err(|error| error.to_string())?;
        same("signal", child.stopped()?, libc::SIGTRAP)?;
        let bytes = regset(&child, NT_ARM_SVE)?;
        let found = Regset::parse(&bytes).map_err(|error| error.to_string())?;
        same("vl", found.vq(), vq)?;
        let Payload::Sve {
            state,
            status: read,
        } = found.payload()
        else {
            return Err(format!("no SVE registers: {found:?}"));
        };
        let len = state.as_bytes().len();
        equal("NT_ARM_SVE", state.as_bytes(), &shared.from[..len])?;
        same("status", read, status)?;
        // What we write is what the kernel gives, but for the padding.
        let mut own = vec![0xee; found.size()];
        let written = found.write(&mut own).map_err(|error| error.to_string())?;
        let padding = 16 + len..found.size() - 16;
        own[padding.clone()].copy_from_slice(&bytes[padding]);
        equal("written", &own, &bytes[..written])?;
        if sme {
            // The thread is not in that mode.
            let bytes = regset(&child, NT_ARM_SSVE)?;
            let found = Regset::parse_streaming(&bytes).map_err(|error| error.to_string())?;
            same("NT_ARM_SSVE", found.payload(), Payload::None)?;
        }

        let mut other = vec![0; len];
        let status = pattern(&mut other, vq, 2);
        let state = SveState::new(vq, &other[..]).map_err(|error| error.to_string())?;
        let mut bytes = vec![0; Regset::from_state(&state, status).size()];
        let regset = Regset::from_state(&state, status);
        regset
            .write(&mut bytes)
            .map_err(|error| error.to_string())?;
        let set = child.set_regset(NT_ARM_SVE, &bytes);
        set.map_err(|error| format!("PTRACE_SETREGSET: {error}"))?;
        child.go_on(BRK)?;
        child.ended()?;
        ends_with(shared, &other, status)
    }

    /// There are V registers only; and writing them in that form is writing them.
    fn after_a_system_call(shared: &mut Shared, vq: Vq) -> Result<(), String> {
        let status = fill(shared, vq, 3);
        let stop = Stop::Kill(libc::SIGSTOP);
        let child = start(shared, vq, stop, true).map_err(|error| error.to_string())?;
        same("signal", child.stopped()?, libc::SIGSTOP)?;
        let bytes = regset(&child, NT_ARM_SVE)?;
        let found = Regset::parse(&bytes).map_err(|error| error.to_string())?;
        let image = &shared.from[..546 * usize::from(vq.get())];
        let state = SveState::new(vq, image).map_err(|error| error.to_string())?;
        let expected = FpsimdState::from_state(&state, status);
        same("NT_ARM_SVE", found.payload(), Payload::Fpsimd(expected))?;
        same("vl", found.vq(), vq)?;
        let bytes = regset(&child, NT_PRFPREG)?;
        let found = FpsimdState::parse(&bytes).map_err(|error| error.to_string())?;
        same("NT_PRFPREG", found, expected)?;

        let mut other = vec![0; image.len()];
        let status = pattern(&mut other, vq, 4);
        let state = SveState::new(vq, &mut other[..]).map_err(|error| error.to_string())?;
        let regset = Regset::from_fpsimd(Some(vq), FpsimdState::from_state(&state, status));
        let mut bytes = vec![0; regset.size()];
        regset
            .write(&mut bytes)
            .map_err(|error| error.to_string())?;
        let set = child.set_regset(NT_ARM_SVE, &bytes);
        set.map_err(|error| format!("PTRACE_SETREGSET: {error}"))?;
        // What is above V, P and FFR are zero then, which is what `copy_to` makes of it.
        let mut expected = SveState::zeroed(vq).map_err(|error| error.to_string())?;
        regset.copy_to(&mut expected);
        child.go_on(0)?;
        child.ended()?;
        ends_with(shared, expected.as_bytes(), status)
    }

    /// A header without registers changes the vector length.
    fn vl_only(shared: &mut Shared, vq: Vq) -> Result<(), String> {
        let status = fill(shared, vq, 11);
        let child = start(shared, vq, Stop::Brk, true).map_err(|error| error.to_string())?;
        same("signal", child.stopped()?, libc::SIGTRAP)?;
        let other = if vq == Vq::MIN { Vq::ARCH_MAX } else { Vq::MIN };
        let mut bytes = [0; 16];
        let written = Regset::from_vq(other).write(&mut bytes);
        written.map_err(|error| error.to_string())?;
        let set = child.set_regset(NT_ARM_SVE, &bytes);
        set.map_err(|error| format!("PTRACE_SETREGSET: {error}"))?;
        let bytes = regset(&child, NT_ARM_SVE)?;
        let found = Regset::parse(&bytes).map_err(|error| error.to_string())?;
        same("vl", found.vq(), other)?;
        // V, FPSR and FPCR stay, or all are cleared.
        let bytes = regset(&child, NT_PRFPREG)?;
        let found = FpsimdState::parse(&bytes).map_err(|error| error.to_string())?;
        let image = &shared.from[..546 * usize::from(vq.get())];
        let state = SveState::new(vq, image).map_err(|error| error.to_string())?;
        if bytes[..520].iter().any(|byte| *byte != 0) {
            same("NT_PRFPREG", found, FpsimdState::from_state(&state, status))?;
        }
        child.go_on(BRK)?;
        child.ended()
    }

    /// The frame has every register, and the thread goes on with what is written there.
    fn by_handler(shared: &mut Shared, vq: Vq, write: Write) -> Result<(), String> {
        let status = fill(shared, vq, 5);
        let wanted = pattern(&mut shared.wanted, vq, 6);
        shared.wanted_status = [wanted.fpsr, wanted.fpcr];
        shared.write = write;
        let child = start(shared, vq, Stop::Udf, false).map_err(|error| error.to_string())?;
        child.ended()?;
        let len = 546 * usize::from(vq.get());
        let frame = &shared.frame[..shared.frame_bytes];
        let frame = Frame::parse(frame).map_err(|error| error.to_string())?;
        let sve = frame.sve.ok_or("there is no sve_context")?;
        same("sve_context.vl", (sve.vq, sve.streaming), (vq, false))?;
        let state = sve.state.ok_or("sve_context has no registers")?;
        // The low 128 bits of Z are V's in both.
        equal("sve_context", state.as_bytes(), &shared.from[..len])?;
        let mut image = SveState::zeroed(vq).map_err(|error| error.to_string())?;
        same("fpsimd_context", frame.copy_to(&mut image), status)?;
        equal("the frame", image.as_bytes(), &shared.from[..len])?;
        ends_with(shared, &shared.wanted[..len], wanted)
    }

    /// The frame has V registers, and says that it has no more. The thread goes on with what is written there.
    fn handler_after_a_system_call(shared: &mut Shared, vq: Vq) -> Result<(), String> {
        let status = fill(shared, vq, 7);
        let mut other = vec![0; 546 * usize::from(vq.get())];
        let wanted = pattern(&mut other, vq, 12);
        let other = SveState::new(vq, &other[..]).map_err(|error| error.to_string())?;
        let mut expected = SveState::zeroed(vq).map_err(|error| error.to_string())?;
        FpsimdState::from_state(&other, wanted).copy_to(&mut expected);
        shared.wanted[..expected.as_bytes().len()].copy_from_slice(expected.as_bytes());
        shared.wanted_status = [wanted.fpsr, wanted.fpcr];
        shared.write = Write::Registers;
        let stop = Stop::Kill(libc::SIGUSR1);
        let child = start(shared, vq, stop, false).map_err(|error| error.to_string())?;
        child.ended()?;
        let frame = &shared.frame[..shared.frame_bytes];
        let frame = Frame::parse(frame).map_err(|error| error.to_string())?;
        let sve = frame.sve.ok_or("there is no sve_context")?;
        same("sve_context", (sve.vq, sve.state), (vq, None))?;
        let image = &shared.from[..546 * usize::from(vq.get())];
        let state = SveState::new(vq, image).map_err(|error| error.to_string())?;
        same(
            "fpsimd_context",
            frame.fpsimd,
            FpsimdState::from_state(&state, status),
        )?;
        ends_with(shared, expected.as_bytes(), wanted)
    }

    /// NT_ARM_SSVE has the registers, with an FFR of zero where streaming mode has none.
    fn streaming(shared: &mut Shared, vq: Vq, fa64: bool) -> Result<(), String> {
        let status = fill(shared, vq, 8);
        let len = 546 * usize::from(vq.get());
        let ffr = if fa64 {
            len
        } else {
            544 * usize::from(vq.get())
        };
        shared.from[ffr..len].fill(0);
        let child = start(shared, vq, Stop::Streaming, true).map_err(|error| error.to_string())?;
        same("signal", child.stopped()?, libc::SIGTRAP)?;
        let bytes = regset(&child, NT_ARM_SSVE)?;
        let found = Regset::parse_streaming(&bytes).map_err(|error| error.to_string())?;
        same("vl", found.vq(), vq)?;
        let state = SveState::new(vq, &shared.from[..len]).map_err(|error| error.to_string())?;
        same(
            "NT_ARM_SSVE",
            found.payload(),
            Payload::Sve { state, status },
        )?;
        let bytes = regset(&child, NT_ARM_SVE)?;
        let found = Regset::parse(&bytes).map_err(|error| error.to_string())?;
        // Nothing, as the thread is not in that mode; some kernels give V.
        if found.payload() != Payload::None {
            let expected = Payload::Fpsimd(FpsimdState::from_state(&state, status));
            same("NT_ARM_SVE", found.payload(), expected)?;
        }

        let mut other = vec![0; len];
        let status = pattern(&mut other, vq, 9);
        other[ffr..].fill(0);
        let state = SveState::new(vq, &other[..]).map_err(|error| error.to_string())?;
        let regset = Regset::from_state(&state, status).streaming();
        let mut bytes = vec![0; regset.size()];
        regset
            .write(&mut bytes)
            .map_err(|error| error.to_string())?;
        let set = child.set_regset(NT_ARM_SSVE, &bytes);
        set.map_err(|error| format!("PTRACE_SETREGSET: {error}"))?;
        child.go_on(BRK)?;
        child.ended()?;
        ends_with(shared, &other[..ffr], status)
    }
}
