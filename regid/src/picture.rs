//! `regid picture`: draws `sve_state`, and what a GET of a Z and of a P register copies and flushes, each at
//! the place that `sve::Layout::bounds` gives.
//!
//! From top to bottom there are a slice of a Z register, the image, its predicates enlarged, and a slice of
//! a P register, with lines that lead from a slice to where its bytes are. Lengths are in pixels, and the
//! picture is as wide as a page on GitHub.

use sve_state::layout::{BankType, Bounds, Layout, Register};
use sve_state::{Vq, VqError, sve};
use svg::Document;
use svg::node::element::{Definitions, Element, Group, Pattern, Polygon, Rectangle, Text, Title};

const WIDTH: f64 = 800.0;
const HEIGHT: f64 = 492.0;
const LEFT: f64 = 40.0;
const INNER: f64 = WIDTH - 2.0 * LEFT;
const BAR: f64 = 30.0;
/// The height of the mark at an offset.
const TICK: f64 = 14.0;
/// Letters of these sizes fit into cells of at least these widths.
const LETTERS: [(f64, f64); 3] = [(55.0, 13.0), (40.0, 11.0), (12.0, 9.0)];

const Z_SLICE: f64 = 84.0;
const IMAGE: f64 = 164.0;
const PREDICATES: f64 = 270.0;
const P_SLICE: f64 = 366.0;
const LEGEND: f64 = 448.0;

// A ground of its own, so that it can be read on light and dark pages alike.
const GROUND: &str = "#ffffff";
const INK: &str = "#1f2328";
const FAINT: &str = "#59636e";

/// How a bank is drawn.
#[derive(Clone, Copy)]
struct Colour {
    fill: &'static str,
    line: &'static str,
}

const Z: Colour = Colour {
    fill: "#cfe2ff",
    line: "#3b6fc4",
};
const P: Colour = Colour {
    fill: "#cdeed3",
    line: "#2c7f43",
};
const FFR: Colour = Colour {
    fill: "#fde2b8",
    line: "#a86400",
};

/// A cell of a bar: a register in the image, or a part of a slice.
struct Cell {
    start: usize,
    bytes: usize,
    name: String,
    fill: &'static str,
    line: &'static str,
}

/// Cells side by side, as wide as the picture.
struct Bar {
    top: f64,
    cells: Vec<Cell>,
}

/// The picture, for a vector length.
pub(crate) fn of(vq: Vq) -> Result<String, VqError> {
    let table: &Vec<_> = &sve::Layout::bounds(vq)?.collect();
    let (z3, p3) = (&table[sve::Z3.index()], &table[sve::P3.index()]);
    let z = || registers::<sve::bank::Z>(table, Z);
    let p = || registers::<sve::bank::P>(table, P);
    let ffr = || registers::<sve::bank::FFR>(table, FFR);
    let image = Bar {
        top: IMAGE,
        cells: z().chain(p()).chain(ffr()).collect(),
    };
    let predicates = Bar {
        top: PREDICATES,
        cells: p().chain(ffr()).collect(),
    };
    let z_slice = Bar::slice(Z_SLICE, z3, Z);
    let p_slice = Bar::slice(P_SLICE, p3, P);

    let title = format!(
        "sve_state at VQ {vq}, vectors of {} bits: {} bytes",
        8 * vq.vl_bytes(),
        image.end()
    );
    let (first, end) = (predicates.first(), predicates.end());
    let starts: Vec<_> = predicates.cells.iter().map(|cell| cell.start).collect();
    let times = predicates.scale() / image.scale();
    let heading = text(LEFT, 36.0, &title)
        .set("font-size", 18)
        .set("font-weight", "bold");
    let parts = [
        heading.into(),
        // What connects two bars is drawn first, so that it lies under both.
        link(image.below(first, end), predicates.above(first, end), P),
        link(
            image.above(z3.start, z3.start + z3.copy),
            z_slice.below(0, z3.copy),
            Z,
        ),
        link(
            predicates.below(p3.start, p3.start + p3.copy),
            p_slice.above(0, p3.copy),
            P,
        ),
        text(LEFT, Z_SLICE - 12.0, &call("Z3", z3)).into(),
        z_slice.draw(),
        image.draw(),
        image.offsets(&[0, z3.start], &[first, image.end()]),
        text(
            LEFT,
            PREDICATES - 30.0,
            &format!("P0 to P15 and FFR, {times:.0} times as large"),
        )
        .into(),
        predicates.draw(),
        predicates.offsets(&starts, &[]),
        p_slice.draw(),
        text(LEFT, P_SLICE + BAR + 22.0, &call("P3", p3)).into(),
        legend(),
    ];
    let mut picture = Document::new()
        .set("viewBox", (0, 0, WIDTH, HEIGHT))
        .set("width", WIDTH)
        .set("height", HEIGHT)
        .set(
            "font-family",
            "DejaVu Sans, Verdana, Helvetica, Arial, sans-serif",
        )
        .set("font-size", 13)
        .set("fill", INK)
        .add(Title::new(title))
        .add(hatching())
        .add(
            rectangle(0.0, 0.0, WIDTH, HEIGHT)
                .set("fill", GROUND)
                .set("rx", 6),
        );
    for part in parts {
        picture = picture.add(part);
    }
    Ok(format!("{picture}\n"))
}

/// The registers of a bank, where they lie.
fn registers<B: BankType>(table: &[Bounds], colour: Colour) -> impl Iterator<Item = Cell> {
    Register::<B>::all().map(move |register| {
        let bounds = table[register.index()];
        Cell {
            start: bounds.start,
            bytes: bounds.copy,
            name: register.to_string(),
            fill: colour.fill,
            line: colour.line,
        }
    })
}

/// What a GET does, in words.
fn call(name: &str, bounds: &Bounds) -> String {
    let Bounds { start, copy, flush } = bounds;
    format!(
        "KVM_GET_ONE_REG of {name}: a slice of {} bytes, {copy} copied from offset {start}, {flush} \
         flushed",
        copy + flush
    )
}

impl Bar {
    /// A slice, as the bytes that are copied and those that are flushed.
    fn slice(top: f64, bounds: &Bounds, colour: Colour) -> Self {
        let Bounds { copy, flush, .. } = *bounds;
        let cell = |start, bytes, fill, line, what| Cell {
            start,
            bytes,
            name: format!("{what} {bytes}"),
            fill,
            line,
        };
        let mut cells = vec![
            cell(0, copy, colour.fill, colour.line, "copy"),
            cell(copy, flush, "url(#flushed)", FAINT, "flush"),
        ];
        cells.retain(|cell| cell.bytes > 0);
        Self { top, cells }
    }

    /// The byte at the left end.
    fn first(&self) -> usize {
        self.cells.first().map_or(0, |cell| cell.start)
    }

    /// One past the byte at the right end.
    fn end(&self) -> usize {
        self.cells.last().map_or(1, |cell| cell.start + cell.bytes)
    }

    /// Pixels for a byte.
    fn scale(&self) -> f64 {
        INNER / (self.end() - self.first()) as f64
    }

    /// Where a byte starts.
    fn x(&self, byte: usize) -> f64 {
        LEFT + self.scale() * (byte - self.first()) as f64
    }

    /// The upper edge of some bytes.
    fn above(&self, from: usize, to: usize) -> [(f64, f64); 2] {
        [from, to].map(|byte| (self.x(byte), self.top))
    }

    /// The lower edge of some bytes.
    fn below(&self, from: usize, to: usize) -> [(f64, f64); 2] {
        [from, to].map(|byte| (self.x(byte), self.top + BAR))
    }

    fn draw(&self) -> Element {
        let mut group = Group::new();
        for cell in &self.cells {
            let (x, width) = (self.x(cell.start), self.scale() * cell.bytes as f64);
            let letters = LETTERS.iter().find(|(fits, _)| width >= *fits);
            group = group.add(
                rectangle(x, self.top, width, BAR)
                    .set("fill", cell.fill)
                    .set("stroke", cell.line)
                    .set("stroke-width", if letters.is_some() { 1.0 } else { 0.5 }),
            );
            let Some((_, size)) = letters else { continue };
            let middle = x + width / 2.0;
            if !cell.fill.starts_with('#') {
                // Letters on hatching are hard to read.
                group = group.add(ground_behind(&cell.name, middle, self.top));
            }
            group = group.add(
                text(middle, self.top + BAR / 2.0 + size / 3.0, &cell.name)
                    .set("font-size", *size)
                    .set("text-anchor", "middle"),
            );
        }
        group.into()
    }

    /// Writes offsets into the image under where they are: to the right of the mark, or for those of `left`
    /// to its left.
    fn offsets(&self, right: &[usize], left: &[usize]) -> Element {
        let mut group = Group::new().set("font-size", 11).set("fill", FAINT);
        let right = right.iter().map(|byte| (byte, "start", 3.0));
        let left = left.iter().map(|byte| (byte, "end", -3.0));
        for (byte, anchor, gap) in right.chain(left) {
            let (x, y) = (self.x(*byte), self.top + BAR);
            let tick = rectangle(x - 0.5, y, 1.0, TICK).set("fill", FAINT);
            let offset = text(x + gap, y + TICK, &byte.to_string()).set("text-anchor", anchor);
            group = group.add(tick).add(offset);
        }
        group.into()
    }
}

/// A shape that connects some bytes with the same bytes elsewhere.
fn link(from: [(f64, f64); 2], to: [(f64, f64); 2], colour: Colour) -> Element {
    let points = [from[0], from[1], to[1], to[0]].map(|(x, y)| format!("{x:.1},{y:.1}"));
    Polygon::new()
        .set("points", points.join(" "))
        .set("fill", colour.fill)
        .set("fill-opacity", 0.6)
        .into()
}

fn text(x: f64, y: f64, content: &str) -> Text {
    Text::new(content).set("x", pixels(x)).set("y", pixels(y))
}

fn rectangle(x: f64, y: f64, width: f64, height: f64) -> Rectangle {
    Rectangle::new()
        .set("x", pixels(x))
        .set("y", pixels(y))
        .set("width", pixels(width))
        .set("height", pixels(height))
}

/// A piece of ground as wide as a cell's name.
fn ground_behind(name: &str, middle: f64, top: f64) -> Rectangle {
    let width = 9.0 * f64::from(u32::try_from(name.len()).unwrap_or(0)) + 8.0;
    rectangle(middle - width / 2.0, top + 5.0, width, BAR - 10.0).set("fill", GROUND)
}

/// A length to a hundredth of a pixel, which is more than anyone sees.
fn pixels(length: f64) -> String {
    let text = format!("{length:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn hatching() -> Element {
    let pattern = Pattern::new()
        .set("id", "flushed")
        .set("width", 8)
        .set("height", 8)
        .set("patternUnits", "userSpaceOnUse")
        .set("patternTransform", "rotate(45)")
        .add(rectangle(0.0, 0.0, 8.0, 8.0).set("fill", "#f6f8fa"))
        .add(rectangle(0.0, 0.0, 2.0, 8.0).set("fill", "#d1d9e0"));
    Definitions::new().add(pattern).into()
}

fn legend() -> Element {
    let lines = [
        "Offsets and lengths in bytes; every bar is to scale.",
        "GET copies a register's bytes into the slice and flushes the rest: fills it with zeros. \
         SET reads only the copied bytes.",
    ];
    let mut group = Group::new().set("fill", FAINT).set("font-size", 12);
    for (y, line) in [0.0, 18.0].into_iter().zip(lines) {
        group = group.add(text(LEFT, LEGEND + y, line));
    }
    group.into()
}
