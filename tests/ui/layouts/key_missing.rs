// All keys are missing.
sve_state::register_layout! {
    pub mod test {
        bank Z[32] at 0 step 32: slice 2048 bits, width 128 * vq bits;
    }
}

fn main() {}
