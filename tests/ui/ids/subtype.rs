// A register of a bank is none of another bank that the compiler takes for a supertype.
use sve_state::layout::{BankType, Register};
use sve_state::sve;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Bank<F>(F);

type Z = Bank<for<'a> fn(&'a u8)>;
type P = Bank<fn(&'static u8)>;

#[allow(coherence_leak_check)]
impl BankType for Z {
    type Layout = sve::Layout;
    const INDEX: usize = 0;
}
#[allow(coherence_leak_check)]
impl BankType for P {
    type Layout = sve::Layout;
    const INDEX: usize = 1;
}

fn main() {
    let z31 = Register::<Z>::new(31).unwrap();
    let _: Register<P> = z31;
}
