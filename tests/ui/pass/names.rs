// Names that the generated code itself might want: it means the language's, not the layout's.
mod core {}

fn main() {
    #[expect(non_camel_case_types)]
    struct u16;
    let _ = u16;

    sve_state::register_layout! {
        mod layout {
            arch: arm64, coproc: 0, slices: 2, vq: 1..=2;
            bank u16[2] at 0x00 step 2: slice 8 bits, width 8 * vq bits;
            bank u64 at 0x10: 64 bits;
            bank usize at 0x11: 64 bits;
            bank str at 0x12: 64 bits;
            bank core at 0x13: 64 bits;
            bank sve_state at 0x14: 64 bits;
            bank Result at 0x15: 64 bits;
            bank From at 0x16: 64 bits;
            bank Copy at 0x17: 64 bits;
            bank at at 0x18: 64 bits;
            bank f at 0x19: 64 bits;
            bank id[1] at 0x1a step 1: 64 bits;
            bank register at 0x1b: 64 bits;
            bank NUMBER at 0x1c: slice 64 bits, width 64 bits;
            bank SLICE[3] at 0x20 step 3: slice 64 bits, width 64 bits;
            bank Z at 0x30: 64 bits;
            view view[2] at 0x32 step 1: 8 bits, low bits of layout::u16;
            pseudo bits at 0x40: 8 bits;
        }
    }
    assert_eq!(layout::u16_slice::<1, 1>().id(), 0x6000_0000_0000_0003);
    assert_eq!(layout::Reg::decode(layout::NUMBER.id()), Ok(layout::NUMBER.into()));
    assert_eq!(layout::slice_slice::<2, 1>().id(), layout::SLICE::with_slice(2, 1).unwrap().id());
}
