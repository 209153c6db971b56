//! A stub for gdb and LLDB whose vCPU has SVE registers, which shows what a VMM with `gdbstub` adds to its
//! own.
//!
//! The vCPU is the shim, which runs no code. When it is let run, it copies register 3 to register 4 (Z, or V
//! without SVE) and stops, and a step moves pc to the next instruction. After the registers that `sve_state`
//! describes there is one more of the VMM's own, tpidr.

use std::convert::Infallible;
use std::error::Error;
use std::net::{TcpListener, TcpStream};
use std::num::NonZeroUsize;
use std::ops::Range;

use clap::Parser;
use gdbstub::arch::{Arch, RegId, Registers};
use gdbstub::common::Signal;
use gdbstub::stub::run_blocking::{BlockingEventLoop, Event, WaitForStopReasonError};
use gdbstub::stub::{GdbStub, SingleThreadStopReason};
use gdbstub::target::ext::base::BaseOps;
use gdbstub::target::ext::base::single_register_access::{
    SingleRegisterAccess, SingleRegisterAccessOps,
};
use gdbstub::target::ext::base::singlethread::{
    SingleThreadBase, SingleThreadResume, SingleThreadResumeOps, SingleThreadSingleStep,
    SingleThreadSingleStepOps,
};
use gdbstub::target::ext::target_description_xml_override::{
    TargetDescriptionXmlOverride, TargetDescriptionXmlOverrideOps,
};
use gdbstub::target::{Target, TargetError, TargetResult};
use sve_state::gdb::{self, CORE_BYTES, Description, Reg};
use sve_state::vcpu::Finalized;
use sve_state_debug::{Shim, Sve, core_registers, vcpu};

/// Serve a vCPU with SVE registers to one gdb or LLDB, then end.
#[derive(Parser)]
#[command(name = "gdb_server")]
struct Args {
    /// The vCPU's vector length in quadwords (1 to 16), or `none` for one without SVE
    #[arg(long, value_name = "VQ", default_value = "2")]
    sve: Sve,
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: String,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let vcpu = vcpu(args.sve)?;
    let mut target = Vm {
        description: Description::from_vls(vcpu.vls())?,
        vcpu,
        core: Core(core_registers()),
        tpidr: TPIDR,
        stopped: SingleThreadStopReason::Signal(Signal::SIGTRAP),
    };
    let listener = TcpListener::bind(&args.listen)?;
    let address = listener.local_addr()?;
    println!("gdb: target remote {address}; lldb: gdb-remote {address}");
    let (connection, _) = listener.accept()?;
    let reason = GdbStub::new(connection).run_blocking::<Vm>(&mut target)?;
    println!("the debugger has gone: {reason:?}");
    Ok(())
}

struct Vm {
    description: Description,
    vcpu: Finalized<Shim>,
    core: Core,
    tpidr: u64,
    /// Why it last stopped.
    stopped: SingleThreadStopReason<u64>,
}

/// The feature that gdb knows tpidr by.
const TLS: &str = r#"<feature name="org.gnu.gdb.aarch64.tls">
<reg name="tpidr" bitsize="64" type="data_ptr"/>
</feature>
"#;

/// tpidr at the start.
const TPIDR: u64 = 0x1122_3344_5566_7788;

/// What a `g` packet has here; gdb asks for each of the others.
#[derive(Clone, Debug, PartialEq)]
struct Core([u8; CORE_BYTES]);

/// Where pc is in a `g` packet.
const PC: Range<usize> = 8 * 32..8 * 33;

impl Default for Core {
    fn default() -> Self {
        Self([0; CORE_BYTES])
    }
}

impl Core {
    fn set_pc(&mut self, pc: u64) {
        self.0[PC].copy_from_slice(&pc.to_le_bytes());
    }

    /// The bytes of one of gdb's registers 0 to 33.
    fn register(&mut self, number: u32) -> Option<&mut [u8]> {
        self.0.chunks_mut(8).nth(number as usize)
    }
}

impl Registers for Core {
    type ProgramCounter = u64;

    fn pc(&self) -> u64 {
        let mut pc = [0; 8];
        pc.copy_from_slice(&self.0[PC]);
        u64::from_le_bytes(pc)
    }

    fn gdb_serialize(&self, write_byte: impl FnMut(Option<u8>)) {
        self.0.iter().copied().map(Some).for_each(write_byte);
    }

    fn gdb_deserialize(&mut self, bytes: &[u8]) -> Result<(), ()> {
        *self = Self(*bytes.first_chunk().ok_or(())?);
        Ok(())
    }
}

/// gdb's number, and no size, because the vector length decides which size it is.
#[derive(Debug)]
struct Number(u32);

impl RegId for Number {
    fn from_raw_id(id: usize) -> Option<(Self, Option<NonZeroUsize>)> {
        Some((Self(u32::try_from(id).ok()?), None))
    }
}

enum Aarch64 {}

impl Arch for Aarch64 {
    type Usize = u64;
    type Registers = Core;
    type BreakpointKind = ();
    type RegId = Number;
}

impl Target for Vm {
    type Arch = Aarch64;
    type Error = Infallible;

    fn base_ops(&mut self) -> BaseOps<'_, Aarch64, Infallible> {
        BaseOps::SingleThread(self)
    }

    fn support_target_description_xml_override(
        &mut self,
    ) -> Option<TargetDescriptionXmlOverrideOps<'_, Self>> {
        Some(self)
    }

    /// There is no code in which to put a breakpoint.
    fn guard_rail_implicit_sw_breakpoints(&self) -> bool {
        true
    }
}

impl TargetDescriptionXmlOverride for Vm {
    fn target_description_xml(
        &self,
        annex: &[u8],
        offset: u64,
        length: usize,
        buffer: &mut [u8],
    ) -> TargetResult<usize, Self> {
        if annex != b"target.xml" {
            return Err(TargetError::NonFatal);
        }
        let xml = self.description.with_features(TLS).to_string();
        let rest = usize::try_from(offset)
            .ok()
            .and_then(|at| xml.as_bytes().get(at..));
        let rest = rest.unwrap_or_default();
        let length = rest.len().min(length).min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }
}

impl SingleThreadBase for Vm {
    fn read_registers(&mut self, registers: &mut Core) -> TargetResult<(), Self> {
        *registers = self.core.clone();
        Ok(())
    }

    fn write_registers(&mut self, registers: &Core) -> TargetResult<(), Self> {
        self.core = registers.clone();
        Ok(())
    }

    fn support_single_register_access(&mut self) -> Option<SingleRegisterAccessOps<'_, (), Self>> {
        Some(self)
    }

    /// No memory.
    fn read_addrs(&mut self, _: u64, _: &mut [u8]) -> TargetResult<usize, Self> {
        Err(TargetError::NonFatal)
    }

    fn write_addrs(&mut self, _: u64, _: &[u8]) -> TargetResult<(), Self> {
        Err(TargetError::NonFatal)
    }

    fn support_resume(&mut self) -> Option<SingleThreadResumeOps<'_, Self>> {
        Some(self)
    }
}

impl SingleRegisterAccess<()> for Vm {
    fn read_register(
        &mut self,
        (): (),
        number: Number,
        buffer: &mut [u8],
    ) -> TargetResult<usize, Self> {
        if let Ok(Reg::Core(number)) = self.description.register(number.0) {
            let register = self.core.register(number).ok_or(TargetError::NonFatal)?;
            buffer[..register.len()].copy_from_slice(register);
            return Ok(register.len());
        }
        if number.0 == self.description.count() {
            let tpidr = self.tpidr.to_le_bytes();
            buffer[..tpidr.len()].copy_from_slice(&tpidr);
            return Ok(tpidr.len());
        }
        match gdb::read_vcpu(&self.vcpu, number.0, buffer) {
            Ok(bytes) => Ok(bytes.len()),
            Err(error) => refused(&error),
        }
    }

    fn write_register(&mut self, (): (), number: Number, value: &[u8]) -> TargetResult<(), Self> {
        if let Ok(Reg::Core(number)) = self.description.register(number.0) {
            let register = self.core.register(number).ok_or(TargetError::NonFatal)?;
            let value = value.get(..register.len()).ok_or(TargetError::NonFatal)?;
            register.copy_from_slice(value);
            return Ok(());
        }
        if number.0 == self.description.count() {
            let tpidr = value.first_chunk().ok_or(TargetError::NonFatal)?;
            self.tpidr = u64::from_le_bytes(*tpidr);
            return Ok(());
        }
        gdb::write_vcpu(&mut self.vcpu, number.0, value).or_else(|error| refused(&error))
    }
}

/// gdb is told only that there was an error, so the server prints which.
fn refused<T>(error: &dyn Error) -> TargetResult<T, Vm> {
    println!("refused: {error}");
    Err(TargetError::NonFatal)
}

impl SingleThreadResume for Vm {
    /// What a VMM does with KVM_RUN.
    fn resume(&mut self, _: Option<Signal>) -> Result<(), Infallible> {
        let mut bytes = [0; gdb::MAX_BYTES];
        let third = gdb::read_vcpu(&self.vcpu, 34 + 3, &mut bytes);
        let copied = third.and_then(|third| gdb::write_vcpu(&mut self.vcpu, 34 + 4, third));
        copied.unwrap_or_else(|error| println!("{error}"));
        self.stopped = SingleThreadStopReason::Signal(Signal::SIGTRAP);
        Ok(())
    }

    fn support_single_step(&mut self) -> Option<SingleThreadSingleStepOps<'_, Self>> {
        Some(self)
    }
}

impl SingleThreadSingleStep for Vm {
    /// What a VMM does with KVM_GUESTDBG_SINGLESTEP.
    fn step(&mut self, _: Option<Signal>) -> Result<(), Infallible> {
        self.core.set_pc(self.core.pc().wrapping_add(4));
        self.stopped = SingleThreadStopReason::DoneStep;
        Ok(())
    }
}

impl BlockingEventLoop for Vm {
    type Target = Self;
    type Connection = TcpStream;
    type StopReason = SingleThreadStopReason<u64>;

    fn wait_for_stop_reason(
        vm: &mut Self,
        _: &mut TcpStream,
    ) -> Result<Event<Self::StopReason>, WaitForStopReasonError<Infallible, std::io::Error>> {
        Ok(Event::TargetStopped(vm.stopped))
    }

    fn on_interrupt(_: &mut Self) -> Result<Option<Self::StopReason>, Infallible> {
        Ok(Some(SingleThreadStopReason::Signal(Signal::SIGINT)))
    }
}
