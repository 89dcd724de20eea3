//! Reasons with the lines that they are about, as a compiler shows them.

use annotate_snippets::{
    Annotation, AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet,
};
use ringfence_model::{OF_CLUSTER, RenderStyle};

use super::excerpt::{Mark, Quote};
use super::reason::{Reason, Tone};

pub(super) fn render(reason: &Reason, style: RenderStyle) -> String {
    let renderer = match style {
        RenderStyle::Plain => Renderer::plain(),
        RenderStyle::Colored => Renderer::styled(),
    };
    let quoted = reason.quotes.iter().flat_map(quoted);
    let notes = reason.notes.iter().map(|note| Level::NOTE.message(note));
    let help = reason.help.iter().map(|help| Level::HELP.message(help));
    let group = Group::with_title(level(reason.tone).primary_title(&reason.title))
        .elements(quoted)
        .elements(notes)
        .elements(help);
    renderer.render(&[group])
}

fn level(tone: Tone) -> Level<'static> {
    match tone {
        Tone::Allowed => Level::NOTE.with_name("allowed"),
        Tone::Denied => Level::ERROR.with_name("denied"),
        Tone::Unknown => Level::WARNING.with_name("unknown"),
        Tone::Audited => Level::WARNING.with_name("audited"),
        Tone::Passed => Level::INFO.with_name("passed on"),
        Tone::Missed => Level::HELP.with_name("no match"),
    }
}

/// Of an object of a cluster, which is in no file, kind and name stand above its lines.
fn quoted(quote: &Quote) -> impl Iterator<Item = Element<'_>> {
    let of_cluster = quote.file.starts_with(OF_CLUSTER);
    let origin = of_cluster.then(|| Origin::path(&*quote.file).into());
    let mut snippet = snippet(quote);
    if !of_cluster {
        snippet = snippet.path(&*quote.file);
    }
    origin.into_iter().chain([snippet.into()])
}

fn snippet(quote: &Quote) -> Snippet<'_, Annotation<'_>> {
    let everything = AnnotationKind::Visible.span(0..quote.text.len());
    let marks = quote.marks.iter().map(annotation);
    let shown = quote.whole.then_some(everything);
    Snippet::source(&quote.text)
        .line_start(quote.first_line)
        .annotations(marks.chain(shown))
}

fn annotation(mark: &Mark) -> Annotation<'_> {
    let kind = if mark.primary {
        AnnotationKind::Primary
    } else {
        AnnotationKind::Context
    };
    kind.span(mark.bytes.clone()).label(&mark.label)
}
