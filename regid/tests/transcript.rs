//! What `regid` says, whole: `transcript.txt` and the README both have what a terminal would show.

use std::fs;
use std::path::Path;
use std::process::Command;

/// What follows a command whose exit status is to be shown.
const STATUS: &str = " || echo $?";

/// The commands in a text, each with what follows it up to the next one.
fn commands(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let commands = text.split("$ regid ").skip(1);
    commands.map(|command| command.split_once('\n').expect("a line"))
}

/// What a terminal shows after this command.
fn shown(command: &str) -> String {
    let words = command.strip_suffix(STATUS).unwrap_or(command);
    let mut regid = Command::new(env!("CARGO_BIN_EXE_regid"));
    regid.args(words.split_whitespace());
    regid.current_dir(env!("CARGO_MANIFEST_DIR"));
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"] {
        regid.env_remove(name);
    }
    let output = regid.output().expect("it runs");
    let text = String::from_utf8([output.stdout, output.stderr].concat()).expect("UTF-8");
    let status = output.status.code().expect("it ends");
    assert_eq!(status != 0, words != command, "{command}: {status}");
    match status {
        0 => text,
        _ => format!("{text}{status}\n"),
    }
}

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    fs::read_to_string(path).expect("it is read")
}

#[test]
fn the_transcript_is_what_is_said() {
    let transcript = read("tests/transcript.txt");
    let again: String = commands(&transcript)
        .map(|(command, _)| format!("$ regid {command}\n{}", shown(command)))
        .collect();
    if std::env::var_os("REGID_TRANSCRIPT").is_some_and(|value| value == "overwrite") {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcript.txt");
        fs::write(path, &again).expect("it is written");
    }
    for (was, is) in commands(&transcript).zip(commands(&again)) {
        assert_eq!(was, is);
    }
}

#[test]
fn the_readmes_commands_say_what_it_has() {
    let readme = read("../README.md");
    let blocks = readme.split("```text\n").skip(1);
    let blocks = blocks.filter_map(|block| Some(block.split_once("```")?.0));
    let commands: Vec<_> = blocks.flat_map(commands).collect();
    assert!(commands.len() > 2, "{commands:?}");
    for (command, expected) in commands {
        assert_eq!(shown(command), expected, "{command}");
    }
}
