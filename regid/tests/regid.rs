//! `regid`, run as a person or a pipeline runs it.

use std::io::{self, Write};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// The program, without the color settings that the environment of the tests may have.
fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_regid"));
    command.args(arguments).stdin(Stdio::null());
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
        command.env_remove(name);
    }
    command
}

fn regid(arguments: &[&str]) -> Output {
    command(arguments).output().expect("it runs")
}

fn fed(arguments: &[&str], input: &[u8]) -> Output {
    let mut command = command(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command.stderr(Stdio::piped());
    let mut child = command.spawn().expect("it runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(input).expect("it reads");
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).expect("UTF-8")
}

/// The lines of an answer, with exit status 1.
fn lines(output: &Output, status: i32) -> Vec<&str> {
    assert_eq!(output.status.code(), Some(status), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    text(&output.stdout).lines().collect()
}

/// Refused input: nothing on standard output, and the reason on standard error.
fn refused(output: &Output) -> &str {
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    text(&output.stderr)
}

/// Names and IDs of the first slice of every register, by the formulas of the kernel's headers.
fn kernels_ids() -> Vec<(String, u64)> {
    let z = (0..32).map(|n| (format!("Z{n}"), 0x6080_0000_0015_0000 + (n << 5)));
    let p = (0..16).map(|n| (format!("P{n}"), 0x6050_0000_0015_0400 + (n << 5)));
    let v = (0..32).map(|n| (format!("V{n}"), 0x6040_0000_0010_0054 + 4 * n));
    let single = [
        ("FFR", 0x6050_0000_0015_0600),
        ("VLS", 0x6060_0000_0015_ffff),
        ("FPSR", 0x6020_0000_0010_00d4),
        ("FPCR", 0x6020_0000_0010_00d5),
    ];
    let single = single.map(|(name, id)| (name.to_owned(), id));
    z.chain(p).chain(v).chain(single).collect()
}

#[test]
fn every_name_has_the_kernels_id_and_back() {
    let (names, ids): (Vec<_>, Vec<_>) = kernels_ids().into_iter().unzip();
    let words: Vec<_> = names.iter().map(String::as_str).collect();
    let encoded = regid(&[&["encode"], words.as_slice()].concat());
    let expected: Vec<_> = ids.iter().map(|id| format!("{id:#018x}")).collect();
    assert_eq!(lines(&encoded, 0), expected);

    let decoded = fed(&["decode", "-", "--format", "tsv"], &encoded.stdout);
    let decoded = lines(&decoded, 0);
    let decoded = decoded.iter().skip(1).map(|line| line.split('\t').nth(1));
    assert!(decoded.eq(words.into_iter().map(Some)));
}

#[test]
fn names_are_taken_in_either_case_and_with_a_slice() {
    let output = regid(&["encode", "z3", "Z3:0", "Z3:31", "ffr:1"]);
    let expected = [
        "0x6080000000150060",
        "0x6080000000150060",
        "0x608000000015007f",
        "0x6050000000150601",
    ];
    assert_eq!(lines(&output, 0), expected);
}

/// Every line, worked out here by the formulas of the kernel's headers, in the order of `KVM_GET_REG_LIST`.
#[test]
fn the_list_is_the_kernels() {
    for vq in 1..=16_u64 {
        let output = regid(&["list", "--vq", &vq.to_string(), "--format", "tsv"]);
        let mut expected = vec![
            "id\tname\tslice\tlayout\tsize_bits\tstart_bytes\tcopy_bytes\tflush_bytes\terror\terrno"
                .to_owned(),
            "0x60200000001000d4\tFPSR\t\tfpsimd\t32\t\t\t\t\t".to_owned(),
            "0x60200000001000d5\tFPCR\t\tfpsimd\t32\t\t\t\t\t".to_owned(),
            "0x606000000015ffff\tVLS\t\tsve\t512\t\t\t\t\t".to_owned(),
        ];
        let mut line = |id: u64, name: String, start: u64, copy: u64, slice: u64| {
            let (bits, flush) = (8 * slice, slice - copy);
            expected.push(format!(
                "{id:#018x}\t{name}\t0\tsve\t{bits}\t{start}\t{copy}\t{flush}\t\t"
            ));
        };
        for n in 0..32 {
            let id = 0x6080_0000_0015_0000 + (n << 5);
            line(id, format!("Z{n}"), 16 * vq * n, 16 * vq, 256);
        }
        for n in 0..16 {
            let (id, start) = (0x6050_0000_0015_0400 + (n << 5), 512 * vq + 2 * vq * n);
            line(id, format!("P{n}"), start, 2 * vq, 32);
        }
        let ffr = 0x6050_0000_0015_0600;
        line(ffr, "FFR".to_owned(), 544 * vq, 2 * vq, 32);
        // With the line of column names.
        assert_eq!(expected.len(), 1 + 52);
        assert_eq!(lines(&output, 0), expected, "VQ {vq}");
    }
}

#[test]
fn a_line_names_an_id() {
    let cases = [
        ("0x6080000000150060", "Z3 slice 0 2048 bits sve"),
        (
            "0x60500000001505ff",
            "P15 slice 31 256 bits sve every vCPU answers ENOENT",
        ),
        ("0x6050_0000_0015_0600", "FFR slice 0 256 bits sve"),
        ("0X606000000015FFFF", "VLS - 512 bits sve"),
        ("0x6040000000100058", "V1 - 128 bits fpsimd"),
        ("6926536226896871637", "FPCR - 32 bits fpsimd"),
    ];
    let ids: Vec<_> = cases.iter().map(|(id, _)| *id).collect();
    let output = regid(&[&["decode"], ids.as_slice()].concat());
    let lines = lines(&output, 0);
    assert_eq!(lines.len(), cases.len());
    for ((_, expected), line) in cases.iter().zip(lines) {
        let words: Vec<_> = line.split_whitespace().skip(1).collect();
        assert_eq!(words.join(" "), *expected);
    }
}

#[test]
fn places_are_those_of_the_vector_length() {
    let cases = [
        ("0x6080000000150060", Some("start 96 copy 32 flush 224")),
        // Past the register's end.
        (
            "0x6080000000150061",
            Some("start 128 copy 0 flush 256 every vCPU answers ENOENT"),
        ),
        // The low bits of Z7.
        ("0x6040000000100070", Some("start 224 copy 16 flush 0")),
        ("0x6050000000150600", Some("start 1088 copy 4 flush 28")),
        ("0x606000000015ffff", None),
        ("0x60200000001000d4", None),
    ];
    let ids: Vec<_> = cases.iter().map(|(id, _)| *id).collect();
    let output = regid(&[&["decode", "--vq", "2"], ids.as_slice()].concat());
    for ((id, place), line) in cases.iter().zip(lines(&output, 0)) {
        let words: Vec<_> = line.split_whitespace().collect();
        let start = words.iter().position(|word| *word == "start");
        assert_eq!(
            start.map(|at| words[at..].join(" ")).as_deref(),
            *place,
            "{id}"
        );
    }
}

#[test]
fn a_line_says_why_an_id_names_nothing() {
    let cases = [
        ("0x6080000000150400", "P0"),
        ("0x6080000000150800", "0x0800"),
        ("0x6080000000160000", "coprocessor 0x16"),
        ("0x4080000000150000", "architecture 0x40"),
        ("0x6080000010150000", "0x10000000"),
        ("0x6030000000100000", "(of V0 to V31, FPSR, FPCR)"),
    ];
    let ids: Vec<_> = cases.iter().map(|(id, _)| *id).collect();
    let output = regid(&[&["decode", "0x6080000000150000"], ids.as_slice()].concat());
    let lines = lines(&output, 1);
    assert_eq!(lines.len(), 1 + cases.len());
    for ((id, why), line) in cases.iter().zip(&lines[1..]) {
        assert!(line.starts_with(id) && line.contains(why), "{id}: {line}");
    }
}

#[test]
fn wrong_input_is_refused_with_what_is_allowed() {
    let cases = [
        (&["decode", "Z3"][..], &["\"Z3\"", "regid encode Z3"][..]),
        (&["encode", "Z32"], &["Z32", "Z0 to Z31"]),
        (&["encode", "Z3:32"], &["Z3:32", "0 to 31"]),
        (&["encode", "Z3:"], &["Z3:", "0 to 31"]),
        (&["encode", "Z3:+1"], &["Z3:+1", "0 to 31"]),
        (&["encode", "z4294967296"], &["z4294967296", "Z0 to Z31"]),
        (&["encode", "FFR0"], &["FFR0", "allowed are FFR"]),
        (&["encode", "V1:1"], &["V1:1", "slice 0 is the only one"]),
        (
            &["encode", "Q"],
            &["Q", "Z0 to Z31, P0 to P15, FFR, VLS, V0 to V31, FPSR, FPCR"],
        ),
        (&["list", "--vq", "17"], &["17", "1 to 16"]),
        (&["list", "--vq", "0"], &["0", "1 to 16"]),
        (&["list", "--vq", "x"], &["x", "1 to 16"]),
        (&["list", "--vq", "-1"], &["-1", "1 to 16"]),
        (&["picture", "--vq", "2", "-f", "json"], &["json", "SVG"]),
        (&["explain", "EFOO"], &["EFOO", "EPERM (1)", "EINVAL (22)"]),
        (&["explain", "0"], &["'0'", "1 to 4095"]),
        (&["explain", "4096"], &["'4096'", "1 to 4095"]),
        (&["explain", "2147483648"], &["'2147483648'", "1 to 4095"]),
        (
            &["explain", "--reg", "0x6030000000100000"],
            &["0x6030000000100000", "V0 to V31"],
        ),
        (
            &["explain", "--reg", "Z3", "--call", "list"],
            &["KVM_GET_REG_LIST", "get and set"],
        ),
        (&["nonsense"], &["nonsense"]),
    ];
    for (arguments, words) in cases {
        let output = regid(arguments);
        let why = refused(&output);
        for word in words {
            assert!(why.contains(word), "{arguments:?}: no {word:?} in {why}");
        }
    }
}

#[test]
fn what_is_no_id_is_told_what_one_looks_like() {
    let words = [
        "",
        "_",
        "0x",
        "0x_",
        "0xg",
        "+5",
        "0x+5",
        "-5",
        "0x16080000000150000",
        "18446744073709551616",
    ];
    for word in words {
        let output = regid(&["decode", word]);
        let expected = format!(
            "regid: {word:?}: not an ID; an ID is a 64-bit number: 0x and up to 16 hex digits, such as \
             0x6080000000150060, or decimal\n"
        );
        assert_eq!(refused(&output), expected);
    }
    assert_eq!(
        lines(&regid(&["decode", "18446744073709551615"]), 1).len(),
        1
    );
}

#[test]
fn the_other_command_is_named_where_it_is_meant() {
    assert_eq!(
        refused(&regid(&["decode", "p3"])),
        "regid: \"p3\": a name and not an ID, for `regid encode p3`\n"
    );
    for id in [
        "0x6050000000150460",
        "0X6050000000150460",
        "6939802374022431840",
    ] {
        assert_eq!(
            refused(&regid(&["encode", id])),
            format!("regid: {id:?}: an ID and not a name, for `regid decode {id}`\n")
        );
        assert!(regid(&["decode", id]).status.code() < Some(2), "{id}");
    }
    // Another command is named only where it would work.
    for word in [
        "0xZZ",
        "0x",
        "0x6050000000150460; rm -rf x",
        "0x16080000000150000",
    ] {
        let output = regid(&["encode", word]);
        assert!(!refused(&output).contains("regid decode"), "{output:?}");
    }
}

/// Control characters, an escape sequence, or characters that reverse the direction of text: wherever a word of
/// the user's is repeated, none of it reaches the terminal as it is.
#[test]
fn what_is_echoed_is_escaped() {
    const ODD: &str = "0x\u{1b}[31m\u{7}\u{202e}\r\u{9b}2J";
    let file = format!("nothing{ODD}");
    let arguments = [
        &["encode", ODD][..],
        &["decode", ODD],
        &["decode", "--vq", ODD, "0"],
        &["list", "--vq", ODD],
        &["picture", "--vq", ODD],
        &["explain", ODD],
        &["explain", "--reg", ODD],
        &["explain", "--call", ODD],
        &["encode", "Z3", "--format", ODD],
        &["encode", "Z3", "--color", ODD],
        &["show", &file],
        &["show", "src/main.rs", ODD],
        &[ODD],
        &["--\u{1b}[31m\u{7}\u{202e}\r\u{9b}2J"],
    ];
    let mut outputs: Vec<_> = arguments.iter().map(|a| (a.join(" "), regid(a))).collect();
    for command in ["encode", "decode"] {
        outputs.push((format!("{command}, fed"), fed(&[command], ODD.as_bytes())));
    }
    for (arguments, output) in outputs {
        let said = refused(&output);
        let odd = said
            .chars()
            .find(|c| c.is_control() && *c != '\n' || *c == '\u{202e}');
        assert_eq!(odd, None, "{arguments:?}: {said:?}");
        assert!(said.contains(r"\u{1b}[31m"), "{arguments:?}: {said}");
    }
    // Not UTF-8 either.
    use std::os::unix::ffi::OsStrExt;
    let mut command = command(&["show"]);
    command.arg(std::ffi::OsStr::from_bytes(b"nothing\x1b\xff"));
    let output = command.output().expect("it runs");
    assert!(refused(&output).contains(r"nothing\u{1b}"), "{output:?}");
}

/// Input without an end is not read to it.
#[test]
fn reading_has_a_bound() {
    for arguments in [
        &["show", "/dev/zero"][..],
        &["show", "-"],
        &["decode"],
        &["encode", "-"],
    ] {
        let mut command = command(arguments);
        let zeros = std::fs::File::open("/dev/zero").expect("it is there");
        let output = command.stdin(zeros).output().expect("it ends");
        let said = refused(&output);
        assert!(said.contains("more than 1048576 bytes"), "{said}");
        assert!(said.len() < 200, "{}", said.len());
    }
    // Of a long word, only the beginning is shown.
    let word = "Z".repeat(100_000);
    let output = fed(&["encode"], word.as_bytes());
    let said = refused(&output);
    assert!(
        said.starts_with("regid: \"ZZZ") && said.len() < 300,
        "{}",
        said.len()
    );
    assert!(
        said.contains("\" and more: not a register's name"),
        "{said}"
    );
}

/// KVM does not answer so, because it is not told the size of a buffer, but people meet it.
#[test]
fn a_short_buffer_is_explained() {
    let text = lines(
        &regid(&["explain", "EINVAL", "--reg", "Z3", "--call", "set"]),
        0,
    )
    .join("\n");
    assert!(text.contains("the buffer was smaller"), "{text}");
    let text = lines(&regid(&["explain", "EINVAL", "--call", "init"]), 0).join("\n");
    assert!(!text.contains("the buffer was smaller"), "{text}");
}

/// An error repeats what was given once, whether that is an argument or an option's value.
#[test]
fn an_error_does_not_repeat_itself() {
    let cases = [
        (&["encode", "Z32"][..], "Z32"),
        (&["encode", "Z3:32"], "Z3:32"),
        (&["decode", "0xg"], "0xg"),
        (&["explain", "--reg", "Z32"], "Z32"),
        (&["explain", "--reg", "0xg"], "0xg"),
        (&["list", "--vq", "17"], "17"),
    ];
    for (arguments, given) in cases {
        let output = regid(arguments);
        let said = refused(&output);
        assert_eq!(said.matches(given).count(), 1, "{said}");
    }
}

#[test]
fn an_id_in_hex_without_0x_is_not_taken_for_decimal() {
    for (digits, name) in [("6080000000150060", "Z3"), ("606000000015ffff", "VLS")] {
        let output = regid(&["decode", digits]);
        let said = refused(&output);
        let hint = format!(
            "{digits:?}: without 0x an ID is decimal, and this is in hex the ID of {name}: write 0x{digits}"
        );
        assert!(said.contains(&hint), "{said}");
    }
}

/// The help states names and vector lengths in words of its own, which have to be right.
#[test]
fn the_help_names_what_is_allowed() {
    let refusal = regid(&["encode", "Q"]);
    let (_, names) = refused(&refusal)
        .split_once("allowed are ")
        .expect("a list");
    let help = regid(&["--help"]);
    let help = lines(&help, 0).join(" ");
    for name in names.trim().split(", ") {
        assert!(help.contains(name), "no {name:?} in {help}");
    }
    for command in ["list", "decode", "picture"] {
        let help = regid(&[command, "--help"]);
        assert!(lines(&help, 0).join(" ").contains("1 to 16"), "{help:?}");
    }
}

/// Every example in the help of the program and of each command does what it is there to show.
#[test]
fn the_helps_examples_work() {
    for command in [
        None,
        Some("encode"),
        Some("decode"),
        Some("explain"),
        Some("list"),
        Some("picture"),
    ] {
        let help = regid(&[command.as_slice(), &["--help"]].concat());
        let help = lines(&help, 0);
        let title = help.iter().position(|line| line.starts_with("Example"));
        let title = title.unwrap_or_else(|| panic!("no example for {command:?}"));
        let examples = &help[title + 1..];
        assert!(!examples.is_empty());
        for example in examples {
            let example = example.split(" > ").next().expect("a command");
            let mut words = example.split_whitespace();
            assert_eq!(words.next(), Some("regid"), "{example}");
            let words: Vec<_> = words.collect();
            assert!(
                command.is_none_or(|command| words[0] == command),
                "{example}"
            );
            assert!(!lines(&regid(&words), 0).is_empty(), "{example}");
        }
    }
}

/// With wrong words among right ones, each of the wrong ones is named, and nothing is answered.
#[test]
fn nothing_is_answered_in_part() {
    let output = regid(&["encode", "Z0", "Z32", "P0", "P16"]);
    let why = refused(&output);
    assert!(why.contains("Z32") && why.contains("P16"), "{why}");
}

#[test]
fn standard_input_is_read_for_a_dash_and_without_arguments() {
    for arguments in [&["encode"][..], &["encode", "-"]] {
        let output = fed(arguments, b"Z0 P0\n\tFFR\n");
        assert_eq!(lines(&output, 0).len(), 3);
    }
    let output = fed(&["encode", "V0", "-", "V1"], b"Z0\n");
    let expected = [
        "0x6040000000100054",
        "0x6080000000150000",
        "0x6040000000100058",
    ];
    assert_eq!(lines(&output, 0), expected);
}

#[test]
fn json_has_the_numbers() {
    let output = regid(&[
        "decode",
        "--vq",
        "16",
        "-f",
        "json",
        "0x6050000000150420",
        "0",
    ]);
    assert_eq!(output.status.code(), Some(1));
    let json: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let p1 = &json[0];
    assert_eq!((&p1["name"], &p1["layout"]), (&"P1".into(), &"sve".into()));
    assert_eq!(p1["start_bytes"], 16 * 16 * 32 + 32);
    assert_eq!(
        (&p1["copy_bytes"], &p1["flush_bytes"]),
        (&32.into(), &0.into())
    );
    assert_eq!(
        (&json[1]["name"], &json[1]["id"]),
        (&Value::Null, &"0x0000000000000000".into())
    );
    assert!(
        json[1]["error"]
            .as_str()
            .is_some_and(|why| why.contains("architecture"))
    );
}

#[test]
fn colours_are_for_terminals_or_on_demand() {
    let coloured = |output: Output| output.stdout.contains(&0x1b);
    let arguments = ["decode", "0x6080000000150060"];
    assert!(!coloured(regid(&arguments)));
    assert!(coloured(regid(
        &[&arguments[..], &["--color", "always"]].concat()
    )));
    let forced = |no_color: &str| {
        let mut command = command(&arguments);
        command.env("CLICOLOR_FORCE", "1").env("NO_COLOR", no_color);
        coloured(command.output().expect("it runs"))
    };
    assert!(forced("") && !forced("1"));
    // Never in what programs read.
    for format in ["tsv", "json"] {
        let output = regid(&[&arguments[..], &["--color", "always", "-f", format]].concat());
        assert!(!coloured(output), "{format}");
    }
}

/// The answers of Linux, as `tests/suites/conformance/cases.rs` has them.
#[test]
fn an_errno_is_explained_in_its_context() {
    // The errno, the register and the call, then words from the stages at which it is met.
    type Stages = &'static [&'static str];
    let cases: [(&str, &str, &str, Stages); 8] = [
        ("EPERM", "Z3", "get", &["not finalized"]),
        ("1", "P0", "set", &["not finalized"]),
        ("EPERM", "VLS", "set", &["finalized"]),
        ("-1", "VLS", "get", &[]),
        ("ENOEXEC", "FPSR", "get", &["not initialized"]),
        ("enoent", "Z3", "get", &["without SVE"]),
        ("EINVAL", "V7", "set", &["not finalized", "finalized"]),
        (
            "ENOENT",
            "FFR:1",
            "get",
            &["without SVE", "not finalized", "finalized"],
        ),
    ];
    for (errno, register, call, stages) in cases {
        let output = regid(&[
            "explain", errno, "--reg", register, "--call", call, "-f", "json",
        ]);
        let status = i32::from(stages.is_empty());
        let json: Value = serde_json::from_str(&lines(&output, status).join("\n")).expect("JSON");
        // Those that depend on the vCPU and not on the caller's memory.
        let found = json.as_array().expect("an array").iter();
        let found: Vec<_> = found.filter(|row| !row["vcpu"].is_null()).collect();
        assert_eq!(
            found.len(),
            stages.len(),
            "{errno} {register} {call}: {json}"
        );
        for (row, stage) in found.iter().zip(stages) {
            assert_eq!(row["register"], register);
            let vcpu = row["vcpu"].as_str().expect("text");
            assert!(vcpu.ends_with(stage), "{errno} {register} {call}: {vcpu}");
            assert!(row["why"].is_string() && row["remedy"].is_string());
        }
    }
}

/// What the library's vCPU cannot answer, according to Linux's `kvm_vcpu_ioctl` and the calls in it.
#[test]
fn what_only_a_kernel_answers_is_explained() {
    const ALL: [&str; 5] = ["init", "finalize", "get", "set", "list"];
    let cases: [(&str, &[&str], &str); 7] = [
        ("EIO", &ALL, "a child after fork, or the VM is dead"),
        ("EINTR", &ALL, "killed while it waited"),
        ("EBADF", &ALL, "closed"),
        ("EFAULT", &ALL, "could not reach the caller's memory"),
        ("ENOMEM", &["finalize"], "memory for the registers"),
        ("EBUSY", &["set"], "a vCPU of the VM has run"),
        (
            "EINVAL",
            &["init"],
            "another vCPU of the VM was initialized with other features",
        ),
    ];
    for (errno, calls, why) in cases {
        for call in ALL {
            let output = regid(&["explain", errno, "--call", call]);
            let text = text(&output.stdout);
            assert_eq!(
                text.contains(why),
                calls.contains(&call),
                "{errno}, {call}: {text}"
            );
        }
    }
    let output = regid(&["explain", "5"]);
    let explained = lines(&output, 0).join(" ");
    assert!(
        !explained.contains("KVM_ARM_VCPU_INIT first"),
        "{explained}"
    );
    // A cause about ID registers does not appear, because none of those was asked for.
    assert_eq!(
        lines(&regid(&["explain", "EBUSY", "--reg", "Z3"]), 1).len(),
        1
    );
}

#[test]
fn an_errno_that_is_never_met_is_said_to_be() {
    let output = regid(&["explain", "11"]);
    assert!(lines(&output, 1)[0].contains("errno 11 is not an answer"));
    let output = regid(&["explain", "E2BIG", "--reg", "Z3"]);
    assert!(lines(&output, 1)[0].contains("E2BIG is not an answer of GET or SET of Z3"));
    let output = regid(&["explain", "E2BIG", "--reg", "Z3", "--call", "get"]);
    assert!(lines(&output, 1)[0].contains("E2BIG is not an answer of KVM_GET_ONE_REG of Z3"));
}

/// A call is about a register or an ID, which is named once.
#[test]
fn an_explanation_names_registers() {
    let output = regid(&["explain"]);
    let explained = lines(&output, 0);
    let mut headings: Vec<_> = explained
        .iter()
        .filter_map(|line| line.split_once("_REG: "))
        .collect();
    assert!(
        headings
            .iter()
            .all(|(calls, _)| calls.starts_with("  KVM_"))
    );
    headings
        .iter_mut()
        .for_each(|(calls, _)| *calls = calls.trim_start());
    let both = "KVM_GET_ONE_REG, KVM_SET_ONE";
    let expected = [
        (both, "any ID"),
        (both, "Z, P, FFR"),
        ("KVM_SET_ONE", "VLS"),
        (both, "Z, P, FFR, VLS"),
        (
            both,
            "Z slices 1 to 31, P slices 1 to 31, FFR slices 1 to 31",
        ),
        (both, "an ID of a coprocessor that KVM does not know"),
        (both, "an ID that names no register"),
        // Before and after finalization, where the remedies differ.
        (both, "V"),
        (both, "V"),
        ("KVM_SET_ONE", "VLS"),
        ("KVM_SET_ONE", "ID_AA64PFR0_EL1, ID_AA64ZFR0_EL1"),
        // A buffer that is too short.
        (both, "any ID"),
        ("KVM_SET_ONE", "ID_AA64PFR0_EL1, ID_AA64ZFR0_EL1"),
        // A buffer that the kernel cannot reach, another process, a thread that is killed, and a closed
        // descriptor.
        (both, "any ID"),
        (both, "any ID"),
        (both, "any ID"),
        (both, "any ID"),
    ];
    assert_eq!(headings, expected);
    // The list is of all registers and about none of them.
    let lists = explained
        .iter()
        .filter(|line| line.contains("KVM_GET_REG_LIST"));
    let lists: Vec<_> = lists.filter(|line| line.starts_with("  K")).collect();
    assert!(
        lists.len() == 7 && lists.iter().all(|line| line.ends_with("KVM_GET_REG_LIST")),
        "{lists:?}"
    );
}

/// Whatever there is to print, the reader is gone before its first byte.
#[test]
fn a_reader_may_stop_reading() {
    let many = vec!["0x6080000000150060"; 1000];
    for format in ["text", "tsv", "json"] {
        for arguments in [
            &["list", "--vq", "1"],
            &[&["decode"], many.as_slice()].concat()[..],
        ] {
            let (reader, writer) = io::pipe().expect("a pipe");
            drop(reader);
            let mut command = command(&[arguments, &["-f", format]].concat());
            let output = command.stdout(writer).output().expect("it runs");
            assert!(output.stderr.is_empty(), "{format}: {output:?}");
            assert_eq!(output.status.code(), Some(0), "{format}");
        }
    }
}

/// The message goes to a full device, and the exit status is the same as ever.
#[test]
#[cfg(target_os = "linux")]
fn a_message_that_cannot_be_written_is_no_panic() {
    let full = std::fs::File::create("/dev/full").expect("Linux has it");
    let status = command(&["decode", "0x"]).stderr(full).status();
    assert_eq!(status.expect("it runs").code(), Some(2));
}

/// Standard input is a terminal, where a person would wait for an answer and the program for words.
#[test]
#[cfg(target_os = "linux")]
fn a_terminal_is_not_read() {
    use std::os::unix::fs::OpenOptionsExt;

    const O_NONBLOCK: i32 = 0o4000;
    let mut terminal = std::fs::File::options();
    terminal.read(true).write(true).custom_flags(O_NONBLOCK);
    let terminal = terminal.open("/dev/ptmx").expect("Linux has it");
    let output = command(&["encode"]).stdin(terminal).output();
    let output = output.expect("it runs");
    assert!(refused(&output).contains("nothing to do"), "{output:?}");
}

#[test]
fn input_that_is_no_text_is_refused_as_input() {
    let mut command = command(&["decode"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(b"\xff").expect("it reads");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    assert!(refused(&output).contains("standard input"), "{output:?}");
}

const GOLDEN: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../runtime/tests/golden/snapshot-1.bin"
);

/// The golden file has byte k as (7 k + 3) mod 251.
#[test]
fn a_snapshots_file_is_shown() {
    let output = regid(&["show", GOLDEN]);
    let lines = lines(&output, 0);
    assert_eq!(lines.len(), 3 + 49 + 1);
    assert_eq!(
        lines[..3],
        ["vls   {1-2}", "fpsr  0x800009f", "fpcr  0x2c00000"]
    );
    let quadword = |at: usize| -> String {
        let bytes = (at..at + 16).rev().map(|k| (7 * k + 3) % 251);
        let digits: String = bytes.map(|byte| format!("{byte:02x}")).collect();
        format!("0x{}", digits.trim_start_matches('0'))
    };
    let z3 = format!("z3    {{{}, {}}}", quadword(96), quadword(112));
    assert!(lines.contains(&z3.as_str()), "{z3}");
    assert_eq!(lines[52], "zero  none");

    let fed = fed(
        &["show", "-", "--format", "json"],
        &std::fs::read(GOLDEN).unwrap(),
    );
    let values: Value = serde_json::from_slice(&fed.stdout).unwrap();
    assert_eq!(values.as_array().unwrap().len(), 52);
    assert_eq!(values[0]["name"], "FPSR");

    let refused = refused(&regid(&[
        "show",
        concat!(env!("CARGO_MANIFEST_DIR"), "/src/main.rs"),
    ]))
    .to_owned();
    assert!(
        refused.contains("not a snapshot: it does not start with SVESTATE"),
        "{refused}"
    );
}
