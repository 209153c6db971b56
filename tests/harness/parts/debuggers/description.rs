//! Descriptions of the same registers by others, which are QEMU's stub and, for a core file, gdb
//! itself.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use super::Server;
use crate::context::Context;
use crate::machine::qemu::Qemu;
use crate::machine::unpacked::Unpacked;

/// A description, as gdb prints it.
#[derive(Default)]
struct Description {
    /// Names and bits.
    registers: Vec<(String, String)>,
    /// The type, the field, and its first and last bit.
    flags: Vec<[String; 4]>,
}

/// QEMU's registers must be ours, and the fields that gdb has must be among ours.
pub(crate) fn compare(
    cx: &Context,
    version: &str,
    gdb: &Unpacked,
    examples: &Path,
) -> Result<String> {
    let read = |start: &str| -> Result<Description> {
        let mut command = gdb.command("gdb-multiarch");
        command
            .arg("--data-directory")
            .arg(gdb.path("usr/share/gdb"))
            .args(["-nx", "-batch", "-ex", "set tcp connect-timeout 10"])
            .args(["-ex", start, "-ex", "maintenance print xml-tdesc"]);
        Ok(parse(&cx.run_quietly(command)?))
    };
    let served = |sve: &str| -> Result<Description> {
        let mut command = Command::new(examples.join("gdb_server"));
        command.args(["--sve", sve]);
        let server = Server::start(command)?;
        read(&format!("target remote {}", server.address))
    };

    let ours = served("16")?;
    let qemu = qemu(cx, &read)?;
    let (registers, theirs) = (&ours.registers, &qemu.registers);
    let count = registers.len() - 1; // without tpidr
    ensure!(
        theirs.len() >= count && registers[..count] == theirs[..count],
        "QEMU's stub describes other registers\n  {theirs:?}\nthan ours\n  {registers:?}"
    );

    let ours = served("none")?;
    let file = cx.directory("debuggers/description")?.join("core");
    let mut command = Command::new(examples.join("core_file"));
    cx.run(command.args(["--sve", "none"]).arg(&file))?;
    let gdbs = read(&format!("target core {}", file.display()))?;
    let missing: Vec<_> = gdbs
        .flags
        .iter()
        .filter(|field| !ours.flags.contains(field))
        .collect();
    let fields = gdbs.flags.len();
    ensure!(
        missing.is_empty() && fields > 40,
        "{version} has {fields} fields of cpsr, fpsr and fpcr, of which ours lack {missing:?}"
    );
    Ok(format!(
        "{count} registers as QEMU's stub describes them, {fields} fields as {version} has them"
    ))
}

/// What QEMU's stub says of a machine that has not started.
fn qemu(cx: &Context, read: &dyn Fn(&str) -> Result<Description>) -> Result<Description> {
    let qemu = Qemu::find(cx)?;
    // A port that was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let mut command = qemu.command();
    command
        .args(["-M", "virt", "-cpu", "max", "-S", "-nic", "none"])
        .args(["-display", "none", "-serial", "none", "-monitor", "none"])
        .args(["-gdb", &format!("tcp:127.0.0.1:{port}")]);
    cx.announce(&command);
    let log = cx.directory("debuggers/description")?.join("qemu.log");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(fs::File::create(&log)?)
        .stderr(fs::File::create(&log)?)
        .spawn()
        .context("cannot run QEMU")?;
    let description = read(&format!("target remote 127.0.0.1:{port}"));
    // It may have ended.
    let _ = child.kill();
    let _ = child.wait();
    let description = description?;
    ensure!(
        !description.registers.is_empty(),
        "QEMU's stub gives no description: {}",
        fs::read_to_string(&log)?
    );
    Ok(description)
}

/// A line has one element, with its attributes in quotes.
fn parse(document: &str) -> Description {
    let (mut description, mut flags) = (Description::default(), String::new());
    for line in document.lines().map(str::trim_start) {
        let attribute = |name: &str| {
            let (_, rest) = line.split_once(&format!(" {name}=\""))?;
            rest.split_once('"').map(|(value, _)| value.to_owned())
        };
        let attributes = |names: [&str; 2]| names.map(|name| attribute(name).unwrap_or_default());
        if line.starts_with("<reg ") {
            let [name, bits] = attributes(["name", "bitsize"]);
            description.registers.push((name, bits));
        } else if line.starts_with("<flags ") {
            flags = attribute("id").unwrap_or_default();
        } else if line.starts_with("<field ") && attribute("start").is_some() {
            let [start, end] = attributes(["start", "end"]);
            let name = attribute("name").unwrap_or_default();
            description.flags.push([flags.clone(), name, start, end]);
        }
    }
    description
}
