//! gdb itself: it connects to the example server, and opens core files of the other example; what it prints
//! of each register is compared.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::context::Context;
use crate::machine::install::{self, GDB};
use crate::report::{Counted, count};

/// The vector lengths at which gdb 13.1 finds FPSR and FPCR in a core note: where both are in the padding
/// too, and where there is none.
const STATUS_FOUND: [u32; 10] = [1, 2, 3, 4, 8, 9, 10, 11, 12, 16];

/// Core files of several vCPUs: vector lengths, 0 for none.
const SEVERAL: [&[u32]; 6] = [&[2, 2], &[2, 0], &[0, 2], &[4, 2], &[2, 16], &[0, 3, 1]];

/// Before each script: no limits on what is printed, and none of the person's settings.
const SETTINGS: &str = "set pagination off\nset width 0\nset print elements unlimited\n\
    set print repeats unlimited\nset tcp connect-timeout 10\nset remotetimeout 10\n";

/// What a line of gdb's that is compared starts with.
const MARK: &str = "@@ ";

/// Lets gdb print all there is, at every vector length.
pub(crate) fn run(cx: &Context) -> Result<Counted> {
    install::ensure(cx, &[GDB])?;
    let examples = ["-p", "sve-state-debug", "--examples"];
    cx.run(cx.cargo(&[&["build", "--release"], &examples[..]].concat()))?;
    let programs = Programs {
        cx,
        examples: cx.target.join("release/examples"),
        directory: cx.directory("gdb")?,
    };
    let mut printed = [0, 0];
    for vq in 0..=16 {
        printed[0] += programs.session(vq)?;
    }
    let mut found = BTreeSet::new();
    for vq in 0..=16 {
        let (compared, status) = programs.core_file(&[vq])?;
        printed[1] += compared;
        found.extend(status.then_some(vq));
    }
    let missing: Vec<_> = STATUS_FOUND
        .iter()
        .filter(|vq| !found.contains(vq))
        .collect();
    ensure!(
        missing.is_empty(),
        "gdb does not find FPSR and FPCR of a core file at VQ {missing:?}"
    );
    for vqs in SEVERAL {
        printed[1] += programs.core_file(vqs)?.0;
    }
    found.remove(&0);
    let (served, opened) = (printed[0], printed[1]);
    Ok(vec![
        format!(
            "{} of a vCPU that is served, at VQ 1 to 16 and without SVE",
            count(served, "value")
        ),
        format!(
            "{} of core files, also of several vCPUs; FPSR and FPCR at VQ {found:?}",
            count(opened, "value")
        ),
    ])
}

/// Byte `k` of a register, as the examples fill them in.
fn byte(number: u32, k: u32) -> u8 {
    u8::try_from((7 * number + 37 * k + k / 16) % 256).unwrap_or_default()
}

fn bytes(number: u32, size: u32) -> Vec<u8> {
    (0..size).map(|k| byte(number, k)).collect()
}

/// What gdb is told, and what it must print.
struct Script {
    commands: String,
    expected: Vec<String>,
}

impl Script {
    fn new(start: &str) -> Self {
        Self {
            commands: format!("{SETTINGS}{start}\n"),
            expected: Vec::new(),
        }
    }

    fn command(&mut self, command: &str) {
        self.commands.push_str(command);
        self.commands.push('\n');
    }

    fn print(&mut self, what: &str, expected: &str) {
        self.command(&format!("echo {MARK}{what}=\noutput/x {what}\necho \\n"));
        self.expected.push(format!("{MARK}{what}={expected}"));
    }

    /// A vector of bytes.
    fn vector(&mut self, what: &str, bytes: &[u8]) {
        let bytes: Vec<_> = bytes.iter().map(|byte| format!("{byte:#x}")).collect();
        self.print(what, &format!("{{{}}}", bytes.join(", ")));
    }

    fn number(&mut self, what: &str, bytes: &[u8]) {
        let number = bytes
            .iter()
            .rev()
            .fold(0, |n, byte| n << 8 | u64::from(*byte));
        self.print(what, &format!("{number:#x}"));
    }

    /// Every register of a vCPU; FPSR and FPCR if they are asked for. `shown` is the vector length that gdb
    /// goes by, 0 where it knows of no SVE.
    fn registers(&mut self, vq: u32, shown: u32, status: bool) {
        for n in 0..31 {
            self.number(&format!("$x{n}"), &bytes(n, 8));
        }
        self.number("$pc", &bytes(32, 8));
        self.number("$cpsr", &bytes(33, 4));
        let padded = |number: u32, own: u32, shown: u32| {
            let mut bytes = bytes(number, own);
            bytes.resize(shown as usize, 0);
            bytes
        };
        for n in 0..32 {
            let own = 16 * vq.max(1);
            self.vector(&format!("$v{n}.b.u"), &bytes(34 + n, 16));
            if shown > 0 {
                self.vector(&format!("$z{n}.b.u"), &padded(34 + n, own, 16 * shown));
            }
        }
        for n in (0..17).filter(|_| shown > 0) {
            let name = if n < 16 {
                format!("$p{n}")
            } else {
                "$ffr".to_owned()
            };
            self.vector(&name, &padded(68 + n, 2 * vq, 2 * shown));
        }
        match shown {
            0 => self.print("$vg", "void"),
            _ => self.print("$vg", &format!("{:#x}", 2 * shown)),
        }
        if status {
            self.number("$fpsr", &bytes(66, 4));
            self.number("$fpcr", &bytes(67, 4));
        }
    }
}

struct Programs<'a> {
    cx: &'a Context,
    examples: PathBuf,
    directory: PathBuf,
}

impl Programs<'_> {
    /// gdb reads every register of a vCPU, writes some, and lets it run.
    fn session(&self, vq: u32) -> Result<usize> {
        let mut command = Command::new(self.examples.join("gdb_server"));
        command.args(["--sve", &name(vq)]);
        self.cx.announce(&command);
        let server = Server::start(command)?;
        let mut script = Script::new(&server.connect);
        script.registers(vq, vq, true);
        let (size, register) = (16 * vq.max(1), if vq > 0 { "z" } else { "v" });

        // The guest copies register 3 to register 4.
        let mut third = bytes(34 + 3, size);
        third[5] = 0x5a;
        script.command(&format!("set var ${register}3.b.u[5] = 0x5a"));
        script.vector(&format!("${register}3.b.u"), &third);
        script.command("continue");
        script.vector(&format!("${register}4.b.u"), &third);

        // gdb writes z3 for v3.
        third[1] = 0x11;
        third[16..].fill(0);
        script.command("set var $v3.b.u[1] = 0x11");
        script.vector("$v3.b.u", &third[..16]);
        if vq > 0 {
            script.vector("$z3.b.u", &third);
            let mut predicate = bytes(68, 2 * vq);
            predicate[1] = 0x5a;
            script.command("set var $p0[1] = 0x5a");
            script.vector("$p0", &predicate);
            let mut ffr = bytes(84, 2 * vq);
            ffr[0] = 0x5b;
            script.command("set var $ffr[0] = 0x5b");
            script.vector("$ffr", &ffr);
        }
        for name in ["$fpsr", "$fpcr", "$x7"] {
            script.command(&format!("set var {name} = 0x12345678"));
            script.print(name, "0x12345678");
        }
        // Not from gdb's cache.
        script.command("maintenance flush register-cache");
        script.number("$x8", &bytes(8, 8));
        script.print("$fpsr", "0x12345678");
        script.vector("$v3.b.u", &third[..16]);
        let told = self.gdb(&format!("server-{}", name(vq)), &script, &[])?;
        drop(server);
        Ok(told)
    }

    /// gdb opens a core file of these vCPUs. Also gives whether it found FPSR and FPCR, where there is one.
    fn core_file(&self, vqs: &[u32]) -> Result<(usize, bool)> {
        let names: Vec<_> = vqs.iter().map(|vq| name(*vq)).collect();
        let names = names.join("-");
        let file = self.directory.join(format!("core-{names}"));
        let mut command = Command::new(self.examples.join("core_file"));
        for vq in vqs {
            command.args(["--sve", &name(*vq)]);
        }
        command.arg(&file);
        self.cx.run(command)?;
        let shown = vqs.iter().copied().max().unwrap_or_default();
        let script = |status: bool| {
            let mut script = Script::new("");
            for (thread, vq) in (1..).zip(vqs) {
                script.command(&format!("thread {thread}"));
                script.registers(*vq, shown, status);
            }
            script
        };
        let known = shown == 0 || STATUS_FOUND.contains(&shown);
        let core = [format!("--core={}", file.display())];
        let told = self.gdb(&format!("core-{names}.gdb"), &script(known), &core)?;
        if known {
            return Ok((told, true));
        }
        // A later gdb may find them.
        let found = self.ask(&format!("core-{names}.gdb"), &script(true), &core)?;
        Ok((told, found == script(true).expected))
    }

    /// Runs gdb, compares what it prints, and gives how many values these are.
    fn gdb(&self, name: &str, script: &Script, arguments: &[String]) -> Result<usize> {
        let printed = self.ask(name, script, arguments)?;
        for (found, expected) in printed.iter().zip(&script.expected) {
            ensure!(
                found == expected,
                "gdb prints\n  {found}\nand not\n  {expected}"
            );
        }
        let (found, expected) = (printed.len(), script.expected.len());
        ensure!(
            found == expected,
            "gdb prints {found} values, and not {expected}"
        );
        Ok(found)
    }

    fn ask(&self, name: &str, script: &Script, arguments: &[String]) -> Result<Vec<String>> {
        let path = self.directory.join(name);
        fs::write(&path, &script.commands)?;
        let mut gdb = Command::new("gdb-multiarch");
        gdb.args(["-nx", "-batch"]).args(arguments);
        gdb.arg("-x").arg(&path);
        let output = self.cx.run(gdb)?;
        let lines = output.lines().filter(|line| line.starts_with(MARK));
        Ok(lines.map(str::to_owned).collect())
    }
}

fn name(vq: u32) -> String {
    match vq {
        0 => "none".to_owned(),
        vq => vq.to_string(),
    }
}

/// The example server, which ends when gdb has gone, or here.
struct Server {
    child: Child,
    /// Held, so that what it says later does not end it.
    _stdout: BufReader<ChildStdout>,
    /// What gdb is to be told.
    connect: String,
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
        let mut connect = String::new();
        stdout.read_line(&mut connect)?;
        let server = Self {
            child,
            _stdout: stdout,
            connect,
        };
        let ready = server.connect.starts_with("target remote ");
        ensure!(
            ready,
            "{program} said {:?}, and is to say where it listens",
            server.connect
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
