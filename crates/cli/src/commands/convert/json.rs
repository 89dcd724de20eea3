//! Conversions for machines.

use ringfence_convert::{Conversion, Origin, Refusal};
use ringfence_model::Diagnostic;
use serde::Serialize;

#[derive(Debug, Serialize)]
struct ConversionJson<'a> {
    complete: bool,
    policies: Vec<PolicyJson<'a>>,
    refusals: Vec<RefusalJson<'a>>,
    notes: Vec<ReasonJson<'a>>,
}

#[derive(Debug, Serialize)]
struct PolicyJson<'a> {
    #[serde(flatten)]
    origin: OriginJson<'a>,
    manifest: serde_json::Value,
}

#[derive(Debug, Serialize)]
struct RefusalJson<'a> {
    #[serde(flatten)]
    origin: OriginJson<'a>,
    reasons: Vec<ReasonJson<'a>>,
}

#[derive(Debug, Serialize)]
struct OriginJson<'a> {
    object: &'a str,
    file: &'a str,
    line: u32,
}

#[derive(Debug, Serialize)]
struct ReasonJson<'a> {
    message: &'a str,
    path: Option<&'a str>,
    line: Option<u32>,
    help: Option<&'a str>,
}

pub(super) fn print(conversion: &Conversion) -> anyhow::Result<()> {
    let policies = conversion.objects.iter().map(|object| PolicyJson {
        origin: origin(&object.origin),
        manifest: object.json(),
    });
    crate::output::json::print(&ConversionJson {
        complete: conversion.refusals.is_empty(),
        policies: policies.collect(),
        refusals: conversion.refusals.iter().map(refusal).collect(),
        notes: conversion.notes.iter().map(reason).collect(),
    })
}

fn refusal(refusal: &Refusal) -> RefusalJson<'_> {
    RefusalJson {
        origin: origin(&refusal.origin),
        reasons: refusal.reasons.iter().map(reason).collect(),
    }
}

fn origin(origin: &Origin) -> OriginJson<'_> {
    OriginJson {
        object: &origin.object,
        file: &origin.source.file,
        line: origin.source.line,
    }
}

fn reason(found: &Diagnostic) -> ReasonJson<'_> {
    ReasonJson {
        message: &found.message,
        path: found.path.as_deref(),
        line: found.location.as_ref().map(|location| location.source.line),
        help: found.help.as_deref(),
    }
}
