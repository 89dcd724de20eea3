use std::fmt;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// Who answered, and whom it saw. Written `shop/web-1 on kind-worker saw 10.244.2.7:43210`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// Namespace of the pod that answered; empty for a host outside the cluster.
    #[serde(default)]
    pub namespace: String,
    /// The pod that answered.
    pub pod: String,
    /// The node it runs on.
    pub node: String,
    /// Source address and port as the pod saw them.
    pub source: SocketAddr,
}

impl Peer {
    /// Reads what [`fmt::Display`] writes, up to the end of `text` or to `: `, and what follows that.
    #[must_use]
    pub fn parse(text: &str) -> Option<(Self, &str)> {
        let (head, rest) = text.split_once(": ").unwrap_or((text, ""));
        let (pod, head) = head.split_once(" on ")?;
        let (node, source) = head.split_once(" saw ")?;
        let (namespace, pod) = pod.split_once('/').unwrap_or(("", pod));
        let peer = Self {
            namespace: namespace.to_owned(),
            pod: pod.to_owned(),
            node: node.to_owned(),
            source: source.parse().ok()?,
        };
        Some((peer, rest))
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.namespace.is_empty() {
            write!(f, "{}/", self.namespace)?;
        }
        write!(f, "{} on {} saw {}", self.pod, self.node, self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(namespace: &str, source: &str) -> Peer {
        Peer {
            namespace: namespace.to_owned(),
            pod: "web-1".to_owned(),
            node: "kind-worker".to_owned(),
            source: source.parse().unwrap(),
        }
    }

    #[test]
    fn written_and_read_back() {
        for each in [
            peer("shop", "10.244.2.7:43210"),
            peer("", "10.244.2.7:1"),
            peer("shop", "[fd00:10::7]:43210"),
        ] {
            assert_eq!(Peer::parse(&each.to_string()), Some((each.clone(), "")));
            let line = format!("{each}: a: b");
            assert_eq!(Peer::parse(&line), Some((each, "a: b")));
        }
    }

    #[test]
    fn other_texts_are_nobody() {
        for text in ["", "hello", "a on b", "a on b saw c", "HTTP/1.1 400: x"] {
            assert_eq!(Peer::parse(text), None, "{text}");
        }
    }
}
