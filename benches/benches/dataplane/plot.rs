use std::fmt::Write as _;

use crate::SIZES;
use crate::rounds::{Measured, Spread, ratios};
use crate::rules::Rules;
use crate::traffic::{Traffic, Way};

const PANEL: (f64, f64) = (260.0, 170.0);
const MARGIN: f64 = 48.0;
/// Of the axis of ratios.
const TOP: f64 = 1.2;
const OURS: &str = "#0b7285";
const THEIRS: &str = "#c2410c";

/// A panel for each kind of traffic and way: the ratio to connection tracking alone over the number of pods.
pub(crate) fn svg(measured: &[Measured]) -> String {
    let (columns, rows) = (Traffic::ALL.len(), Way::ALL.len());
    let width = MARGIN + place(columns, PANEL.0);
    let height = MARGIN + place(rows, PANEL.1);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"12\" y=\"18\" font-size=\"13\">Rate beside connection tracking alone (1.0), by pods on each node: \
         <tspan fill=\"{OURS}\">ringfence</tspan>, <tspan fill=\"{THEIRS}\">iptables, a chain for each pod</tspan></text>\n"
    );
    for (row, way) in Way::ALL.into_iter().enumerate() {
        for (column, traffic) in Traffic::ALL.into_iter().enumerate() {
            let (x, y) = (place(column, PANEL.0), place(row, PANEL.1));
            let _ = write!(
                text,
                "<g transform=\"translate({},{})\">",
                x + MARGIN,
                y + MARGIN
            );
            text.push_str(&panel(measured, traffic, way));
            text.push_str("</g>\n");
        }
    }
    text.push_str("</svg>\n");
    text
}

fn place(index: usize, size: f64) -> f64 {
    (0..index).map(|_| size + MARGIN).sum()
}

fn panel(measured: &[Measured], traffic: Traffic, way: Way) -> String {
    let (width, height) = PANEL;
    let mut text = format!(
        "<text y=\"-8\" font-weight=\"bold\">{}, {}</text>",
        traffic.name(),
        way.name()
    );
    for ratio in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let y = down(ratio);
        let _ = write!(
            text,
            "<path d=\"M0 {y:.1}H{width}\" stroke=\"#ddd\"/><text x=\"-6\" y=\"{:.1}\" text-anchor=\"end\">{ratio}</text>",
            y + 4.0
        );
    }
    for (index, size) in SIZES.into_iter().enumerate() {
        let _ = write!(
            text,
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{size}</text>",
            across(index),
            height + 16.0
        );
    }
    let of = |rules: Rules| ratios(measured, rules, Rules::Tracking, traffic, way);
    text.push_str(&curve(OURS, &SIZES.map(|size| of(Rules::Ringfence(size)))));
    text.push_str(&curve(THEIRS, &SIZES.map(|size| of(Rules::Iptables(size)))));
    text
}

/// The medians, joined; upright lines from quartile to quartile.
fn curve(colour: &str, points: &[Spread]) -> String {
    let mut path = String::new();
    let mut marks = String::new();
    for (index, point) in points.iter().enumerate() {
        let (x, y) = (across(index), down(point.median));
        let _ = write!(path, "{}{x:.1} {y:.1}", if index == 0 { 'M' } else { 'L' });
        let _ = write!(
            marks,
            "<path d=\"M{x:.1} {:.1}V{:.1}\" stroke=\"{colour}\"/><circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>",
            down(point.lower),
            down(point.upper)
        );
    }
    format!("<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>{marks}")
}

/// Sizes stand at equal distances: each is ten or a hundred times the last.
fn across(index: usize) -> f64 {
    let step = PANEL.0 / 4.0;
    (0..index).map(|_| step).sum::<f64>() + step / 2.0
}

fn down(ratio: f64) -> f64 {
    PANEL.1 * (1.0 - ratio.min(TOP) / TOP)
}
