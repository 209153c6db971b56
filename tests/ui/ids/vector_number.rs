// There are 32 vector registers.
use sve_state::sve;

fn main() {
    sve::z::<32>();
}
