//! Threads of arm64 Linux with known registers, at each vector length that there is: what ptrace and signal
//! frames say of them is parsed, and what is written there is what the threads then find in their registers.
//!
//! `cargo harness ptrace` boots kernels with this as their first process. It also runs on an arm64 machine,
//! but fails under qemu-aarch64, which keeps SVE registers over system calls where Linux does not.
//!
//! It reports by an event (`suites/event.rs`).

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
    use std::process::ExitCode;

    use anyhow::{Context as _, Result, bail, ensure};
    use rustix::system::uname;
    use sve_state::regset::{FpsimdState, NT_ARM_SSVE, NT_ARM_SVE, NT_PRFPREG, Payload, Regset};
    use sve_state::signal::Frame;
    use sve_state::vcpu::Status;
    use sve_state::{SveState, Vq};

    use sve_state_harness::event;
    use sve_state_harness::threads::{Threads, equal, load, same};

    use crate::thread::{Child, Shared, Stop, Write, capabilities, shared, start};

    /// What a register set may take.
    const LARGEST: usize = 8768;
    /// A `brk` is 4 bytes.
    const BRK: u64 = 4;

    pub(super) fn main() -> ExitCode {
        let mut threads = Threads {
            release: uname().release().to_string_lossy().into_owned(),
            ..Threads::default()
        };
        threads.failure = run(&mut threads).err().map(|what| format!("{what:#}"));
        event::report(&threads);
        event::power_off();
        ExitCode::from(u8::from(threads.failure.is_some()))
    }

    fn run(threads: &mut Threads) -> Result<()> {
        let shared = shared().context("mmap")?;
        let can = capabilities();
        ensure!(can.sve, "there is no SVE");
        for vq in Vq::architectural() {
            let at = |what: &str| format!("VQ {vq}, {what}");
            by_ptrace(shared, vq, can.sme).with_context(|| at("brk"))?;
            after_a_system_call(shared, vq).with_context(|| at("kill"))?;
            vl_only(shared, vq).with_context(|| at("a header without registers"))?;
            for write in [Write::Registers, Write::Frame] {
                let written = by_handler(shared, vq, write);
                written.with_context(|| at(&format!("udf: {write:?}")))?;
            }
            handler_after_a_system_call(shared, vq).with_context(|| at("kill, handler"))?;
            threads.vqs.push(vq.get());
        }
        // Streaming mode has the powers of two.
        for vq in Vq::architectural().filter(|vq| can.sme && vq.get().is_power_of_two()) {
            streaming(shared, vq, can.fa64).with_context(|| format!("VQ {vq}, streaming"))?;
            threads.streaming.push(vq.get());
        }
        Ok(())
    }

    fn fill(shared: &mut Shared, vq: Vq, seed: usize) -> Status {
        let status = load(&mut shared.from, vq, seed);
        shared.from_status = [status.fpsr, status.fpcr];
        shared.to.fill(0xee);
        shared.write = Write::Nothing;
        shared.frame_bytes = 0;
        status
    }

    /// What the child has in its registers at the end.
    fn ends_with(shared: &Shared, expected: &[u8], status: Status) -> Result<()> {
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

    /// A thread that has stopped by this signal.
    fn traced(shared: &mut Shared, vq: Vq, stop: Stop, signal: i32) -> Result<Child> {
        let child = start(shared, vq, stop, true)?;
        same("signal", child.stopped()?, signal)?;
        Ok(child)
    }

    /// Lets it go on to its end, `skip` bytes after where it stopped.
    fn goes_on(child: Child, skip: u64) -> Result<()> {
        child.go_on(skip)?;
        child.ended()
    }

    /// The image that a thread fills its registers with.
    fn loaded(image: &[u8], vq: Vq) -> Result<SveState<&[u8]>> {
        Ok(SveState::new(vq, &image[..546 * usize::from(vq.get())])?)
    }

    fn set(child: &Child, kind: u32, regset: &Regset<'_>) -> Result<()> {
        let mut bytes = vec![0; regset.size()];
        regset.write(&mut bytes)?;
        child.set_regset(kind, &bytes).context("PTRACE_SETREGSET")
    }

    /// The bytes of a register set that has to be there.
    fn regset(child: &Child, kind: u32) -> Result<Vec<u8>> {
        let mut bytes = vec![0xee; LARGEST];
        let size = child.regset(kind, &mut bytes);
        let size = size.with_context(|| format!("PTRACE_GETREGSET of {kind:#x}"))?;
        bytes.truncate(size);
        Ok(bytes)
    }

    /// Every register is found, and another value is written to each.
    fn by_ptrace(shared: &mut Shared, vq: Vq, sme: bool) -> Result<()> {
        let status = fill(shared, vq, 1);
        let child = traced(shared, vq, Stop::Brk, libc::SIGTRAP)?;
        let bytes = regset(&child, NT_ARM_SVE)?;
        let found = Regset::parse(&bytes)?;
        same("vl", found.vq(), vq)?;
        let Payload::Sve {
            state,
            status: read,
        } = found.payload()
        else {
            bail!("no SVE registers: {found:?}");
        };
        let len = state.as_bytes().len();
        equal("NT_ARM_SVE", state.as_bytes(), &shared.from[..len])?;
        same("status", read, status)?;
        // What we write is what the kernel gives, except for the padding.
        let mut own = vec![0xee; found.size()];
        let written = found.write(&mut own)?;
        let padding = 16 + len..found.size() - 16;
        own[padding.clone()].copy_from_slice(&bytes[padding]);
        equal("written", &own, &bytes[..written])?;
        if sme {
            // The thread is not in that mode.
            let bytes = regset(&child, NT_ARM_SSVE)?;
            let found = Regset::parse_streaming(&bytes)?;
            same("NT_ARM_SSVE", found.payload(), Payload::None)?;
        }

        let mut other = vec![0; len];
        let status = load(&mut other, vq, 2);
        let state = SveState::new(vq, &other[..])?;
        set(&child, NT_ARM_SVE, &Regset::from_state(&state, status))?;
        goes_on(child, BRK)?;
        ends_with(shared, &other, status)
    }

    /// There are only V registers, and writing them in that form works too.
    fn after_a_system_call(shared: &mut Shared, vq: Vq) -> Result<()> {
        let status = fill(shared, vq, 3);
        let stop = Stop::Kill(libc::SIGSTOP);
        let child = traced(shared, vq, stop, libc::SIGSTOP)?;
        let bytes = regset(&child, NT_ARM_SVE)?;
        let found = Regset::parse(&bytes)?;
        let state = loaded(&shared.from, vq)?;
        let expected = FpsimdState::from_state(&state, status);
        same("NT_ARM_SVE", found.payload(), Payload::Fpsimd(expected))?;
        same("vl", found.vq(), vq)?;
        let bytes = regset(&child, NT_PRFPREG)?;
        let found = FpsimdState::parse(&bytes)?;
        same("NT_PRFPREG", found, expected)?;

        let mut other = vec![0; state.as_bytes().len()];
        let status = load(&mut other, vq, 4);
        let state = SveState::new(vq, &mut other[..])?;
        let regset = Regset::from_fpsimd(Some(vq), FpsimdState::from_state(&state, status));
        set(&child, NT_ARM_SVE, &regset)?;
        // What is above V is then zero, and so are P and FFR, which is what `copy_to` makes of it.
        let mut expected = SveState::zeroed(vq)?;
        regset.copy_to(&mut expected);
        goes_on(child, 0)?;
        ends_with(shared, expected.as_bytes(), status)
    }

    /// A header without registers changes the vector length.
    fn vl_only(shared: &mut Shared, vq: Vq) -> Result<()> {
        let status = fill(shared, vq, 11);
        let child = traced(shared, vq, Stop::Brk, libc::SIGTRAP)?;
        let other = if vq == Vq::MIN { Vq::ARCH_MAX } else { Vq::MIN };
        set(&child, NT_ARM_SVE, &Regset::from_vq(other))?;
        let bytes = regset(&child, NT_ARM_SVE)?;
        let found = Regset::parse(&bytes)?;
        same("vl", found.vq(), other)?;
        // V, FPSR and FPCR stay, or all are cleared.
        let bytes = regset(&child, NT_PRFPREG)?;
        let found = FpsimdState::parse(&bytes)?;
        let state = loaded(&shared.from, vq)?;
        if bytes[..520].iter().any(|byte| *byte != 0) {
            same("NT_PRFPREG", found, FpsimdState::from_state(&state, status))?;
        }
        goes_on(child, BRK)
    }

    /// The frame has every register, and the thread goes on with what is written there.
    fn by_handler(shared: &mut Shared, vq: Vq, write: Write) -> Result<()> {
        let status = fill(shared, vq, 5);
        let wanted = load(&mut shared.wanted, vq, 6);
        shared.wanted_status = [wanted.fpsr, wanted.fpcr];
        shared.write = write;
        let child = start(shared, vq, Stop::Udf, false)?;
        child.ended()?;
        let len = 546 * usize::from(vq.get());
        let frame = Frame::parse(&shared.frame[..shared.frame_bytes])?;
        let sve = frame.sve.context("there is no sve_context")?;
        same("sve_context.vl", (sve.vq, sve.streaming), (vq, false))?;
        let state = sve.state.context("sve_context has no registers")?;
        // The low 128 bits of Z are V's in both.
        equal("sve_context", state.as_bytes(), &shared.from[..len])?;
        let mut image = SveState::zeroed(vq)?;
        same("fpsimd_context", frame.copy_to(&mut image), status)?;
        equal("the frame", image.as_bytes(), &shared.from[..len])?;
        ends_with(shared, &shared.wanted[..len], wanted)
    }

    /// The frame has V registers, and says that it has no more. The thread goes on with what is written there.
    fn handler_after_a_system_call(shared: &mut Shared, vq: Vq) -> Result<()> {
        let status = fill(shared, vq, 7);
        let mut other = vec![0; 546 * usize::from(vq.get())];
        let wanted = load(&mut other, vq, 12);
        let other = SveState::new(vq, &other[..])?;
        let mut expected = SveState::zeroed(vq)?;
        FpsimdState::from_state(&other, wanted).copy_to(&mut expected);
        shared.wanted[..expected.as_bytes().len()].copy_from_slice(expected.as_bytes());
        shared.wanted_status = [wanted.fpsr, wanted.fpcr];
        shared.write = Write::Registers;
        let stop = Stop::Kill(libc::SIGUSR1);
        let child = start(shared, vq, stop, false)?;
        child.ended()?;
        let frame = Frame::parse(&shared.frame[..shared.frame_bytes])?;
        let sve = frame.sve.context("there is no sve_context")?;
        same("sve_context", (sve.vq, sve.state), (vq, None))?;
        let state = loaded(&shared.from, vq)?;
        same(
            "fpsimd_context",
            frame.fpsimd,
            FpsimdState::from_state(&state, status),
        )?;
        ends_with(shared, expected.as_bytes(), wanted)
    }

    /// NT_ARM_SSVE has the registers, with an FFR of zero where streaming mode has none.
    fn streaming(shared: &mut Shared, vq: Vq, fa64: bool) -> Result<()> {
        let status = fill(shared, vq, 8);
        let len = 546 * usize::from(vq.get());
        let ffr = if fa64 {
            len
        } else {
            544 * usize::from(vq.get())
        };
        shared.from[ffr..len].fill(0);
        let child = traced(shared, vq, Stop::Streaming, libc::SIGTRAP)?;
        let bytes = regset(&child, NT_ARM_SSVE)?;
        let found = Regset::parse_streaming(&bytes)?;
        same("vl", found.vq(), vq)?;
        let state = SveState::new(vq, &shared.from[..len])?;
        same(
            "NT_ARM_SSVE",
            found.payload(),
            Payload::Sve { state, status },
        )?;
        let bytes = regset(&child, NT_ARM_SVE)?;
        let found = Regset::parse(&bytes)?;
        // Nothing, because the thread is not in that mode; some kernels give V.
        if found.payload() != Payload::None {
            let expected = Payload::Fpsimd(FpsimdState::from_state(&state, status));
            same("NT_ARM_SVE", found.payload(), expected)?;
        }

        let mut other = vec![0; len];
        let status = load(&mut other, vq, 9);
        other[ffr..].fill(0);
        let state = SveState::new(vq, &other[..])?;
        let regset = Regset::from_state(&state, status).streaming();
        set(&child, NT_ARM_SSVE, &regset)?;
        goes_on(child, BRK)?;
        ends_with(shared, &other[..ffr], status)
    }
}
