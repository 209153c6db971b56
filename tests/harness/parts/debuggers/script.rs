//! What a debugger is told, in its own words, and what it answers, in ours.

use std::fmt;

/// Which commands a debugger has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Gdb,
    Lldb,
}

/// A command, in gdb's words and in LLDB's.
type Words = [&'static str; 2];
pub(crate) const CONNECT: Words = ["target remote {}", "gdb-remote {}"];
pub(crate) const OPEN: Words = ["target core {}", "target create --core \"{}\""];
/// From 1.
pub(crate) const THREAD: Words = ["thread {}", "thread select {}"];
pub(crate) const STEP: Words = ["stepi", "thread step-inst"];
pub(crate) const CONTINUE: Words = ["continue", "continue"];

/// What a register has, as far as a debugger shows it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Number(u64),
    Bytes(Vec<u8>),
    /// The fields that are not zero, with their values.
    Fields(Vec<(String, u64)>),
    /// The debugger has no such register, or no value of it.
    Missing,
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number:#x}"),
            Self::Bytes(bytes) => write!(f, "{bytes:02x?}"),
            Self::Fields(fields) => write!(f, "{fields:?}"),
            Self::Missing => f.write_str("nothing"),
        }
    }
}

/// What was asked for, and the answer.
pub(crate) type Answer = (String, Value);

/// What precedes each answer.
const MARK: &str = "@@ ";

/// No limits on what is printed, and only a few seconds to wait.
const GDB_SETTINGS: &str = "set pagination off\nset width 0\nset print elements unlimited\n\
    set print repeats unlimited\nset tcp connect-timeout 10\nset remotetimeout 10\n";
const LLDB_SETTINGS: &str = "settings set plugin.process.gdb-remote.packet-timeout 10\n";

/// The commands of a session, and the answers that are right.
pub(crate) struct Script {
    kind: Kind,
    pub(crate) commands: String,
    pub(crate) expected: Vec<Answer>,
}

impl Script {
    pub(crate) fn new(kind: Kind) -> Self {
        let settings = match kind {
            Kind::Gdb => GDB_SETTINGS,
            Kind::Lldb => LLDB_SETTINGS,
        };
        Self {
            kind,
            commands: settings.to_owned(),
            expected: Vec::new(),
        }
    }

    /// Adds a command, in which `what` replaces `{}`.
    pub(crate) fn tell(&mut self, words: Words, what: impl fmt::Display) {
        self.command(&words.map(|words| words.replace("{}", &what.to_string())));
    }

    fn command(&mut self, words: &[String; 2]) {
        self.commands += &words[self.kind as usize];
        self.commands.push('\n');
    }

    pub(crate) fn bytes(&mut self, register: &str, bytes: &[u8]) {
        self.read(register, Value::Bytes(bytes.to_vec()));
    }

    /// A register that is a number, by its bytes.
    pub(crate) fn number(&mut self, register: &str, bytes: &[u8]) {
        let number = bytes
            .iter()
            .rev()
            .fold(0, |n, byte| n << 8 | u64::from(*byte));
        self.read(register, Value::Number(number));
    }

    pub(crate) fn missing(&mut self, register: &str) {
        self.read(register, Value::Missing);
    }

    /// gdb's union of vectors, as bytes.
    fn expression(register: &str, value: &Value) -> String {
        match value {
            Value::Bytes(_) if register.starts_with(['z', 'v']) => format!("${register}.b.u"),
            _ => format!("${register}"),
        }
    }

    fn read(&mut self, register: &str, value: Value) {
        let expression = Self::expression(register, &value);
        // An element of a register that does not exist is an error, which would end the script.
        self.command(&[
            format!(
                "echo {MARK}{register}=\nif !$_isvoid(${register})\noutput/x {expression}\nend\necho \\n"
            ),
            format!("# {MARK}{register}=\nregister read {register}"),
        ]);
        self.expected.push((register.to_owned(), value));
    }

    /// The fields that are not zero, by name.
    pub(crate) fn fields(&mut self, register: &str, fields: &[(&str, u64)]) {
        self.command(&[
            format!("echo {MARK}{register}:fields=\noutput ${register}\necho \\n"),
            format!("# {MARK}{register}:fields=\nregister read {register}"),
        ]);
        let fields = fields.iter().map(|(name, n)| ((*name).to_owned(), *n));
        let mut fields: Vec<_> = fields.collect();
        fields.sort();
        self.expected
            .push((format!("{register}:fields"), Value::Fields(fields)));
    }

    pub(crate) fn write_bytes(&mut self, register: &str, bytes: &[u8]) {
        let value = Value::Bytes(bytes.to_vec());
        let expression = Self::expression(register, &value);
        let elements = |before: &str, separator: &str| {
            let elements: Vec<_> = bytes.iter().map(|b| format!("{before}{b:#04x}")).collect();
            format!("{{{}}}", elements.join(separator))
        };
        let (gdb, lldb) = (elements("(unsigned char)", ","), elements("", " "));
        self.command(&[
            format!("set var {expression} = {gdb}"),
            format!("register write {register} '{lldb}'"),
        ]);
    }

    pub(crate) fn write_number(&mut self, register: &str, number: u64) {
        self.command(&[
            format!("set var ${register} = {number:#x}"),
            format!("register write {register} {number:#x}"),
        ]);
    }

    /// The answers in what the debugger has printed.
    pub(crate) fn answers(&self, output: &str) -> Vec<Answer> {
        let mut answers: Vec<Answer> = Vec::new();
        for line in output.lines() {
            // LLDB shows each command, comments included.
            let line = line.trim_start_matches("(lldb) # ");
            if let Some(line) = line.strip_prefix(MARK) {
                let (name, text) = line.split_once('=').unwrap_or((line, ""));
                let value = match self.kind {
                    Kind::Gdb if name.ends_with(":fields") => Value::Fields(gdb_fields(text)),
                    Kind::Gdb => value(text),
                    Kind::Lldb if name.ends_with(":fields") => Value::Fields(Vec::new()),
                    Kind::Lldb => Value::Missing,
                };
                answers.push((name.to_owned(), value));
            } else if self.kind == Kind::Lldb && line.starts_with(' ') {
                match answers.last_mut() {
                    Some((_, Value::Fields(fields))) => fields.extend(lldb_fields(line)),
                    Some((_, missing @ Value::Missing)) => {
                        if let Some((_, text)) = line.split_once(" = ") {
                            *missing = value(text);
                        }
                    }
                    _ => {}
                }
            }
        }
        for (_, value) in &mut answers {
            if let Value::Fields(fields) = value {
                fields.sort();
            }
        }
        answers
    }
}

/// `0x1f`, or `{0x1, 0x2}`, or `{0x01 0x02}`.
fn value(text: &str) -> Value {
    let numbers = text
        .split(|c: char| !c.is_alphanumeric())
        .filter_map(|word| u64::from_str_radix(word.strip_prefix("0x")?, 16).ok());
    let numbers: Vec<u64> = numbers.collect();
    match (text.trim_start().starts_with('{'), numbers.as_slice()) {
        (true, numbers) => {
            let bytes: Result<_, _> = numbers.iter().map(|n| u8::try_from(*n)).collect();
            bytes.map_or(Value::Missing, Value::Bytes)
        }
        (false, [number]) => Value::Number(*number),
        (false, _) => Value::Missing,
    }
}

/// `[ SP EL=1 F ]`
fn gdb_fields(text: &str) -> Vec<(String, u64)> {
    let words = text.split_whitespace().filter(|word| !"[]".contains(word));
    let fields = words.filter_map(|word| match word.split_once('=') {
        Some((name, number)) => Some((name.to_owned(), number.parse().ok()?)),
        None => Some((word.to_owned(), 1)),
    });
    fields.filter(|(_, number)| *number != 0).collect()
}

/// `= (N = 0, Z = 1`, or a line with one of them.
fn lldb_fields(line: &str) -> Vec<(String, u64)> {
    let fields = line.split([',', '(']).filter_map(|field| {
        let (name, number) = field.trim_end_matches(')').split_once(" = ")?;
        Some((name.trim().to_owned(), number.parse().ok()?))
    });
    fields.filter(|(_, number)| *number != 0).collect()
}

#[cfg(test)]
mod tests {
    use super::{Answer, Kind, Script, Value};

    fn expected() -> Vec<Answer> {
        let fields = [("EL".to_owned(), 1), ("SP".to_owned(), 1)];
        [
            ("x1", Value::Number(0x2a)),
            ("p1", Value::Bytes(vec![0xf1, 0x06])),
            ("v1", Value::Missing),
            ("cpsr:fields", Value::Fields(fields.to_vec())),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
    }

    #[test]
    fn what_gdb_prints_is_read() {
        let output = "warning: none\n@@ x1=0x2a\n@@ p1={0xf1, 0x6}\n@@ v1=<unavailable>\n\
            @@ cpsr:fields=[ SP EL=1 BTYPE=0 ]\n";
        assert!(Script::new(Kind::Gdb).answers(output) == expected());
    }

    #[test]
    fn what_lldb_prints_is_read() {
        let output = "(lldb) # @@ x1=\n(lldb) register read x1\n* thread #1, name = 'a'\n      x1 = 0x000000000000002a\n\
            (lldb) # @@ p1=\n(lldb) register read p1\n      p1 = {0xf1 0x06}\n\
            (lldb) # @@ v1=\n(lldb) register read v1\nerror: Invalid register name 'v1'.\n\
            (lldb) # @@ cpsr:fields=\n(lldb) register read cpsr\n    cpsr = 0x00000005\n         = (N = 0, EL = 1, SP = 1)\n";
        assert!(Script::new(Kind::Lldb).answers(output) == expected());
    }
}
