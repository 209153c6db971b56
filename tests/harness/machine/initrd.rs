//! The initial RAM disk: a `newc` cpio archive, which is little more than a list of headers
//! (Linux `Documentation/driver-api/early-userspace/buffer-format.rst`).

/// A directory's mode, and that of a program.
const DIRECTORY: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;

/// An archive in the making.
pub(crate) struct Initrd {
    bytes: Vec<u8>,
    inode: u32,
}

impl Initrd {
    /// An empty archive.
    pub(crate) fn new() -> Self {
        Self {
            bytes: Vec::new(),
            inode: 0,
        }
    }

    /// Adds an empty directory.
    pub(crate) fn directory(self, name: &str) -> Self {
        self.entry(name, DIRECTORY, &[])
    }

    /// Adds a program.
    pub(crate) fn program(self, name: &str, contents: &[u8]) -> Self {
        self.entry(name, PROGRAM, contents)
    }

    /// The archive's bytes.
    pub(crate) fn finish(self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, &[]).bytes
    }

    fn entry(mut self, name: &str, mode: u32, contents: &[u8]) -> Self {
        self.inode += 1;
        let fields = [
            self.inode as usize,
            mode as usize,
            0, // owner
            0, // group
            1, // links
            0, // modification time
            contents.len(),
            0, // device, major
            0, // device, minor
            0, // device of a special file, major
            0, // device of a special file, minor
            name.len() + 1,
            0, // checksum, unused in this format
        ];
        self.bytes.extend(b"070701");
        for field in fields {
            self.bytes.extend(format!("{field:08x}").bytes());
        }
        self.bytes.extend(name.bytes().chain([0]));
        self.pad();
        self.bytes.extend(contents);
        self.pad();
        self
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::Initrd;

    #[test]
    fn headers_and_contents_start_at_multiples_of_four() {
        let archive = Initrd::new()
            .directory("dev")
            .program("init", b"#!/bin/sh")
            .finish();
        let at = |text: &[u8]| archive.windows(text.len()).position(|w| w == text);
        assert_eq!(at(b"070701"), Some(0));
        // 110 bytes of header and "dev\0" make 114, two short of a multiple of four.
        assert_eq!(&archive[110..116], b"dev\0\0\0");
        assert_eq!(&archive[116..122], b"070701");
        assert_eq!(at(b"#!/bin/sh").map(|at| at % 4), Some(0));
        assert_eq!(archive.len() % 4, 0);
        // Of the right length: name size and file size.
        assert_eq!(&archive[116 + 54..116 + 62], b"00000009");
        assert_eq!(&archive[116 + 94..116 + 102], b"00000005");
    }
}
