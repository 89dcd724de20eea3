//! The same policies as chains of iptables in the order in which kube-router has them: each packet is asked for every
//! pod of the node whether it is to or from it, and inside the pod's chain whether it is established.

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use crate::pods::{BenchPod, OPEN_PORT};

/// What a policy's chain sets for packets that it allows.
const ALLOWED: &str = "0x10000/0x10000";

/// For `iptables-restore`: the filter table of the node with this index.
pub(crate) fn ruleset(all: &[BenchPod], node: usize) -> String {
    let mut text = "*filter\n:FORWARD ACCEPT [0:0]\n".to_owned();
    let local = || all.iter().filter(|pod| pod.node == node).enumerate();
    for (index, _) in local() {
        let _ = writeln!(text, ":POD-{index} - [0:0]\n:POLICY-{index} - [0:0]");
    }
    for (index, pod) in local() {
        let address = pod.address;
        let _ = writeln!(
            text,
            "-A FORWARD -d {address} -j POD-{index}\n-A FORWARD -s {address} -j POD-{index}"
        );
    }
    let _ = writeln!(text, "-A FORWARD -m mark --mark 0x20000/0x20000 -j ACCEPT");
    for (index, pod) in local() {
        text.push_str(&chains(index, pod));
    }
    text.push_str("COMMIT\n");
    text
}

fn chains(index: usize, pod: &BenchPod) -> String {
    let (chain, policy) = (format!("POD-{index}"), format!("POLICY-{index}"));
    let mut text = format!(
        "-A {chain} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n\
         -A {chain} -j {policy}\n\
         -A {chain} -m mark ! --mark {ALLOWED} -j DROP\n\
         -A {chain} -j MARK --set-mark 0x0/0x10000\n\
         -A {chain} -j MARK --set-mark 0x20000/0x20000\n"
    );
    let mut allow = |from: Ipv4Addr, to: Ipv4Addr| {
        for protocol in ["tcp", "udp"] {
            let matched =
                format!("-A {policy} -s {from} -d {to} -p {protocol} --dport {OPEN_PORT}");
            let _ = writeln!(
                text,
                "{matched} -j MARK --set-mark {ALLOWED}\n{matched} -m mark --mark {ALLOWED} -j RETURN"
            );
        }
    };
    pod.from.iter().for_each(|peer| allow(*peer, pod.address));
    pod.to.iter().for_each(|peer| allow(pod.address, *peer));
    text
}
