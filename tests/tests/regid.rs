//! The tool `regid`, as a person runs it.

use std::process::{Command, Output};

fn regid(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--package", "sve-state"])
        .args(["--example", "regid", "--"])
        .args(arguments)
        .output()
        .expect("cargo runs")
}

fn lines(output: &Output) -> Vec<String> {
    let text = String::from_utf8(output.stdout.clone()).expect("UTF-8");
    text.lines().map(str::to_owned).collect()
}

/// Every line by the formulas of the kernel's headers, worked out here.
#[test]
fn the_table_is_the_kernels() {
    let output = regid(&["table"]);
    assert!(output.status.success());
    let mut expected = Vec::new();
    for vq in 1..=16_u64 {
        let mut line = |id: u64, name: String, offset: u64, copy: u64, slice: u64| {
            let flush = slice - copy;
            expected.push(format!(
                "{vq}\t{id:#018x}\t{name}\t{offset}\t{copy}\t{flush}"
            ));
        };
        for n in 0..32 {
            let id = 0x6080_0000_0015_0000 + (n << 5);
            line(id, format!("Z{n}"), 16 * vq * n, 16 * vq, 256);
        }
        for n in 0..16 {
            let id = 0x6050_0000_0015_0400 + (n << 5);
            line(id, format!("P{n}"), 512 * vq + 2 * vq * n, 2 * vq, 32);
        }
        line(
            0x6050_0000_0015_0600,
            "FFR".to_owned(),
            544 * vq,
            2 * vq,
            32,
        );
    }
    assert_eq!(expected.len(), 784);
    assert_eq!(lines(&output), expected);
}

#[test]
fn valid_ids_are_named() {
    let cases = [
        (
            "0x6080000000150060",
            ["arm64", "Z3", "slice 0", "2048 bits"],
        ),
        (
            "0x60500000001505ff",
            ["arm64", "P15", "slice 31", "256 bits"],
        ),
        (
            "0x6050000000150600",
            ["arm64", "FFR", "slice 0", "256 bits"],
        ),
        ("0x606000000015ffff", ["arm64", "VLS", "", "512 bits"]),
        ("0x6040000000100058", ["arm64", "V1", "", "128 bits"]),
        ("0x60200000001000d5", ["arm64", "FPCR", "", "32 bits"]),
        (
            "6953557824661422176",
            ["arm64", "Z3", "slice 0", "2048 bits"],
        ),
    ];
    for (id, words) in cases {
        let output = regid(&["decode", id]);
        let lines = lines(&output);
        assert!(
            output.status.success() && lines.len() == 1,
            "{id}: {lines:?}"
        );
        for word in words {
            assert!(lines[0].contains(word), "{id}: no {word:?} in {}", lines[0]);
        }
    }
}

#[test]
fn a_line_says_why_an_id_is_not_valid() {
    let cases = [
        ("0x6080000000150400", "P0"),
        ("0x6080000000150800", "0x0800"),
        ("0x6080000000160000", "coprocessor 0x16"),
        ("0x4080000000150000", "architecture 0x40"),
        ("0x6080000010150000", "0x10000000"),
        ("0x6030000000100000", "CORE"),
        ("Z3", "no 64-bit number"),
    ];
    let ids: Vec<_> = cases.iter().map(|(id, _)| *id).collect();
    let output = regid(&[&["decode", "0x6080000000150000"], ids.as_slice()].concat());
    assert_eq!(output.status.code(), Some(1));
    let lines = lines(&output);
    assert_eq!(lines.len(), 1 + cases.len());
    for ((id, why), line) in cases.iter().zip(&lines[1..]) {
        assert!(line.contains(id) && line.contains(why), "{id}: {line}");
    }
}
