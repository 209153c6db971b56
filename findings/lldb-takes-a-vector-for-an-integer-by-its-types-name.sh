#!/bin/sh
# LLDB and a register whose type is a vector, in a stub's target description.
#
# One would expect: `<vector id="NAME" type="uint8" count="16"/>` says that a register of this type is 16 bytes in
# a row, whatever NAME is. gdb's manual gives the element that meaning and the name none.
# What happens: LLDB shows the register as bytes if NAME starts with `vec`. Under any other name it is an
# integer of 128 bits, and its two halves come out exchanged: not even the integer that the bytes are. There is
# no warning. gdb shows the same bytes under both names.
# Versions: LLDB 19.1.7 and gdb 13.1 of Debian bookworm; LLDB 21.1.8 and gdb 18.1 likewise.
# Source: gdb's manual, "Predefined Target Types" and "Types" of target descriptions; what this script prints.
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

# A stub: x0 to x30, sp, pc, cpsr, and a register `vector` of the type that it is given the name of.
cat > "$dir/stub.py" <<'EOF'
import socket, sys
core = [("x%d" % n, 64) for n in range(31)] + [("sp", 64), ("pc", 64), ("cpsr", 32)]
xml = '<?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd"><target version="1.0">'
xml += '<architecture>aarch64</architecture><feature name="org.gnu.gdb.aarch64.core">'
xml += "".join('<reg name="%s" bitsize="%d"/>' % register for register in core)
xml += '</feature><feature name="example"><vector id="%s" type="uint8" count="16"/>' % sys.argv[1]
xml += '<reg name="vector" bitsize="128" type="%s"/></feature></target>' % sys.argv[1]
values = [bytes(bits // 8) for _, bits in core] + [bytes(range(16))]
def answer(packet):
    if packet.startswith("qSupported"):
        return "PacketSize=4000;qXfer:features:read+"
    if packet.startswith("qXfer:features:read:target.xml:"):
        start, length = (int(n, 16) for n in packet.split(":")[-1].split(","))
        part = xml[start:start + length]
        return ("m" if start + length < len(xml) else "l") + part
    if packet == "?":
        return "S05"
    if packet == "g":
        return b"".join(values).hex()
    if packet.startswith("p"):
        return values[int(packet[1:].split(";")[0], 16)].hex()
    if packet[0] in "Dk" or packet.startswith("H"):
        return "OK"
    return "E01" if packet[0] in "mx" else ""
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
listener.settimeout(60)
connection = listener.accept()[0]
pending = b""
while True:
    data = connection.recv(4096)
    if not data:
        break
    pending += data
    while True:
        start = pending.find(b"$")
        end = pending.find(b"#", start)
        if start < 0 or end < 0 or len(pending) < end + 3:
            break
        packet = pending[start + 1:end].decode("latin-1")
        pending = pending[end + 3:]
        text = answer(packet)
        connection.sendall(b"+$%s#%02x" % (text.encode(), sum(text.encode()) % 256))
        if packet[0] in "Dk":
            sys.exit()
EOF

shown() { # DEBUGGER TYPE
    python3 "$dir/stub.py" "$2" > "$dir/port" &
    until [ -s "$dir/port" ]; do sleep 0.1; done
    port=$(cat "$dir/port"); : > "$dir/port"
    case $1 in
        lldb-19) run lldb-19 --no-lldbinit --batch -o "gdb-remote 127.0.0.1:$port" -o 'register read vector' ;;
        *) run gdb-multiarch -nx -batch --data-directory="$dir/gdb-multiarch/root/usr/share/gdb" \
            -ex "target remote 127.0.0.1:$port" -ex 'output/x $vector' ;;
    esac 2>&1 | sed -n -e 's/^ *vector = //p' -e t -e '/^{/p'
    wait
}
run lldb-19 --version
run gdb-multiarch --version | head -n 1
echo "a stub's register of 16 bytes: 00 01 02 ... 0f"
bytes='{0x00 0x01 0x02 0x03 0x04 0x05 0x06 0x07 0x08 0x09 0x0a 0x0b 0x0c 0x0d 0x0e 0x0f}'
status=0
for type in vec_example example; do
    for debugger in gdb-multiarch lldb-19; do
        found=$(shown $debugger $type)
        echo "$debugger, type $type: $found"
        case $debugger-$type in
            gdb-*) expected='{0x0, 0x1, 0x2, 0x3, 0x4, 0x5, 0x6, 0x7, 0x8, 0x9, 0xa, 0xb, 0xc, 0xd, 0xe, 0xf}' ;;
            *-vec_example) expected=$bytes ;;
            # As a little-endian integer these bytes are 0x0f0e0d0c0b0a09080706050403020100.
            *) expected=0x07060504030201000f0e0d0c0b0a0908 ;;
        esac
        [ "$found" = "$expected" ] || status=1
    done
done
[ $status = 0 ] && echo "so it is: LLDB goes by the type's name" || echo "this has changed"
exit $status
