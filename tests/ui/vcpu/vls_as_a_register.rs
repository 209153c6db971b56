// VLS is not in sve_state.
fn f(state: sve_state::SveState<&[u8]>) {
    let _ = state.get(sve_state::sve::VLS);
}

fn main() {}
