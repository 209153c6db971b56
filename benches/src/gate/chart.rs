//! The picture of a page of times, which has a panel for each operation, with bars by case and
//! implementation.

use std::fmt::Display;

use anyhow::{Result, ensure};

use super::page::Page;

const COLOURS: [&str; 3] = ["#3b6fc4", "#d1823b", "#8c959f"];
/// The distance between panels, and the area of their bars.
const PANEL: [f64; 2] = [400.0, 200.0];
const BARS: [f64; 2] = [340.0, 130.0];

/// An SVG of some of the page's operations, with ours and two others.
pub fn draw(page: &Page, name: &str, operations: &[String]) -> Result<String> {
    let width = 2.0 * PANEL[0];
    let height = 80.0 + PANEL[1] * operations.len().div_ceil(2) as f64;
    let title = format!("{name} on {}: nanoseconds each time", page.processor);
    let mut marks = vec![
        rect([0.0, 0.0, width, height], "#ffffff"),
        text([40.0, 32.0], "start", title),
    ];
    for (at, operation) in operations.iter().enumerate() {
        let x = 40.0 + PANEL[0] * (at % 2) as f64;
        let y = 100.0 + PANEL[1] * (at / 2) as f64;
        let rows = page.rows.iter().filter(|row| row.operation == *operation);
        let rows: Vec<_> = rows.zip(COLOURS).collect();
        ensure!(!rows.is_empty(), "--chart: {operation} is no operation");
        marks.push(text([x, y - 12.0], "start", operation));
        let times = rows.iter().flat_map(|(row, _)| &row.times);
        let most = times.copied().fold(0.0, f64::max);
        let power = 10_f64.powf(most.log10().floor());
        let apart = power * if most < 4.0 * power { 0.5 } else { 2.0 };
        let ticks = (0..8).map(|at| apart * f64::from(at));
        for tick in ticks.filter(|tick| *tick <= most) {
            let line = y + BARS[1] * (1.0 - tick / most);
            marks.push(rect([x, line, BARS[0], 0.5], "#d1d9e0"));
            marks.push(text([x - 4.0, line + 4.0], "end", tick));
        }
        let of_case = BARS[0] / page.cases.len() as f64;
        let wide = 0.8 * of_case / rows.len() as f64;
        for (case, name) in page.cases.iter().enumerate() {
            let left = x + (case as f64 + 0.1) * of_case;
            for (at, (row, colour)) in rows.iter().enumerate() {
                let high = BARS[1] * row.times[case] / most;
                let corner = [left + at as f64 * wide, y + BARS[1] - high];
                marks.push(rect([corner[0], corner[1], wide, high], colour));
            }
            let below = [left + 0.4 * of_case, y + BARS[1] + 15.0];
            marks.push(text(below, "middle", name));
        }
        for (at, (row, colour)) in rows.iter().enumerate() {
            let x = x + 90.0 * (at + 1) as f64;
            marks.push(rect([x, y - 21.0, 10.0, 10.0], colour));
            marks.push(text([x + 14.0, y - 12.0], "start", &row.implementation));
        }
    }
    Ok(format!(
        "<svg fill=\"#1f2328\" font-family=\"DejaVu Sans, Verdana, Helvetica, Arial, sans-serif\" font-size=\"11\" \
         height=\"{height}\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         xmlns=\"http://www.w3.org/2000/svg\">\n{}\n</svg>\n",
        marks.join("\n")
    ))
}

fn rect([x, y, width, height]: [f64; 4], fill: &str) -> String {
    format!(
        "<rect fill=\"{fill}\" height=\"{height:.1}\" width=\"{width:.1}\" x=\"{x:.1}\" y=\"{y:.1}\"/>"
    )
}

fn text([x, y]: [f64; 2], anchor: &str, words: impl Display) -> String {
    format!("<text text-anchor=\"{anchor}\" x=\"{x:.1}\" y=\"{y:.1}\">{words}</text>")
}
