// Something other than a layout.
sve_state::register_layout! {
    pub struct sve;
}

fn main() {}
