use std::borrow::Cow;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::{Diagnostic, Location, Severity, SourceMap};

/// How diagnostics are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RenderStyle {
    /// Text alone.
    Plain,
    /// With the terminal's colours.
    Colored,
}

impl Diagnostic {
    /// The diagnostic with the line it is about, as a compiler shows it.
    #[must_use]
    pub fn render(&self, sources: &SourceMap, style: RenderStyle) -> String {
        let renderer = match style {
            RenderStyle::Plain => Renderer::plain(),
            RenderStyle::Colored => Renderer::styled(),
        };
        renderer.render(&[self.report(sources)])
    }

    fn report<'a>(&'a self, sources: &'a SourceMap) -> Group<'a> {
        let level = match self.severity {
            Severity::Note => Level::NOTE,
            Severity::Warning => Level::WARNING,
            Severity::Error => Level::ERROR,
        };
        let mut title = level.primary_title(&self.message);
        if let Some(rule) = self.rule {
            title = title.id(rule);
        }
        let mut report = Group::with_title(title);
        if let Some(location) = &self.location {
            if location.source.is_of_cluster() {
                report = report.element(self.origin(location));
            }
            report = report.element(self.snippet(location, sources));
        }
        match &self.help {
            Some(help) => report.element(Level::HELP.message(help)),
            None => report,
        }
    }

    /// Kind, name and field of an object that is in no file.
    fn origin<'a>(&self, location: &'a Location) -> Origin<'a> {
        let file = &*location.source.file;
        match &self.path {
            Some(path) => Origin::path(format!("{file} {path}")),
            None => Origin::path(file),
        }
    }

    fn snippet<'a>(
        &'a self,
        location: &'a Location,
        sources: &'a SourceMap,
    ) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
        let source = &location.source;
        let (start, line) = sources.line(location).unwrap_or((0, ""));
        let label = self.label.as_deref();
        let annotation = AnnotationKind::Primary
            .span(within(line, start, &location.bytes))
            .label(label);
        Snippet::source(printable(line))
            .line_start(usize::try_from(source.line).unwrap_or(usize::MAX))
            .path((!source.is_of_cluster()).then_some(&*source.file))
            .annotation(annotation)
    }
}

/// `line` with a space for each byte of its control characters: a renderer would move the cursor by them, and lose its place.
fn printable(line: &str) -> Cow<'_, str> {
    if !line.contains(char::is_control) {
        return Cow::Borrowed(line);
    }
    let mut text = String::with_capacity(line.len());
    for letter in line.chars() {
        if letter.is_control() {
            text.extend(std::iter::repeat_n(' ', letter.len_utf8()));
        } else {
            text.push(letter);
        }
    }
    Cow::Owned(text)
}

/// The part of `bytes` that lies in `line`, which begins at `start`; the whole line's text if none does.
fn within(line: &str, start: usize, bytes: &Range<usize>) -> Range<usize> {
    let first = bytes.start.saturating_sub(start);
    let last = bytes.end.saturating_sub(start).min(line.trim_end().len());
    if bytes.start >= start && first < last {
        first..last
    } else if bytes.start >= start && first <= line.len() && bytes.end > 0 {
        first..first
    } else {
        let end = line.trim_end().len();
        (line.len() - line.trim_start().len()).min(end)..end
    }
}

impl SourceMap {
    /// All of `diagnostics`, in order, a blank line between them.
    #[must_use]
    pub fn render(&self, diagnostics: &[Diagnostic], style: RenderStyle) -> String {
        diagnostics
            .iter()
            .map(|diagnostic| diagnostic.render(self, style))
            .collect::<Vec<_>>()
            .join("\n\n")
    }
}
