//! A core file as a VMM's guest dump writes it: NT_PRPSINFO, then for each vCPU NT_PRSTATUS, NT_PRFPREG and
//! NT_ARM_SVE. In a real one, the guest's memory follows in PT_LOAD segments.
//!
//! All vCPUs are written at the largest vector length among them, with zeros above what each has, because
//! gdb takes the first vCPU's vector length for all of them. LLDB would not need that.

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use clap::Parser;
use object::Endianness;
use object::elf;
use object::write::elf::{FileHeader, ProgramHeader, Writer};
use sve_state::SveState;
use sve_state::regset::{FpsimdState, NT_PRFPREG, Regset};
use sve_state_debug::{Sve, core_registers, vcpu};

/// Write a core file of vCPUs with known registers, for gdb or LLDB to open.
#[derive(Parser)]
#[command(name = "core_file")]
struct Args {
    /// A vCPU with this vector length in quadwords (1 to 16), or `none` for one without SVE; may be repeated
    #[arg(long, value_name = "VQ", default_value = "2")]
    sve: Vec<Sve>,
    /// Write each vCPU at its own vector length, which LLDB shows and gdb misreads
    #[arg(long)]
    own_length: bool,
    /// Write vCPUs that have SVE as if they were in streaming mode
    #[arg(long)]
    streaming: bool,
    /// The file to write
    file: PathBuf,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args = Args::parse();
    let largest = args.sve.iter().filter_map(|sve| sve.0).max();
    let mut notes = Vec::new();
    note(&mut notes, elf::NT_PRPSINFO.0, &prpsinfo())?;
    for (pid, sve) in (1..).zip(&args.sve) {
        let vcpu = vcpu(*sve)?;
        let (state, status) = (vcpu.capture()?, vcpu.status()?);
        let fpsimd = FpsimdState::from_state(&state, status);
        // The first note of each vCPU.
        note(&mut notes, elf::NT_PRSTATUS.0, &prstatus(pid))?;
        let mut bytes = [0; FpsimdState::BYTES];
        fpsimd.write(&mut bytes)?;
        note(&mut notes, NT_PRFPREG, &bytes)?;
        // If no vCPU has SVE, there is no such note.
        let Some(mut vq) = largest else { continue };
        if args.own_length {
            vq = state.vq();
        }
        let mut resized = SveState::zeroed(vq)?;
        resized.resize_from(&state);
        let mut regset = match sve.0 {
            Some(_) => Regset::from_state(&resized, status),
            None => Regset::from_fpsimd(Some(vq), fpsimd),
        };
        let streaming = args.streaming && sve.0.is_some();
        if streaming {
            regset = regset.streaming();
        }
        let at = notes.len();
        notes.resize(at + regset.note_size(), 0);
        regset.write_note(&mut notes[at..])?;
        if streaming {
            notes.extend(regset.inactive_za_note());
        }
    }
    fs::write(&args.file, file(&notes)?)?;
    Ok(())
}

/// A note of the owner `CORE`, padded to 4 bytes.
fn note(notes: &mut Vec<u8>, kind: u32, content: &[u8]) -> Result<(), Box<dyn Error>> {
    let owner = b"CORE\0";
    for field in [
        u32::try_from(owner.len())?,
        u32::try_from(content.len())?,
        kind,
    ] {
        notes.extend(field.to_le_bytes());
    }
    for part in [owner, content] {
        notes.extend(part);
        notes.resize(notes.len().next_multiple_of(4), 0);
    }
    Ok(())
}

/// `struct elf_prstatus`: the signal, the thread's number, and x0 to x30, sp, pc and pstate.
fn prstatus(pid: u32) -> [u8; 392] {
    let mut bytes = [0; 392];
    bytes[12] = 5; // SIGTRAP
    bytes[32..36].copy_from_slice(&pid.to_le_bytes());
    // pstate has 8 bytes, and gdb's cpsr is the lower 4.
    let core = core_registers();
    bytes[112..112 + core.len()].copy_from_slice(&core);
    bytes
}

/// `struct elf_prpsinfo`, with a name and otherwise zeros, without which elfutils opens no core file.
fn prpsinfo() -> [u8; 136] {
    let mut bytes = [0; 136];
    bytes[40..45].copy_from_slice(b"guest");
    bytes
}

fn file(notes: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut bytes = Vec::new();
    let mut writer = Writer::new(Endianness::Little, true, &mut bytes);
    writer.reserve_file_header();
    writer.reserve_program_headers(1);
    let size = notes.len() as u64;
    let at = writer.reserve(size, 4);
    writer.write_file_header(&FileHeader {
        // LLDB up to 19 opens no file without it, unless there is a note with the owner LINUX.
        os_abi: elf::ELFOSABI_LINUX,
        abi_version: 0,
        e_type: elf::ET_CORE,
        e_machine: elf::EM_AARCH64,
        e_entry: 0,
        e_flags: elf::FileFlags(0),
    })?;
    writer.write_align_program_headers();
    writer.write_program_header(&ProgramHeader {
        p_type: elf::PT_NOTE,
        p_flags: elf::PF_R,
        p_offset: at,
        p_vaddr: 0,
        p_paddr: 0,
        p_filesz: size,
        p_memsz: 0,
        // Neither 8, by which half of the readers would look for the next note, nor 0, which is an error to
        // others.
        p_align: 4,
    });
    writer.pad_until(at);
    writer.write(notes);
    Ok(bytes)
}
