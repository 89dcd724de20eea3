//! Calico.

mod draw;
mod judge;
mod write;

use ipnet::IpNet;
use ringfence_convert::{Conversion, Options, convert};
use ringfence_model::Input;
use ringfence_testkit::random::Random;

use crate::world::{KEPT, Tally, compare, count, namespaces};

/// A selector.
#[derive(Clone, Debug)]
enum Selector {
    All,
    Has(&'static str),
    Is(&'static str, &'static str),
    IsNot(&'static str, &'static str),
    In(&'static str, Vec<&'static str>),
    NotIn(&'static str, Vec<&'static str>),
    Not(Box<Self>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Allow,
    Deny,
    Pass,
}

#[derive(Clone, Debug)]
enum Port {
    Range(u16, u16),
    Http,
}

/// The fields of `source` or `destination`.
#[derive(Clone, Debug, Default)]
struct Side {
    nets: Vec<IpNet>,
    not_nets: Vec<IpNet>,
    selector: Option<Selector>,
    not_selector: Option<Selector>,
    namespace_selector: Option<Selector>,
}

#[derive(Clone, Debug)]
struct Rule {
    action: Action,
    protocol: Option<u8>,
    ports: Vec<Port>,
    not_ports: Vec<u16>,
    side: Side,
}

#[derive(Clone, Debug)]
struct Policy {
    name: String,
    /// `None` for a GlobalNetworkPolicy.
    namespace: Option<&'static str>,
    /// Whether it is in the tier `first`, before the default one.
    first: bool,
    order: Option<u32>,
    selector: Selector,
    namespace_selector: Option<Selector>,
    types: (bool, bool),
    ingress: Vec<Rule>,
    egress: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct Set {
    label: (&'static str, &'static str),
    nets: Vec<IpNet>,
}

/// All that Calico enforces.
#[derive(Clone, Debug)]
struct Calico {
    policies: Vec<Policy>,
    sets: Vec<Set>,
    /// Whether the tier `first` passes on what no rule of it matched.
    first_passes: bool,
    /// Whether there is the NetworkPolicy of Kubernetes in [`KEPT`], too.
    kept: bool,
}

fn converted(text: &str) -> Conversion {
    let input = Input {
        name: "policies.yaml".to_owned(),
        text: text.to_owned(),
    };
    convert(&[input], &Options::default()).unwrap_or_else(|errors| panic!("{errors:#?}\n{text}"))
}

fn compare_all(seeds: std::ops::Range<u64>, draw: impl Fn(&mut Random) -> Calico) -> Tally {
    let mut tally = Tally::default();
    for seed in seeds {
        let calico = draw(&mut Random::new(seed));
        let text = format!("{}{}", namespaces(), write::manifests(&calico));
        let kept = if calico.kept { KEPT } else { "" };
        let conversion = converted(&text);
        compare(&mut tally, &conversion, (&text, kept), |flow| {
            judge::passes(&calico, flow)
        });
    }
    tally
}

#[test]
fn whatever_is_converted_means_the_same() {
    let tally = compare_all(0..count(), draw::anything);
    assert!(tally.converted * 10 > tally.refused, "{tally:?}");
    assert!(tally.allowed > 0 && tally.denied > 0, "{tally:?}");
}

/// Policies of the common sort are converted, and not refused to be on the safe side.
#[test]
fn policies_that_allow_are_converted() {
    let tally = compare_all(0..count() / 2, draw::allowing);
    assert_eq!(tally.refused, 0, "{tally:?}");
}

#[test]
fn denials_become_cluster_policies() {
    let tally = compare_all(0..count(), draw::denying);
    assert!(tally.converted > tally.refused, "{tally:?}");
    assert!(tally.cluster_policies * 4 > tally.converted, "{tally:?}");
}
