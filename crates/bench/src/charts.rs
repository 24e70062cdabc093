//! Bar charts as SVG: names at the left, bars from a line at 1, values at their ends.

use core::fmt::Write as _;

const ROW: u32 = 16;
const NAMES: u32 = 150;
const BARS: u32 = 480;
const VALUES: u32 = 60;
const TOP: u32 = 44;

/// One bar.
#[derive(Debug)]
pub(crate) struct Bar {
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) colour: &'static str,
}

pub(crate) const BLUE: &str = "#3b6ea8";
pub(crate) const GREY: &str = "#9aa5b1";
pub(crate) const GREEN: &str = "#4c9a5f";
pub(crate) const RED: &str = "#c0504d";

/// A chart of ratios. The scale is logarithmic, so that half and double are equally far from 1.
pub(crate) fn ratios(title: &str, bars: &[Bar]) -> String {
    let rows = u32::try_from(bars.len()).unwrap_or(0);
    let (width, height) = (NAMES + BARS + VALUES, TOP + rows * ROW + 12);
    let (left, right) = extremes(bars);
    let scale = f64::from(BARS) / (left + right);
    let one = f64::from(NAMES) + left * scale;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         <text x=\"8\" y=\"18\" font-size=\"13\" fill=\"#222222\">{title}</text>\n"
    );
    grid(&mut svg, one, scale, left, right, height);
    for (row, bar) in (0..).zip(bars) {
        let y = TOP + row * ROW;
        let end = one + bar.value.log2() * scale;
        let (x, length) = (one.min(end), (end - one).abs().max(1.0));
        let label = if end < one { one + 4.0 } else { end + 4.0 };
        let text = y + ROW - 5;
        let Bar { name, value, colour } = bar;
        // Writing into a string does not fail.
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{text}\" text-anchor=\"end\" fill=\"#222222\">{name}</text>\
             <rect x=\"{x:.1}\" y=\"{}\" width=\"{length:.1}\" height=\"{}\" fill=\"{colour}\"/>\
             <text x=\"{label:.1}\" y=\"{text}\" fill=\"#222222\">{value:.2}</text>",
            NAMES - 6,
            y + 2,
            ROW - 4,
        );
    }
    svg + "</svg>\n"
}

/// How far the scale reaches below and above 1, in doublings.
fn extremes(bars: &[Bar]) -> (f64, f64) {
    let furthest = |sign: f64| bars.iter().map(|bar| sign * bar.value.log2()).fold(0.3, f64::max);
    (furthest(-1.0) + 0.05, furthest(1.0) + 0.05)
}

/// Lines at 1 and at each doubling.
fn grid(svg: &mut String, one: f64, scale: f64, left: f64, right: f64, height: u32) {
    for doubling in -12_i32..=12 {
        let at = f64::from(doubling);
        if at < -left || at > right {
            continue;
        }
        let (x, colour) = (one + at * scale, if doubling == 0 { "#222222" } else { "#dddddd" });
        let label = at.exp2();
        // Writing into a string does not fail.
        let _ = writeln!(
            svg,
            "<line x1=\"{x:.1}\" y1=\"{}\" x2=\"{x:.1}\" y2=\"{}\" stroke=\"{colour}\"/>\
             <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\" fill=\"#666666\">{label}</text>",
            TOP - 2,
            height - 8,
            TOP - 6,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::{BLUE, Bar, ratios};

    #[test]
    fn bars_start_at_one_and_stay_on_the_chart() {
        let bar = |value| Bar { name: "a".into(), value, colour: BLUE };
        let svg = ratios("title", &[bar(1.0), bar(0.25), bar(8.0)]);
        assert_eq!(svg.matches("<rect").count(), 1 + 3);
        let ends = svg.split("<rect x=\"").skip(1).map(|rest| {
            let number = |text: &str| text.split('"').next().and_then(|n| n.parse::<f64>().ok());
            let width = rest.split("width=\"").nth(1).and_then(number);
            number(rest).zip(width).map(|(x, width)| (x, x + width))
        });
        for (start, end) in ends.map(|end| end.expect("numbers")) {
            assert!((150.0..=690.0).contains(&start) && end <= 630.0, "{start} to {end}");
        }
    }
}
