//! Suggested tests as they are written into files.

use std::fmt;

use ringfence_model::{Endpoint, Expected, Query};
use ringfence_net::{IpProtocol, PortRange};
use ringfence_reach::assertion::{SuggestedEnd, Suggestion};

use crate::inputs::endpoint::EndpointArgument;
use crate::inputs::port::PortArgument;

/// A suggested test in the words of files of tests.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Suggested {
    pub(super) expected: Expected,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) ports: String,
}

impl From<&Suggestion> for Suggested {
    fn from(suggestion: &Suggestion) -> Self {
        Self {
            expected: suggestion.expected,
            from: end(&suggestion.source),
            to: end(&suggestion.destination),
            ports: port(suggestion.protocol, suggestion.port),
        }
    }
}

/// Two lines: an item of `tests`.
impl fmt::Display for Suggested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            expected,
            from,
            to,
            ports,
        } = self;
        let verb = match expected {
            Expected::Allow => "reaches",
            Expected::Deny => "does not reach",
        };
        let name = format!("{from} {verb} {to} on {ports}");
        writeln!(f, "- name: {}", scalar(&name))?;
        write!(
            f,
            "  {expected}: {{from: {}, to: {}, ports: {ports}}}",
            scalar(from),
            scalar(to)
        )
    }
}

/// `default/client -> netpol-demo/web-app-0 tcp/80`.
pub(super) fn way(query: &Query) -> String {
    format!(
        "{} -> {} {}",
        query.source,
        query.destination,
        port(query.protocol, query.port)
    )
}

pub(super) fn port(protocol: IpProtocol, port: Option<u16>) -> String {
    match (protocol.as_policy(), port) {
        (Some(protocol), Some(port)) => {
            PortArgument::Numbers(protocol, PortRange::single(port)).to_string()
        }
        (Some(_), None) | (None, _) => PortArgument::Portless(protocol).to_string(),
    }
}

fn end(end: &SuggestedEnd) -> String {
    match end {
        SuggestedEnd::Workload {
            namespace,
            workload,
        } => {
            let kind = workload.kind.to_ascii_lowercase();
            format!("{namespace}/{kind}/{}", workload.name)
        }
        SuggestedEnd::Endpoint(endpoint) => single(endpoint),
    }
}

fn single(endpoint: &Endpoint) -> String {
    let text = endpoint.to_string();
    match endpoint {
        Endpoint::Pod(name) if !is_read_as_pod(&text) => format!("pod/{name}"),
        Endpoint::Pod(_) | Endpoint::Address(_) | Endpoint::Node(_) | Endpoint::Service(_) => text,
    }
}

/// A namespace may be called like a kind.
fn is_read_as_pod(text: &str) -> bool {
    match EndpointArgument::parse(text, "default") {
        Ok(EndpointArgument::Pod(_) | EndpointArgument::NewPod { .. }) => true,
        Ok(
            EndpointArgument::Workload(..)
            | EndpointArgument::Service(_)
            | EndpointArgument::Node(_)
            | EndpointArgument::Address(_)
            | EndpointArgument::WellKnown(_),
        )
        | Err(_) => false,
    }
}

/// `text` as it is, or in quotes where YAML would read something else.
fn scalar(text: &str) -> String {
    if text.contains([':', '[', ']', '{', '}', ',', '#', '\'', '"']) {
        format!("'{}'", text.replace('\'', "''"))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use ringfence_model::ObjectName;

    use super::*;

    fn suggested(from: &str, to: &str) -> String {
        let suggested = Suggested {
            expected: Expected::Deny,
            from: from.to_owned(),
            to: to.to_owned(),
            ports: "tcp/80".to_owned(),
        };
        suggested.to_string()
    }

    #[test]
    fn a_pod_is_not_taken_for_a_workload() {
        let pod = |namespace, name| single(&Endpoint::Pod(ObjectName::new(namespace, name)));
        assert_eq!(pod("demo", "web-0"), "demo/web-0");
        assert_eq!(pod("job", "web-0"), "pod/job/web-0");
        assert_eq!(pod("demo", "[app=web]"), "demo/[app=web]");
    }

    #[test]
    fn what_yaml_would_read_otherwise_is_quoted() {
        assert_eq!(
            suggested("shop/[app=cart]", "fd00::"),
            "- name: 'shop/[app=cart] does not reach fd00:: on tcp/80'\n  \
             deny: {from: 'shop/[app=cart]', to: 'fd00::', ports: tcp/80}"
        );
        assert_eq!(
            suggested("pod/a/b", "10.0.0.1"),
            "- name: pod/a/b does not reach 10.0.0.1 on tcp/80\n  \
             deny: {from: pod/a/b, to: 10.0.0.1, ports: tcp/80}"
        );
    }
}
