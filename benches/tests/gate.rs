//! The gate as a person runs it, and every way in which it must fail.
//!
//! The results are criterion's own files (`tests/gate`, written by criterion 0.8.2) with another
//! name and another median, put into place by the command that the gate runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};
use sve_state_benches::gate::Rule;

const RULES: &str = "[[rule]]\nof = 'f/naive/1'\nto = 'f/ours/1'\nat_least = 1.5\ngoal = 2.5\n";

/// A place of its own for a test: the rules, what the next run will measure, and the results.
struct Place(PathBuf);

impl Place {
    fn new(test: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join("gate")
            .join(test);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(path.join("next")).expect("a directory");
        let place = Self(path);
        place.write("rules.toml", RULES);
        place
    }

    /// As `new`, with two benchmarks to measure, at a ratio of 2.
    fn measured(test: &str) -> Self {
        let place = Self::new(test);
        place.will_measure("f/naive/1", &json!(20.0));
        place.will_measure("f/ours/1", &json!(10.0));
        place
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.join(name), text).expect("written");
    }

    /// Has the next run measure a benchmark with this median.
    fn will_measure(&self, id: &str, median: &Value) {
        let mut benchmark: Value =
            serde_json::from_str(include_str!("gate/benchmark.json")).expect("JSON");
        let mut estimates: Value =
            serde_json::from_str(include_str!("gate/estimates.json")).expect("JSON");
        benchmark["full_id"] = json!(id);
        estimates["median"]["point_estimate"] = median.clone();
        let new = format!("next/{id}/new");
        fs::create_dir_all(self.0.join(&new)).expect("a directory");
        self.write(&format!("{new}/benchmark.json"), &benchmark.to_string());
        self.write(&format!("{new}/estimates.json"), &estimates.to_string());
    }

    fn remove(&self, name: &str) {
        let path = self.0.join(name);
        if path.is_dir() {
            fs::remove_dir_all(path).expect("removed");
        } else {
            fs::remove_file(path).expect("removed");
        }
    }

    fn gate(&self, arguments: &[&str]) -> Answer {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gate"));
        command.current_dir(&self.0).env_remove("CRITERION_HOME");
        Answer::of(command.args(arguments).output().expect("the gate runs"))
    }

    /// Runs the gate with a command that measures what was announced.
    fn run(&self) -> Answer {
        self.measure_with("cp -R next/. \"$CRITERION_HOME\"")
    }

    fn measure_with(&self, script: &str) -> Answer {
        self.gate(&[
            "rules.toml",
            "--results",
            "results",
            "--",
            "sh",
            "-c",
            script,
        ])
    }

    /// Judges the last run once more.
    fn again(&self) -> Answer {
        self.gate(&["rules.toml", "--results", "results"])
    }
}

struct Answer {
    code: Option<i32>,
    text: String,
}

impl Answer {
    fn of(output: Output) -> Self {
        let text = [output.stdout, output.stderr].concat();
        Self {
            code: output.status.code(),
            text: String::from_utf8(text).expect("UTF-8"),
        }
    }

    /// Demands this exit status, and this text in what was printed.
    #[track_caller]
    fn is(&self, code: i32, text: &str) {
        assert!(
            self.text.contains(text),
            "{text:?} is not in: {}",
            self.text
        );
        assert_eq!(self.code, Some(code), "{}", self.text);
    }
}

/// The clock that dates files ticks every few milliseconds; two runs of benchmarks are further apart
/// than two runs of `cp`.
fn later() {
    sleep(Duration::from_millis(50));
}

#[test]
fn a_rule_that_holds_passes_and_its_goal_is_shown() {
    let place = Place::measured("holds");
    place.run().is(
        0,
        "\
rule (of : to)        measured   bound  goal  verdict
f/naive/1 : f/ours/1     2.000  >= 1.5   2.5  holds, short of the goal
passed: 1 of 1 rules hold; 1 short of the goal
",
    );
    place.again().is(0, "2.000");
}

#[test]
fn a_broken_rule_fails() {
    let place = Place::measured("broken");
    place.will_measure("f/ours/1", &json!(14.0));
    place.run().is(1, "1.429  >= 1.5   2.5  BROKEN");
    place.write(
        "rules.toml",
        "[[rule]]\nof = 'f/ours/1'\nto = 'f/naive/1'\nat_most = 0.69",
    );
    place.again().is(1, "0.700  <= 0.69        BROKEN");
}

#[test]
fn one_broken_rule_of_many_fails() {
    let place = Place::measured("one_of_many");
    place.will_measure("f/naive/2", &json!(20.0));
    place.will_measure("f/ours/2", &json!(19.0));
    let family = RULES.replace("/1'", "/{n}'") + "for = { n = [1, 2, 1] }";
    place.write("rules.toml", &family);
    place.run().is(
        1,
        "FAILED: 2 of 3 rules hold, 1 BROKEN; 3 short of the goal",
    );
}

#[test]
fn a_missing_benchmark_fails() {
    let place = Place::measured("missing");
    place.remove("next/f/ours");
    place
        .run()
        .is(3, "f/ours/1: no such benchmark in the results");
}

#[test]
fn a_result_of_an_earlier_run_fails() {
    let place = Place::measured("stale");
    place.run().is(0, "passed");
    place.remove("next/f/ours");
    later();
    place.run().is(4, "f/ours/1: not measured in this run");
}

#[test]
fn a_result_written_after_the_run_fails() {
    let place = Place::measured("stale_later");
    place.run().is(0, "passed");
    let estimates = place.0.join("results/f/ours/1/new/estimates.json");
    let text = fs::read(&estimates).expect("read");
    later();
    fs::write(estimates, text).expect("written");
    place.again().is(4, "f/ours/1: not measured in this run");
}

#[test]
fn results_that_the_gate_saw_nobody_write_fail() {
    let place = Place::measured("no_run");
    fs::rename(place.0.join("next"), place.0.join("results")).expect("moved");
    place.again().is(4, "holds no run that the gate started");
}

#[test]
fn a_command_that_fails_leaves_nothing_to_judge() {
    let place = Place::measured("command");
    place.run().is(0, "passed");
    place
        .measure_with("exit 3")
        .is(6, "`sh -c exit 3` failed (exit status: 3)");
    place
        .again()
        .is(4, "holds no run that the gate started and saw finish");
    let nothing = ["rules.toml", "--", "./no-such-program"];
    place.gate(&nothing).is(6, "cannot run `./no-such-program`");
}

#[test]
fn a_median_that_is_no_time_fails() {
    for (test, median, text) in [
        (
            "zero",
            json!(0.0),
            "a median of 0 ns, where a time is above 0",
        ),
        ("negative", json!(-1.0), "a median of -1 ns"),
        // As serde_json writes NaN and the infinities.
        ("nan", Value::Null, "invalid type: null, expected f64"),
    ] {
        let place = Place::measured(&format!("median_{test}"));
        place.will_measure("f/ours/1", &median);
        let answer = place.run();
        answer.is(5, text);
        answer.is(5, "f/ours/1/new/estimates.json");
    }
}

#[test]
fn a_file_that_is_not_criterions_fails() {
    for name in ["estimates", "benchmark"] {
        let place = Place::measured(name);
        place.write(&format!("next/f/ours/1/new/{name}.json"), "{\"median\":");
        let file = format!("results/f/ours/1/new/{name}.json is not criterion's: EOF");
        place.run().is(5, &file);
    }
}

#[test]
fn a_file_that_is_not_there_fails() {
    let place = Place::measured("unreadable");
    place.remove("next/f/ours/1/new/estimates.json");
    place.run().is(5, "f/ours/1/new/estimates.json");
    place.remove("rules.toml");
    place.run().is(5, "cannot read rules.toml: No such file");
}

#[test]
fn two_results_of_one_benchmark_fail() {
    let place = Place::measured("two");
    place.will_measure("f/other", &json!(1.0));
    let benchmark = fs::read_to_string(place.0.join("next/f/ours/1/new/benchmark.json"));
    place.write("next/f/other/new/benchmark.json", &benchmark.expect("read"));
    place.run().is(5, "two results of one benchmark, f/ours/1");
}

#[test]
fn an_unknown_key_fails_before_anything_is_measured() {
    let place = Place::measured("unknown_key");
    place.write("rules.toml", &RULES.replace("at_least", "at_leest"));
    let answer = place.run();
    answer.is(
        5,
        "rules.toml is no rules file: TOML parse error at line 4, column 1",
    );
    answer.is(5, "unknown field `at_leest`");
    assert!(!place.0.join("results").exists());
}

#[test]
fn of_several_reasons_the_highest_counts_and_every_rule_is_shown() {
    let place = Place::measured("several");
    place.will_measure("f/ours/1", &json!(20.0));
    place.will_measure("f/naive/2", &json!(20.0));
    place.write(
        "rules.toml",
        &(RULES.replace("/1'", "/{n}'") + "for = { n = [1, 2] }"),
    );
    place.run().is(
        3,
        "FAILED: 0 of 2 rules hold, 1 BROKEN, 1 MISSING; 1 short of the goal",
    );
}

#[test]
fn a_wrong_command_line_is_told_from_every_verdict() {
    let place = Place::new("usage");
    place.gate(&[]).is(2, "Usage:");
    place.gate(&["--help"]).is(0, "Exit status");
}

#[test]
fn the_rules_of_this_project_can_be_read() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules.toml");
    let rules = Rule::read(&file).expect("a rules file");
    assert!(rules.iter().any(|rule| rule.to == "get_z/one/ours/vq16"));
}
