//! The gate as a program that judges other benchmarks, `examples/own.rs`. That it counts is
//! tested by `cargo harness gate`, which has valgrind.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Its exit status, and what it said.
fn own(directory: &Path, arguments: &str) -> (Option<i32>, String) {
    let test = env::current_exe().expect("this program");
    let target = test
        .ancestors()
        .nth(2)
        .expect("TARGET/PROFILE/deps/PROGRAM");
    let mut own = Command::new(target.join("examples/own"));
    let output = own
        .args(arguments.split_whitespace())
        .current_dir(directory)
        .output();
    let output = output.expect("cargo builds examples only for a test run without --test or --lib");
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.code(),
        String::from_utf8(said).expect("UTF-8"),
    )
}

#[test]
fn what_is_blessed_passes_and_twice_the_work_does_not() {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (status, said) = own(directory, "--only time --bless");
    assert_eq!(status, Some(0), "{said}");
    let (status, said) = own(directory, "--only time --plant twice");
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("worse: sum beside loop: "), "{said}");
    assert!(said.contains("again: sum beside loop: "), "{said}");
    // On another processor times are printed, whatever they are, and do not fail.
    let file = directory.join("gate.toml");
    let text = fs::read_to_string(&file).expect("the file");
    let other = text.replace("processor = \"", "processor = \"not ");
    fs::write(&file, &other).expect("the file");
    let (status, said) = own(directory, "--only time --plant twice");
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("times not judged: "), "{said}");
    assert!(said.contains("passed: 1 operations, 0 worse"), "{said}");
    // What cannot be judged is told from what is worse.
    fs::write(directory.join("no.toml"), "built = 1").expect("a file");
    for (arguments, expected) in [
        ("summ", "no operation has \"summ\" in its name"),
        ("--figures none.toml", "none.toml: --bless writes it"),
        ("--figures no.toml", "invalid type: integer `1`"),
        ("--bless --plant twice", "cannot be used with"),
        ("--runs 0", "invalid value '0'"),
        ("--plant thrice", "possible values: twice, quarter, branch"),
    ] {
        let (status, said) = own(directory, arguments);
        assert_eq!(status, Some(2), "{arguments}: {said}");
        assert!(said.contains(expected), "{arguments}: {said}");
    }
    let (status, said) = own(directory, "--help");
    assert_eq!(status, Some(0));
    assert!(said.contains("Exit status: 0 if all hold"), "{said}");
}
