//! What a command works on: its arguments, or the words on standard input.

use std::io::{self, IsTerminal, Read};

use clap::CommandFactory;
use clap::error::ErrorKind;

use crate::Cli;

/// The arguments, with the words of standard input in the place of `-`, or of none at all.
pub(crate) fn words(arguments: Vec<String>) -> io::Result<Vec<String>> {
    let arguments = match arguments.is_empty() {
        true if io::stdin().is_terminal() => Cli::command()
            .error(
                ErrorKind::MissingRequiredArgument,
                "nothing to do: give arguments, or something on standard input",
            )
            .exit(),
        true => vec!["-".to_owned()],
        false => arguments,
    };
    let mut words = Vec::new();
    for argument in arguments {
        if argument == "-" {
            let mut text = String::new();
            let read = io::stdin().read_to_string(&mut text);
            read.map_err(|why| io::Error::new(why.kind(), format!("standard input: {why}")))?;
            words.extend(text.split_whitespace().map(str::to_owned));
        } else {
            words.push(argument);
        }
    }
    Ok(words)
}

/// What every word stands for; or, if any of them stands for nothing, what is wrong with each of
/// those.
pub(crate) fn parsed<T>(
    words: &[String],
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<T>, Vec<String>> {
    let (good, bad): (Vec<_>, Vec<_>) = words
        .iter()
        .map(|word| parse(word).map_err(|why| format!("{word:?}: {why}")))
        .partition(Result::is_ok);
    if bad.is_empty() {
        Ok(good.into_iter().flatten().collect())
    } else {
        Err(bad.into_iter().filter_map(Result::err).collect())
    }
}
