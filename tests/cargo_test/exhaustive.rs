//! The sweep over IDs, short enough for `cargo test`: the IDs that name something, those around them, and a
//! few others. `cargo harness exhaustive` tries them all.

use sve_state_harness::exhaustive::{Extent, run};

#[test]
fn decoders_and_shim_agree_with_the_reference() {
    let counts = run(Extent::InUse, [1, 3, 16], &|_, _| ()).unwrap_or_else(|e| panic!("{e}"));
    // 5 coprocessors, 16 sizes; 7 configurations at 3 vector lengths, GET and SET.
    let ids = 5 * 16 * Extent::InUse.low_halves().len() as u64;
    assert_eq!(counts.decoded, ids);
    assert_eq!(counts.calls, ids * 7 * 3 * 2);
}
