//! What a command works on: its arguments, or the words on standard input.

use std::io::{self, IsTerminal, Read};
use std::{env, iter};

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use crate::Cli;

/// The most that is read, in bytes. It holds 50,000 IDs, and every form of a snapshot, whose bytes are at most
/// 8,832.
const LIMIT: u64 = 1 << 20;
/// How many characters of a wrong word are shown.
const SHOWN: usize = 80;

/// The command line. If it is wrong, clap's message repeats what was given, so clap parses it once more with
/// the arguments escaped.
pub(crate) fn command_line() -> Cli {
    Cli::try_parse().unwrap_or_else(|error| {
        let arguments = env::args_os().map(|argument| escaped(&argument.to_string_lossy()));
        match Cli::try_parse_from(arguments) {
            Err(error) => error.exit(),
            Ok(_) => error.exit(),
        }
    })
}

/// The text with control characters, and others that cannot be seen, as escapes.
pub(crate) fn escaped(text: &str) -> String {
    let escape = |c: char| match c {
        '"' | '\'' | '\\' => iter::once(c).collect::<String>(),
        c => c.escape_debug().to_string(),
    };
    text.chars().map(escape).collect()
}

/// All of it, unless it is too long.
pub(crate) fn read(from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LIMIT {
        return Err(io::Error::other(format!("more than {LIMIT} bytes")));
    }
    Ok(bytes)
}

/// The arguments, with the words of standard input in place of `-`, or of no arguments at all.
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
            let text = read(io::stdin().lock()).and_then(|bytes| {
                String::from_utf8(bytes).map_err(|_| io::Error::other("it is not UTF-8"))
            });
            let text = text.map_err(|why| io::Error::other(format!("standard input: {why}")))?;
            words.extend(text.split_whitespace().map(str::to_owned));
        } else {
            words.push(argument);
        }
    }
    Ok(words)
}

/// A word in quotes, or its beginning.
fn quoted(word: &str) -> String {
    match word.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{:?} and more", &word[..end]),
        None => format!("{word:?}"),
    }
}

/// What every word stands for or, if any of them stands for nothing, what is wrong with each of those.
pub(crate) fn parsed<T>(
    words: &[String],
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<T>, Vec<String>> {
    let (good, bad): (Vec<_>, Vec<_>) = words
        .iter()
        .map(|word| parse(word).map_err(|why| format!("{}: {why}", quoted(word))))
        .partition(Result::is_ok);
    if bad.is_empty() {
        Ok(good.into_iter().flatten().collect())
    } else {
        Err(bad.into_iter().filter_map(Result::err).collect())
    }
}
