//! Writes the Prometheus text format, version 0.0.4.

use std::fmt::Display;
use std::fmt::Write as _;

/// A page of metrics in the making.
#[derive(Debug, Default)]
pub(super) struct Exposition(String);

/// One metric of the page, with samples to be added.
#[derive(Debug)]
pub(super) struct Family<'a> {
    page: &'a mut String,
    name: &'static str,
}

/// What kind of metric it is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// The labels of a sample: names we chose, values from anywhere.
pub(super) type Labels<'a> = &'a [(&'static str, &'a str)];

impl Exposition {
    /// Begins a metric. `help` must be one line without a backslash.
    pub(super) fn family(&mut self, kind: Kind, name: &'static str, help: &str) -> Family<'_> {
        let page = &mut self.0;
        line(page, format_args!("# HELP {name} {help}"));
        line(page, format_args!("# TYPE {name} {}", kind.as_str()));
        Family { page, name }
    }

    /// A counter without labels.
    pub(super) fn counter(&mut self, name: &'static str, help: &str, value: u64) {
        self.family(Kind::Counter, name, help).sample(&[], value);
    }

    /// A gauge without labels.
    pub(super) fn gauge(&mut self, name: &'static str, help: &str, value: u64) {
        self.family(Kind::Gauge, name, help).sample(&[], value);
    }

    /// The page.
    pub(super) fn into_text(self) -> String {
        self.0
    }
}

impl Family<'_> {
    /// Adds a sample.
    pub(super) fn sample(&mut self, labels: Labels<'_>, value: impl Display) {
        self.suffixed("", labels, value);
    }

    /// Adds a histogram: the count of each bucket, not cumulative, with its upper bound in
    /// microseconds; how many there were in all; and the sum in microseconds. Shown in seconds.
    pub(super) fn histogram(
        &mut self,
        labels: Labels<'_>,
        buckets: impl Iterator<Item = (u64, u64)>,
        count: u64,
        sum: u64,
    ) {
        let mut below = 0;
        for (bound, in_bucket) in buckets {
            below += in_bucket;
            let bound = seconds(bound).to_string();
            self.suffixed("_bucket", &[labels, &[("le", bound.as_str())]].concat(), below);
        }
        self.suffixed("_bucket", &[labels, &[("le", "+Inf")]].concat(), count);
        self.suffixed("_sum", labels, seconds(sum));
        self.suffixed("_count", labels, count);
    }

    fn suffixed(&mut self, suffix: &str, labels: Labels<'_>, value: impl Display) {
        self.page.push_str(self.name);
        self.page.push_str(suffix);
        for (index, (name, value)) in labels.iter().enumerate() {
            self.page.push_str(if index == 0 { "{" } else { "," });
            self.page.push_str(name);
            self.page.push_str("=\"");
            escape(self.page, value);
            self.page.push('"');
        }
        if !labels.is_empty() {
            self.page.push('}');
        }
        line(self.page, format_args!(" {value}"));
    }
}

#[expect(clippy::cast_precision_loss, reason = "a sum of latencies may be a microsecond off")]
fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

fn line(page: &mut String, text: std::fmt::Arguments<'_>) {
    let written = writeln!(page, "{text}");
    debug_assert!(written.is_ok(), "writing to a string cannot fail");
}

/// A label value as the format wants it, and without control characters, which it would allow.
fn escape(page: &mut String, value: &str) {
    for c in value.chars() {
        match c {
            '\\' => page.push_str("\\\\"),
            '"' => page.push_str("\\\""),
            '\n' => page.push_str("\\n"),
            c if c.is_control() => page.push('\u{fffd}'),
            c => page.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page() {
        let mut page = Exposition::default();
        page.counter("a_total", "What a is.", 3);
        let mut family = page.family(Kind::Gauge, "b", "What b is.");
        family.sample(&[("rule", "say \"hi\"\\\n\u{1b}[31m")], 1);
        page.family(Kind::Histogram, "c_seconds", "What c is.").histogram(
            &[("d", "e")],
            [(500, 2), (1_000_000, 1)].into_iter(),
            4,
            3_500_000,
        );
        let want = "# HELP a_total What a is.\n# TYPE a_total counter\na_total 3\n\
            # HELP b What b is.\n# TYPE b gauge\n\
            b{rule=\"say \\\"hi\\\"\\\\\\n\u{fffd}[31m\"} 1\n\
            # HELP c_seconds What c is.\n# TYPE c_seconds histogram\n\
            c_seconds_bucket{d=\"e\",le=\"0.0005\"} 2\n\
            c_seconds_bucket{d=\"e\",le=\"1\"} 3\n\
            c_seconds_bucket{d=\"e\",le=\"+Inf\"} 4\n\
            c_seconds_sum{d=\"e\"} 3.5\nc_seconds_count{d=\"e\"} 4\n";
        assert_eq!(page.into_text(), want);
    }
}
