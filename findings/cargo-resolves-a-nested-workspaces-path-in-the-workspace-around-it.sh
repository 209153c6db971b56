#!/usr/bin/env bash
# cargo: a dependency that a package inherits from its workspace is looked for in another workspace around that one.
#
# Expected: `path = "lib"` in [workspace.dependencies] is relative to the nearest Cargo.toml with [workspace] above the
#   package, as `cargo metadata` in that package says.
# Seen: if cargo has read a workspace further up before, because another dependency is a member of it, the path is
#   relative to that one, which takes its own `lib` instead. Nothing is said. `exclude` in the outer one helps.
# Versions: cargo 1.95.0. Source: `find_workspace_root_with_loader` in cargo's src/cargo/core/workspace.rs, which asks
#   for roots that are loaded before it looks for nearer ones.
# Date: 2026-12-01
#
# Exit 1: this has changed. Exit 2: there is no cargo.
set -euo pipefail
command -v cargo > /dev/null || { echo "no cargo"; exit 2; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
# The same workspace twice, the second below the first, and a program that depends on the `user` of each.
for version in 1.0.0 2.0.0; do
  root=outer; [ "$version" = 1.0.0 ] || root=outer/nested
  for name in lib user; do
    mkdir -p "$root/$name/src"
    touch "$root/$name/src/lib.rs"
    printf '[package]\nname = "%s"\nversion = "%s"\nedition = "2021"\n' $name $version > "$root/$name/Cargo.toml"
  done
  printf '[dependencies]\nlib.workspace = true\n' >> "$root/user/Cargo.toml"
  printf '[workspace]\nmembers = ["lib", "user"]\n[workspace.dependencies]\nlib = { path = "lib" }\n' > "$root/Cargo.toml"
done
mkdir -p program/src
touch program/src/lib.rs
cat > program/Cargo.toml <<'TOML'
[package]
name = "program"
version = "0.0.0"
edition = "2021"
[dependencies]
a = { package = "user", path = "../outer/user" }
b = { package = "user", path = "../outer/nested/user" }
TOML
cargo --version
echo "expected: user v2.0.0 depends on lib v2.0.0"
lib() { (cd program && cargo tree --offline --quiet --prefix none --no-dedupe | grep -A1 '^user v2' | tail -1 | cut -d' ' -f1,2); }
seen=$(lib)
echo "seen: user v2.0.0 depends on $seen"
echo 'exclude = ["nested"]' > "$dir/exclude"
sed -i '1r exclude' outer/Cargo.toml
echo "with exclude in the outer workspace: $(lib)"
[ "$seen" = "lib v1.0.0" ] || exit 1
