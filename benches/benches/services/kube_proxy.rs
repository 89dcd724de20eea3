//! The layout that kube-proxy writes in its mode nftables, for ClusterIP and IPv4, as its documentation and source publish it:
//! one map from Service ports to chains, a chain for each Service port with a random choice in an anonymous map, and a chain for
//! each endpoint that translates.

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use anyhow::Result;
use ringfence_benches::nft;

use crate::cost::Cost;
use crate::services::{PORT, TARGET, address, endpoints};
use crate::{Loaded, Proxy};

/// Fewer than ours: with 16 the kernel would take many minutes to hold 10,000 Services.
const EACH: usize = 1;
/// Services in one run of `nft`: what an ordinary user may send at once holds no more.
const AT_ONCE: usize = 100;
/// Each takes `nft` a look at all that there is.
const MOST_UPDATES: usize = 20;
const PODS: &str = "10.0.0.0/8";
/// The mark that asks for another source.
const MARK: &str = "0x4000";

/// In the node's namespace.
pub(crate) fn load(services: usize, updates: usize) -> Result<Loaded> {
    let texts = table(services);
    let (committing, ()) = Cost::of(|| texts.iter().try_for_each(|text| nft(text)))?;
    let mut changes = Vec::new();
    for turn in 0..updates.min(MOST_UPDATES) {
        let place = (turn * 97) % services.saturating_sub(1).max(1);
        // What kube-proxy sends when endpoints change: the Service's chain anew.
        let change = format!(
            "flush chain ip kube-proxy {}\n{}",
            chain(place),
            choice(place, &endpoints(place, services, EACH))
        );
        changes.push(Cost::of(|| nft(&change))?.0);
    }
    Ok(Loaded {
        proxy: Proxy::KubeProxy,
        services,
        endpoints: EACH,
        loads: vec![[Cost::default(), committing]],
        changes,
    })
}

/// The table, and then its Services.
fn table(services: usize) -> Vec<String> {
    let places: Vec<usize> = (0..services).collect();
    let objects = places
        .chunks(AT_ONCE)
        .map(|places| objects(places, services));
    std::iter::once(frame()).chain(objects).collect()
}

fn frame() -> String {
    format!(
        "table ip kube-proxy {{\n\
         map service-ips {{ type ipv4_addr . inet_proto . inet_service : verdict; }}\n\
         chain mark-for-masquerade {{ meta mark set meta mark | {MARK}; }}\n\
         chain masquerading {{ meta mark & {MARK} == 0 return; meta mark set meta mark ^ {MARK}; masquerade fully-random; }}\n\
         chain nat-postrouting {{ type nat hook postrouting priority srcnat; jump masquerading; }}\n\
         chain services {{ ip daddr . meta l4proto . th dport vmap @service-ips; }}\n\
         chain nat-prerouting {{ type nat hook prerouting priority dstnat; jump services; }}\n\
         chain nat-output {{ type nat hook output priority -100; jump services; }}\n\
         chain filter-forward {{ type filter hook forward priority -110; ct state new jump nothing; }}\n\
         chain nothing {{ }}\n}}\n"
    )
}

/// The chains and elements of some Services.
fn objects(places: &[usize], services: usize) -> String {
    let mut text = String::new();
    for place in places.iter().copied() {
        let ends = endpoints(place, services, EACH);
        for end in &ends {
            let chain = end_chain(place, *end);
            // Writing to a String does not fail.
            let _ = writeln!(text, "add chain ip kube-proxy {chain}");
            let _ = writeln!(
                text,
                "add rule ip kube-proxy {chain} ip saddr {end} jump mark-for-masquerade"
            );
            let _ = writeln!(
                text,
                "add rule ip kube-proxy {chain} meta l4proto tcp dnat to {end}:{TARGET}"
            );
        }
        let chain = chain(place);
        let _ = writeln!(text, "add chain ip kube-proxy {chain}");
        text.push_str(&choice(place, &ends));
        let _ = writeln!(
            text,
            "add element ip kube-proxy service-ips {{ {} . tcp . {PORT} : goto {chain} }}",
            address(place)
        );
    }
    text
}

/// The rules of a Service port.
fn choice(place: usize, ends: &[Ipv4Addr]) -> String {
    let chain = chain(place);
    let numbered = ends.iter().enumerate();
    let verdicts =
        numbered.map(|(number, end)| format!("{number} : goto {}", end_chain(place, *end)));
    let verdicts: Vec<String> = verdicts.collect();
    format!(
        "add rule ip kube-proxy {chain} ip daddr {} tcp dport {PORT} ip saddr != {PODS} jump mark-for-masquerade\n\
         add rule ip kube-proxy {chain} numgen random mod {} vmap {{ {} }}\n",
        address(place),
        ends.len(),
        verdicts.join(", ")
    )
}

fn chain(place: usize) -> String {
    format!("service-{place:08}-bench/s/tcp/p80")
}

fn end_chain(place: usize, end: Ipv4Addr) -> String {
    format!("endpoint-{place:08}-bench/s/tcp/p80__{end}/{TARGET}")
}
