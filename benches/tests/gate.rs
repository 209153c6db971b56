//! The gate as a program that judges other benchmarks, `examples/own.rs`, by time. `cargo harness gate`, which
//! has valgrind, tests that it counts.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Its exit status, and what it said.
fn own(directory: &Path, arguments: &str) -> (Option<i32>, String) {
    let test = env::current_exe().expect("this program");
    let target = test
        .ancestors()
        .nth(2)
        .expect("TARGET/PROFILE/deps/PROGRAM");
    let mut own = Command::new(target.join("examples/own"));
    let arguments = arguments.split_whitespace();
    let output = own.args(arguments).current_dir(directory).output();
    let output = output.expect("cargo builds examples only for a test run without --test or --lib");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).expect("UTF-8");
    (output.status.code(), said)
}

fn page(directory: &Path, extension: &str) -> PathBuf {
    let mut files = fs::read_dir(directory).expect("the directory");
    let files = files.by_ref().map(|file| file.expect("a file").path());
    let mut pages = files.filter(|file| file.extension().is_some_and(|is| is == extension));
    pages.next().expect("a file with this extension")
}

/// A page on which an implementation once took `times` times as long.
fn with_times(page: &str, implementation: &str, times: f64) -> String {
    let lines = page.lines().map(|line| {
        let cell = |(at, cell): (usize, &str)| match cell.trim().parse::<f64>() {
            Ok(time) if at < 5 => format!(" {} ", time * times),
            _ => cell.to_owned(),
        };
        let cells = line.split('|').enumerate().map(cell);
        match line.contains(&format!("| {implementation} |")) {
            true => cells.collect::<Vec<_>>().join("|") + "\n",
            false => format!("{line}\n"),
        }
    });
    lines.collect()
}

#[test]
fn time_is_judged_by_the_page_of_this_processor_and_build() {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("time");
    fs::create_dir_all(&directory).expect("a directory");
    let (status, said) = own(&directory, "--only time --bless --chart get_z3");
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("blessed: 1 operation, 0 worse"), "{said}");
    assert!(
        !said.contains("worse: ") && !said.contains("changed: "),
        "{said}"
    );
    // Two bars for each of two cases; the other rectangles are background, ticks and legend.
    let chart = fs::read_to_string(page(&directory, "svg")).expect("the chart");
    assert_eq!(chart.matches("fill=\"#3b6fc4\"").count(), 3, "{chart}");
    assert_eq!(chart.matches("fill=\"#d1823b\"").count(), 3, "{chart}");

    let path = page(&directory, "md");
    let text = fs::read_to_string(&path).expect("the page");
    assert!(
        text.contains("| 2 | mixed | mixed / 2 | / ours |"),
        "{text}"
    );
    let failed = "worse: get_z3 beside by_hand: ";
    let unjudged = "times not judged: no page gate.";
    for (page, expected, line) in [
        (with_times(&text, "ours", 0.25), 1, failed),
        // Code by hand has become faster, and ours no slower.
        (
            with_times(&text, "by_hand", 4.0),
            0,
            "passed: 1 operation, 0 worse",
        ),
        (
            with_times(&text, "by_hand", 0.2),
            0,
            "passed: 1 operation, 0 worse",
        ),
        // On another processor or with another build, times are printed and do not fail.
        (
            with_times(&text, "ours", 0.25).replace("Processor: ", "Processor: not "),
            0,
            unjudged,
        ),
        (
            with_times(&text, "ours", 0.25).replace("Built with: ", "Built with: not "),
            0,
            unjudged,
        ),
        (
            text.replace("| by_hand |", "| by_hand | x |"),
            2,
            "no row of times: | `get_z3`",
        ),
        (
            text.replace("by_hand", "rfc"),
            1,
            "worse: get_z3 beside rfc: not timed both",
        ),
    ] {
        fs::write(&path, &page).expect("the page");
        let (status, said) = own(&directory, "--only time");
        assert_eq!(status, Some(expected), "{line}: {said}");
        assert!(said.contains(line), "{line}: {said}");
        assert!(said.contains("| `get_z3` | by_hand | "), "{said}");
    }
    fs::remove_file(path).expect("the page");
    let (status, said) = own(&directory, "--only time");
    assert!(status == Some(0) && said.contains(unjudged), "{said}");
}

#[test]
fn what_cannot_be_judged_is_told_from_what_is_worse() {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
    fs::write(directory.join("no.toml"), "built = 1").expect("a file");
    for (arguments, expected) in [
        ("summ", "no operation has \"summ\" in its name"),
        ("get_z3 --bless", "cannot be used with"),
        ("--chart get_z3", "--bless"),
        (
            "--only time --bless --chart set_z --figures chart.toml",
            "set_z is no operation",
        ),
        ("--runs 0", "invalid value '0'"),
    ] {
        let (status, said) = own(directory, arguments);
        assert_eq!(status, Some(2), "{arguments}: {said}");
        assert!(said.contains(expected), "{arguments}: {said}");
    }
    let (status, said) = own(directory, "--help");
    assert_eq!(status, Some(0));
    assert!(said.contains("Exit status: 0 if all hold"), "{said}");
}
