//! A stub for gdb whose vCPU has SVE registers: what a VMM with `gdbstub` adds to its own.
//!
//! The vCPU is the shim, which runs no code. When gdb lets it run, it copies register 3 to register 4 (Z, or
//! V without SVE) and stops.

use std::convert::Infallible;
use std::error::Error;
use std::net::{TcpListener, TcpStream};
use std::num::NonZeroUsize;

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
    SingleThreadBase, SingleThreadResume, SingleThreadResumeOps,
};
use gdbstub::target::ext::target_description_xml_override::{
    TargetDescriptionXmlOverride, TargetDescriptionXmlOverrideOps,
};
use gdbstub::target::{Target, TargetError, TargetResult};
use sve_state::gdb::{self, CORE_BYTES, Description, Reg};
use sve_state::vcpu::Finalized;
use sve_state_debug::{Shim, Sve, core_registers, vcpu};

/// Serve a vCPU with SVE registers to one gdb, then end.
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
        description: Description::of(vcpu.vls())?,
        vcpu,
        core: Core(core_registers()),
    };
    let listener = TcpListener::bind(&args.listen)?;
    println!("target remote {}", listener.local_addr()?);
    let (connection, _) = listener.accept()?;
    let reason = GdbStub::new(connection).run_blocking::<Vm>(&mut target)?;
    println!("gdb has gone: {reason:?}");
    Ok(())
}

struct Vm {
    description: Description,
    vcpu: Finalized<Shim>,
    core: Core,
}

/// What a `g` packet has here. gdb asks for each of the others.
#[derive(Clone, Debug, PartialEq)]
struct Core([u8; CORE_BYTES]);

impl Default for Core {
    fn default() -> Self {
        Self([0; CORE_BYTES])
    }
}

impl Core {
    /// The bytes of one of gdb's registers 0 to 33.
    fn register(&mut self, number: u32) -> Option<&mut [u8]> {
        self.0.chunks_mut(8).nth(number as usize)
    }
}

impl Registers for Core {
    type ProgramCounter = u64;

    fn pc(&self) -> u64 {
        let mut pc = [0; 8];
        pc.copy_from_slice(&self.0[8 * 32..][..8]);
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

/// gdb's number, and no size: which one it is depends on the vector length.
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

    /// There is no code to put one in.
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
        let xml = self.description.to_string();
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
        gdb::write_vcpu(&mut self.vcpu, number.0, value).or_else(|error| refused(&error))
    }
}

/// gdb is told that there was an error, and here it says which.
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
        Ok(())
    }
}

impl BlockingEventLoop for Vm {
    type Target = Self;
    type Connection = TcpStream;
    type StopReason = SingleThreadStopReason<u64>;

    fn wait_for_stop_reason(
        _: &mut Self,
        _: &mut TcpStream,
    ) -> Result<Event<Self::StopReason>, WaitForStopReasonError<Infallible, std::io::Error>> {
        Ok(Event::TargetStopped(SingleThreadStopReason::Signal(
            Signal::SIGTRAP,
        )))
    }

    fn on_interrupt(_: &mut Self) -> Result<Option<Self::StopReason>, Infallible> {
        Ok(Some(SingleThreadStopReason::Signal(Signal::SIGINT)))
    }
}
