/// A layout.
#[cfg(x)]
pub(crate) mod layout {
    /// Vectors.
    /// As many as there are quadwords.
    ///
    /// A register of bank `Z`, Z0 to Z1.
    pub type Z = sve_state::layout::Register<bank::Z>;
    /// Low bits.
    ///
    /// Register `V`.
    pub type V = sve_state::layout::Register<bank::V>;

    /// `Z0`: ID `0x6040_0000_0015_0010`; 8·VQ bytes at offset 0 of the image.
    ///
    /// Vectors.
    /// As many as there are quadwords.
    pub const Z0: Z = Z::constant(0u16, 0);
    /// `Z1`: ID `0x6040_0000_0015_0014`; 8·VQ bytes at offset 8·VQ of the image. From VQ 2.
    ///
    /// Vectors.
    /// As many as there are quadwords.
    pub const Z1: Z = Z::constant(1u16, 0);
    /// `V`: ID `0x6020_0000_0015_0040`; 4 bytes, the low ones of `layout::Z`.
    ///
    /// Low bits.
    pub const V: V = V::constant(0u16, 0);

    /// The register with this number: Z0 to Z1.
    pub const fn z<const NUMBER: ::core::primitive::u16>() -> Z
    where
        bank::Z: number::Z<{ NUMBER }>,
    {
        Z::constant(NUMBER, 0)
    }
    /// Slice `SLICE`, 0 to 1, of `Z`.
    pub const fn z_slice<const NUMBER: ::core::primitive::u16, const SLICE: ::core::primitive::u16>() -> Z
    where
        bank::Z: number::Z<{ NUMBER }>,
        Layout: Slice<{ SLICE }>,
    {
        Z::constant(NUMBER, SLICE)
    }

    /// Any register of the layout `layout`.
    #[derive(
        ::core::clone::Clone,
        ::core::marker::Copy,
        ::core::fmt::Debug,
        ::core::hash::Hash,
        ::core::cmp::PartialEq,
        ::core::cmp::Eq,
    )]
    pub enum Reg {
        /// Of bank `Z`.
        Z(Z),
        /// Of bank `V`.
        V(V),
    }
    impl Reg {
        /// The register slice that has this ID, or the reason why none does.
        #[inline]
        pub fn decode(
            __id: ::core::primitive::u64,
        ) -> ::core::result::Result<Self, sve_state::layout::DecodeError> {
            <Layout as sve_state::layout::Layout>::decode(__id)
        }
        /// The 64-bit ID that ONE_REG takes.
        #[inline]
        pub const fn id(self) -> ::core::primitive::u64 {
            match self {
                Self::Z(__register) => __register.id(),
                Self::V(__register) => __register.id(),
            }
        }
    }
    impl ::core::fmt::Display for Reg {
        fn fmt(&self, __f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            match self {
                Self::Z(__register) => ::core::fmt::Display::fmt(__register, __f),
                Self::V(__register) => ::core::fmt::Display::fmt(__register, __f),
            }
        }
    }
    impl ::core::convert::From<Z> for Reg {
        fn from(__register: Z) -> Self {
            Self::Z(__register)
        }
    }
    impl ::core::convert::From<V> for Reg {
        fn from(__register: V) -> Self {
            Self::V(__register)
        }
    }

    /// The size of the packed image in bytes, at the largest VQ.
    pub const MAX_IMAGE_BYTES: ::core::primitive::usize =
        sve_state::layout::generated::image_bytes(<Layout as sve_state::layout::Layout>::BANKS, 2u16);
    /// How many registers have a place in the image, at the largest VQ.
    pub const REGISTERS: ::core::primitive::usize =
        sve_state::layout::generated::registers(<Layout as sve_state::layout::Layout>::BANKS, 2);
    /// The bounds of slice 0 of every register of the image, with a row for each VQ that the layout
    /// describes. Where a VQ does not have a register, its bounds are empty.
    ///
    /// This table is for people and tests: GET and SET do not read it, because they compute where a slice
    /// lies.
    pub const BOUNDS: [[sve_state::layout::Bounds; REGISTERS]; 2] =
        sve_state::layout::generated::bounds_table(<Layout as sve_state::layout::Layout>::BANKS, 1u16);
    /// The layout `layout`, as a type.
    #[derive(
        ::core::clone::Clone,
        ::core::marker::Copy,
        ::core::fmt::Debug,
        ::core::hash::Hash,
        ::core::cmp::PartialEq,
        ::core::cmp::Eq,
    )]
    pub enum Layout {}
    impl sve_state::layout::Layout for Layout {
        type Reg = Reg;
        const NAME: &'static ::core::primitive::str = "layout";
        const PREFIX: ::core::primitive::u64 = 0x6000_0000_0015_0000;
        const VQ_MIN: ::core::primitive::u16 = 1u16;
        const VQ_MAX: ::core::primitive::u16 = 2u16;
        const BANKS: &'static [sve_state::layout::Bank] = &[
            sve_state::layout::Bank {
                name: "Z",
                numbered: true,
                base: 0x10,
                step: 4u16,
                count: sve_state::layout::PerVq {
                    fixed: 0u32,
                    per_vq: 1u32,
                },
                max_count: 2u16,
                slices: 2u16,
                slice_bytes: 16u32,
                width: sve_state::layout::PerVq {
                    fixed: 0u32,
                    per_vq: 8u32,
                },
                place: sve_state::layout::Place::Image,
            },
            sve_state::layout::Bank {
                name: "V",
                numbered: false,
                base: 0x40,
                step: 1u16,
                count: sve_state::layout::PerVq {
                    fixed: 1u32,
                    per_vq: 0u32,
                },
                max_count: 1u16,
                slices: 1u16,
                slice_bytes: 4u32,
                width: sve_state::layout::PerVq {
                    fixed: 4u32,
                    per_vq: 0u32,
                },
                place: sve_state::layout::Place::View,
            },
        ];
        #[inline]
        fn decode(
            __id: ::core::primitive::u64,
        ) -> ::core::result::Result<Reg, sve_state::layout::DecodeError> {
            if let ::core::option::Option::Some(__register) = Z::from_id(__id) {
                return ::core::result::Result::Ok(Reg::Z(__register));
            }
            if let ::core::option::Option::Some(__register) = V::from_id(__id) {
                return ::core::result::Result::Ok(Reg::V(__register));
            }
            ::core::result::Result::Err(sve_state::layout::generated::no_register::<Layout>(__id))
        }
    }

    /// The banks of the layout, as types.
    #[doc(hidden)]
    pub mod bank {
        /// Bank `Z`, as a type.
        ///
        /// Vectors.
        /// As many as there are quadwords.
        #[derive(
            ::core::clone::Clone,
            ::core::marker::Copy,
            ::core::fmt::Debug,
            ::core::hash::Hash,
            ::core::cmp::PartialEq,
            ::core::cmp::Eq,
        )]
        #[derive(::core::cmp::PartialOrd, ::core::cmp::Ord)]
        pub enum Z {}
        impl sve_state::layout::BankType for Z {
            type Layout = super::Layout;
            const INDEX: ::core::primitive::usize = 0;
        }
        impl sve_state::layout::InImage for Z {
            type Slice = [::core::primitive::u8; 16];
        }
        /// Bank `V`, as a type.
        ///
        /// Low bits.
        #[derive(
            ::core::clone::Clone,
            ::core::marker::Copy,
            ::core::fmt::Debug,
            ::core::hash::Hash,
            ::core::cmp::PartialEq,
            ::core::cmp::Eq,
        )]
        #[derive(::core::cmp::PartialOrd, ::core::cmp::Ord)]
        pub enum V {}
        impl sve_state::layout::BankType for V {
            type Layout = super::Layout;
            const INDEX: ::core::primitive::usize = 1;
        }
    }

    #[doc(hidden)]
    pub mod number {
        #[diagnostic::on_unimplemented(
            message = "there is no register Z{NUMBER}: the bank has Z0 to Z1",
            label = "no such register"
        )]
        pub trait Z<const NUMBER: ::core::primitive::u16> {}
        #[diagnostic::do_not_recommend]
        impl Z<0u16> for super::bank::Z {}
        #[diagnostic::do_not_recommend]
        impl Z<1u16> for super::bank::Z {}
    }
    #[doc(hidden)]
    #[diagnostic::on_unimplemented(
        message = "there is no slice {SLICE}: slices are 0 to 1",
        label = "no such slice"
    )]
    pub trait Slice<const SLICE: ::core::primitive::u16> {}
    #[diagnostic::do_not_recommend]
    impl Slice<0u16> for Layout {}
    #[diagnostic::do_not_recommend]
    impl Slice<1u16> for Layout {}
}

#[cfg(x)]
impl sve_state::layout::ViewOf for layout::bank::V {
    type Target = <layout::Z as sve_state::layout::RegisterType>::Bank;
    type Value = [::core::primitive::u8; 4];
}
#[cfg(x)]
const _: () = sve_state::layout::generated::check_view::<layout::bank::V>();
