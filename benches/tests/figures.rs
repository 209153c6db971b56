//! How counts are judged, by the file and by the rule of each operation.

use std::fs;

use sve_state_benches::gate::figures::Figures;
use sve_state_benches::gate::{Make, Operation, Rule};
use sve_state_benches::operations;

/// Two cases' instructions, branches, calls and mispredictions.
fn figures(built: &str, exceptions: &str, counts: [[f64; 4]; 2]) -> Figures {
    let text = format!(
        "built = {built:?}\ncases = ['one', 'mixed']\nexceptions = [{exceptions}]\ncounts.get = {counts:?}"
    );
    toml::from_str(&text).expect("figures")
}

fn operation(rule: Rule) -> Operation {
    let make = || -> Make { Box::new(|_| Box::new(|_| ())) };
    let (name, repeat, others) = ("get".to_owned(), 1, Vec::new());
    Operation {
        name,
        repeat,
        rule,
        ours: make(),
        others,
        empty: make(),
    }
}

const ONCE: [[f64; 4]; 2] = [[100.0, 20.0, 3.0, 0.0]; 2];

/// The same, except for one count in the last case.
fn with(at: usize, count: f64) -> [[f64; 4]; 2] {
    let mut counts = ONCE;
    counts[1][at] = count;
    counts
}

#[test]
fn a_change_is_named_where_builds_are_the_same() {
    let file = figures("here", "", ONCE);
    for (counts, expected) in [
        (ONCE, None),
        (with(0, 101.9), None),
        // More or fewer: either way the change is to be looked at and blessed.
        (
            with(0, 102.1),
            Some("get, mixed: 102.10 instructions, more than 100.00"),
        ),
        (
            with(0, 97.9),
            Some("get, mixed: 97.90 instructions, fewer than 100.00"),
        ),
        (with(1, 20.4), None),
        (
            with(1, 21.0),
            Some("get, mixed: 21.00 conditional branches, more than 20.00"),
        ),
        (
            with(2, 4.0),
            Some("get, mixed: 4.00 indirect branches, more than 3.00"),
        ),
        (with(3, 0.9), None),
        (
            with(3, 1.1),
            Some("get, mixed: 1.10 mispredictions, more than 0.00"),
        ),
    ] {
        let found = figures("here", "", counts);
        let changed = found.changed(&file, true).expect("the same build");
        assert_eq!(changed, Vec::from_iter(expected));
        assert_eq!(figures("there", "", counts).changed(&file, true), None);
    }
    // On a whole vCPU: what the compiler may do with one call, and a branch for each of 49 registers.
    let vcpu = |branches, indirect| figures("here", "", [[9000.0, branches, indirect, 9.0]; 2]);
    for (found, worse) in [
        (vcpu(909.0, 47.0), 0),
        (vcpu(949.0, 46.0), 2),
        (vcpu(900.0, 95.0), 2),
    ] {
        let changed = found.changed(&vcpu(900.0, 46.0), true);
        assert_eq!(changed.expect("the same build").len(), worse);
    }
    let gone: Figures =
        toml::from_str("built = 'here'\ncases = ['one', 'mixed']\ncounts = {}").expect("figures");
    let line = ["get: not counted both here and for the file"];
    assert_eq!(gone.changed(&file, true).expect("the same build"), line);
    assert_eq!(file.changed(&gone, true).expect("the same build"), line);
    assert!(
        gone.changed(&file, false)
            .expect("the same build")
            .is_empty()
    );
    let other: Figures =
        toml::from_str("built = 'here'\ncases = ['one']\ncounts = {}").expect("figures");
    let changed = other.changed(&file, true).expect("the same build");
    assert_eq!(changed, [r#"cases ["one"], not ["one", "mixed"]"#]);
}

#[test]
fn rules_hold_with_every_build() {
    for (rule, counts, broken) in [
        (Rule::Straight, ONCE, false),
        (Rule::Straight, with(0, 101.0), true),
        (Rule::Straight, with(0, 99.0), true),
        (Rule::Straight, with(1, 21.0), true),
        (Rule::Straight, with(2, 4.0), true),
        (Rule::Straight, with(3, 0.02), false),
        (Rule::Straight, with(3, 0.03), true),
        (Rule::Straight, [[100.0, 20.0, 3.0, 0.4]; 2], true),
        (Rule::Same, [[100.0, 20.0, 3.0, 0.4]; 2], false),
        (Rule::Same, with(3, 0.05), false),
        (Rule::Same, with(3, 0.06), true),
        (Rule::Same, with(1, 21.0), true),
        (Rule::None, with(1, 21.0), false),
    ] {
        for built in ["here", "there"] {
            let found = figures(built, "", counts);
            let rules = |exceptions: &str| {
                found.broken_rules(&figures("here", exceptions, ONCE), &[operation(rule)])
            };
            assert_eq!(rules("").len(), usize::from(broken), "{rule:?}, {counts:?}");
            // An exception that keeps its rule is stale, if the compiler is the one that the file is
            // of.
            let stale = !broken && built == "here";
            assert_eq!(
                rules("'get'").len(),
                usize::from(stale),
                "{rule:?}, {counts:?}"
            );
        }
    }
}

#[test]
fn what_is_written_is_read_again_with_the_exceptions_of_before() {
    let found = figures("here", "", with(0, 102.1));
    let text = found.text(&figures("there", "'get'", ONCE));
    let read: Figures = toml::from_str(&text).expect("figures");
    assert_eq!(read.changed(&found, true), Some(Vec::new()));
    assert!(text.contains("\nexceptions = [\"get\"]\n"), "{text}");
}

/// What README says of them.
#[test]
fn mixed_vector_lengths_cost_little_on_every_page() {
    let files = fs::read_dir(env!("CARGO_MANIFEST_DIR")).expect("the folder");
    let files = files.map(|file| file.expect("a file").path());
    let pages = files.filter(|path| path.extension().is_some_and(|is| is == "md"));
    let pages = pages.map(|path| fs::read_to_string(path).expect("a page"));
    let pages: Vec<_> = pages
        .filter(|page| page.contains("| mixed / one |"))
        .collect();
    assert!(!pages.is_empty());
    let operations = operations::all().into_iter();
    let straight: Vec<_> = operations.filter(|it| it.rule == Rule::Straight).collect();
    for (page, operation) in pages
        .iter()
        .flat_map(|page| straight.iter().map(move |it| (page, it)))
    {
        let start = format!("| `{}` | ours |", operation.name);
        let line = page
            .lines()
            .find(|line| line.starts_with(&start))
            .expect("a row");
        let cells: Vec<_> = line.split('|').collect();
        let ratio: f64 = cells[cells.len() - 3].trim().parse().expect("a number");
        assert!(ratio <= 1.1, "{line}");
    }
}
