//! What a stub for gdb and LLDB needs: a description of the registers, and each of them by its number.
//!
//! Both debuggers speak gdb's remote protocol and take the features `org.gnu.gdb.aarch64.core` and either `…sve` or
//! `…fpu`, so a [`Description`] has a vector length or none. It numbers the registers in this order:
//!
//! | with SVE | without | register | bits |
//! | --- | --- | --- | --- |
//! | 0 to 30 | 0 to 30 | x0 to x30 | 64 |
//! | 31, 32, 33 | 31, 32, 33 | sp, pc, cpsr | 64, 64, 32 |
//! | 34 to 65 | | z0 to z31 | 128 · VQ |
//! | | 34 to 65 | v0 to v31 | 128 |
//! | 66, 67 | 66, 67 | fpsr, fpcr | 32 |
//! | 68 to 83 | | p0 to p15 | 16 · VQ |
//! | 84 | | ffr | 16 · VQ |
//! | 85 | | vg, the vector length in units of 64 bits | 64 |
//!
//! The first 34 are the VMM's own, and all others are read and written here, on an image or on a vCPU. Bytes are in
//! little-endian order, which debuggers assume of aarch64. QEMU's stub describes the same 86 registers, with the same
//! names, order and sizes. A VMM that has more, such as tpidr, appends their features
//! ([`Description::with_features`]).
//!
//! A `g` packet may stop after cpsr, at 268 bytes, since the debugger then asks for each of the others (`p`).
//!
//! ```
//! use sve_state::gdb::{self, Description, Reg};
//! use sve_state::shim::Vcpu;
//! use sve_state::vcpu::Initialized;
//! use sve_state::{Vls, Vq};
//!
//! # let mut vcpu = Vcpu::new(Vls::up_to(Vq::new(2)?))?;
//! # vcpu.init_with_sve()?;
//! let mut vcpu = Initialized::new(&mut vcpu).finalize()?;
//! let description = Description::from_vls(vcpu.vls())?;
//! let xml = description.to_string(); // the answer to qXfer:features:read:target.xml
//! # assert!(xml.contains("org.gnu.gdb.aarch64.sve"));
//!
//! // The debugger writes register 37, and reads it again.
//! assert_eq!(description.register(37)?.to_string(), "z3");
//! gdb::write_vcpu(&mut vcpu, 37, &[0xa5; 32])?;
//! let mut bytes = [0; gdb::MAX_BYTES];
//! assert_eq!(gdb::read_vcpu(&vcpu, 37, &mut bytes)?, [0xa5; 32]);
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # In gdb
//!
//! ```text
//! (gdb) target remote 127.0.0.1:1234
//! (gdb) print $z3.d.u                    # elements of 64 bits; also q, s, h, b, and f and s for u
//! (gdb) print/x $p0                      # a predicate's bytes
//! (gdb) set var $z3.b.u[5] = 0x5a
//! (gdb) info registers cpsr fpsr fpcr    # [ SP EL=1 F I A D N ]
//! ```
//!
//! gdb derives `$v3`, `$d3` and `$s3` from z3, and sets one of them by writing z3, so after `set var $v3…` all of z3
//! above those 16 bytes is zero. It takes the vector length from the description, once for each connection.
//!
//! # In LLDB
//!
//! ```text
//! (lldb) gdb-remote 127.0.0.1:1234
//! (lldb) register read z3 p0 fpcr        # bytes in braces; a register with fields shows them below
//! (lldb) register write p0 '{0xff 0x00 0x00 0x00}'
//! ```
//!
//! A vector is written whole. Since version 21 LLDB derives v3, d3 and s3 from z3, and sets one of them by writing
//! z3: what is above stays as it was if z3 has been read at this stop, and otherwise becomes zero, so
//! `register read z3` before `register write v3`. It takes the vector length from vg, at each stop.
//!
//! LLDB calls a register a vector if the name of its type starts with `vec`. The types here have such names, so P and
//! FFR are right in both versions. Under another name, such as the `svep` of gdb and QEMU, LLDB takes a predicate for
//! an integer, at VQ 8 with its halves exchanged.
//!
//! # What differs by debugger
//!
//! | | gdb 13.1 | gdb 18.1 | LLDB 19.1 | LLDB 21.1 |
//! | --- | --- | --- | --- | --- |
//! | stub: z, p, ffr, vg, fpsr and fpcr at VQ 1 to 16; v, fpsr and fpcr without SVE | yes | yes | yes | yes |
//! | stub: cpsr, fpsr and fpcr by their fields | yes | yes | yes | yes |
//! | stub: v, d and s, made of z | yes | yes | no | yes |
//! | core file: z, p, ffr and vg at VQ 1 to 16; v without SVE | yes | yes | yes | yes |
//! | core file: fpsr and fpcr at VQ 5 to 7 and 13 to 15 (at all others, all of them) | no | no | yes | yes |
//! | core file: each thread at its own vector length | no | no | yes | yes |
//! | core file: NT_ARM_SSVE, with NT_ARM_ZA beside it | no | yes | yes | yes |
//! | core file: only NT_ARM_SSVE | no | no | yes | yes |
//! | core file: without SVE, and EI_OSABI 0 | yes | yes | no | yes |
//!
//! `cargo harness debuggers` tests each cell; for a core file, all the registers in question must be right.
//!
//! * gdb takes the first thread's vector length for all threads of a core file. Registers of another length are then
//!   other registers' bytes, without a warning, so for gdb [resize](crate::SveState::resize_from) all to the largest
//!   one. LLDB shows these with the zeros that this adds.
//! * At some vector lengths, gdb looks for FPSR and FPCR where a core note has no room for them
//!   ([`regset`](crate::regset)).
//! * gdb 13 does not know NT_ARM_SSVE, and shows V of the note NT_PRFPREG. gdb 16.3 and 18.1 show no vector register
//!   at all if the thread has no NT_ARM_ZA, for which there is
//!   [`inactive_za_note`](crate::regset::Regset::inactive_za_note).
//! * LLDB up to 19 opens a core file only if EI_OSABI is 3 (Linux), or if a note has the owner `LINUX`, as NT_ARM_SVE
//!   does.
//! * elfutils opens a core file only with NT_PRPSINFO.
//!
//! Source: "AArch64 Features" in gdb's manual, and what the versions above accept. Fields of cpsr, fpsr and
//! fpcr: SPSR_EL1, FPSR and FPCR in the Arm ARM.

use core::convert::Infallible;
use core::fmt::{self, Display as _};

use crate::SveState;
use crate::kvm_api::{OneReg, reg_size};
use crate::lengths::vls::Vls;
use crate::lengths::vq::{Vq, VqError};
use crate::registers::layout::{InImage, check_vq};
use crate::registers::{MAX_SLICE, Status};
use crate::save_restore::vcpu::Finalized;
use crate::state::image::Storage;
use crate::{SveError, fpsimd, sve};

/// The size of the largest register in bytes.
pub const MAX_BYTES: usize = MAX_SLICE;
/// How many registers are the VMM's own: x0 to x30, sp, pc and cpsr.
pub const CORE_REGISTERS: u32 = 34;
/// What these take in a `g` packet, in bytes.
pub const CORE_BYTES: usize = 33 * 8 + 4;

const Z: u32 = CORE_REGISTERS;
const FPSR: u32 = Z + 32;
const FPCR: u32 = FPSR + 1;
const P: u32 = FPCR + 1;
const FFR: u32 = P + 16;
const VG: u32 = FFR + 1;

/// What gdb is told about a vCPU, with the XML document `target.xml` as its [`Display`](fmt::Display).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Description {
    /// None without SVE.
    vq: Option<Vq>,
}

/// A register of a [`Description`], with gdb's name as its [`Display`](fmt::Display).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reg {
    /// The VMM's own: x0 to x30, 31 for sp, 32 for pc, 33 for cpsr.
    Core(u32),
    /// With SVE.
    Z(sve::Z),
    /// Without SVE.
    V(fpsimd::V),
    /// The floating-point status register.
    Fpsr,
    /// The floating-point control register.
    Fpcr,
    /// With SVE.
    P(sve::P),
    /// With SVE.
    Ffr,
    /// The vector length in units of 64 bits, which can be written only with the value that it has.
    Vg,
}

impl Description {
    /// Describes a vCPU with these vector lengths, as [`Finalized::vls`] gives them: none without SVE. The largest
    /// decides the size of the registers, and is at most 16 quadwords.
    pub fn from_vls(vls: Vls) -> Result<Self, VqError> {
        let vq = vls.max();
        vq.map_or(Ok(()), check_vq::<sve::Layout>)?;
        Ok(Self { vq })
    }

    /// The vector length; none without SVE.
    #[doc(hidden)]
    pub fn vq(self) -> Option<Vq> {
        self.vq
    }

    /// The document with further `<feature>` elements after its own, such as gdb's `org.gnu.gdb.aarch64.tls`. Their
    /// registers are the VMM's own, and are numbered from [`count`](Self::count) on.
    ///
    /// ```
    /// # use sve_state::{Vls, gdb::Description};
    /// let description = Description::from_vls(Vls::EMPTY)?;
    /// let xml = description.with_features(
    ///     r#"<feature name="org.gnu.gdb.aarch64.tls"><reg name="tpidr" bitsize="64" type="data_ptr"/></feature>"#,
    /// );
    /// # let xml = xml.to_string();
    /// # assert!(xml.ends_with("</feature>\n<feature name=\"org.gnu.gdb.aarch64.tls\"><reg name=\"tpidr\" bitsize=\"64\" type=\"data_ptr\"/></feature></target>\n"));
    /// let tpidr = description.count(); // 68; with SVE, 86
    /// # assert_eq!(tpidr, 68);
    /// # Ok::<(), sve_state::VqError>(())
    /// ```
    pub fn with_features(self, features: impl fmt::Display) -> impl fmt::Display {
        Document(self, features)
    }

    /// How many registers there are.
    pub fn count(self) -> u32 {
        if self.vq.is_some() { VG + 1 } else { FPCR + 1 }
    }

    /// The register with this number.
    pub fn register(self, number: u32) -> Result<Reg, GdbError<Infallible>> {
        let unknown = GdbError::Number {
            number,
            count: self.count(),
        };
        let z = |n| match self.vq {
            Some(_) => sve::Z::new(n).map(Reg::Z),
            None => fpsimd::V::new(n).map(Reg::V),
        };
        let register = match number {
            ..Z => Ok(Reg::Core(number)),
            Z..FPSR => z(number - Z),
            FPSR => Ok(Reg::Fpsr),
            FPCR => Ok(Reg::Fpcr),
            _ if self.vq.is_none() => return Err(unknown),
            P..FFR => sve::P::new(number - P).map(Reg::P),
            FFR => Ok(Reg::Ffr),
            VG => Ok(Reg::Vg),
            _ => return Err(unknown),
        };
        register.map_err(|_| unknown)
    }

    /// The registers by number.
    #[doc(hidden)]
    pub fn registers(self) -> impl Iterator<Item = Reg> {
        (0..self.count()).filter_map(move |number| self.register(number).ok())
    }

    /// The size of a register in bytes.
    pub fn size(self, register: Reg) -> usize {
        let vq = usize::from(self.vq.unwrap_or(Vq::MIN).get());
        match register {
            Reg::Core(33) | Reg::Fpsr | Reg::Fpcr => 4,
            Reg::Core(_) | Reg::Vg => 8,
            Reg::Z(_) => 16 * vq,
            Reg::V(_) => 16,
            Reg::P(_) | Reg::Ffr => 2 * vq,
        }
    }

    /// The register with this number and its size, if it is one of those that are kept here.
    fn kept<E>(self, number: u32) -> Result<(Reg, usize), GdbError<E>> {
        match self.register(number) {
            Ok(Reg::Core(_)) => Err(GdbError::Core { number }),
            Ok(register) => Ok((register, self.size(register))),
            Err(_) => Err(GdbError::Number {
                number,
                count: self.count(),
            }),
        }
    }

    /// The same for a register to be written, with a check of the bytes.
    fn to_write<E>(self, number: u32, bytes: &[u8]) -> Result<Reg, GdbError<E>> {
        let (register, size) = self.kept(number)?;
        if bytes.len() != size {
            return Err(GdbError::Size {
                register,
                expected: size,
                found: bytes.len(),
            });
        }
        if register == Reg::Vg && bytes != self.vg() {
            let (mut found, vg) = ([0; 8], u64::from_le_bytes(self.vg()));
            found.copy_from_slice(bytes);
            let found = u64::from_le_bytes(found);
            return Err(GdbError::Vg { found, vg });
        }
        Ok(register)
    }

    fn vg(self) -> [u8; 8] {
        (2 * u64::from(self.vq.map_or(0, Vq::get))).to_le_bytes()
    }

    /// Checks that an image has the description's vector length or, without SVE, the smallest.
    fn check<S: Storage>(self, state: &SveState<S>) -> Result<(), GdbError<Infallible>> {
        let vq = self.vq.unwrap_or(Vq::MIN);
        if state.vq() == vq {
            return Ok(());
        }
        let image = state.vq();
        Err(GdbError::Image { image, vq })
    }

    /// Reads a register of an image into the first bytes of a buffer, and returns these bytes. The buffer must have
    /// as many bytes as the register, for which [`MAX_BYTES`] are always enough. Without SVE the image has VQ 1,
    /// where V is all of Z.
    pub fn read<'a, S: Storage>(
        self,
        number: u32,
        state: &SveState<S>,
        status: Status,
        bytes: &'a mut [u8],
    ) -> Result<&'a [u8], GdbError<Infallible>> {
        let (register, size) = self.kept(number)?;
        self.check(state)?;
        let bytes = room(register, bytes, size)?;
        match register {
            Reg::Core(_) => {}
            Reg::Z(register) => bytes.copy_from_slice(state.register(register)),
            Reg::V(register) => bytes.copy_from_slice(&state.get_view(register)),
            Reg::P(register) => bytes.copy_from_slice(state.register(register)),
            Reg::Ffr => bytes.copy_from_slice(state.register(sve::FFR)),
            Reg::Fpsr => bytes.copy_from_slice(&status.fpsr.to_le_bytes()),
            Reg::Fpcr => bytes.copy_from_slice(&status.fpcr.to_le_bytes()),
            Reg::Vg => bytes.copy_from_slice(&self.vg()),
        }
        Ok(bytes)
    }

    /// Writes a register of an image from exactly as many bytes as it has.
    pub fn write<S: Storage + AsMut<[u8]>>(
        self,
        number: u32,
        state: &mut SveState<S>,
        status: &mut Status,
        bytes: &[u8],
    ) -> Result<(), GdbError<Infallible>> {
        let register = self.to_write(number, bytes)?;
        self.check(state)?;
        match register {
            Reg::Core(_) | Reg::Vg => {}
            Reg::Z(register) => state.set(register, &slice::<sve::bank::Z>(bytes)),
            Reg::V(register) => state.set_view(register, &value(bytes)),
            Reg::P(register) => state.set(register, &slice::<sve::bank::P>(bytes)),
            Reg::Ffr => state.set(sve::FFR, &slice::<sve::bank::FFR>(bytes)),
            Reg::Fpsr => status.fpsr = u32::from_le_bytes(value(bytes)),
            Reg::Fpcr => status.fpcr = u32::from_le_bytes(value(bytes)),
        }
        Ok(())
    }
}

/// A slice that starts with these bytes and continues with zeros.
fn slice<B: InImage>(bytes: &[u8]) -> B::Slice {
    let mut slice = <B::Slice as crate::layout::ByteArray>::ZEROS;
    slice.as_mut()[..bytes.len()].copy_from_slice(bytes);
    slice
}

/// The bytes as an array; the caller has checked that there are exactly as many.
fn value<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut value = [0; N];
    value.copy_from_slice(bytes);
    value
}

fn room<E>(register: Reg, bytes: &mut [u8], expected: usize) -> Result<&mut [u8], GdbError<E>> {
    let found = bytes.len();
    bytes.get_mut(..expected).ok_or(GdbError::Size {
        register,
        expected,
        found,
    })
}

/// Reads a register of a vCPU into the first bytes of a buffer, and returns these bytes. The buffer must have as many
/// bytes as the register, for which [`MAX_BYTES`] are always enough. It takes one GET, or none for `vg`. The numbers
/// are those of the [`Description::from_vls`] of the vCPU's vector lengths.
pub fn read_vcpu<'a, V: OneReg>(
    vcpu: &Finalized<V>,
    number: u32,
    bytes: &'a mut [u8],
) -> Result<&'a [u8], GdbError<V::Error>> {
    let description = Description::from_vls(vcpu.vls()).map_err(GdbError::Vq)?;
    let (register, size) = description.kept(number)?;
    let bytes = room(register, bytes, size)?;
    match register.id() {
        Some(id) => vcpu.get_id(id, bytes).map_err(GdbError::Vcpu)?,
        None => bytes.copy_from_slice(&description.vg()),
    }
    Ok(bytes)
}

/// Writes a register of a vCPU from exactly as many bytes as it has, with one SET, or none for `vg`.
pub fn write_vcpu<V: OneReg>(
    vcpu: &mut Finalized<V>,
    number: u32,
    bytes: &[u8],
) -> Result<(), GdbError<V::Error>> {
    let description = Description::from_vls(vcpu.vls()).map_err(GdbError::Vq)?;
    let register = description.to_write(number, bytes)?;
    let Some(id) = register.id() else {
        return Ok(());
    };
    let mut value = [0; MAX_BYTES];
    value[..bytes.len()].copy_from_slice(bytes);
    let value = &value[..reg_size(id)];
    vcpu.set_id(id, value).map_err(GdbError::Vcpu)
}

impl Reg {
    /// The ID that ONE_REG takes for the register, if it is kept here.
    fn id(self) -> Option<u64> {
        match self {
            Self::Core(_) | Self::Vg => None,
            Self::Z(register) => Some(register.id()),
            Self::V(register) => Some(register.id()),
            Self::P(register) => Some(register.id()),
            Self::Fpsr => Some(fpsimd::FPSR.id()),
            Self::Fpcr => Some(fpsimd::FPCR.id()),
            Self::Ffr => Some(sve::FFR.id()),
        }
    }
}

impl fmt::Display for Reg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Core(31) => f.write_str("sp"),
            Self::Core(32) => f.write_str("pc"),
            Self::Core(33) => f.write_str("cpsr"),
            Self::Core(n) => write!(f, "x{n}"),
            Self::Z(register) => write!(f, "z{}", register.number()),
            Self::V(register) => write!(f, "v{}", register.number()),
            Self::P(register) => write!(f, "p{}", register.number()),
            Self::Fpsr => f.write_str("fpsr"),
            Self::Fpcr => f.write_str("fpcr"),
            Self::Ffr => f.write_str("ffr"),
            Self::Vg => f.write_str("vg"),
        }
    }
}

/// Kinds of number, each with a name and gdb's type.
type Kinds = &'static [(&'static str, &'static str)];

/// The members of a vector register's type, a union of vectors: for each size of their elements in bytes, a union of
/// the kinds of number that gdb has of this size.
const ELEMENTS: [(&str, usize, Kinds); 5] = [
    ("q", 16, &[("u", "uint128"), ("s", "int128")]),
    (
        "d",
        8,
        &[("f", "ieee_double"), ("u", "uint64"), ("s", "int64")],
    ),
    (
        "s",
        4,
        &[("f", "ieee_single"), ("u", "uint32"), ("s", "int32")],
    ),
    (
        "h",
        2,
        &[("f", "ieee_half"), ("u", "uint16"), ("s", "int16")],
    ),
    ("b", 1, &[("u", "uint8"), ("s", "int8")]),
];

/// Fields of a register, each a name with its first and last bit (Arm ARM: SPSR_EL1, FPSR, FPCR).
type Fields = &'static [(&'static str, u8, u8)];

const CPSR_FIELDS: Fields = &[
    ("SP", 0, 0),
    ("EL", 2, 3),
    ("nRW", 4, 4),
    ("F", 6, 6),
    ("I", 7, 7),
    ("A", 8, 8),
    ("D", 9, 9),
    ("BTYPE", 10, 11),
    ("SSBS", 12, 12),
    ("ALLINT", 13, 13),
    ("IL", 20, 20),
    ("SS", 21, 21),
    ("PAN", 22, 22),
    ("UAO", 23, 23),
    ("DIT", 24, 24),
    ("TCO", 25, 25),
    ("V", 28, 28),
    ("C", 29, 29),
    ("Z", 30, 30),
    ("N", 31, 31),
];

const FPSR_FIELDS: Fields = &[
    ("IOC", 0, 0),
    ("DZC", 1, 1),
    ("OFC", 2, 2),
    ("UFC", 3, 3),
    ("IXC", 4, 4),
    ("IDC", 7, 7),
    ("QC", 27, 27),
    ("V", 28, 28),
    ("C", 29, 29),
    ("Z", 30, 30),
    ("N", 31, 31),
];

const FPCR_FIELDS: Fields = &[
    ("FIZ", 0, 0),
    ("AH", 1, 1),
    ("NEP", 2, 2),
    ("IOE", 8, 8),
    ("DZE", 9, 9),
    ("OFE", 10, 10),
    ("UFE", 11, 11),
    ("IXE", 12, 12),
    ("EBF", 13, 13),
    ("IDE", 15, 15),
    ("Len", 16, 18),
    ("FZ16", 19, 19),
    ("Stride", 20, 21),
    ("RMode", 22, 23),
    ("FZ", 24, 24),
    ("DN", 25, 25),
    ("AHP", 26, 26),
];

/// The document: what gdb reads as `target.xml`.
impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Document(*self, "").fmt(f)
    }
}

/// A description, and the features that follow its own.
struct Document<F>(Description, F);

impl<F: fmt::Display> fmt::Display for Document<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(description, features) = self;
        f.write_str(concat!(
            "<?xml version=\"1.0\"?>\n",
            "<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n",
            "<target version=\"1.0\">\n",
            "<architecture>aarch64</architecture>\n",
            "<feature name=\"org.gnu.gdb.aarch64.core\">\n",
        ))?;
        write_flags(f, "cpsr_flags", CPSR_FIELDS)?;
        for (number, register) in (0..).zip(description.registers()) {
            if number == CORE_REGISTERS {
                let feature = if description.vq.is_some() {
                    "sve"
                } else {
                    "fpu"
                };
                write!(
                    f,
                    "</feature>\n<feature name=\"org.gnu.gdb.aarch64.{feature}\">\n"
                )?;
                description.write_types(f)?;
            }
            let bits = 8 * description.size(register);
            write!(f, "<reg name=\"{register}\" bitsize=\"{bits}\"")?;
            // LLDB goes by the name of a type: if it starts with `vec` the register is bytes, whatever the element
            // says, and otherwise an integer, which LLDB cannot read at most sizes of P.
            let kind = match register {
                Reg::Core(31) => Some("data_ptr"),
                Reg::Core(32) => Some("code_ptr"),
                Reg::Core(33) => Some("cpsr_flags"),
                Reg::Core(_) => None,
                Reg::Z(_) | Reg::V(_) => Some("vector"),
                Reg::P(_) | Reg::Ffr => Some("vec_predicate"),
                Reg::Fpsr => Some("fpsr_flags"),
                Reg::Fpcr => Some("fpcr_flags"),
                Reg::Vg => Some("int"),
            };
            if let Some(kind) = kind {
                write!(f, " type=\"{kind}\"")?;
            }
            f.write_str("/>\n")?;
        }
        write!(f, "</feature>\n{features}</target>\n")
    }
}

fn write_flags(f: &mut fmt::Formatter<'_>, name: &str, fields: Fields) -> fmt::Result {
    writeln!(f, "<flags id=\"{name}\" size=\"4\">")?;
    for (name, start, end) in fields {
        writeln!(
            f,
            "<field name=\"{name}\" start=\"{start}\" end=\"{end}\"/>"
        )?;
    }
    f.write_str("</flags>\n")
}

impl Description {
    fn write_types(self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = 16 * usize::from(self.vq.unwrap_or(Vq::MIN).get());
        for (name, size, kinds) in ELEMENTS {
            let count = bytes / size;
            for (kind, element) in kinds {
                writeln!(
                    f,
                    "<vector id=\"{name}_{kind}\" type=\"{element}\" count=\"{count}\"/>"
                )?;
            }
            writeln!(f, "<union id=\"{name}\">")?;
            for (kind, _) in kinds {
                writeln!(f, "<field name=\"{kind}\" type=\"{name}_{kind}\"/>")?;
            }
            f.write_str("</union>\n")?;
        }
        f.write_str("<union id=\"vector\">\n")?;
        for (name, ..) in ELEMENTS {
            writeln!(f, "<field name=\"{name}\" type=\"{name}\"/>")?;
        }
        f.write_str("</union>\n")?;
        if self.vq.is_some() {
            writeln!(
                f,
                "<vector id=\"vec_predicate\" type=\"uint8\" count=\"{}\"/>",
                bytes / 8
            )?;
        }
        write_flags(f, "fpsr_flags", FPSR_FIELDS)?;
        write_flags(f, "fpcr_flags", FPCR_FIELDS)
    }
}

/// Why a register was not read or written, in which case nothing has changed.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum GdbError<E> {
    /// There is no register with this number.
    Number {
        /// The number.
        number: u32,
        /// How many registers there are.
        count: u32,
    },
    /// The register is one of the VMM's own.
    Core {
        /// Its number.
        number: u32,
    },
    /// Another number of bytes than the register has or, to read one, fewer.
    Size {
        /// The register.
        register: Reg,
        /// Its size in bytes.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// Another vector length was written than the one that the vCPU has and keeps.
    Vg {
        /// What was written, in units of 64 bits.
        found: u64,
        /// What it is.
        vg: u64,
    },
    /// The image has another vector length than the description.
    Image {
        /// The image's.
        image: Vq,
        /// The description's; without SVE, the smallest.
        vq: Vq,
    },
    /// The vCPU has a vector length that the SVE layout does not describe.
    Vq(VqError),
    /// A call failed, or the register is longer than the vCPU's vector lengths say.
    Vcpu(SveError<E>),
}

impl<E: fmt::Display> fmt::Display for GdbError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, E::fmt)
    }
}

/// The message, as that of [`SveError`].
impl<E: fmt::Debug> fmt::Debug for GdbError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GdbError(")?;
        self.write(f, E::fmt)?;
        f.write_str(")")
    }
}

impl<E> GdbError<E> {
    fn write(
        &self,
        f: &mut fmt::Formatter<'_>,
        show: fn(&E, &mut fmt::Formatter<'_>) -> fmt::Result,
    ) -> fmt::Result {
        match self {
            Self::Number { number, count } => {
                write!(
                    f,
                    "gdb's register {number}: there are 0 to {}",
                    count.saturating_sub(1)
                )
            }
            Self::Core { number } => write!(
                f,
                "gdb's register {number} ({}): 0 to {} are the VMM's own",
                Reg::Core(*number),
                CORE_REGISTERS - 1
            ),
            Self::Size {
                register,
                expected,
                found,
            } => write!(f, "{found} bytes for {register}: it has {expected}"),
            Self::Vg { found, vg } => write!(
                f,
                "vg {found}: this vCPU's is {vg}, and its vector length does not change"
            ),
            Self::Image { image, vq } => write!(
                f,
                "an image of VQ {image} and a description of VQ {vq}: they must be the same"
            ),
            Self::Vq(error) => error.fmt(f),
            Self::Vcpu(error) => error.write(f, show),
        }
    }
}

/// The source is the implementor's error, where a call failed.
impl<E: core::error::Error + 'static> core::error::Error for GdbError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Vcpu(error) => error.source(),
            _ => None,
        }
    }
}
