// What stands above a layout holds for its views too, which are generated beside the module.
#![deny(warnings)]

sve_state::register_layout! {
    #[cfg(any())]
    pub mod never {
        arch: arm64, coproc: 0x1f, vq: 1..=2;
        bank A at 0x0: 64 bits;
        view B at 0x1: 32 bits, low bits of never::A;
    }
    #[cfg_attr(all(), doc = "A layout.", cfg_attr(all(), cfg(any()), allow(unused)))]
    pub mod not_here {
        arch: arm64, coproc: 0x1f, vq: 1..=2;
        bank A at 0x0: 64 bits;
        view B at 0x1: 32 bits, low bits of not_here::A;
    }
    #[deprecated = "there is a newer one"]
    pub mod old {
        arch: arm64, coproc: 0x1f, vq: 1..=2;
        bank A at 0x0: 64 bits;
        view B at 0x1: 32 bits, low bits of old::A;
    }
    #[cfg_attr(any(), cfg(any()))]
    #[cfg_attr(all(), cfg(all()), deprecated(note = "there is a newer one"), doc = "A layout.")]
    pub mod older {
        arch: arm64, coproc: 0x1f, vq: 1..=2;
        bank A at 0x0: 64 bits;
        view B at 0x1: 32 bits, low bits of older::A;
    }
}

#[expect(deprecated)]
fn main() {
    let vq = sve_state::Vq::MIN;
    let image = sve_state::image::Image::<old::Layout, _>::zeroed(vq).unwrap();
    assert_eq!(image.get_view(old::B), [0; 4]);
    let image = sve_state::image::Image::<older::Layout, _>::zeroed(vq).unwrap();
    assert_eq!(image.get_view(older::B), [0; 4]);
}
