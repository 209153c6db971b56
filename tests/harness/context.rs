//! Where things are, and how other programs are run: each is announced, kept quiet while it succeeds, and shown in
//! full when it does not.

use std::borrow::{BorrowMut, Cow};
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// How long a quiet command goes without a sign of life.
const SIGN_OF_LIFE: Duration = Duration::from_secs(10);

/// No colors from cargo or trybuild, because the output is read for counts.
const PLAIN: [(&str, &str); 2] = [("CARGO_TERM_COLOR", "never"), ("NO_COLOR", "1")];

/// What every part is given.
pub(crate) struct Context {
    /// The workspace.
    pub(crate) root: PathBuf,
    /// Cargo's target directory, under which everything fetched or built here lives.
    pub(crate) target: PathBuf,
    /// Whether the user wants to see all output, as it comes.
    pub(crate) verbose: bool,
    /// The variables of the command announced last.
    variables: Mutex<String>,
}

impl Context {
    /// Finds the workspace, and the target directory that cargo uses for it.
    pub(crate) fn new(verbose: bool) -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .context("the harness lies in a folder of the workspace")?;
        // From TARGET/release/harness, so that every setting that moves the directory is heeded.
        let exe = env::current_exe()?;
        let target = exe.ancestors().nth(2).context("cargo runs the harness")?;
        Ok(Self {
            root: root.to_path_buf(),
            target: target.to_path_buf(),
            verbose,
            variables: Mutex::default(),
        })
    }

    /// A command of the cargo that runs this program, run in the workspace. Spaces separate its arguments too.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        let mut command = Command::new(cargo);
        command.args(arguments.iter().flat_map(|words| words.split(' ')));
        for (name, value) in PLAIN {
            command.env(name, value);
        }
        command
    }

    /// A directory under the target directory, created.
    pub(crate) fn directory(&self, name: &str) -> Result<PathBuf> {
        let path = self.target.join(name);
        fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(path)
    }

    /// Copies the sources, as they are now, to a directory that is made anew.
    pub(crate) fn copy_sources(&self, to: &Path) -> Result<()> {
        if to.exists() {
            fs::remove_dir_all(to)?;
        }
        for file in self.files("*")? {
            let from = self.root.join(&file);
            let to = to.join(file);
            fs::create_dir_all(to.parent().context("a file is in a folder")?)?;
            fs::copy(from, to)?;
        }
        Ok(())
    }

    /// The files of the workspace that match a pattern of git's, including those that are not committed yet.
    pub(crate) fn files(&self, pattern: &str) -> Result<Vec<String>> {
        let mut git = command("git ls-files --cached --others --exclude-standard");
        let files = self.run_quietly(git.arg(pattern))?;
        let files = files.lines().map(str::to_owned);
        // A file that has been removed is listed until that is committed.
        Ok(files
            .filter(|file| self.root.join(file).is_file())
            .collect())
    }

    /// Announces a step that is no command.
    pub(crate) fn step(&self, text: &str) {
        println!("  {text}");
    }

    /// Announces a command, with the variables that it is given if they differ from the last command's.
    pub(crate) fn announce(&self, command: &Command) {
        let variables = variables(command);
        let mut last = self.variables.lock().expect("no thread panics");
        if !variables.is_empty() && variables != *last {
            println!("  with {}:", self.short(&variables));
        }
        *last = variables;
        println!("  $ {}", self.short(&command_line(command)));
    }

    /// Prints a line of another program's output, if the user wants to see all of it.
    pub(crate) fn detail(&self, line: &str) {
        if self.verbose {
            println!("    | {line}");
        }
    }

    /// Runs a command to its end, in the workspace or where the command says. Returns what it printed, or prints
    /// that if it fails.
    pub(crate) fn run(&self, command: impl BorrowMut<Command>) -> Result<String> {
        self.announce(command.borrow());
        self.run_quietly(command)
    }

    /// As [`run`](Self::run), for a question that need not be announced.
    pub(crate) fn run_quietly(&self, mut command: impl BorrowMut<Command>) -> Result<String> {
        let command = command.borrow_mut();
        let (start, mut last) = (Instant::now(), Instant::now());
        let mut sign_of_life = |line: &str| {
            if !self.verbose && last.elapsed() > SIGN_OF_LIFE && !line.trim().is_empty() {
                println!("    {:3} s: {:.90}", start.elapsed().as_secs(), line.trim());
                last = Instant::now();
            }
        };
        let (status, output) = self.hear(command, &mut sign_of_life)?;
        if !status.success() {
            self.show(&output);
            bail!("`{}` failed ({status})", command_line(command));
        }
        Ok(output)
    }

    /// Runs a command to its end, however it ends, passes on each line that it prints, and returns all of them.
    pub(crate) fn hear(
        &self,
        command: &mut Command,
        heard: &mut dyn FnMut(&str),
    ) -> Result<(ExitStatus, String)> {
        if command.get_current_dir().is_none() {
            command.current_dir(&self.root);
        }
        // One pipe for both streams keeps their lines in order.
        let (reader, writer) = io::pipe()?;
        command.stdin(Stdio::null());
        command.stdout(writer.try_clone()?).stderr(writer);
        let child = command.spawn();
        // Otherwise it would hold the writing end, and reading would never come to an end.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = child.with_context(|| format!("cannot run `{}`", command_line(command)))?;
        let mut output = String::new();
        for bytes in BufReader::new(reader).split(b'\n') {
            let bytes = bytes?;
            let line = String::from_utf8_lossy(&bytes);
            self.detail(&line);
            heard(line.trim_end());
            output.push_str(&line);
            output.push('\n');
        }
        Ok((child.wait()?, output))
    }

    /// Prints what a command has printed, unless the user has seen it.
    pub(crate) fn show(&self, output: &str) {
        if !self.verbose {
            print!("{output}");
        }
    }

    /// Paths as they are seen from the workspace.
    fn short(&self, line: &str) -> String {
        line.replace(&format!("{}/", self.root.display()), "")
    }
}

/// The variables that a command is given, as a shell wants them.
fn variables(command: &Command) -> String {
    let words: Vec<_> = command
        .get_envs()
        .filter(|(name, _)| PLAIN.iter().all(|(plain, _)| name != plain))
        .filter_map(|(name, value)| Some((name.to_string_lossy(), value?.to_string_lossy())))
        .map(|(name, value)| format!("{name}={}", quoted(&value)))
        .collect();
    words.join(" ")
}

/// A program and its arguments, separated by spaces.
pub(crate) fn command(line: &str) -> Command {
    let mut words = line.split(' ');
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words);
    command
}

/// A command as a person would type it.
fn command_line(command: &Command) -> String {
    let program = Path::new(command.get_program());
    // Cargo names itself by its full path.
    let program = match program.file_name() {
        Some(name) if name == "cargo" => Path::new(name),
        _ => program,
    };
    let arguments = command.get_args().map(OsStr::to_string_lossy);
    let words = [program.to_string_lossy()].into_iter().chain(arguments);
    words
        .map(|word| quoted(&word))
        .collect::<Vec<_>>()
        .join(" ")
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    shlex::try_quote(word).map_or_else(|_| word.to_owned(), Cow::into_owned)
}

/// The program of this name in `PATH`.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    which::which(name).ok()
}
