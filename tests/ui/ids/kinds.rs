// A register where one of another kind is wanted.
use sve_state::layout::{InImage, Register, ViewOf};
use sve_state::{SveState, Vq, fpsimd, sve};

fn vector(_: sve::Z) {}
fn get<B: InImage>(_: Register<B>) {}
fn get_view<B: ViewOf>(_: Register<B>) {}

fn main() {
    // A predicate where a vector is wanted.
    vector(sve::P3);
    // FFR has the shape of a predicate, but is not one.
    let _: sve::P = sve::FFR;
    // V3 is part of Z3, and another register with another ID.
    let _: sve::Z = fpsimd::V3;
    // Registers of two banks are never equal, so asking is a mistake.
    let _ = sve::Z0 == sve::P0;
    // A register is not its ID: `sve::Z3.id()` is.
    let _: u64 = sve::Z3;
    // Not every number is an ID: `sve::Reg::decode` tells.
    let _: sve::Z = 0x6080_0000_0015_0000_u64;
    // A number given at run time may be wrong, and that is an error to handle.
    let _: sve::Z = sve::Z::new(3);
    // A register of one layout belongs neither to another layout nor in its image.
    let _ = sve::Reg::from(fpsimd::V0);
    let state = SveState::new(Vq::MIN, [0; 546]).unwrap();
    state.get(fpsimd::FPSR);
    // The vector-length set has no place in the image, and an FPSIMD register no place of its own.
    get(sve::VLS);
    get(fpsimd::V3);
    // A vector register is not a view of another.
    get_view(sve::Z3);
}
