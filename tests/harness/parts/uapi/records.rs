//! Where `sve-state` has the registers in signal frames and register sets. Nothing is taken from its
//! constants, because a register is where a parser finds it, and where a known number ends up when it is
//! written.

use anyhow::{Context as _, Result, ensure};
use sve_state::layout::{InImage, Register};
use sve_state::regset::{FpsimdState, Payload, Regset, VL_INHERIT, VL_ONEXEC};
use sve_state::signal::{self, Frame, SveContext};
use sve_state::vcpu::Status;
use sve_state::{SveState, Vq, fpsimd, sve};

/// Numbers that occur nowhere else.
const STATUS: Status = Status {
    fpsr: 0x5a01_02a5,
    fpcr: 0x5a03_04a5,
};

/// The lines for one vector length.
pub(super) fn at(vq: Vq, lines: &mut Vec<String>) -> Result<()> {
    let state = SveState::zeroed(vq)?;

    let mut bytes = [0; 16384];
    SveContext::from_state(&state).write(&mut bytes)?;
    let context = SveContext::parse(&bytes)?;
    let found = context.state.context("it was written with registers")?;
    registers("sve_context", &found, &bytes, lines);
    // The smallest size with which there are registers.
    let mut sizes = 16_u32..;
    let least = sizes.find(|size| {
        let mut bytes = bytes;
        bytes[4..8].copy_from_slice(&size.to_ne_bytes());
        SveContext::parse(&bytes).is_ok_and(|context| context.state.is_some())
    });
    let least = least.context("no size is large enough")?;
    lines.push(format!("sve_context\tVQ {vq}\t{least} bytes"));

    let size = Regset::from_state(&state, STATUS).write(&mut bytes)?;
    let bytes = &bytes[..size];
    let Payload::Sve { state: found, .. } = Regset::parse(bytes)?.payload() else {
        anyhow::bail!("a register set was written with registers, and read without");
    };
    registers("regset", &found, bytes, lines);
    for (name, number) in [("FPSR", STATUS.fpsr), ("FPCR", STATUS.fpcr)] {
        // The last one, because the first may be gdb's copy.
        let offset = places(bytes, &number.to_ne_bytes()).last();
        let offset = offset.with_context(|| format!("{name} was not written"))?;
        lines.push(format!(
            "regset\tVQ {vq}\t{name}0\toffset {offset}\twidth 4"
        ));
    }
    let fpsimd = Regset::from_fpsimd(Some(vq), FpsimdState::from_state(&state, STATUS)).size();
    lines.push(format!(
        "regset\tVQ {vq}\tSVE {size} bytes\tFPSIMD {fpsimd} bytes"
    ));
    Ok(())
}

fn registers(kind: &str, state: &SveState<&[u8]>, bytes: &[u8], lines: &mut Vec<String>) {
    fn bank<B: InImage<Layout = sve::Layout>>(
        kind: &str,
        state: &SveState<&[u8]>,
        bytes: &[u8],
        lines: &mut Vec<String>,
    ) {
        for register in Register::<B>::all() {
            let (name, n) = (Register::<B>::BANK.name, register.number());
            let found = state.register(register);
            let offset = found.as_ptr().addr() - bytes.as_ptr().addr();
            let (vq, width) = (state.vq(), found.len());
            lines.push(format!(
                "{kind}\tVQ {vq}\t{name}{n}\toffset {offset}\twidth {width}"
            ));
        }
    }
    bank::<sve::bank::Z>(kind, state, bytes, lines);
    bank::<sve::bank::P>(kind, state, bytes, lines);
    bank::<sve::bank::FFR>(kind, state, bytes, lines);
}

/// Where these bytes are.
fn places(bytes: &[u8], wanted: &[u8]) -> impl Iterator<Item = usize> {
    let windows = bytes.windows(wanted.len()).enumerate();
    windows.filter_map(move |(at, window)| (window == wanted).then_some(at))
}

/// The lines on the fields of structures, and their sizes.
pub(super) fn fields(lines: &mut Vec<String>) -> Result<()> {
    let vq = Vq::new(2)?;
    let mut state = SveState::zeroed(vq)?;
    // Different first and last bytes tell the V registers apart, in either byte order.
    let (first, last) = ([0x5b; 16], [0x5c; 16]);
    state.set_view(fpsimd::V0, &first);
    state.set_view(fpsimd::V31, &last);
    let fpsimd = FpsimdState::from_state(&state, STATUS);
    let (fpsr, fpcr) = (STATUS.fpsr.to_ne_bytes(), STATUS.fpcr.to_ne_bytes());

    let mut bytes = [0; 2048];
    let regset = Regset::from_state(&state, Status::default()).with_max_vq(Vq::ARCH_MAX);
    regset
        .with_flags(VL_INHERIT | VL_ONEXEC)
        .write(&mut bytes)?;
    let wanted: [(&str, &[u8]); 5] = [
        ("size", &1136_u32.to_ne_bytes()),
        ("max_size", &8768_u32.to_ne_bytes()),
        ("vl", &32_u16.to_ne_bytes()),
        ("max_vl", &256_u16.to_ne_bytes()),
        ("flags", &7_u16.to_ne_bytes()),
    ];
    numbers("user_sve_header", &bytes[..16], &wanted, lines)?;

    let size = fpsimd.write(&mut bytes)?;
    vregs("user_fpsimd_state", &bytes[..size], [&first, &last], lines)?;
    let wanted: [(&str, &[u8]); 2] = [("fpsr", &fpsr), ("fpcr", &fpcr)];
    numbers("user_fpsimd_state", &bytes[..size], &wanted, lines)?;
    lines.push(format!("size\tuser_fpsimd_state\t{size} bytes"));

    let size = fpsimd.write_context(&mut bytes)?;
    let wanted: [(&str, &[u8]); 4] = [
        ("head.magic", &FpsimdState::MAGIC.to_ne_bytes()),
        ("head.size", &528_u32.to_ne_bytes()),
        ("fpsr", &fpsr),
        ("fpcr", &fpcr),
    ];
    numbers("fpsimd_context", &bytes[..size], &wanted, lines)?;
    vregs("fpsimd_context", &bytes[..size], [&first, &last], lines)?;
    lines.push(format!("size\tfpsimd_context\t{size} bytes"));

    let mut context = SveContext::from_state(&state);
    context.streaming = true;
    context.write(&mut bytes)?;
    let wanted: [(&str, &[u8]); 4] = [
        ("head.magic", &signal::SVE_MAGIC.to_ne_bytes()),
        ("head.size", &1120_u32.to_ne_bytes()),
        ("vl", &32_u16.to_ne_bytes()),
        ("flags", &signal::FLAG_SM.to_ne_bytes()),
    ];
    numbers("sve_context", &bytes[..16], &wanted, lines)?;
    extra_context(lines)?;

    let (bytes, offset) = (signal::RESERVED_BYTES, signal::RESERVED_OFFSET);
    lines.push(format!("size\tsigcontext.__reserved\t{bytes} bytes"));
    lines.push(format!(
        "place\tucontext.uc_mcontext.__reserved\toffset {offset}"
    ));
    Ok(())
}

/// Each of these numbers is in the structure once.
fn numbers(
    record: &str,
    bytes: &[u8],
    wanted: &[(&str, &[u8])],
    lines: &mut Vec<String>,
) -> Result<()> {
    for (field, number) in wanted {
        let aligned = |at: &usize| at.is_multiple_of(number.len());
        let found: Vec<_> = places(bytes, number).filter(aligned).collect();
        let once = found.len() == 1;
        ensure!(
            once,
            "{record}.{field} stands at {found:?}, and is to stand once"
        );
        let (at, width) = (found[0], number.len());
        lines.push(format!(
            "field\t{record}.{field}\toffset {at}\twidth {width}"
        ));
    }
    Ok(())
}

fn vregs(
    record: &str,
    bytes: &[u8],
    [first, last]: [&[u8]; 2],
    lines: &mut Vec<String>,
) -> Result<()> {
    let (Some(first), Some(last)) = (places(bytes, first).next(), places(bytes, last).next())
    else {
        anyhow::bail!("{record}: the V registers were not written");
    };
    let width = last + 16 - first;
    lines.push(format!(
        "field\t{record}.vregs\toffset {first}\twidth {width}"
    ));
    Ok(())
}

/// In a whole frame with the largest registers, `extra_context` follows `fpsimd_context`.
fn extra_context(lines: &mut Vec<String>) -> Result<()> {
    const ADDRESS: u64 = 0x1234_5670_0000;
    let state = SveState::zeroed(Vq::ARCH_MAX)?;
    let frame = Frame {
        fpsimd: FpsimdState::from_state(&state, STATUS),
        sve: Some(SveContext::from_state(&state)),
    };
    let mut bytes = vec![0xee; frame.size()];
    frame.write(ADDRESS, &mut bytes)?;
    let found = Frame::parse(&bytes)?.sve.and_then(|sve| sve.state);
    let found = found.context("it was written with registers")?;
    let start = found.as_bytes().as_ptr().addr() - bytes.as_ptr().addr() - 16;
    let extra = &bytes[FpsimdState::CONTEXT_BYTES..];
    let size = u32::from_ne_bytes(extra[4..8].try_into()?);
    let wanted: [(&str, &[u8]); 4] = [
        ("head.magic", &signal::EXTRA_MAGIC.to_ne_bytes()),
        ("head.size", &size.to_ne_bytes()),
        ("datap", &(ADDRESS + start as u64).to_ne_bytes()),
        // All registers, and a null record.
        ("size", &(8752 + 16_u32).to_ne_bytes()),
    ];
    numbers("extra_context", &extra[..size as usize], &wanted, lines)?;
    lines.push(format!("size\textra_context\t{size} bytes"));
    Ok(())
}
