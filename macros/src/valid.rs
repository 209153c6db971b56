//! Finds what is wrong with a layout and, if nothing is, turns it into the numbers that `expand.rs` emits.
//!
//! Every mistake is reported, not only the first: a value that is refused leaves out the checks that need it,
//! and all others still run.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use proc_macro2::Ident;
use quote::ToTokens;
use syn::Path;

use crate::ast::{self, Number, Place, Quantity, Setting, Shape, Value, is_doc};
use crate::diagnostic::{Errors, did_you_mean, mistake, one_of};

/// `KVM_REG_ARM64`, bits 63:56 of an ID.
const ARM64: u64 = 0x6000_0000_0000_0000;
/// `KVM_REG_SIZE_SHIFT`: bits 55:52 of an ID hold log2 of the size in bytes.
const SIZE_SHIFT: u32 = 52;
/// `KVM_REG_ARM_COPROC_SHIFT`: bits 27:16 of an ID hold the coprocessor.
const COPROC_SHIFT: u32 = 16;
const MAX_COPROC: u64 = 0xfff;
/// Bits 15:0 of an ID are left to the layout.
const MAX_LOW: u64 = 0xffff;
/// `KVM_REG_SIZE_U8` to `KVM_REG_SIZE_U2048`.
const SIZES_IN_BITS: [u32; 9] = [8, 16, 32, 64, 128, 256, 512, 1024, 2048];
/// The VQs of the ABI, `KVM_ARM64_SVE_VQ_MIN` to `KVM_ARM64_SVE_VQ_MAX`.
const VQS: RangeInclusive<u64> = 1..=512;
/// The largest product of registers and vector lengths that a layout may have. The compiler takes time to
/// compute an entry of the table `BOUNDS` for each, and also for the traits of each number and slice, of which
/// there may be as many: a minute for 32,768. SVE with all vector lengths of the ABI would have 50 · 512.
const MAX_ENTRIES: u64 = 1 << 15;
/// Names that the macro generates itself, which a bank therefore cannot have.
pub(crate) const RESERVED: [&str; 8] = [
    "BOUNDS",
    "Layout",
    "MAX_IMAGE_BYTES",
    "REGISTERS",
    "Reg",
    "Slice",
    "bank",
    "number",
];
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

/// A layout with nothing wrong.
pub(crate) struct Layout<'a> {
    pub(crate) ast: &'a ast::Layout,
    /// The bits that all IDs share, which hold the architecture and the coprocessor.
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

/// A bank with nothing wrong, with the numbers that become a `sve_state::layout::Bank`.
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
    const ONE: Self = Self {
        fixed: 1,
        per_vq: 0,
    };

    /// A quantity in units of `unit`. A part that does not fit in 32 bits becomes `u32::MAX`, which the checks
    /// of the quantity refuse.
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

    /// `Z3`, `Z3 slice 1`.
    fn slice(&self, (number, slice): (u16, u16)) -> String {
        match slice {
            0 => self.register(number),
            _ => format!("{} slice {slice}", self.register(number)),
        }
    }

    /// The function `z::<3>()`.
    pub(crate) fn function(&self) -> Option<String> {
        self.ast.count.as_ref()?;
        Some(self.ast.name.to_string().to_lowercase())
    }

    /// The function `z_slice::<3, 1>()`.
    pub(crate) fn slice_function(&self) -> Option<String> {
        let name = self.ast.name.to_string().to_lowercase();
        self.ast.shape.is_sliced().then(|| format!("{name}_slice"))
    }

    /// The constants and functions that the bank adds to its layout.
    fn values(&self) -> impl Iterator<Item = String> {
        let constants = (0..self.max_count).map(|number| self.register(number));
        constants
            .chain(self.function())
            .chain(self.slice_function())
    }

    /// The number and slice of everything in the bank that has an ID.
    fn places(&self) -> impl Iterator<Item = (u16, u16)> {
        let slices = self.slices;
        (0..self.max_count).flat_map(move |number| (0..slices).map(move |slice| (number, slice)))
    }

    /// An ID without the prefix.
    pub(crate) fn id(&self, (number, slice): (u16, u16)) -> u64 {
        let low = u64::from(self.base) + u64::from(number) * u64::from(self.step);
        u64::from(self.slice_bytes.trailing_zeros()) << SIZE_SHIFT | (low + u64::from(slice))
    }

    /// The distance from the bank's first ID to its last.
    fn span(&self) -> u64 {
        u64::from(self.max_count - 1) * u64::from(self.step) + u64::from(self.slices - 1)
    }
}

impl<'a> Layout<'a> {
    /// The layout, or everything that is wrong with it.
    pub(crate) fn check(ast: &'a ast::Layout) -> syn::Result<Self> {
        let mut errors = ast.errors.clone();
        check_keys(ast, &mut errors);
        let arch = setting(ast, &mut errors, "arch", arch);
        let coproc = setting(ast, &mut errors, "coproc", coproc);
        let prefix = arch.zip(coproc).map(|(arch, coproc)| arch | coproc);
        let slices = setting(ast, &mut errors, "slices", slices);
        let vqs = setting(ast, &mut errors, "vq", vqs);
        // If `vq` is wrong, the other checks assume VQ 1: since sizes only grow with VQ, what is too large
        // there is too large at every VQ.
        let assumed = vqs.unwrap_or(Vqs { min: 1, max: 1 });
        let check = |bank| check_bank(bank, slices, assumed, &mut errors);
        let banks: Vec<_> = ast.banks.iter().filter_map(check).collect();
        check_names(ast, &mut errors);
        check_views(ast, &mut errors);
        if errors.keep(check_size(ast, &banks, assumed)).is_some() {
            check_values(&banks, &mut errors);
            check_collisions(&banks, &mut errors);
        }
        errors.finish()?;
        match (prefix, vqs) {
            (Some(prefix), Some(vqs)) => Ok(Self {
                ast,
                prefix,
                vqs,
                slices,
                banks,
            }),
            // Never shown, because the missing setting has already been reported.
            _ => Err(mistake!(&ast.name, "a setting is missing")),
        }
    }
}

/// Refuses views that do not fit into the bank that they show, where that bank is in the same call. A bank
/// elsewhere is known only to the compiler, which makes the same checks.
pub(crate) fn check_shown(layout: &Layout, call: &[syn::Result<Layout>]) -> syn::Result<()> {
    let mut errors = Errors::default();
    for view in &layout.banks {
        let Place::View(path) = &view.ast.place else {
            continue;
        };
        let Some((vq, bank)) = shown(path, call) else {
            continue;
        };
        let name = &view.ast.name;
        let shown = path.to_token_stream().to_string().replace(' ', "");
        let at_vq = |part: PerVq| match part.per_vq {
            0 => String::new(),
            _ => format!(" at VQ {vq}"),
        };
        if let Some(word) = bank.ast.place.without_place() {
            errors.push(mistake!(
                path,
                "`{shown}` is a {word}, with no place in the image: a view shows a bank"
            ));
            continue;
        }
        let (own, count) = (u64::from(view.max_count), bank.count.at(vq));
        if own > count {
            errors.push(mistake!(
                &view.ast.count,
                "`{name}` has {own} registers, and `{shown}`, which it shows, has {count}{}",
                at_vq(bank.count)
            ));
        }
        let (own, width) = (8 * u64::from(view.slice_bytes), 8 * bank.width.at(vq));
        if own > width {
            let Shape::Whole(size) = &view.ast.shape else {
                continue;
            };
            errors.push(mistake!(
                size,
                "`{name}` has {own} bits, and a register of `{shown}`, which it shows, has {width}{}",
                at_vq(bank.width)
            ));
        }
    }
    errors.finish()
}

/// The bank that a path names and the smallest VQ of its layout, if that can be determined here.
fn shown<'a>(path: &Path, call: &'a [syn::Result<Layout>]) -> Option<(u16, &'a Bank<'a>)> {
    let mut names = path.segments.iter().map(|segment| &segment.ident);
    let (module, name) = (names.next()?, names.next()?);
    let mut layouts = call.iter().flatten().filter(|l| l.ast.name == *module);
    // With two modules of that name, or a `cfg` on one, the path may lead to another bank.
    let layout = layouts.next().filter(|l| l.ast.attrs.iter().all(is_doc))?;
    let bank = layout.banks.iter().find(|bank| bank.ast.name == *name)?;
    let told = path.leading_colon.is_none() && names.next().is_none() && layouts.next().is_none();
    told.then_some((layout.vqs.min, bank))
}

/// Refuses keys that are unknown, given twice or missing.
fn check_keys(ast: &ast::Layout, errors: &mut Errors) {
    let names = KEYS.map(|(name, ..)| name);
    // A key that was misspelt or misread would also seem to be missing, so in that case none is reported as
    // missing.
    let mut complete = !ast.misread;
    for (i, Setting { key, .. }) in ast.settings.iter().enumerate() {
        if !names.iter().any(|name| key == name) {
            complete = false;
            let hint = did_you_mean(&key.to_string(), &names)
                .unwrap_or_else(|| format!(": a key is {}", one_of(&names)));
            errors.push(mistake!(key, "unknown key `{key}`{hint}"));
        } else if ast.settings[..i].iter().any(|other| other.key == *key) {
            errors.push(mistake!(key, "key `{key}` is given twice"));
        }
    }
    for (name, meaning, example) in KEYS {
        let given = ast.settings.iter().any(|setting| setting.key == name);
        let needed = name != "slices" || ast.banks.iter().any(|bank| bank.shape.is_sliced());
        if complete && needed && !given {
            errors.push(mistake!(
                &ast.name,
                "missing key `{name}`, {meaning}, as in `{name}: {example}`"
            ));
        }
    }
}

fn setting<T>(
    ast: &ast::Layout,
    errors: &mut Errors,
    name: &str,
    read: fn(&Value) -> syn::Result<T>,
) -> Option<T> {
    let setting = ast.settings.iter().find(|setting| setting.key == name)?;
    errors.keep(read(&setting.value))
}

fn arch(value: &Value) -> syn::Result<u64> {
    match value {
        Value::Word(arch) if arch == "arm64" => Ok(ARM64),
        Value::Word(arch) => Err(mistake!(
            arch,
            "unknown architecture `{arch}`: `arm64` is the only one"
        )),
        _ => misfit("arch", value),
    }
}

fn coproc(value: &Value) -> syn::Result<u64> {
    let Value::Number(coproc) = value else {
        return misfit("coproc", value);
    };
    let coproc = field(coproc, "coprocessor", "27:16", MAX_COPROC)?;
    Ok(u64::from(coproc) << COPROC_SHIFT)
}

fn slices(value: &Value) -> syn::Result<u16> {
    let Value::Number(slices) = value else {
        return misfit("slices", value);
    };
    within(
        slices,
        slices.value,
        1..=MAX_ENTRIES,
        "the number of slices",
    )
}

fn vqs(value: &Value) -> syn::Result<Vqs> {
    let Value::Range(first, last) = value else {
        return misfit("vq", value);
    };
    let (min, max) = (first.value, last.value);
    if min > max {
        return Err(mistake!(
            value,
            "the range {min}..={max} is empty: the smaller VQ is first, {max}..={min}"
        ));
    }
    let min = within(first, min, VQS, "the smallest VQ");
    let max = within(last, max, VQS, "the largest VQ");
    let (min, max) = both(min, max)?;
    Ok(Vqs { min, max })
}

/// The error for a value of the wrong kind, such as a number where a range is needed.
fn misfit<T>(name: &str, value: &Value) -> syn::Result<T> {
    let key = KEYS.into_iter().find(|key| key.0 == name);
    let (_, meaning, example) = key.unwrap_or_default();
    Err(mistake!(
        value,
        "`{name}` is {meaning}, as in `{name}: {example}`"
    ))
}

/// Both values, or the errors of both.
fn both<T>(a: syn::Result<T>, b: syn::Result<T>) -> syn::Result<(T, T)> {
    match (a, b) {
        (Err(mut a), Err(b)) => {
            a.combine(b);
            Err(a)
        }
        (a, b) => Ok((a?, b?)),
    }
}

fn within(
    tokens: impl ToTokens,
    value: u64,
    allowed: RangeInclusive<u64>,
    what: &str,
) -> syn::Result<u16> {
    let (first, last) = (allowed.start(), allowed.end());
    match u16::try_from(value) {
        Ok(fitting) if allowed.contains(&value) => Ok(fitting),
        _ => Err(mistake!(
            tokens,
            "{what} is {value}: allowed are {first} to {last}"
        )),
    }
}

/// The number, if it fits in these bits of an ID.
fn field(number: &Number, what: &str, bits: &str, max: u64) -> syn::Result<u16> {
    let value = number.value;
    match u16::try_from(value) {
        Ok(fitting) if value <= max => Ok(fitting),
        _ => Err(mistake!(
            number,
            "{what} {value:#x} does not fit bits {bits} of an ID: at most {max:#x}"
        )),
    }
}

fn check_bank<'a>(
    ast: &'a ast::Bank,
    slices: Option<u16>,
    vqs: Vqs,
    errors: &mut Errors,
) -> Option<Bank<'a>> {
    errors.keep(name(&ast.name));
    let (slices, slice, width) = match &ast.shape {
        Shape::Whole(size) => (Some(1), size, size),
        Shape::Sliced { slice, width } => (slices, slice, width),
    };
    let max_count = errors.keep(max_count(ast, vqs));
    let base = errors.keep(field(&ast.base, "base", "15:0", MAX_LOW));
    let step = errors.keep(step(ast, slices));
    let slice_bytes = errors.keep(slice_bytes(ast, slice));
    if ast.shape.is_sliced() {
        errors.keep(check_width(width));
    }
    let bank = Bank {
        ast,
        base: base?,
        step: step?,
        count: ast.count.as_ref().map_or(PerVq::ONE, |n| PerVq::of(n, 1)),
        max_count: max_count?,
        slices: slices?,
        slice_bytes: slice_bytes?,
        width: PerVq::of(width, 8),
    };
    errors.keep(fits_slices(&bank, vqs));
    errors.keep(fits_id(&bank)).map(|()| bank)
}

/// Refuses a name after which the type, the constants and the functions of the bank cannot be named.
fn name(name: &Ident) -> syn::Result<()> {
    let text = name.to_string();
    let lower = text.to_lowercase();
    let letters = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !letters || text.starts_with('_') {
        Err(mistake!(
            name,
            "a bank's name has ASCII letters, digits and `_`, a letter first"
        ))
    } else if RESERVED.contains(&text.as_str()) {
        Err(mistake!(
            name,
            "every layout already has a `{text}`: choose another name"
        ))
    } else if syn::parse_str::<Ident>(&lower).is_err() {
        Err(mistake!(
            name,
            "bank `{text}` would have a function `{lower}`, a keyword of Rust"
        ))
    } else {
        Ok(())
    }
}

fn max_count(ast: &ast::Bank, vqs: Vqs) -> syn::Result<u16> {
    let Some(count) = &ast.count else {
        return Ok(1);
    };
    let what = format!(
        "the number of `{}` registers{}",
        ast.name,
        at_vq(count, vqs)
    );
    within(count, count.at(vqs.max), 1..=MAX_ENTRIES, &what)
}

/// ` at VQ 16`, for a message about the largest value of a quantity, or nothing if the quantity does not grow
/// with VQ.
fn at_vq(quantity: &Quantity, vqs: Vqs) -> String {
    match quantity.per_vq {
        0 => String::new(),
        _ => format!(" at VQ {}", vqs.max),
    }
}

fn step(ast: &ast::Bank, slices: Option<u16>) -> syn::Result<u16> {
    let (name, base) = (&ast.name, &ast.base);
    let least = slices.unwrap_or(1);
    match (&ast.count, &ast.step) {
        // A single register spans its slices.
        (None, None) => Ok(least),
        (None, Some(step)) => Err(mistake!(
            step,
            "`{name}` is one register and needs no step; two are `{name}[2]`"
        )),
        (Some(_), None) => Err(mistake!(
            base,
            "`{name}` needs a distance from ID to ID: `at {} step {least}`",
            base.to_token_stream()
        )),
        (Some(_), Some(step)) => match field(step, "step", "15:0", MAX_LOW)? {
            small if small < least => Err(mistake!(
                step,
                "step {small} lets two `{name}` registers have one ID: \
                 each has {}, so the step is at least {least}",
                plural(least)
            )),
            step => Ok(step),
        },
    }
}

fn slice_bytes(ast: &ast::Bank, slice: &Quantity) -> syn::Result<u32> {
    if slice.per_vq > 0 && ast.shape.is_sliced() {
        return Err(mistake!(
            slice,
            "a slice has one size, which its ID tells: `vq` is for `width`"
        ));
    }
    if slice.per_vq > 0 {
        return Err(mistake!(
            slice,
            "a register that grows with `vq` is moved in slices of one size: \
             `slice 2048 bits, width 128 * vq bits`"
        ));
    }
    let known = SIZES_IN_BITS
        .iter()
        .find(|&&bits| u64::from(bits) == slice.fixed);
    known.map(|bits| bits / 8).ok_or_else(|| {
        mistake!(
            slice,
            "KVM has no registers of {} bits: allowed are {}",
            slice.fixed,
            SIZES_IN_BITS.map(|bits| bits.to_string()).join(", ")
        )
    })
}

/// Checks the width of a sliced register. A register that is moved whole is as wide as its slice, which has a
/// check of its own.
fn check_width(width: &Quantity) -> syn::Result<()> {
    if width.fixed == 0 && width.per_vq == 0 {
        return Err(mistake!(width, "a register has at least 8 bits"));
    }
    if width.fixed % 8 > 0 || width.per_vq % 8 > 0 {
        return Err(mistake!(
            width,
            "{} bits is not a whole number of bytes: use multiples of 8",
            width.to_token_stream()
        ));
    }
    Ok(())
}

fn fits_slices(bank: &Bank, vqs: Vqs) -> syn::Result<()> {
    let Shape::Sliced { slice, width } = &bank.ast.shape else {
        return Ok(());
    };
    let bits = width.at(vqs.max);
    if bits <= u64::from(bank.slices) * slice.fixed {
        return Ok(());
    }
    Err(mistake!(
        width,
        "`{}` is {bits} bits wide{}, more than {} of {} bits: \
         lower the width or the largest VQ, or raise `slices`",
        bank.ast.name,
        at_vq(width, vqs),
        plural(bank.slices),
        slice.fixed
    ))
}

fn fits_id(bank: &Bank) -> syn::Result<()> {
    let last = u64::from(bank.base) + bank.span();
    if last <= MAX_LOW {
        return Ok(());
    }
    let name = bank.slice((bank.max_count - 1, bank.slices - 1));
    let fix = match MAX_LOW.checked_sub(bank.span()) {
        Some(base) => format!("the base is at most {base:#x}"),
        None => "fewer registers, a smaller step or fewer slices would fit".to_owned(),
    };
    Err(mistake!(
        &bank.ast.base,
        "`{name}` would have {last:#x} in bits 15:0 of its ID, which end at {MAX_LOW:#x}: {fix}"
    ))
}

fn plural(slices: u16) -> String {
    format!("{slices} slice{}", if slices == 1 { "" } else { "s" })
}

/// Refuses a layout that is empty, or whose table `BOUNDS` would take the compiler too long.
///
/// The size of the image needs no check: each of its slices has an ID of its own, and since only 16 bits of an
/// ID distinguish slices of one size, there cannot be too many.
fn check_size(ast: &ast::Layout, banks: &[Bank], vqs: Vqs) -> syn::Result<()> {
    let name = &ast.name;
    if ast.banks.is_empty() && ast.errors.is_empty() {
        return Err(mistake!(
            name,
            "a layout has at least one bank: `bank Z[32] at …;`"
        ));
    }
    let lengths = u64::from(vqs.max - vqs.min) + 1;
    let registers: u64 = banks.iter().map(|bank| u64::from(bank.max_count)).sum();
    if registers.saturating_mul(lengths) > MAX_ENTRIES {
        return Err(mistake!(
            name,
            "{registers} registers at {lengths} vector lengths are more than the {MAX_ENTRIES} \
             bounds that a layout may have: split it, or narrow `vq`"
        ));
    }
    Ok(())
}

fn check_names(ast: &ast::Layout, errors: &mut Errors) {
    let mut names = BTreeSet::new();
    for ast::Bank { name, .. } in &ast.banks {
        if !names.insert(name) {
            errors.push(mistake!(name, "`{name}` is declared twice"));
        }
    }
}

/// Refuses a view whose path is just the name of a bank of this layout, because the compiler resolves the path
/// outside of the module, where that name is not known.
fn check_views(ast: &ast::Layout, errors: &mut Errors) {
    for bank in &ast.banks {
        let Place::View(path) = &bank.place else {
            continue;
        };
        let mut names = ast.banks.iter().map(|bank| &bank.name);
        if let Some(name) = names.find(|name| path.is_ident(*name)) {
            errors.push(mistake!(
                path,
                "`{name}` is a bank of this layout: write `{}::{name}`",
                ast.name
            ));
        }
    }
}

/// Refuses banks with different names that would both generate the same constant or function.
fn check_values(banks: &[Bank], errors: &mut Errors) {
    let mut values = BTreeMap::new();
    for bank in banks {
        let name = &bank.ast.name;
        let clash = |value: String| Some((values.insert(value.clone(), name)?, value));
        let clash = bank.values().find_map(clash);
        if let Some((other, value)) = clash.filter(|(other, _)| *other != name) {
            errors.push(mistake!(
                name,
                "bank `{name}` would bring a `{value}`, and so does bank `{other}`: rename one"
            ));
        }
    }
}

/// Refuses two banks in which a register of one has the same ID as a register of the other. IDs whose size
/// fields differ are different.
fn check_collisions(banks: &[Bank], errors: &mut Errors) {
    let mut owners = BTreeMap::new();
    for bank in banks {
        let clash = |place| Some((owners.insert(bank.id(place), (bank, place))?, place));
        if let Some(((other, theirs), ours)) = bank.places().find_map(clash) {
            errors.push(mistake!(
                &bank.ast.base,
                "`{}` would have the ID of `{}`, {:#x} in bits 15:0: choose a base outside of \
                 {:#x} to {:#x}, those of bank `{}`",
                bank.slice(ours),
                other.slice(theirs),
                bank.id(ours) & MAX_LOW,
                other.base,
                u64::from(other.base) + other.span(),
                other.ast.name
            ));
        }
    }
}
