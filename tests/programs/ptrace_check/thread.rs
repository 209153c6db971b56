//! A child process with known registers, which its parent traces, and the signal handler in it. Everything
//! unsafe in the program is here.

#![allow(unsafe_code)]

use std::ffi::{c_int, c_long, c_uint, c_void};
use std::io;
use std::mem;
use std::ptr;
use std::slice;
use std::sync::atomic::{AtomicPtr, Ordering};

use anyhow::{Context as _, Result, ensure};
use sve_state::regset::FpsimdState;
use sve_state::signal::{self, Frame, RESERVED_BYTES, RESERVED_OFFSET, SveContext};
use sve_state::vcpu::Status;
use sve_state::{SveState, Vq};

core::arch::global_asm!(include_str!("../guest/thread.s"), options(raw));

/// A function of `thread.s`.
type Run = unsafe extern "C" fn(*const u8, *const u32, *mut u8, *mut u32, c_int);

// SAFETY: the assembler defines them, with these arguments.
unsafe extern "C" {
    fn thread_brk(from: *const u8, status: *const u32, to: *mut u8, to_status: *mut u32, _: c_int);
    fn thread_udf(from: *const u8, status: *const u32, to: *mut u8, to_status: *mut u32, _: c_int);
    fn thread_kill(from: *const u8, status: *const u32, to: *mut u8, to_status: *mut u32, s: c_int);
    /// The last argument says whether there is an FFR.
    fn thread_streaming(f: *const u8, status: *const u32, to: *mut u8, to_st: *mut u32, _: c_int);
}

/// How the child stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// By `brk`, for its parent.
    Brk,
    /// By `brk`, in streaming mode.
    Streaming,
    /// By a system call that sends it this signal.
    Kill(c_int),
    /// By `udf`, for its own handler.
    Udf,
}

impl Stop {
    fn run(self) -> (Run, c_int) {
        match self {
            Self::Brk => (thread_brk, 0),
            Self::Streaming => (thread_streaming, capabilities().fa64.into()),
            Self::Kill(signal) => (thread_kill, signal),
            Self::Udf => (thread_udf, 0),
        }
    }
}

/// The largest image.
const IMAGE: usize = 8736;

/// What parent and child share.
#[repr(C, align(16))]
pub(crate) struct Shared {
    /// What the child fills its registers with: `sve_state`, FPSR and FPCR.
    pub(crate) from: [u8; IMAGE],
    pub(crate) from_status: [u32; 2],
    /// What its registers are at the end.
    pub(crate) to: [u8; IMAGE],
    pub(crate) to_status: [u32; 2],
    /// What the handler writes into its frame.
    pub(crate) wanted: [u8; IMAGE],
    pub(crate) wanted_status: [u32; 2],
    pub(crate) write: Write,
    /// The frame that the handler was handed.
    pub(crate) frame: [u8; 16384],
    pub(crate) frame_bytes: usize,
    vq: u16,
}

/// What the handler does with its frame.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Write {
    Nothing = 0,
    /// Writes registers into it.
    Registers,
    /// Writes a whole frame in place of the kernel's, which it has destroyed before.
    Frame,
}

/// The child's, for its handler.
static SHARED: AtomicPtr<Shared> = AtomicPtr::new(ptr::null_mut());

/// Memory that parent and child share, all zero.
pub(crate) fn shared() -> io::Result<&'static mut Shared> {
    let (protection, flags) = (
        libc::PROT_READ | libc::PROT_WRITE,
        libc::MAP_SHARED | libc::MAP_ANONYMOUS,
    );
    // SAFETY: a new mapping.
    let memory = unsafe {
        libc::mmap(
            ptr::null_mut(),
            size_of::<Shared>(),
            protection,
            flags,
            -1,
            0,
        )
    };
    if memory == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it is as large, aligned to a page, zeros are a value of it, and it is never unmapped. The
    // child writes while the parent waits.
    Ok(unsafe { &mut *memory.cast::<Shared>() })
}

/// Starts a child that sets its vector length, in streaming mode that of streaming mode, and stops.
pub(crate) fn start(shared: &mut Shared, vq: Vq, stop: Stop, traced: bool) -> io::Result<Child> {
    shared.vq = vq.get();
    // SAFETY: there is one thread.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            let result = child(shared, vq, stop, traced);
            // SAFETY: it ends here.
            unsafe { libc::_exit(c_int::from(result.is_err())) }
        }
        pid => Ok(Child(pid)),
    }
}

fn child(shared: &mut Shared, vq: Vq, stop: Stop, traced: bool) -> io::Result<()> {
    SHARED.store(shared, Ordering::Relaxed);
    let option = match stop {
        Stop::Streaming => libc::PR_SME_SET_VL,
        _ => PR_SVE_SET_VL,
    };
    // SAFETY: an option that takes a number.
    let vl = checked(unsafe { libc::prctl(option, vq.vl_bytes()) }.into())?;
    // The kernel takes the next smaller length that there is.
    if vl & 0xffff != vq.vl_bytes() as i64 {
        return Err(io::ErrorKind::Unsupported.into());
    }
    if traced {
        // SAFETY: a request without pointers.
        checked(unsafe { libc::ptrace(libc::PTRACE_TRACEME, 0, 0_usize, 0_usize) })?;
    } else {
        handle(libc::SIGILL)?;
        handle(libc::SIGUSR1)?;
    }
    let (run, signal) = stop.run();
    let (from, status) = (shared.from.as_ptr(), shared.from_status.as_ptr());
    let (to, to_status) = (shared.to.as_mut_ptr(), shared.to_status.as_mut_ptr());
    // SAFETY: the memory has room for the registers of the largest vector length; the function keeps what a
    // function must.
    unsafe { run(from, status, to, to_status, signal) };
    Ok(())
}

/// `linux/prctl.h`.
const PR_SVE_SET_VL: c_int = 50;

fn checked(result: c_long) -> io::Result<i64> {
    match result {
        -1 => Err(io::Error::last_os_error()),
        result => Ok(result),
    }
}

fn handle(signal: c_int) -> io::Result<()> {
    // SAFETY: zeros are a value of it.
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    let function: extern "C" fn(c_int, *mut c_void, *mut c_void) = handler;
    action.sa_sigaction = function as usize;
    action.sa_flags = libc::SA_SIGINFO;
    // SAFETY: both pointers are what it says.
    checked(unsafe { libc::sigaction(signal, &action, ptr::null_mut()) }.into()).map(drop)
}

/// Hands over its frame, changes it if it is to, and lets the thread go on after the `udf`.
extern "C" fn handler(signal: c_int, _: *mut c_void, context: *mut c_void) {
    // SAFETY: `child` has stored it, and nobody else uses it now.
    let shared = unsafe { &mut *SHARED.load(Ordering::Relaxed) };
    let start = context.cast::<u8>().wrapping_add(RESERVED_OFFSET);
    // SAFETY: the kernel has put a `struct ucontext` there.
    let reserved = unsafe { slice::from_raw_parts(start, RESERVED_BYTES) };
    let bytes = signal::frame_bytes(reserved).unwrap_or_default();
    // SAFETY: so many the kernel says there are; `reserved` is not used any more.
    let frame = unsafe { slice::from_raw_parts_mut(start, bytes) };
    shared.frame[..bytes].copy_from_slice(frame);
    shared.frame_bytes = bytes;
    let [fpsr, fpcr] = shared.wanted_status;
    let status = Status { fpsr, fpcr };
    let vq = Vq::new(shared.vq.into()).unwrap_or(Vq::MIN);
    let image = &shared.wanted[..546 * usize::from(vq.get())];
    let written = SveState::new(vq, image).is_ok_and(|state| match shared.write {
        Write::Nothing => true,
        Write::Registers => signal::write(frame, &state, status).is_ok(),
        Write::Frame => {
            frame.fill(0xee);
            let whole = Frame {
                fpsimd: FpsimdState::from_state(&state, status),
                sve: Some(SveContext::from_state(&state)),
            };
            whole.write(start.addr() as u64, frame).is_ok()
        }
    });
    if !written {
        // SAFETY: it ends here.
        unsafe { libc::_exit(2) };
    }
    if signal == libc::SIGILL {
        // SAFETY: as above.
        let context = unsafe { &mut *context.cast::<libc::ucontext_t>() };
        context.uc_mcontext.pc += 4;
    }
}

/// A child process, killed if it has not ended.
pub(crate) struct Child(libc::pid_t);

impl Child {
    /// Waits until it stops, and returns the signal.
    pub(crate) fn stopped(&self) -> Result<c_int> {
        let status = self.wait()?;
        let stopped = libc::WIFSTOPPED(status);
        ensure!(stopped, "the child has ended, and was to stop: {status:#x}");
        Ok(libc::WSTOPSIG(status))
    }

    /// Waits until it ends.
    pub(crate) fn ended(self) -> Result<()> {
        let status = self.wait()?;
        mem::forget(self);
        ensure!(status == 0, "the child failed: {status:#x}");
        Ok(())
    }

    fn wait(&self) -> Result<c_int> {
        let mut status = 0;
        // SAFETY: it writes the status.
        checked(unsafe { libc::waitpid(self.0, &mut status, 0) }.into()).context("waitpid")?;
        Ok(status)
    }

    /// PTRACE_GETREGSET into the front of a buffer; returns how many bytes there are.
    pub(crate) fn regset(&self, kind: u32, bytes: &mut [u8]) -> io::Result<usize> {
        self.request(
            libc::PTRACE_GETREGSET,
            kind,
            bytes.as_mut_ptr(),
            bytes.len(),
        )
    }

    /// PTRACE_SETREGSET.
    pub(crate) fn set_regset(&self, kind: u32, bytes: &[u8]) -> io::Result<()> {
        let start = bytes.as_ptr().cast_mut();
        let written = self.request(libc::PTRACE_SETREGSET, kind, start, bytes.len());
        written.map(drop)
    }

    fn request(&self, request: c_uint, kind: u32, start: *mut u8, len: usize) -> io::Result<usize> {
        let mut iov = libc::iovec {
            iov_base: start.cast(),
            iov_len: len,
        };
        let iov_at: *mut libc::iovec = &mut iov;
        // SAFETY: the vector says how much memory there is; PTRACE_SETREGSET only reads it.
        checked(unsafe { libc::ptrace(request, self.0, kind as usize, iov_at) })?;
        Ok(iov.iov_len)
    }

    /// Lets it go on after the instruction that stopped it, or after the system call.
    pub(crate) fn go_on(&self, skip: u64) -> Result<()> {
        if skip > 0 {
            const NT_PRSTATUS: u32 = 1;
            // x0 to x30, sp, pc and pstate.
            let mut bytes = [0; 34 * 8];
            self.regset(NT_PRSTATUS, &mut bytes).context("GETREGSET")?;
            let pc = &mut bytes[32 * 8..33 * 8];
            let next = u64::from_ne_bytes((*pc).try_into()?) + skip;
            pc.copy_from_slice(&next.to_ne_bytes());
            self.set_regset(NT_PRSTATUS, &bytes).context("SETREGSET")?;
        }
        // SAFETY: a request without pointers.
        let result = unsafe { libc::ptrace(libc::PTRACE_CONT, self.0, 0_usize, 0_usize) };
        checked(result).map(drop).context("PTRACE_CONT")
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // SAFETY: it takes numbers.
        unsafe { libc::kill(self.0, libc::SIGKILL) };
        let _ = self.wait();
    }
}

/// What the processor and the kernel have.
pub(crate) struct Capabilities {
    pub(crate) sve: bool,
    /// Streaming mode.
    pub(crate) sme: bool,
    /// FFR in streaming mode.
    pub(crate) fa64: bool,
}

pub(crate) fn capabilities() -> Capabilities {
    const HWCAP_SVE: u64 = 1 << 22;
    const HWCAP2_SME: u64 = 1 << 23;
    const HWCAP2_SME_FA64: u64 = 1 << 30;
    // SAFETY: it takes a number.
    let first = unsafe { libc::getauxval(libc::AT_HWCAP) };
    // SAFETY: the same.
    let second = unsafe { libc::getauxval(libc::AT_HWCAP2) };
    Capabilities {
        sve: first & HWCAP_SVE != 0,
        sme: second & HWCAP2_SME != 0,
        fa64: second & HWCAP2_SME_FA64 != 0,
    }
}
