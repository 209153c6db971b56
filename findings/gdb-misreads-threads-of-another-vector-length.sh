#!/bin/sh
# gdb and a core file whose threads have different SVE vector lengths.
#
# One would expect: each thread's Z, P and FFR are read by the vector length in the header of its own note
# NT_ARM_SVE. Linux writes such files: each thread may set its own length (PR_SVE_SET_VL), and the note says it.
# What happens: gdb lays out the registers of every thread by the first thread's length. Of another one it
# shows the bytes of other registers as this one's, without a warning: here z1 of the second thread has bytes
# of its z2 and z3. In the same breath it shows that thread's own vg. LLDB shows both threads right.
# Versions: gdb 13.1 and LLDB 19.1.7 of Debian bookworm; gdb 18.1 and LLDB 21.1.8 likewise.
# Source: "struct user_sve_header" in Linux's Documentation/arch/arm64/sve.rst; what this script prints.
# Date: 2026-11-30.
#
# Installs nothing: the packages are unpacked in a temporary folder. Exit 0 if it is so, 1 if it has changed, 2
# if the packages cannot be had.
set -u
LLDB=1:19.1.7-3~deb12u1
GDB=13.1-3
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT

unpack() { # NAME VERSION: with all that it needs, for this machine's architecture
    mkdir -p "$dir/$1/debs/partial" "$dir/lists/partial" || return 2
    cat > "$dir/sources" <<EOF
deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian bookworm main
deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian-security bookworm-security main
EOF
    set -- "$1" "$2" -q -o Dir::Etc::SourceList="$dir/sources" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null \
        -o Dir::State::Lists="$dir/lists" -o Dir::State::Status=/dev/null \
        -o Dir::Cache="$dir/cache" -o Dir::Cache::Archives="$dir/$1/debs"
    name=$1; version=$2; shift 2
    [ -e "$dir/updated" ] || apt-get "$@" update || return 2
    : > "$dir/updated"
    apt-get "$@" -y --no-install-recommends --download-only install "$name=$version" || return 2
    for deb in "$dir/$name"/debs/*.deb; do
        dpkg-deb -x "$deb" "$dir/$name/root" || return 2
    done
}
for package in "lldb-19 $LLDB" "gdb-multiarch $GDB"; do
    # shellcheck disable=SC2086 # a name and a version
    unpack $package > "$dir/log" 2>&1 || { cat "$dir/log"; echo "cannot have $package"; exit 2; }
done
command -v python3 > /dev/null || { echo "no python3"; exit 2; }

run() { # PACKAGE ARGUMENTS...: by the loader and the libraries that came with it
    root=$dir/$1/root; program=$1; shift
    libraries=$(echo "$root"/usr/lib/*-linux-gnu):$(echo "$root"/lib/*-linux-gnu)
    loader=$(find "$root/lib" -name 'ld-linux*' -type f | head -n 1)
    PYTHONHOME=$root/usr timeout 60 "$loader" --inhibit-cache --library-path "$libraries" "$root/usr/bin/$program" "$@"
}

# Two threads: vector lengths of 32 and of 16 bytes. Every byte of z<n> is n, of p<n> 0x40 + n.
cat > "$dir/core.py" <<'EOF'
import struct, sys
def note(owner, kind, content):
    pad = lambda data: data + bytes(-len(data) % 4)
    owner = owner + b"\0"
    return struct.pack("<III", len(owner), len(content), kind) + pad(owner) + pad(content)
def thread(pid, vq):
    prstatus = bytearray(392)
    struct.pack_into("<H", prstatus, 12, 5)
    struct.pack_into("<I", prstatus, 32, pid)
    v = b"".join(bytes([n]) * 16 for n in range(32))
    registers = b"".join(bytes([n]) * 16 * vq for n in range(32))
    registers += b"".join(bytes([0x40 + n]) * 2 * vq for n in range(17))
    registers += bytes(-len(registers) % 16) + bytes(16)
    size = 16 + len(registers)
    header = struct.pack("<IIHHHH", size, size, 16 * vq, 16 * vq, 1, 0)
    return (note(b"CORE", 1, bytes(prstatus)) + note(b"CORE", 2, v + bytes(16))
        + note(b"LINUX", 0x405, header + registers))
notes = note(b"CORE", 3, bytes(136)) + thread(1, 2) + thread(2, 1)
elf = b"\x7fELF\x02\x01\x01\x03" + bytes(8)
elf += struct.pack("<HHIQQQIHHHHHH", 4, 183, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0)
elf += struct.pack("<IIQQQQQQ", 4, 4, 120, 0, 0, len(notes), 0, 4)
open(sys.argv[1], "wb").write(elf + notes)
EOF
python3 "$dir/core.py" "$dir/core" || exit 2

gdb_shows() { # THREAD EXPRESSION
    run gdb-multiarch -nx -batch --data-directory="$dir/gdb-multiarch/root/usr/share/gdb" --core="$dir/core" \
        -ex "thread $1" -ex "output/x \$$2" 2> /dev/null | tail -n 1
}
lldb_shows() { # THREAD REGISTER
    run lldb-19 --no-lldbinit --batch -o "target create --core $dir/core" -o "thread select $1" \
        -o "register read $2" 2> /dev/null | sed -n "s/^ *$2 = //p"
}
run gdb-multiarch --version | head -n 1
run lldb-19 --version
echo "each byte of z1 is 1; thread 1 has 32 of them (vg 4), thread 2 has 16 (vg 2)"
status=0
check() { # WHAT FOUND EXPECTED
    echo "$1: $2"
    [ "$2" = "$3" ] || { echo "  and not $3"; status=1; }
}
elements() { # SEPARATOR ELEMENT COUNT
    awk -v s="$1" -v e="$2" -v n="$3" 'BEGIN { for (k = 0; k < n; k++) printf "%s%s", k ? s : "", e }'
}
check 'LLDB, thread 1, z1' "$(lldb_shows 1 z1)" "{$(elements ' ' 0x01 32)}"
check 'LLDB, thread 2, z1' "$(lldb_shows 2 z1)" "{$(elements ' ' 0x01 16)}"
check 'LLDB, thread 2, vg' "$(lldb_shows 2 vg)" 0x0000000000000002
check 'gdb, thread 1, z1' "$(gdb_shows 1 z1.b.u)" "{0x1 <repeats 32 times>}"
check 'gdb, thread 2, vg' "$(gdb_shows 2 vg)" 0x2
check 'gdb, thread 2, z1, which has bytes of z2 and z3' "$(gdb_shows 2 z1.b.u)" \
    "{0x2 <repeats 16 times>, 0x3 <repeats 16 times>}"
[ $status = 0 ] && echo "so it is: gdb goes by the first thread's vector length" || echo "this has changed"
exit $status
