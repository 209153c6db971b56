// No layout.
sve_state::register_layout! {
}

fn main() {}
