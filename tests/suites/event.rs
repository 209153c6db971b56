//! What a program in a guest says to the harness, one event to a line, as JSON after a mark. All other lines are for
//! people.

use std::fmt::Display;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Stands before it.
const MARK: &str = "@@ ";

/// What is said.
#[derive(Serialize, Deserialize, PartialEq, Debug)]
pub enum Event<R> {
    /// How far it has come, in words.
    Progress(String),
    /// All that it has found, which comes at its end.
    Report(R),
}

/// Says how far the program has come.
pub fn progress(text: impl Display) {
    say(&Event::<()>::Progress(text.to_string()));
}

/// Says what it has found.
pub fn report<R: Serialize>(report: &R) {
    say(&Event::Report(report));
}

/// Switches the machine off, if this is its first process, once the console has printed everything. What is not
/// printed by then is cut off, or has the kernel's last words in the midst of it.
#[cfg(all(target_os = "linux", target_arch = "aarch64"))]
pub fn power_off() {
    use rustix::system::{RebootCommand, reboot};

    if std::process::id() == 1 {
        let _ = rustix::termios::tcdrain(std::io::stdout());
        let error = reboot(RebootCommand::PowerOff).err();
        println!("cannot power off: {error:?}");
    }
}

fn say<R: Serialize>(event: &Event<R>) {
    let json = serde_json::to_string(event);
    println!(
        "{MARK}{}",
        json.expect("strings, numbers and lists of them")
    );
}

/// The event in a line, if it is one, or an error if it should be one.
pub fn heard<R: DeserializeOwned>(line: &str) -> Option<Result<Event<R>, String>> {
    let json = line.strip_prefix(MARK)?;
    let event = serde_json::from_str(json);
    Some(
        event.map_err(|error| {
            format!("the guest said what the harness does not know: {json}: {error}")
        }),
    )
}

#[cfg(test)]
mod tests {
    use super::{Event, heard};

    #[test]
    fn what_is_no_event_is_refused_and_what_is_for_people_is_left() {
        let heard = |line: &str| heard::<Vec<u32>>(line);
        let progress = Event::Progress("a".to_owned());
        assert_eq!(heard("@@ {\"Progress\":\"a\"}"), Some(Ok(progress)));
        assert_eq!(
            heard("@@ {\"Report\":[1,2]}"),
            Some(Ok(Event::Report(vec![1, 2])))
        );
        assert_eq!(heard("{\"Report\":[1,2]}"), None);
        for line in ["@@ done", "@@ {\"Report\":[-1]}", "@@ {\"Report\":[1,2]"] {
            assert!(heard(line).is_some_and(|event| event.is_err()), "{line}");
        }
    }
}
