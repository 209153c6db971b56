//! What can be wrong with a layout, and the layout once nothing is.
//!
//! Everything that is wrong is reported, not the first alone: a check whose input is itself
//! refused is left out, all others go on.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use proc_macro2::Ident;
use quote::ToTokens;

use crate::ast::{self, Place, Quantity, Setting, Shape, Value};
use crate::diagnostic::{Errors, did_you_mean, one_of};

/// `KVM_REG_ARM64`, bits 63:56 of an ID.
const ARM64: u64 = 0x6000_0000_0000_0000;
/// `KVM_REG_SIZE_SHIFT`: log2 of the size in bytes stands in bits 55:52 of an ID.
const SIZE_SHIFT: u32 = 52;
/// The coprocessor stands in bits 27:16 of an ID.
const COPROC_SHIFT: u32 = 16;
const MAX_COPROC: u64 = 0xfff;
/// Bits 15:0 of an ID are left to the layout.
const MAX_LOW: u64 = 0xffff;
/// `KVM_REG_SIZE_U8` to `KVM_REG_SIZE_U2048`.
const SIZES_IN_BITS: [u32; 9] = [8, 16, 32, 64, 128, 256, 512, 1024, 2048];
/// The ABI's, `KVM_ARM64_SVE_VQ_MIN` to `KVM_ARM64_SVE_VQ_MAX`.
const VQS: RangeInclusive<u64> = 1..=512;
/// Registers times vector lengths: the entries of the bounds tables, which the compiler computes.
/// SVE with all that the ABI leaves room for has 50 · 512.
const MAX_ENTRIES: u64 = 1 << 15;
/// Far past any vCPU, and within 32 bits with room for sums.
const MAX_IMAGE_BYTES: u64 = 1 << 30;
/// Names that every layout generates beside those of its banks.
const RESERVED: [&str; 6] = [
    "Layout",
    "MAX_IMAGE_BYTES",
    "Reg",
    "Slice",
    "bank",
    "number",
];

/// A layout with nothing wrong.
pub(crate) struct Layout<'a> {
    pub(crate) ast: &'a ast::Layout,
    /// The bits that all IDs share: architecture and coprocessor.
    pub(crate) prefix: u64,
    pub(crate) vqs: Vqs,
    /// How many slices of a sliced register have an ID.
    pub(crate) slices: Option<u16>,
    pub(crate) banks: Vec<Bank<'a>>,
}

/// The vector lengths that a layout describes, in quadwords.
#[derive(Clone, Copy)]
pub(crate) struct Vqs {
    pub(crate) min: u16,
    pub(crate) max: u16,
}

/// A bank, in the terms of `sve_state::layout::Bank`.
pub(crate) struct Bank<'a> {
    pub(crate) ast: &'a ast::Bank,
    pub(crate) base: u16,
    pub(crate) step: u16,
    pub(crate) count: PerVq,
    pub(crate) max_count: u16,
    pub(crate) slices: u16,
    pub(crate) slice_bytes: u32,
    pub(crate) width: PerVq,
}

/// `fixed + per_vq * VQ`, in registers or bytes.
#[derive(Clone, Copy)]
pub(crate) struct PerVq {
    pub(crate) fixed: u32,
    pub(crate) per_vq: u32,
}

impl PerVq {
    /// A quantity in other units. Where that is more than 32 bits hold, so is the quantity more
    /// than its checks let pass.
    fn of(quantity: &Quantity, unit: u64) -> Self {
        let part = |part: u64| u32::try_from(part / unit).unwrap_or(u32::MAX);
        Self {
            fixed: part(quantity.fixed),
            per_vq: part(quantity.per_vq),
        }
    }

    pub(crate) fn at(self, vq: u16) -> u64 {
        u64::from(self.fixed) + u64::from(self.per_vq) * u64::from(vq)
    }
}

impl Bank<'_> {
    /// `Z3`, `FFR`.
    pub(crate) fn register(&self, number: u16) -> String {
        match self.ast.count {
            Some(_) => format!("{}{number}", self.ast.name),
            None => self.ast.name.to_string(),
        }
    }

    /// `Z3 slice 1`.
    fn slice(&self, number: u16, slice: u16) -> String {
        match slice {
            0 => self.register(number),
            _ => format!("{} slice {slice}", self.register(number)),
        }
    }

    /// The register's ID, without the prefix. Has been checked to fit its bits.
    pub(crate) fn id(&self, number: u16, slice: u16) -> u64 {
        let low = u64::from(self.base) + u64::from(number) * u64::from(self.step);
        u64::from(self.slice_bytes.trailing_zeros()) << SIZE_SHIFT | (low + u64::from(slice))
    }

    fn ids(&self) -> impl Iterator<Item = (u16, u16)> {
        let slices = 0..self.slices;
        (0..self.max_count).flat_map(move |number| slices.clone().map(move |slice| (number, slice)))
    }

    /// The function `z::<3>()`.
    pub(crate) fn function(&self) -> Option<String> {
        self.ast.count.as_ref()?;
        Some(self.ast.name.to_string().to_lowercase())
    }

    /// The function `z_slice::<3, 1>()`.
    pub(crate) fn slice_function(&self) -> Option<String> {
        match self.ast.shape {
            Shape::Whole(_) => None,
            Shape::Sliced { .. } => Some(format!("{}_slice", self.ast.name).to_lowercase()),
        }
    }

    /// All that the bank adds to the layout's constants and functions.
    fn values(&self) -> impl Iterator<Item = String> {
        let constants = (0..self.max_count).map(|number| self.register(number));
        constants
            .chain(self.function())
            .chain(self.slice_function())
    }

    /// From the bank's first ID to its last.
    fn span(&self) -> u64 {
        u64::from(self.max_count - 1) * u64::from(self.step) + u64::from(self.slices - 1)
    }
}

impl<'a> Layout<'a> {
    /// The layout, or all that is wrong with it.
    pub(crate) fn check(ast: &'a ast::Layout) -> syn::Result<Self> {
        let mut check = Check {
            ast,
            errors: ast.errors.clone(),
        };
        check.keys();
        let (arch, coproc) = (check.arch(), check.coproc());
        let prefix = arch.zip(coproc).map(|(arch, coproc)| arch | coproc);
        let slices = check.slices();
        let vqs = check.vqs();
        // Sizes only grow with VQ: what is wrong at VQ 1 is wrong whatever was meant.
        let assumed = vqs.unwrap_or(Vqs { min: 1, max: 1 });
        let bank = |bank| check.bank(bank, slices, assumed);
        let banks: Vec<_> = ast.banks.iter().filter_map(bank).collect();
        if check.sizes(&banks, assumed) {
            check.names(&banks);
            check.collisions(&banks, prefix);
        }
        check.errors.finish()?;
        match (prefix, vqs) {
            (Some(prefix), Some(vqs)) => Ok(Self {
                ast,
                prefix,
                vqs,
                slices,
                banks,
            }),
            // A setting that is missing beside one that was misread, which has been reported.
            _ => Err(syn::Error::new_spanned(
                &ast.name,
                "this layout lacks a setting",
            )),
        }
    }
}

/// A layout under scrutiny. Each method reports what it refuses, and yields nothing then.
struct Check<'a> {
    ast: &'a ast::Layout,
    errors: Errors,
}

/// The settings of a layout: key, meaning, example.
const KEYS: [(&str, &str, &str); 4] = [
    ("arch", "the architecture", "arm64"),
    ("coproc", "the coprocessor field of the IDs", "0x15"),
    (
        "slices",
        "how many slices of a sliced register have an ID",
        "32",
    ),
    (
        "vq",
        "the vector lengths that the layout describes, in quadwords",
        "1..=16",
    ),
];

impl<'a> Check<'a> {
    /// Refuses keys that are unknown, given twice or missing.
    fn keys(&mut self) {
        let names = KEYS.map(|(name, ..)| name);
        // What was misspelt or misread is not missing too.
        let mut complete = self.errors.is_empty();
        for (i, Setting { key, .. }) in self.ast.settings.iter().enumerate() {
            if !names.iter().any(|name| key == name) {
                complete = false;
                let hint = did_you_mean(&key.to_string(), &names);
                let known = one_of(&names);
                self.errors
                    .at(key, format!("unknown key `{key}`{hint}; a key is {known}"));
            } else if self.ast.settings[..i]
                .iter()
                .any(|earlier| earlier.key == *key)
            {
                self.errors.at(key, format!("key `{key}` is given twice"));
            }
        }
        for (name, meaning, example) in KEYS {
            if complete && self.setting(name).is_none() && self.needs(name) {
                let message = format!("missing key `{name}`: {meaning}; as in `{name}: {example}`");
                self.errors.at(&self.ast.name, message);
            }
        }
    }

    fn needs(&self, key: &str) -> bool {
        let sliced = |bank: &ast::Bank| matches!(bank.shape, Shape::Sliced { .. });
        key != "slices" || self.ast.banks.iter().any(sliced)
    }

    fn setting(&self, name: &str) -> Option<&'a Value> {
        let settings = &self.ast.settings;
        settings
            .iter()
            .find(|setting| setting.key == name)
            .map(|setting| &setting.value)
    }

    /// Refuses a value of another kind than the key's.
    fn misfit<T>(&mut self, name: &str, value: &Value) -> Option<T> {
        let (_, meaning, example) = KEYS.into_iter().find(|key| key.0 == name)?;
        self.errors.at(
            value,
            format!("`{name}` is {meaning}; as in `{name}: {example}`"),
        );
        None
    }

    fn arch(&mut self) -> Option<u64> {
        match self.setting("arch")? {
            Value::Word(arch) if arch == "arm64" => Some(ARM64),
            Value::Word(arch) => {
                self.errors.at(
                    arch,
                    format!("unknown architecture `{arch}`: there is `arm64`"),
                );
                None
            }
            value => self.misfit("arch", value),
        }
    }

    fn coproc(&mut self) -> Option<u64> {
        match self.setting("coproc")? {
            Value::Number(coproc) if coproc.value <= MAX_COPROC => {
                Some(coproc.value << COPROC_SHIFT)
            }
            Value::Number(coproc) => {
                let message = format!(
                    "coprocessor {:#x} does not fit bits 27:16 of an ID: at most {MAX_COPROC:#x}",
                    coproc.value,
                );
                self.errors.at(coproc, message);
                None
            }
            value => self.misfit("coproc", value),
        }
    }

    fn slices(&mut self) -> Option<u16> {
        match self.setting("slices")? {
            Value::Number(slices) => self.within(
                slices,
                slices.value,
                1..=MAX_ENTRIES,
                "the number of slices",
            ),
            value => self.misfit("slices", value),
        }
    }

    fn vqs(&mut self) -> Option<Vqs> {
        let range = self.setting("vq")?;
        let Value::Range(first, last) = range else {
            return self.misfit("vq", range);
        };
        if first.value > last.value {
            let (first, last) = (first.value, last.value);
            let message = format!(
                "the range {first}..={last} is empty: the smaller VQ comes first, {last}..={first}"
            );
            self.errors.at(range, message);
            return None;
        }
        let min = self.within(first, first.value, VQS, "the smallest VQ");
        let max = self.within(last, last.value, VQS, "the largest VQ");
        Some(Vqs {
            min: min?,
            max: max?,
        })
    }

    fn within(
        &mut self,
        tokens: impl ToTokens,
        value: u64,
        allowed: RangeInclusive<u64>,
        what: &str,
    ) -> Option<u16> {
        let fitting = u16::try_from(value)
            .ok()
            .filter(|_| allowed.contains(&value));
        if fitting.is_none() {
            let (first, last) = allowed.into_inner();
            self.errors.at(
                tokens,
                format!("{what} is {value}: allowed are {first} to {last}"),
            );
        }
        fitting
    }
}

/// The lines, one by one.
impl<'a> Check<'a> {
    fn bank(&mut self, ast: &'a ast::Bank, slices: Option<u16>, vqs: Vqs) -> Option<Bank<'a>> {
        self.name(&ast.name);
        let max_count = self.max_count(ast, vqs);
        let (slices, slice, width) = match &ast.shape {
            Shape::Whole(size) => (Some(1), size, size),
            Shape::Sliced { slice, width } => (slices, slice, width),
        };
        let slice_bytes = self.slice_bytes(ast, slice);
        if let Shape::Sliced { width, .. } = &ast.shape {
            self.width(width);
        }
        let step = self.step(ast, slices);
        let bank = Bank {
            ast,
            base: self.within(&ast.base, ast.base.value, 0..=MAX_LOW, "the base")?,
            step: step?,
            count: ast.count.as_ref().map_or(
                PerVq {
                    fixed: 1,
                    per_vq: 0,
                },
                |count| PerVq::of(count, 1),
            ),
            max_count: max_count?,
            slices: slices?,
            slice_bytes: slice_bytes?,
            width: PerVq::of(width, 8),
        };
        self.fits_slices(&bank, width, vqs);
        self.fits_id(&bank).then_some(bank)
    }

    /// Refuses names that cannot be those of a type, its constants and its functions.
    fn name(&mut self, name: &Ident) {
        let text = name.to_string();
        let letters = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !letters || text.starts_with('_') {
            let message = "a bank's name has ASCII letters, digits and `_`, a letter first";
            self.errors.at(name, message);
        } else if RESERVED.contains(&text.as_str()) {
            self.errors.at(
                name,
                format!("every layout has a `{text}`: choose another name"),
            );
        } else if syn::parse_str::<Ident>(&text.to_lowercase()).is_err() {
            let keyword = text.to_lowercase();
            let message = format!("bank `{text}` would have a function `{keyword}`, a keyword");
            self.errors.at(name, message);
        }
    }

    fn max_count(&mut self, ast: &ast::Bank, vqs: Vqs) -> Option<u16> {
        let Some(count) = &ast.count else {
            return Some(1);
        };
        let what = match count.per_vq {
            0 => format!("the number of `{}` registers", ast.name),
            _ => format!("the number of `{}` registers at VQ {}", ast.name, vqs.max),
        };
        self.within(count, count.at(vqs.max), 1..=MAX_ENTRIES, &what)
    }

    fn slice_bytes(&mut self, ast: &ast::Bank, slice: &Quantity) -> Option<u32> {
        if slice.per_vq > 0 {
            let message = match ast.shape {
                Shape::Whole(_) => {
                    "a register that grows with `vq` is moved in slices of one size: \
                     `slice 2048 bits, width 128 * vq bits`"
                }
                Shape::Sliced { .. } => {
                    "a slice has one size, which is part of its ID: a number of bits without `vq`"
                }
            };
            self.errors.at(slice, message);
            return None;
        }
        if let (Place::View(_), Shape::Sliced { .. }) = (&ast.place, &ast.shape) {
            self.errors.at(
                slice,
                "a view is moved whole: write its size alone, `128 bits`",
            );
            return None;
        }
        let bits = u32::try_from(slice.fixed)
            .ok()
            .filter(|bits| SIZES_IN_BITS.contains(bits));
        if bits.is_none() {
            let message = format!(
                "KVM has no registers of {} bits: allowed are {}",
                slice.fixed,
                SIZES_IN_BITS.map(|bits| bits.to_string()).join(", "),
            );
            self.errors.at(slice, message);
        }
        bits.map(|bits| bits / 8)
    }

    fn width(&mut self, width: &Quantity) {
        if width.fixed == 0 && width.per_vq == 0 {
            self.errors.at(width, "a register has at least 8 bits");
        } else if width.fixed % 8 > 0 || width.per_vq % 8 > 0 {
            let width = width.to_token_stream();
            let message = format!("{width} bits is no whole number of bytes: use multiples of 8");
            self.errors.at(width, message);
        }
    }

    fn step(&mut self, ast: &ast::Bank, slices: Option<u16>) -> Option<u16> {
        match (&ast.count, &ast.step) {
            // A single register spans its slices.
            (None, None) => slices,
            (None, Some(step)) => {
                let message = format!(
                    "`{name}` is one register and needs no step; several are `{name}[2]`",
                    name = ast.name,
                );
                self.errors.at(step, message);
                None
            }
            (Some(_), None) => {
                let message = format!(
                    "the `{}` registers need the distance between their IDs: `at {} step {}`",
                    ast.name,
                    ast.base.to_token_stream(),
                    slices.unwrap_or(32),
                );
                self.errors.at(&ast.base, message);
                None
            }
            (Some(_), Some(step)) => {
                let least = slices.unwrap_or(1);
                let value = self.within(step, step.value, 0..=MAX_LOW, "the step")?;
                if value < least {
                    let message = format!(
                        "step {value} makes IDs of two `{}` registers equal: \
                         each has {}, so the step is at least {least}",
                        ast.name,
                        plural(least),
                    );
                    self.errors.at(step, message);
                    return None;
                }
                Some(value)
            }
        }
    }

    fn fits_slices(&mut self, bank: &Bank, width: &Quantity, vqs: Vqs) {
        let room = u64::from(bank.slices) * u64::from(bank.slice_bytes) * 8;
        let bits = width.at(vqs.max);
        if bits > room {
            let message = format!(
                "`{name}` is {bits} bits wide at VQ {vq}, but {slices} of {slice} bits hold {room}: \
                 lower the width or the largest VQ, or raise `slices`",
                name = bank.ast.name,
                vq = vqs.max,
                slices = plural(bank.slices),
                slice = bank.slice_bytes * 8,
            );
            self.errors.at(width, message);
        }
    }

    fn fits_id(&mut self, bank: &Bank) -> bool {
        let span = bank.span();
        let last = u64::from(bank.base) + span;
        if last <= MAX_LOW {
            return true;
        }
        let name = bank.slice(bank.max_count - 1, bank.slices - 1);
        let fix = match MAX_LOW.checked_sub(span) {
            Some(base) => format!("the base is at most {base:#x}"),
            None => "fewer registers, a smaller step or fewer slices would fit".to_owned(),
        };
        let message = format!(
            "`{name}` would have {last:#x} in bits 15:0 of its ID, which end at {MAX_LOW:#x}: {fix}"
        );
        self.errors.at(&bank.ast.base, message);
        false
    }
}

fn plural(slices: u16) -> String {
    format!("{slices} slice{}", if slices == 1 { "" } else { "s" })
}

/// The layout as a whole.
impl Check<'_> {
    /// Whether there is something, and not too much for the compiler to compute.
    fn sizes(&mut self, banks: &[Bank], vqs: Vqs) -> bool {
        let name = &self.ast.name;
        if self.ast.banks.is_empty() && self.errors.is_empty() {
            self.errors
                .at(name, "a layout has at least one bank: `bank Z[32] at …;`");
        }
        let lengths = u64::from(vqs.max - vqs.min) + 1;
        let registers: u64 = banks.iter().map(|bank| u64::from(bank.max_count)).sum();
        let few = registers.saturating_mul(lengths) <= MAX_ENTRIES;
        if !few {
            let message = format!(
                "{registers} registers at {lengths} vector lengths are more than the \
                 {MAX_ENTRIES} bounds that a layout may have: split it, or narrow `vq`"
            );
            self.errors.at(name, message);
        }
        let bytes = |bank: &Bank| {
            bank.count
                .at(vqs.max)
                .saturating_mul(bank.width.at(vqs.max))
        };
        let in_image = banks
            .iter()
            .filter(|bank| matches!(bank.ast.place, Place::Image));
        let image = in_image.map(bytes).fold(0, u64::saturating_add);
        if image > MAX_IMAGE_BYTES {
            let message = format!(
                "the image would have {image} bytes at VQ {}: at most {MAX_IMAGE_BYTES}",
                vqs.max,
            );
            self.errors.at(name, message);
        }
        few
    }

    /// Refuses names that would be generated twice.
    fn names(&mut self, banks: &[Bank]) {
        let mut types = BTreeMap::new();
        let mut values = BTreeMap::new();
        for bank in banks {
            let name = &bank.ast.name;
            if types.insert(name.to_string(), name).is_some() {
                self.errors.at(name, format!("`{name}` is declared twice"));
                continue;
            }
            for value in bank.values() {
                if let Some(other) = values.insert(value.clone(), name) {
                    let message = format!(
                        "bank `{name}` would have a `{value}`, which bank `{other}` has: \
                         rename one of them"
                    );
                    self.errors.at(name, message);
                    break;
                }
            }
        }
    }

    /// Refuses banks of which two registers have the same ID, size field and all.
    fn collisions(&mut self, banks: &[Bank], prefix: Option<u64>) {
        let Some(prefix) = prefix else { return };
        let mut owners = BTreeMap::new();
        for bank in banks {
            for (number, slice) in bank.ids() {
                let id = bank.id(number, slice);
                let Some((other, theirs)) = owners.insert(id, (bank, (number, slice))) else {
                    continue;
                };
                let message = format!(
                    "`{}` would have ID {:#018x}, which `{}` has: \
                     bank `{}` takes {:#x} to {:#x} of bits 15:0",
                    bank.slice(number, slice),
                    prefix | id,
                    other.slice(theirs.0, theirs.1),
                    other.ast.name,
                    other.base,
                    u64::from(other.base) + other.span(),
                );
                self.errors.at(&bank.ast.base, message);
                break;
            }
        }
    }
}
