//! Which registers of a vCPU can be read and written by name.

use crate::registers::layout::{BankType, ByteArray, Register};
use crate::{fpsimd, sve};

/// A register that [`Finalized::get`](super::vcpu::Finalized::get) and [`set`](super::vcpu::Finalized::set) take: Z, P, FFR, V,
/// FPSR, FPCR.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no single register of a vCPU",
    label = "not one of Z, P, FFR, V, FPSR and FPCR",
    note = "vector lengths are read by `vls` and written by `Initialized::set_vls`"
)]
#[doc(hidden)]
pub trait Single: BankType + sealed::Single {
    /// What holds a register: `[u8; N]`, where N is the size in bytes that its ID states.
    type Bytes: ByteArray;
}

mod sealed {
    use crate::registers::layout::Register;
    use crate::sve;

    pub trait Single: Sized {
        /// The register whose low bits it shows where there is SVE.
        fn shown(register: Register<Self>) -> Option<sve::Z>;
    }
}

macro_rules! single {
    ($($bank:ty: $bytes:literal, $register:ident => $shown:expr;)*) => {$(
        impl sealed::Single for $bank {
            fn shown($register: Register<Self>) -> Option<sve::Z> {
                $shown
            }
        }
        impl Single for $bank {
            type Bytes = [u8; $bytes];
        }
    )*};
}

single! {
    sve::bank::Z: 256, _register => None;
    sve::bank::P: 32, _register => None;
    sve::bank::FFR: 32, _register => None;
    fpsimd::bank::V: 16, register => sve::Z::new(register.number().into()).ok();
    fpsimd::bank::FPSR: 4, _register => None;
    fpsimd::bank::FPCR: 4, _register => None;
}
