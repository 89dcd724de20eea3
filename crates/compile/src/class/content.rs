//! What a term asks, as bytes: equal for equal questions, whatever policy they stand in.

use std::collections::BTreeSet;

use ringfence_model::{
    DomainName, IpBlock, LabelSelector, PeerSelector, PodScope, SelectorOperator,
};
use ringfence_net::Protocol;

use super::term::{NamedPort, Sense};
use crate::hash::Content;

pub(super) fn pods(selector: &PeerSelector, namespace: &str) -> Vec<u8> {
    let content = Content::default().text("pods");
    let content = match &selector.namespaces {
        None => content.text("in").text(namespace),
        Some(namespaces) => requirements(content.text("namespaces"), namespaces),
    };
    let content = match &selector.pods {
        None => content,
        Some(pods) if pods.is_empty() => content,
        Some(pods) => requirements(content.text("labels"), pods),
    };
    content.finish()
}

pub(super) fn scope(scope: &PodScope, sense: Sense) -> Vec<u8> {
    let parts = [("namespaces", &scope.namespaces), ("labels", &scope.pods)];
    let content = Content::default().text("scope").number(sense.number());
    let content = parts
        .into_iter()
        .fold(content, |content, (word, selector)| {
            match selector.as_ref().filter(|selector| !selector.is_empty()) {
                Some(selector) => requirements(content.text(word), selector),
                None => content,
            }
        });
    content.finish()
}

pub(super) fn block(block: &IpBlock) -> Vec<u8> {
    let mut holes: Vec<String> = block.except.iter().map(ToString::to_string).collect();
    holes.sort_unstable();
    holes.dedup();
    let content = Content::default().text("block");
    let content = content.text(&block.cidr.to_string());
    let content = holes
        .iter()
        .fold(content, |content, hole| content.text(hole));
    content.finish()
}

pub(super) fn network(network: &ipnet::IpNet) -> Vec<u8> {
    let content = Content::default().text("network");
    content.text(&network.to_string()).finish()
}

pub(super) fn nodes(selector: &LabelSelector) -> Vec<u8> {
    requirements(Content::default().text("nodes"), selector).finish()
}

pub(super) fn names(names: &[DomainName]) -> Vec<u8> {
    let names: BTreeSet<String> = names.iter().map(ToString::to_string).collect();
    let content = Content::default().text("names");
    let content = names
        .iter()
        .fold(content, |content, name| content.text(name));
    content.finish()
}

pub(super) fn named_port(port: &NamedPort, sense: Sense) -> Vec<u8> {
    port_name(&port.name, port.protocol)
        .number(port.port.into())
        .number(sense.number())
        .finish()
}

/// How the terms of all ports with a name and protocol begin.
pub(super) fn port_name(name: &str, protocol: Protocol) -> Content {
    let content = Content::default().text("port");
    content.text(name).text(protocol.name())
}

/// The requirements in a form that depends neither on their order nor on whether `k: v` is written as a label or
/// as `k In [v]`.
fn requirements(content: Content, selector: &LabelSelector) -> Content {
    let labels = selector
        .match_labels
        .iter()
        .map(|(key, value)| (key.as_str(), SelectorOperator::In, vec![value.as_str()]));
    let expressions = selector.match_expressions.iter().map(|requirement| {
        let mut values: Vec<&str> = requirement.values.iter().map(String::as_str).collect();
        values.sort_unstable();
        values.dedup();
        (requirement.key.as_str(), requirement.operator, values)
    });
    let requirements: BTreeSet<_> = labels.chain(expressions).collect();
    let content = content.number(requirements.len() as u64);
    requirements
        .into_iter()
        .fold(content, |content, (key, operator, values)| {
            let content = content
                .text(key)
                .text(operator_name(operator))
                .number(values.len() as u64);
            values.into_iter().fold(content, Content::text)
        })
}

const fn operator_name(operator: SelectorOperator) -> &'static str {
    match operator {
        SelectorOperator::In => "in",
        SelectorOperator::NotIn => "not in",
        SelectorOperator::Exists => "exists",
        SelectorOperator::DoesNotExist => "does not exist",
    }
}
