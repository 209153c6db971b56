//! gdb's registers by number, against a table of gdb's own, on images and on vCPUs of every kind.

// Patterns, and sizes below 2^16.
#![allow(clippy::cast_possible_truncation)]

use sve_state::gdb::{self, Description, GdbError, Reg};
use sve_state::shim::Vcpu;
use sve_state::vcpu::{Finalized, Initialized, Status};
use sve_state::{SveState, Vls, Vq};

type Shim = Vcpu<Box<[u8]>>;

fn description(vq: u32) -> Description {
    Description::from_vls(Vq::new(vq).map_or(Vls::EMPTY, Vls::up_to)).unwrap()
}

fn vcpu(vq: u32) -> Finalized<Shim> {
    let host = Vls::up_to(Vq::new(vq.max(1)).unwrap());
    let mut vcpu = Vcpu::new(host).unwrap();
    if vq == 0 {
        vcpu.init_without_sve().unwrap();
        return Finalized::without_sve(vcpu);
    }
    vcpu.init_with_sve().unwrap();
    Initialized::new(vcpu).finalize().unwrap()
}

/// Names and bits as gdb has them, where VQ 0 is without SVE.
fn table(vq: u32) -> Vec<(String, u32)> {
    let mut table: Vec<_> = (0..31).map(|n| (format!("x{n}"), 64)).collect();
    table
        .extend([("sp", 64), ("pc", 64), ("cpsr", 32)].map(|(name, bits)| (name.to_owned(), bits)));
    let (v, bits) = if vq == 0 { ("v", 128) } else { ("z", 128 * vq) };
    table.extend((0..32).map(|n| (format!("{v}{n}"), bits)));
    table.extend(["fpsr", "fpcr"].map(|name| (name.to_owned(), 32)));
    if vq > 0 {
        table.extend((0..16).map(|n| (format!("p{n}"), 16 * vq)));
        table.extend([("ffr".to_owned(), 16 * vq), ("vg".to_owned(), 64)]);
    }
    table
}

fn pattern(number: u32, size: usize, seed: usize) -> Vec<u8> {
    (0..size)
        .map(|k| (number as usize + 37 * k + seed) as u8)
        .collect()
}

#[test]
fn numbers_names_and_sizes_are_gdbs() {
    for vq in 0..=16 {
        let (description, table) = (description(vq), table(vq));
        assert_eq!(description.count() as usize, table.len());
        assert_eq!(description.vq().map_or(0, |vq| vq.get().into()), vq);
        for (number, (name, bits)) in (0..).zip(&table) {
            let register = description.register(number).unwrap();
            assert_eq!(register.to_string(), *name);
            assert_eq!(8 * description.size(register), *bits as usize, "{name}");
        }
        let bytes = |table: &[(String, u32)]| table.iter().map(|(_, bits)| bits / 8).sum::<u32>();
        let (core, _) = table.split_at(gdb::CORE_REGISTERS as usize);
        assert_eq!(bytes(core) as usize, gdb::CORE_BYTES);
        let bytes = bytes(&table);
        assert_eq!(
            bytes,
            if vq == 0 {
                268 + 512 + 8
            } else {
                268 + 546 * vq + 16
            }
        );
        for number in [table.len() as u32, 86, u32::MAX] {
            let error = description.register(number).unwrap_err();
            let last = table.len() - 1;
            let text = format!("gdb's register {number}: there are 0 to {last}");
            assert_eq!(error.to_string(), text);
            assert_eq!(format!("{error:?}"), format!("GdbError({text})"));
        }
        // The document has them in the same order.
        let xml = description.to_string();
        let registers = xml
            .lines()
            .filter_map(|line| line.strip_prefix("<reg name=\""));
        let registers: Vec<_> = registers
            .map(|line| {
                let words: Vec<_> = line.split('"').collect();
                (words[0].to_owned(), words[2].parse::<u32>().unwrap())
            })
            .collect();
        assert_eq!(registers, table);
        // Its types fill a register.
        let mut fields = 0;
        for line in xml.lines() {
            let words: Vec<_> = line.split('"').collect();
            if line.starts_with("<field ") && words[2] == " type=" {
                let defined = format!(" id=\"{}\"", words[3]);
                assert!(xml.contains(&defined), "{line}");
                fields += 1;
            }
            if !line.starts_with("<vector ") {
                continue;
            }
            let element = match words[3] {
                "uint8" | "int8" => 1,
                "uint16" | "int16" | "ieee_half" | "bfloat16" => 2,
                "uint32" | "int32" | "ieee_single" => 4,
                "uint64" | "int64" | "ieee_double" => 8,
                "uint128" | "int128" => 16,
                other => panic!("{other}"),
            };
            let bytes = if words[1] == "vec_predicate" {
                2 * vq
            } else {
                16 * vq.max(1)
            };
            assert_eq!(words[5], (bytes / element).to_string(), "{line}");
        }
        assert!(fields > 10, "{xml}");
    }
    let vq = Vq::new(17).unwrap();
    let error = Description::from_vls(Vls::up_to(vq)).unwrap_err();
    assert_eq!(error.to_string(), "VQ 17: allowed are 1 to 16");
}

/// LLDB goes by the name of a register's type: one that starts with `vec` is bytes, and any other is an
/// integer, which is wrong or missing at most sizes of P.
#[test]
fn vector_types_have_names_that_lldb_takes_for_vectors() {
    for vq in 0..=16 {
        let xml = description(vq).to_string();
        let mut vectors = 0;
        for line in xml.lines().filter(|line| line.starts_with("<reg ")) {
            let words: Vec<_> = line.split('"').collect();
            let is_vector = words[1].starts_with(['z', 'v', 'p']) || words[1] == "ffr";
            if is_vector && !["vg", "pc"].contains(&words[1]) {
                assert!(words[5].starts_with("vec"), "{line}");
                assert!(xml.contains(&format!(" id=\"{}\"", words[5])), "{line}");
                vectors += 1;
            }
        }
        assert_eq!(vectors, if vq == 0 { 32 } else { 49 });
    }
}

/// The masks are `PSR_*` of Linux's `arch/arm64/include/uapi/asm/ptrace.h` and, where this has none and for
/// FPSR and FPCR, those of the Arm ARM. `cargo harness debuggers` compares gdb's own fields.
#[test]
fn the_fields_of_status_and_control_registers_have_their_bits() {
    let cpsr = "SP 1 EL c nRW 10 F 40 I 80 A 100 D 200 BTYPE c00 SSBS 1000 ALLINT 2000 IL 100000 SS 200000 \
        PAN 400000 UAO 800000 DIT 1000000 TCO 2000000 V 10000000 C 20000000 Z 40000000 N 80000000";
    let fpsr = "IOC 1 DZC 2 OFC 4 UFC 8 IXC 10 IDC 80 QC 8000000 V 10000000 C 20000000 Z 40000000 N 80000000";
    let fpcr = "FIZ 1 AH 2 NEP 4 IOE 100 DZE 200 OFE 400 UFE 800 IXE 1000 EBF 2000 IDE 8000 Len 70000 \
        FZ16 80000 Stride 300000 RMode c00000 FZ 1000000 DN 2000000 AHP 4000000";
    for vq in [0, 3] {
        let xml = description(vq).to_string();
        for (register, expected) in [("cpsr", cpsr), ("fpsr", fpsr), ("fpcr", fpcr)] {
            let kind = format!("{register}_flags");
            let of_register =
                format!("<reg name=\"{register}\" bitsize=\"32\" type=\"{kind}\"/>\n");
            assert!(xml.contains(&of_register));
            let (_, fields) = xml
                .split_once(&format!("<flags id=\"{kind}\" size=\"4\">\n"))
                .unwrap();
            let (fields, rest) = fields.split_once("</flags>\n").unwrap();
            let found: Vec<_> = fields
                .lines()
                .map(|line| {
                    let words: Vec<_> = line.split('"').collect();
                    let bit = |word: &str| word.parse::<u32>().unwrap();
                    let bits = bit(words[3])..=bit(words[5]);
                    format!("{} {:x}", words[1], bits.fold(0_u32, |n, k| n | 1 << k))
                })
                .collect();
            assert_eq!(found.join(" "), expected);
            // The type is in the same feature as the register.
            let (before, _) = rest.split_once(&of_register).unwrap();
            assert!(!before.contains("<feature "), "{register}");
        }
    }
}

#[test]
fn features_are_appended_after_the_descriptions_own() {
    for vq in [0, 2] {
        let description = description(vq);
        let feature = "<feature name=\"org.gnu.gdb.aarch64.tls\"><reg name=\"tpidr\" bitsize=\"64\"/></feature>\n";
        let plain = description.to_string();
        let (document, end) = plain.split_at(plain.find("</target>").unwrap());
        let xml = description.with_features(feature).to_string();
        assert_eq!(xml, format!("{document}{feature}{end}"));
        assert_eq!(description.with_features("").to_string(), plain);
        let last = xml.rfind("<reg ").unwrap();
        let number = xml[..last].matches("<reg ").count();
        assert_eq!(number, description.count() as usize);
    }
}

#[test]
fn a_vcpu_and_an_image_have_the_same_registers() {
    for vq in 0..=16 {
        let (mut vcpu, description) = (vcpu(vq), description(vq));
        assert_eq!(Description::from_vls(vcpu.vls()), Ok(description));
        let mut state = SveState::zeroed(Vq::new(vq.max(1)).unwrap()).unwrap();
        let mut status = Status::default();
        for number in 34..description.count() {
            let register = description.register(number).unwrap();
            let bytes = match register {
                Reg::Vg => u64::from(2 * vq).to_le_bytes().to_vec(),
                _ => pattern(number, description.size(register), 0),
            };
            gdb::write_vcpu(&mut vcpu, number, &bytes).unwrap();
            description
                .write(number, &mut state, &mut status, &bytes)
                .unwrap();
        }
        // Written by number, and read as a whole.
        assert_eq!(vcpu.capture().unwrap().as_bytes(), state.as_bytes());
        assert_eq!(vcpu.status().unwrap(), status);
        let expected: Vec<u8> = (34..description.count())
            .filter(|number| ![66, 67, 85].contains(number))
            .flat_map(|number| {
                pattern(
                    number,
                    description.size(description.register(number).unwrap()),
                    0,
                )
            })
            .collect();
        assert_eq!(state.as_bytes()[..expected.len()], expected);
        assert_eq!(status.fpsr.to_le_bytes()[..], pattern(66, 4, 0));
        assert_eq!(status.fpcr.to_le_bytes()[..], pattern(67, 4, 0));
        // And back by number.
        for number in 34..description.count() {
            let register = description.register(number).unwrap();
            let expected = match register {
                Reg::Vg => u64::from(2 * vq).to_le_bytes().to_vec(),
                _ => pattern(number, description.size(register), 0),
            };
            let (mut one, mut other) = ([0xee; gdb::MAX_BYTES], [0xee; gdb::MAX_BYTES]);
            assert_eq!(gdb::read_vcpu(&vcpu, number, &mut one).unwrap(), expected);
            let read = description.read(number, &state, status, &mut other);
            assert_eq!(read.unwrap(), expected, "{register} at VQ {vq}");
            assert!(one[expected.len()..].iter().all(|byte| *byte == 0xee));
        }
    }
}

#[test]
fn what_cannot_be_written_changes_nothing() {
    for vq in [0, 2] {
        let (mut vcpu, description) = (vcpu(vq), description(vq));
        let vq = Vq::new(vq.max(1)).unwrap();
        let (mut state, mut status) = (SveState::zeroed(vq).unwrap(), Status::default());
        for number in 0..description.count() + 1 {
            let sizes = (0..=300).chain([4096]);
            for size in sizes {
                let bytes = vec![1; size];
                let right = description
                    .register(number)
                    .map(|register| description.size(register));
                let kept = number >= 34 && right == Ok(size) && number != 85;
                let image = description.write(number, &mut state, &mut status, &bytes);
                let live = gdb::write_vcpu(&mut vcpu, number, &bytes);
                assert_eq!(
                    (image.is_ok(), live.is_ok()),
                    (kept, kept),
                    "{number}, {size}"
                );
                if let (Err(image), Err(live)) = (image, live) {
                    assert_eq!(image.to_string(), live.to_string());
                    let short = match image {
                        GdbError::Core { .. } => number < 34,
                        GdbError::Number { .. } => number == description.count(),
                        GdbError::Vg { found, vg } => (found, vg) == (0x0101_0101_0101_0101, 4),
                        GdbError::Size {
                            expected, found, ..
                        } => (right, found) == (Ok(expected), size),
                        _ => false,
                    };
                    assert!(short, "{image}");
                }
            }
            let live = vcpu.capture().unwrap();
            assert_eq!(live.as_bytes(), state.as_bytes());
        }
    }
    // A buffer that is too short, an image of another vector length, and a vCPU that is not finalized.
    let state = SveState::zeroed(Vq::new(4).unwrap()).unwrap();
    let mut bytes = [0; 31];
    let error = gdb::read_vcpu(&vcpu(2), 37, &mut bytes).unwrap_err();
    assert_eq!(error.to_string(), "31 bytes for z3: it has 32");
    let mut bytes = [0; 256];
    let error = description(2).read(37, &state, Status::default(), &mut bytes);
    let text = "an image of VQ 4 and a description of VQ 2: they must be the same";
    assert_eq!(error.unwrap_err().to_string(), text);
    let mut other = state.clone();
    let error = description(2).write(37, &mut other, &mut Status::default(), &[1; 32]);
    assert_eq!(error.unwrap_err().to_string(), text);
    assert_eq!(other, state);
    let mut early = Vcpu::new(Vls::up_to(Vq::MIN)).unwrap();
    early.init_with_sve().unwrap();
    let early = Finalized::new(early).unwrap();
    let error = gdb::read_vcpu(&early, 37, &mut [0; 256]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "KVM_GET_ONE_REG of Z3: EPERM: SVE registers exist only from finalization on, as does the list \
         of registers; choose the vector lengths (VLS) if need be, then KVM_ARM_VCPU_FINALIZE of KVM_ARM_VCPU_SVE (a \
         vCPU like this one is for Initialized::new)"
    );
}
