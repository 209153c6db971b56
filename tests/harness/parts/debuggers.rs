//! gdb and LLDB themselves, each in an old and a new version, connect to the example server and open core files
//! of the other example, and what they show of each register is compared. What differs by debugger is read from
//! the table in the documentation of `gdb`.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use clap::builder::PossibleValuesParser;

use sve_state_harness::parallel;

use crate::context::Context;
use crate::machine::unpacked::Unpacked;
use crate::report::{Counted, count};

mod description;
mod script;

use script::{Answer, CONNECT, CONTINUE, Kind, OPEN, STEP, Script, THREAD};

/// A version of a debugger, and where Debian has it.
struct Debugger {
    /// For the command line.
    name: &'static str,
    /// In the table.
    version: &'static str,
    kind: Kind,
    release: &'static str,
    package: &'static str,
}

macro_rules! debuggers {
    ($($name:literal $version:literal $kind:ident $release:literal $package:literal;)*) => {
        &[$(Debugger {
            name: $name,
            version: $version,
            kind: Kind::$kind,
            release: $release,
            package: $package,
        }),*]
    };
}

const DEBUGGERS: &[Debugger] = debuggers! {
    "gdb-13" "gdb 13.1" Gdb "bookworm" "gdb-multiarch";
    "gdb-18" "gdb 18.1" Gdb "trixie-backports" "gdb-multiarch";
    "lldb-19" "LLDB 19.1" Lldb "bookworm" "lldb-19";
    "lldb-21" "LLDB 21.1" Lldb "trixie-backports" "lldb-21";
};

/// What differs by debugger, as the documentation words it.
const V_OF_Z: &str = "stub: v, d and s, made of z";
const STATUS: &str =
    "core file: fpsr and fpcr at VQ 5 to 7 and 13 to 15 (at all others, all of them)";
const DIFFERS: [&str; 6] = [
    V_OF_Z,
    STATUS,
    OWN_LENGTH.row,
    STREAMING.row,
    STREAMING_ALONE.row,
    NO_OS.row,
];

/// Whether a debugger can do what is in each row of the documentation's table.
fn abilities(version: &str) -> Result<BTreeMap<&'static str, bool>> {
    let rows = include_str!("../../../runtime/src/signal_core_gdb/gdb.rs").lines();
    let rows = rows.filter_map(|line| line.strip_prefix("//! |")?.strip_suffix('|'));
    let mut rows = rows.map(|row| row.split('|').map(str::trim).collect::<Vec<_>>());
    let head = rows.find(|row| row[1..].iter().eq(DEBUGGERS.iter().map(|it| &it.version)));
    let head = head.context("the documentation of `gdb` has no table of these debuggers")?;
    let column = head.iter().position(|cell| *cell == version);
    let column = column.context("no such debugger")?;
    let mut abilities = BTreeMap::new();
    for row in rows.skip(1).take_while(|row| row.len() == head.len()) {
        let can = row[column] == "yes";
        ensure!(
            can || row[column] == "no" && DIFFERS.contains(&row[0]),
            "the documentation of `gdb` says of {version}: {}: {}",
            row[0],
            row[column]
        );
        abilities.insert(row[0], can);
    }
    for row in DIFFERS {
        let there = abilities.contains_key(row);
        ensure!(there, "the documentation of `gdb` has no row {row:?}");
    }
    Ok(abilities)
}

/// Core files of several vCPUs, with these vector lengths, where 0 means none.
const SEVERAL: [&[u32]; 6] = [&[2, 2], &[2, 0], &[0, 2], &[4, 2], &[2, 16], &[0, 3, 1]];

/// What tpidr has in the server.
const TPIDR: u64 = 0x1122_3344_5566_7788;

/// Which debuggers.
#[derive(Args, Clone, Default)]
pub(crate) struct Options {
    /// A debugger, may be repeated [default: all]
    #[arg(long, value_name = "DEBUGGER", value_parser = PossibleValuesParser::new(DEBUGGERS.iter().map(|it| it.name)))]
    debugger: Vec<String>,
}

/// Lets each debugger show everything, at every vector length.
pub(crate) fn run(cx: &Context, options: &Options) -> Result<Counted> {
    let chosen = |it: &&Debugger| {
        options.debugger.is_empty() || options.debugger.iter().any(|name| name == it.name)
    };
    let mut unpacked = Vec::new();
    for debugger in DEBUGGERS.iter().filter(chosen) {
        let package = Unpacked::of(cx, debugger.release, debugger.package)
            .with_context(|| format!("cannot have {}", debugger.version))?;
        unpacked.push((debugger, package));
    }
    cx.run(cx.cargo(&["build --release -p sve-state-debug --examples"]))?;
    let examples = cx.target.join("release/examples");
    let counted = parallel::map(&unpacked, |(debugger, package)| {
        Programs {
            cx,
            debugger,
            package,
            examples: &examples,
            directory: cx.directory(&format!("debuggers/{}", debugger.name))?,
            can: abilities(debugger.version)?,
        }
        .run()
    });
    let mut counted = counted.into_iter().collect::<Result<Vec<_>>>()?;
    let gdb = unpacked.iter().find(|(it, _)| it.kind == Kind::Gdb);
    if let Some((debugger, package)) = gdb {
        counted.push(description::compare(
            cx,
            debugger.version,
            package,
            &examples,
        )?);
    }
    counted.push(elfutils(cx, &examples)?);
    Ok(counted)
}

/// Byte `k` of a register, as the examples fill them in.
fn byte(number: u32, k: u32) -> u8 {
    u8::try_from((7 * number + 37 * k + k / 16) % 256).unwrap_or_default()
}

fn bytes(number: u32, size: u32) -> Vec<u8> {
    (0..size).map(|k| byte(number, k)).collect()
}

/// Others, of the same size.
fn inverted(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| !byte).collect()
}

impl Script {
    /// Every register of a vCPU except FPSR and FPCR. `shown` is the vector length that the debugger goes by,
    /// or 0 where it knows of no SVE, and `v` says whether it has v, d and s.
    fn registers(&mut self, vq: u32, shown: u32, v: bool) {
        for n in 0..31 {
            self.number(&format!("x{n}"), &bytes(n, 8));
        }
        self.number("sp", &bytes(31, 8));
        self.number("pc", &bytes(32, 8));
        self.number("cpsr", &bytes(33, 4));
        let padded = |number: u32, own: u32, shown: u32| {
            let mut bytes = bytes(number, own);
            bytes.resize(shown as usize, 0);
            bytes
        };
        for n in 0..32 {
            let own = 16 * vq.max(1);
            if v || shown == 0 {
                self.bytes(&format!("v{n}"), &bytes(34 + n, 16));
            }
            if shown > 0 {
                self.bytes(&format!("z{n}"), &padded(34 + n, own, 16 * shown));
            }
        }
        for n in 0..17 {
            let name = if n < 16 {
                format!("p{n}")
            } else {
                "ffr".to_owned()
            };
            match shown {
                0 => self.missing(&name),
                _ => self.bytes(&name, &padded(68 + n, 2 * vq, 2 * shown)),
            }
        }
        match shown {
            0 => self.missing("vg"),
            _ => self.number("vg", &(2 * shown).to_le_bytes()),
        }
    }

    fn status(&mut self) {
        self.number("fpsr", &bytes(66, 4));
        self.number("fpcr", &bytes(67, 4));
    }
}

/// How a core file differs from what the example writes by itself.
struct Variant {
    /// In the documentation's table.
    row: &'static str,
    option: Option<&'static str>,
    /// What is changed in the file after it was written.
    change: fn(&mut [u8]) -> Result<()>,
}

const PLAIN: Variant = Variant {
    row: "core file: z, p, ffr and vg at VQ 1 to 16; v without SVE",
    option: None,
    change: |_| Ok(()),
};
const OWN_LENGTH: Variant = Variant {
    row: "core file: each thread at its own vector length",
    option: Some("--own-length"),
    ..PLAIN
};
const STREAMING: Variant = Variant {
    row: "core file: NT_ARM_SSVE, with NT_ARM_ZA beside it",
    option: Some("--streaming"),
    ..PLAIN
};
const STREAMING_ALONE: Variant = Variant {
    row: "core file: only NT_ARM_SSVE",
    change: |file| hide_notes(file, 0x40c, b"LINUX"),
    ..STREAMING
};
const NO_OS: Variant = Variant {
    row: "core file: without SVE, and EI_OSABI 0",
    change: |file| {
        file[7] = 0;
        Ok(())
    },
    ..PLAIN
};

struct Programs<'a> {
    cx: &'a Context,
    debugger: &'a Debugger,
    package: &'a Unpacked,
    examples: &'a Path,
    directory: PathBuf,
    can: BTreeMap<&'static str, bool>,
}

impl Programs<'_> {
    /// All that a debugger is asked.
    fn run(&self) -> Result<String> {
        let version = self.debugger.version;
        self.cx
            .step(&format!("{version}: a stub, at VQ 1 to 16 and without SVE"));
        let (mut served, mut opened) = (0, 0);
        for vq in 0..=16 {
            served += self.session(vq)?;
        }
        self.cx
            .step(&format!("{version}: core files, also of several vCPUs"));
        for vq in 0..=16 {
            opened += self.core_file(&[vq])?;
        }
        for vqs in SEVERAL {
            opened += self.core_file(vqs)?;
        }
        for vqs in [&[4, 2], &[2, 16], &[3, 0]] {
            self.row(vqs, &OWN_LENGTH)?;
        }
        for vqs in [&[2][..], &[4, 4]] {
            self.row(vqs, &STREAMING)?;
            self.row(vqs, &STREAMING_ALONE)?;
        }
        self.row(&[0], &NO_OS)?;
        let (script, answers) = self.open(&[2], &NO_OS)?;
        self.compare(&answers, &script.expected)?;
        Ok(format!(
            "{version}: {} of a stub's vCPU, {} of core files",
            count(served, "value"),
            count(opened, "value"),
        ))
    }

    /// Reads every register of a vCPU that is served, then writes some, steps, and runs.
    fn session(&self, vq: u32) -> Result<usize> {
        let mut command = Command::new(self.examples.join("gdb_server"));
        command.args(["--sve", &name(vq)]);
        let server = Server::start(command)?;
        let mut script = Script::new(self.debugger.kind);
        script.tell(CONNECT, &server.address);
        let has_v = vq == 0 || self.can[V_OF_Z];
        script.registers(vq, vq, has_v);
        script.status();
        script.number("tpidr", &TPIDR.to_le_bytes());

        // Whole registers, read back after a step, when what the debugger remembers is no longer valid.
        let size = 16 * vq.max(1);
        let vector = if vq > 0 { "z" } else { "v" };
        let third = inverted(&bytes(34 + 3, size));
        let mut written = vec![(format!("{vector}3"), third.clone())];
        if vq > 0 {
            let predicates = [("p0", 68), ("p15", 83), ("ffr", 84)];
            written.extend(predicates.map(|(name, number)| {
                let bytes = inverted(&bytes(number, 2 * vq));
                (name.to_owned(), bytes)
            }));
        }
        let numbers = [
            ("x7", 0xfedc_ba98_7654_3210),
            ("tpidr", 0x1234),
            ("cpsr", 0x8000_03c5),
            ("fpsr", 0x0800_0011),
            ("fpcr", 0x01c0_0000),
        ];
        for (name, bytes) in &written {
            script.write_bytes(name, bytes);
        }
        for (name, number) in numbers {
            script.write_number(name, number);
        }
        script.tell(STEP, "");
        let pc = u64::from_le_bytes(std::array::from_fn(|k| bytes(32, 8)[k]));
        script.number("pc", &(pc + 4).to_le_bytes());
        for (name, bytes) in &written {
            script.bytes(name, bytes);
        }
        for (name, number) in numbers {
            script.number(name, &number.to_le_bytes());
        }
        let cpsr = ["N", "D", "A", "I", "F", "EL", "SP"];
        script.fields("cpsr", &cpsr.map(|name| (name, 1)));
        script.fields("fpsr", &[("QC", 1), ("IXC", 1), ("IOC", 1)]);
        script.fields("fpcr", &[("FZ", 1), ("RMode", 3)]);

        // The guest copies register 3 to register 4.
        script.tell(CONTINUE, "");
        script.bytes(&format!("{vector}4"), &third);
        script.number("pc", &(pc + 4).to_le_bytes());

        // A debugger that derives v from z writes z for it. LLDB fills in what it has read of z at this stop,
        // or else zeros; gdb always fills in zeros.
        if has_v {
            let low = bytes(34 + 5, 16);
            for read in [false, true] {
                let mut fourth = third.clone();
                script.tell(CONTINUE, "");
                if read {
                    script.bytes(&format!("{vector}4"), &fourth);
                }
                script.write_bytes("v4", &low);
                fourth[..16].copy_from_slice(&low);
                if !(read && self.debugger.kind == Kind::Lldb) {
                    fourth[16..].fill(0);
                }
                script.tell(STEP, "");
                script.bytes("v4", &low);
                script.bytes(&format!("{vector}4"), &fourth);
            }
        }
        let answers = self.ask(&format!("server-{}", name(vq)), &script)?;
        drop(server);
        self.compare(&answers, &script.expected)
    }

    /// A core file of these vCPUs, all of them at the largest vector length.
    fn core_file(&self, vqs: &[u32]) -> Result<usize> {
        let (script, answers) = self.open(vqs, &PLAIN)?;
        // gdb finds FPSR and FPCR where the padding has both too, or where there is no padding.
        let shown = vqs.iter().copied().max().unwrap_or_default();
        if self.can[STATUS] || !matches!(shown, 5..=7 | 13..=15) {
            return self.compare(&answers, &script.expected);
        }
        let is_status = |(name, _): &&Answer| name.starts_with("fp");
        let part = |answers: &[Answer]| answers.iter().cloned().partition(|it| is_status(&it));
        let (status, others): (Vec<_>, Vec<_>) = part(&answers);
        let (expected, expected_others): (Vec<_>, Vec<_>) = part(&script.expected);
        self.judge(&status, &expected, false)?;
        self.compare(&others, &expected_others)
    }

    /// A variant of the core file, whose registers must all be right or, by the table, must not.
    fn row(&self, vqs: &[u32], variant: &Variant) -> Result<()> {
        let (script, answers) = self.open(vqs, variant)?;
        self.judge(&answers, &script.expected, self.can[variant.row])
    }

    /// Writes the file, and asks for every register.
    fn open(&self, vqs: &[u32], variant: &Variant) -> Result<(Script, Vec<Answer>)> {
        let mut names = vec!["core".to_owned()];
        names.extend(vqs.iter().map(|vq| name(*vq)));
        let file = self.directory.join(names.join("-"));
        let mut command = Command::new(self.examples.join("core_file"));
        for vq in vqs {
            command.args(["--sve", &name(*vq)]);
        }
        command.args(variant.option).arg(&file);
        self.cx.run_quietly(command)?;
        let mut bytes = fs::read(&file)?;
        (variant.change)(&mut bytes)?;
        fs::write(&file, bytes)?;

        let mut script = Script::new(self.debugger.kind);
        script.tell(OPEN, file.display());
        let largest = vqs.iter().copied().max().unwrap_or_default();
        for (thread, vq) in (1_u32..).zip(vqs) {
            script.tell(THREAD, thread);
            let shown = match variant.option {
                Some("--own-length") => (*vq).max(1),
                _ => largest,
            };
            script.registers(*vq, shown, true);
            script.status();
        }
        let answers = self.ask(&names.join("-"), &script)?;
        Ok((script, answers))
    }

    /// All answers must be right; returns how many there are.
    fn compare(&self, answers: &[Answer], expected: &[Answer]) -> Result<usize> {
        let version = self.debugger.version;
        for ((name, found), (asked, expected)) in answers.iter().zip(expected) {
            ensure!(
                name == asked && found == expected,
                "{version} shows {name}\n  {found}\nand not {asked}\n  {expected}"
            );
        }
        let (found, expected) = (answers.len(), expected.len());
        ensure!(
            found == expected,
            "{version} shows {found} values, and not {expected}"
        );
        Ok(found)
    }

    /// The answers must be right if the table says so, and otherwise must not be.
    fn judge(&self, answers: &[Answer], expected: &[Answer], can: bool) -> Result<()> {
        if can {
            return self.compare(answers, expected).map(drop);
        }
        ensure!(
            answers != expected,
            "{} shows all registers right, and the table says that it does not: \
             runtime/src/signal_core_gdb/gdb.rs",
            self.debugger.version
        );
        Ok(())
    }

    /// Runs the debugger on a script.
    fn ask(&self, name: &str, script: &Script) -> Result<Vec<Answer>> {
        let path = self.directory.join(format!("{name}.script"));
        fs::write(&path, &script.commands)?;
        let mut command = match self.debugger.kind {
            Kind::Gdb => {
                let mut gdb = self.package.command("gdb-multiarch");
                gdb.arg("--data-directory")
                    .arg(self.package.path("usr/share/gdb"));
                gdb.args(["-nx", "-batch", "-x"]).arg(&path);
                gdb
            }
            Kind::Lldb => {
                let mut lldb = self.package.command(self.debugger.package);
                lldb.args(["--no-lldbinit", "--batch", "--one-line"]);
                // `--source` would end at the first register that does not exist.
                lldb.arg(format!(
                    "command source --stop-on-error false \"{}\"",
                    path.display()
                ));
                lldb
            }
        };
        // Otherwise it would ask the network for programs.
        command.env_remove("DEBUGINFOD_URLS");
        let output = self.cx.run_quietly(command)?;
        Ok(script.answers(&output))
    }
}

/// Replaces the type of the notes of a type and owner by one that nobody knows.
fn hide_notes(file: &mut [u8], kind: u32, owner: &[u8]) -> Result<()> {
    let start = [&kind.to_le_bytes(), owner].concat();
    let mut hidden = 0;
    for at in 0..file.len().saturating_sub(start.len()) {
        if file[at..].starts_with(&start) {
            file[at..at + 4].copy_from_slice(&0x7ff_u32.to_le_bytes());
            hidden += 1;
        }
    }
    ensure!(hidden > 0, "no note {kind:#x} in the core file");
    Ok(())
}

/// elfutils opens the core file, but not without NT_PRPSINFO.
fn elfutils(cx: &Context, examples: &Path) -> Result<String> {
    let elfutils = Unpacked::of(cx, "bookworm", "elfutils").context("cannot have elfutils")?;
    let file = cx.directory("debuggers/elfutils")?.join("core");
    cx.run(Command::new(examples.join("core_file")).arg(&file))?;
    let opens = || -> Result<bool> {
        let mut stack = elfutils.command("eu-stack");
        // The command fails, because there is no memory in which to find frames.
        let output = stack.arg("--core").arg(&file).output()?;
        Ok(String::from_utf8_lossy(&output.stdout).contains("TID 1:"))
    };
    ensure!(opens()?, "eu-stack does not open {}", file.display());
    let mut bytes = fs::read(&file)?;
    hide_notes(&mut bytes, 3, b"CORE")?;
    fs::write(&file, bytes)?;
    ensure!(!opens()?, "eu-stack opens a core file without NT_PRPSINFO");
    Ok("elfutils opens a core file, because it has NT_PRPSINFO".to_owned())
}

fn name(vq: u32) -> String {
    match vq {
        0 => "none".to_owned(),
        vq => vq.to_string(),
    }
}

/// The example server, which ends when the debugger has gone, or with this value.
struct Server {
    child: Child,
    /// Kept open, so that what the server prints later does not end it.
    _stdout: BufReader<ChildStdout>,
    /// Where it listens.
    address: String,
}

impl Server {
    fn start(mut command: Command) -> Result<Self> {
        let program = Path::new(command.get_program()).display().to_string();
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command
            .spawn()
            .with_context(|| format!("cannot run {program}"))?;
        let stdout = child.stdout.take().context("its output is a pipe")?;
        let mut stdout = BufReader::new(stdout);
        let mut line = String::new();
        stdout.read_line(&mut line)?;
        let address = line.split_whitespace().next_back().unwrap_or_default();
        let server = Self {
            child,
            _stdout: stdout,
            address: address.to_owned(),
        };
        let ready = line.starts_with("gdb: target remote ");
        ensure!(
            ready,
            "{program} said {line:?}, and is to say where it listens"
        );
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::{DEBUGGERS, V_OF_Z, abilities};

    #[test]
    fn the_documentation_says_what_each_debugger_can_do() {
        let abilities = DEBUGGERS.iter().map(|it| abilities(it.version).unwrap());
        let (rows, v): (Vec<_>, Vec<_>) = abilities.map(|can| (can.len(), can[V_OF_Z])).unzip();
        assert_eq!((rows, v), (vec![9; 4], vec![true, true, false, true]));
    }
}
