//! The picture of `sve_state`: the one in `docs/` is the one that the program draws, and the numbers
//! in it are the kernel's.

use std::fs;
use std::path::Path;
use std::process::Command;

fn picture(vq: u32) -> String {
    let mut regid = Command::new(env!("CARGO_BIN_EXE_regid"));
    let output = regid.args(["picture", "--vq", &vq.to_string()]);
    let output = output.output().expect("it runs");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// All text in the picture, in its order.
fn words(svg: &str) -> Vec<&str> {
    let texts = svg.split("<text ").skip(1);
    let texts = texts.map(|rest| rest.split_once('>').expect("an element").1);
    texts
        .map(|rest| rest.split_once("</text>").expect("text").0.trim())
        .collect()
}

#[test]
fn the_picture_in_docs_is_the_one_that_is_drawn() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/sve_state.svg");
    let there = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        there == picture(2),
        "docs/sve_state.svg is not what `regid picture` draws; look at the new one, and keep it:\n\
         cargo run -p sve-state-regid -- picture --vq 2 > docs/sve_state.svg"
    );
}

/// The kernel's formulas, worked out here: per VQ, Z is 16 bytes wide, and P and FFR are 2.
#[test]
fn the_numbers_are_the_kernels() {
    for vq in 1..=16 {
        let svg = picture(vq);
        assert!(!svg.contains(" width=\"0\""), "VQ {vq}");
        let words = words(&svg);
        let mut expected = vec![
            format!(
                "sve_state at VQ {vq}, vectors of {} bits: {} bytes",
                128 * vq,
                546 * vq
            ),
            format!(
                "KVM_GET_ONE_REG of Z3: a slice of 256 bytes, {} copied from offset {}, {} flushed",
                16 * vq,
                48 * vq,
                256 - 16 * vq
            ),
            format!("copy {}", 16 * vq),
        ];
        // At the largest vector length nothing is flushed.
        let flush = |bytes: u32| (bytes > 0).then(|| format!("flush {bytes}"));
        expected.extend(flush(256 - 16 * vq));
        expected.extend((0..32).map(|n| format!("Z{n}")));
        expected.extend([0, 48, 512, 546].map(|n| (n * vq).to_string()));
        expected.push("P0 to P15 and FFR, 16 times as large".to_owned());
        expected.extend((0..16).map(|n| format!("P{n}")));
        expected.push("FFR".to_owned());
        expected.extend((0..17).map(|n| ((512 + 2 * n) * vq).to_string()));
        expected.push(format!("copy {}", 2 * vq));
        expected.extend(flush(32 - 2 * vq));
        expected.push(format!(
            "KVM_GET_ONE_REG of P3: a slice of 32 bytes, {} copied from offset {}, {} flushed",
            2 * vq,
            518 * vq,
            32 - 2 * vq
        ));
        assert_eq!(words[..words.len() - 2], expected, "VQ {vq}");
    }
}
